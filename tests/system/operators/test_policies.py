"""Policies of the broker over leveret's queues are told of before they cost anything: by topology verify and by check."""
import json
import re
import shlex

import pytest

from harness import canary
from harness.bench import Bench
from harness.rabbitmq import RabbitMQ
from harness.wait import wait_until
from harness.worker import ROOT


@pytest.fixture(scope="module")
def managed():
    with RabbitMQ(name="managed", plugins=("rabbitmq_management",)) as node:
        yield node


@pytest.fixture
def bench(managed, redis, sink, tmp_path):
    made = Bench(managed, redis, sink, tmp_path)
    managed.ctl("set_user_tags", canary.BROKER_USER, "management")
    yield made
    made.close()


@pytest.fixture
def leveret(bench):
    made = bench.leveret(amqp={"management_url": f"http://127.0.0.1:{bench.broker.management_port}"})
    assert made.run("topology", "apply").returncode == 0
    return made


def ladder(first=0):
    """The queues on which messages wait for later, from one rung on."""
    return {f"leveret.later.{rung:02}" for rung in range(first, 28)}


def policy(bench, name, pattern, kind="set_policy", **definition):
    words = {key.replace("_", "-"): value for key, value in definition.items()}
    bench.broker.ctl(kind, "-p", bench.vhost, "--apply-to", "queues", name, pattern, json.dumps(words))


def look(leveret):
    """(exit status, [(queue, state, detail)]) of topology verify."""
    answer = leveret.run("topology", "verify", "-o", "json")
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    return answer.returncode, [(row["name"], row["state"], row["detail"]) for row in found if row["kind"] == "policy"]


def findings(leveret, *expected, queues=0):
    """What verify finds as soon as the API knows, of each of so many queues: its figures are some seconds old. `expected`: parts of details."""
    def known():
        _, found = look(leveret)
        details = " ".join(detail for _, _, detail in found)
        return len(found) >= queues and all(state != "unknown" for _, state, _ in found) and all(part in details for part in expected)

    wait_until(known, within=40, every=0.5, what=lambda: look(leveret))
    return look(leveret)


def policies_of_check(leveret):
    answer = leveret.run("check", "-o", "json")
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    return answer.returncode, [(row["state"], row["detail"]) for row in told if row["service"] == "policies"]


def test_without_policies_all_is_well(leveret):
    assert findings(leveret) == (0, [])
    assert policies_of_check(leveret) == (0, [("ok", "none expires or refuses messages in leveret's queues")])


@pytest.mark.parametrize("kind, name", [("set_policy", 'policy "expire all"'), ("set_operator_policy", 'operator policy "expire all"')])
def test_a_policy_that_would_expire_all_queues_is_an_error(bench, leveret, kind, name):
    policy(bench, "expire all", ".*", kind, expires=3600000)
    ours = {bench.queue, *bench.tiers, bench.dlq, "leveret.unrouted", *ladder(), f"leveret.later.to.{bench.queue}"}
    status, found = findings(leveret, "expires", queues=len(ours))
    assert status == 1 and {queue for queue, _, _ in found} == ours, found
    assert all(state == "loses" and detail.startswith(f"{name}: expires=3600000: ") for _, state, detail in found), found
    status, told = policies_of_check(leveret)
    assert status == 1 and len(told) == len(found) and told[0][0] == "failed" and name in told[0][1], told


def test_a_time_to_live_harms_each_queue_in_its_own_way(bench, leveret):
    policy(bench, "ttl", ".*", message_ttl=1500)
    early = {f"{bench.queue}.retry.2s", *ladder(3)}  # rung 3 keeps a message for two seconds
    status, found = findings(leveret, "message-ttl", queues=3 + len(early))
    states = {queue: state for queue, state, _ in found}
    assert status == 1 and states == {bench.queue: "loses", bench.dlq: "loses", "leveret.unrouted": "loses", **dict.fromkeys(early, "hinders")}, found


