"""Another outlet takes what the first one surely did not accept, and nothing else."""
import json

import pytest

from harness.publish import order
from harness.sink import Hooks, Sink
from harness.wait import wait_until


@pytest.fixture
def backup():
    with Sink() as sink:
        yield sink


def start(bench, backup, attempts=4, **mail):
    outlet = {"kind": "mail", "transport": "http", "from": "Shop <shop@example.com>", "timeout": "5s",
              "http": {"preset": "resend", "url": backup.http_url, "api_key": "re_backup"}}
    return bench.worker(outlets={"backup": outlet}, mail={"fallback": ["backup"], **mail},
                        queues=[{"name": bench.queue, "bindings": ["#"], "retry": {"attempts": attempts, "tiers": ["1s"]}}])


def outlet_of(job):
    (name,) = [value for field, value in job.items() if field.startswith("outlet.")]
    return name


def test_a_refused_key_sends_all_by_the_second_outlet_and_none_twice(bench, backup):
    start(bench, backup)
    bench.sink.mode(401)
    messages = [order(number) for number in range(1, 101)]
    bench.publish_many(messages)
    bench.wait_completed(100)
    assert len(backup.mails()) == 100 and not bench.sink.mails()
    assert len({mail["to"] for mail in backup.mails()}) == 100
    assert {outlet_of(bench.job(message)) for message in messages} == {"backup"}


def test_two_refusals_for_now_are_enough_and_burn_one_attempt(bench, backup):
    start(bench, backup)
    bench.sink.script(503, 503)
    message = bench.publish(order(1))
    job = bench.wait_state(message, "completed")
    assert (job["attempt"], outlet_of(job)) == ("1", "backup"), job
    assert len(bench.sink.attempts()) == 2 and len(backup.mails()) == 1


def test_what_may_have_been_accepted_never_leaves_by_another_outlet(bench, backup):
    """The first outlet is cut after it accepted, then refuses for now: nothing at the second."""
    start(bench, backup, attempts=3)
    bench.sink.script({"cut": "before", "accept": True}, 503, 503)
    message = bench.publish(order(1))
    job = bench.wait_state(message, "dead", within=30)
    assert job["reason"] == "attempts_exhausted" and outlet_of(job) == "mail", job
    assert len(bench.sink.attempts()) == 3 and not backup.attempts()
    (try_field,) = [value for field, value in job.items() if field.startswith("try.")]
    assert try_field.startswith("ambiguous "), job
    assert bench.last.run("dlq", "redrive", bench.queue, "--all").returncode == 0  # healthy again: where it was
    bench.wait_state(message, "completed")
    assert not backup.attempts() and len(bench.sink.attempts()) == 4


def test_a_run_after_a_killed_worker_keeps_to_its_outlet_until_a_definite_answer(bench, backup):
    worker = start(bench, backup, timeout="3s")
    bench.sink.script({"status": 200, "delay_ms": 60000})
    message = bench.publish(order(1))
    wait_until(bench.sink.attempts, what="it is at the service")
    worker.kill()
    bench.sink.mode(401)
    start(bench, backup, timeout="3s")
    job = bench.wait_state(message, "completed", within=100)
    assert [attempt["answer"] for attempt in bench.sink.attempts()][-1] == 401, bench.sink.attempts()
    assert outlet_of(job) == "backup" and len(backup.mails()) == 1


@pytest.fixture
def hook():
    receiver = Hooks()
    yield receiver
    receiver.stop()


def told(hook):
    return [alert for request in hook.requests for alert in json.loads(request["body"])["alerts"]]


def test_a_key_that_is_refused_after_an_hour_burns_no_attempt_and_is_told_once(bench, hook):
    """No outlet to fall back to: the jobs wait for a new key, and one alert says so."""
    bench.worker(alerts={"webhook": hook.origin + "/alerts", "interval": "1s"}, mail={"breaker": {"failures": 5, "open": "1s", "open_max": "1s"}})
    bench.publish_many([order(number) for number in range(1, 21)])
    bench.wait_completed(20)
    bench.sink.mode(401)
    late = [order(number) for number in range(21, 61)]
    bench.publish_many(late)
    wait_until(lambda: len(bench.sink.attempts()) >= 20 + 5 + 5, what="the breaker has probed five times")
    assert {bench.job(message).get("state") for message in late} <= {"running", "retrying", None}
    bench.sink.mode("healthy")
    bench.wait_completed(60)
    assert {bench.job(message)["attempt"] for message in late} == {"0"}
    assert len(bench.sink.mails()) == 60 and not bench.dead_letters(0)
    assert [(alert["kind"], alert["count"]) for alert in told(hook)] == [("mail_refused", 1)]