def test_what_only_hinders_is_a_warning(bench, leveret):
    policy(bench, "bounds", f"^{bench.queue}$", max_length=1000, delivery_limit=20)
    policy(bench, "tiers", "retry", max_length_bytes=1000000)
    status, found = findings(leveret, "max-length=", "max-length-bytes", "delivery-limit")
    assert status == 0 and {(queue, state) for queue, state, _ in found} == {(queue, "hinders") for queue in (bench.queue, *bench.tiers)}, found
    told = " ".join(detail for _, _, detail in found)
    assert "max-length=1000" in told and "delivery-limit=20" in told and "max-length-bytes=1000000" in told
    status, told = policies_of_check(leveret)
    assert status == 0 and {state for state, _ in told} == {"warning"}, told


@pytest.mark.parametrize("definition", [{"delivery_limit": 2000000}, {"dead_letter_exchange": "other"}, {"overflow": "drop-head"},
                                        {"message_ttl": 5000}])
def test_what_the_arguments_overrule_is_not_told(bench, leveret, definition):
    policy(bench, "weak", "retry" if "message_ttl" in definition else ".*", max_length=7, **definition)
    status, found = findings(leveret, "max-length=7")
    assert status == 0 and all("max-length=7" in detail for _, _, detail in found), found


def test_other_queues_are_none_of_its_business(bench, leveret):
    policy(bench, "others", "^other", expires=1000)
    policy(bench, "ours", "dlq$", max_length=7)
    status, found = findings(leveret, "max-length=7")
    assert status == 0 and [queue for queue, _, _ in found] == [bench.dlq], found


def test_an_api_that_does_not_answer_or_refuses_is_told_without_the_password(bench, leveret):
    base = f"127.0.0.1:{bench.broker.management_port}"
    for url, said in ((f"http://guest:no-such-pw-9@{base}", "the tag management"), ("http://127.0.0.1:1", "connect"),
                      (bench.sink.http_url, "not RabbitMQ's management API")):
        leveret.change(amqp={"management_url": url})
        for words in (("topology", "verify"), ("check",)):
            answer = leveret.run(*words)
            assert answer.returncode == 1 and said in answer.stdout + answer.stderr, (url, answer)
            assert "no-such-pw-9" not in answer.stdout + answer.stderr


def test_the_url_has_a_user_of_its_own(bench, leveret):
    bench.broker.ctl("set_user_tags", canary.BROKER_USER)
    assert look(leveret) == (1, [])
    leveret.change(amqp={"management_url": f"http://guest:guest@127.0.0.1:{bench.broker.management_port}/"})
    assert findings(leveret) == (0, [])


def test_unset_it_is_said_that_nobody_looked(bench):
    leveret = bench.leveret(name="unset")
    assert leveret.run("topology", "apply").returncode == 0
    assert policies_of_check(leveret) == (0, [("unknown", "not looked at: amqp.management_url is not set")])
    assert look(leveret) == (0, [])


@pytest.mark.parametrize("url, said", [("http://h:15672/?a=b", "management_url"), ("amqp://h/", "management_url"),
                                       ("http://u:p@192.0.2.1:15672", "not encrypted")])
def test_a_url_that_is_none_is_refused(bench, url, said):
    answer = bench.leveret(amqp={"management_url": url}).run("check", "--offline")
    assert answer.returncode == 78 and said in answer.stderr, answer


def test_what_the_page_says_to_ask_rabbitmqctl_is_answered(bench, leveret, tmp_path):
    policy(bench, "short", "^leveret.work$", max_length=10)
    policy(bench, "shorter", "^leveret.work$", kind="set_operator_policy", max_length=5)
    typed = re.findall(r"`rabbitmqctl ([^`]+)`", (ROOT / "docs" / "deployment.md").read_text())
    words = {"VHOST": bench.vhost, "FILE": str(tmp_path / "definitions.json")}
    said = "".join(bench.broker.ctl(*[words.get(word, word) for word in shlex.split(command)]) for command in typed)
    assert "short" in said and "shorter" in said and "max-length" in (tmp_path / "definitions.json").read_text(), said
