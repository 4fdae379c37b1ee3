"""What the commands print: true to the record, safe for a terminal, and JSON for programs wherever it is asked for."""
import json

import pytest

from harness.publish import order

ORDER = json.dumps({"order_id": 42, "customer_email": "ada@example.com", "title": "A hare"})


def rows(answer):
    assert answer.returncode == 0, answer
    return [json.loads(line) for line in answer.stdout.splitlines()]


def put_job(bench, id, state, at_ms, **fields):
    """A record as a worker leaves it, and its place in the list of its state."""
    record = {"state": state, "type": "order.created.v1", "queue": bench.queue, "attempt": 0, "started_ms": at_ms, **fields}
    bench.redis.client.hset(f"leveret:job:{{{id}}}", mapping=record)
    bench.redis.client.zadd(f"leveret:jobs:{state}", {id: at_ms})


# ---- jobs


def test_a_lease_is_shown_as_a_duration_and_the_rest_as_times(bench):
    put_job(bench, "order-1", "completed", 1700000000000, lease_ms=60000, lease_until_ms=1700000060000)
    shown = dict(line.split(None, 1) for line in bench.leveret().run("job", "show", "order-1").stdout.splitlines() if " " in line)
    assert shown["lease"] == "1m" and shown["lease_until"] == "2023-11-14T22:14:20.000Z", shown


def test_jobs_of_all_states_are_listed_newest_first(bench):
    states = ("completed", "dead", "retrying", "completed", "dead", "running")
    for number, state in enumerate(states):
        put_job(bench, f"order-{number}", state, 1700000000000 + number * 1000, lease_until_ms=10**14)
    leveret = bench.leveret()
    assert [row["id"] for row in rows(leveret.run("job", "list", "-o", "json"))] == [f"order-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert [row["id"] for row in rows(leveret.run("job", "list", "--limit", "2", "-o", "json"))] == ["order-5", "order-4"]
    assert [row["id"] for row in rows(leveret.run("job", "list", "--state", "dead", "-o", "json"))] == ["order-4", "order-1"]


def test_a_job_that_has_changed_its_state_is_listed_once(bench):
    put_job(bench, "order-1", "running", 1700000000000)
    put_job(bench, "order-1", "completed", 1700000001000)
    assert [row["state"] for row in rows(bench.leveret().run("job", "list", "-o", "json"))] == ["completed"]


def test_jobs_are_listed_by_their_type(bench):
    put_job(bench, "order-1", "completed", 1700000000000)
    put_job(bench, "mail-1", "completed", 1700000001000, type="email.send.v1")
    leveret = bench.leveret()
    assert [row["id"] for row in rows(leveret.run("job", "list", "--type", "order.created.v1", "-o", "json"))] == ["order-1"]
    assert rows(leveret.run("job", "list", "--type", "no.such.type.v1", "-o", "json")) == []


def test_a_running_job_whose_lease_ran_out_is_told_as_stuck(bench):
    put_job(bench, "left", "running", 1700000000000, lease_until_ms=1700000060000)
    put_job(bench, "busy", "running", 1700000001000, lease_until_ms=10**14)
    put_job(bench, "done", "completed", 1700000002000, lease_until_ms=0)
    leveret = bench.leveret()
    assert {row["id"]: row["state"] for row in rows(leveret.run("job", "list", "-o", "json"))} == \
        {"left": "stuck", "busy": "running", "done": "completed"}
    assert [row["id"] for row in rows(leveret.run("job", "list", "--state", "stuck", "-o", "json"))] == ["left"]
    assert [leveret.run("job", "show", id, "-o", "json").json()["stuck"] for id in ("left", "busy", "done")] == [True, False, False]
def test_json_is_json_whatever_redis_holds(bench):
    put_job(bench, "order-1", "running", 1700000000000, attempt='1,"admin":true')
    bench.redis.client.rpush("leveret:events:{order-1}", '{"ts":1,"event":"claim"}', '"}, it is not', '{"ts":2,"event":"completed"}')
    bench.redis.client.hset("leveret:worker:w", mapping={"pid": "007"})
    leveret = bench.leveret()
    assert [row["attempt"] for row in rows(leveret.run("job", "list", "-o", "json"))] == [None]
    assert [event["ts"] for event in leveret.run("job", "show", "order-1", "-o", "json").json()["events"]] == [1, 2]
    assert [row["pid"] for row in rows(leveret.run("worker", "list", "-o", "json"))] == [None]


@pytest.mark.parametrize("state", ["queued", "dropped"])
def test_a_state_that_no_list_is_kept_of_is_said_to_be_one(bench, state):
    answer = bench.leveret().run("job", "list", "--state", state)
    assert answer.returncode == 2 and f"no list of {state} jobs is kept" in answer.stderr, answer


def test_dropped_jobs_are_listed_by_their_subject(bench):
    put_job(bench, "order-1", "dropped", 1700000000000)
    bench.redis.client.zadd("leveret:subject:order/1", {"order-1": 1700000000000})
    assert [row["id"] for row in rows(bench.leveret().run("job", "list", "--state", "dropped", "--subject", "order/1", "-o", "json"))] == ["order-1"]


def test_json_of_a_job_holds_no_character_that_steers_a_terminal(bench):
    put_job(bench, "order-1", "dead", 1700000000000, error="before\x9b31mafter\x7f\u0085")
    shown = bench.leveret().run("job", "show", "order-1", "-o", "json")
    assert shown.json()["error"] == "before\x9b31mafter\x7f\u0085"
    assert not any(0x7f <= ord(c) < 0xa0 for c in shown.stdout), shown


# ---- JSON everywhere


def test_a_plan_is_told_as_json(bench):
    told = bench.leveret().run("plan", "order.created.v1", "--data", ORDER, "-o", "json").json()
    assert told["type"] == "order.created.v1" and len(told["effects"]) == 1
    mail = told["effects"][0]
    assert (mail["kind"], mail["key"], mail["to"], mail["html"]) == ("mail", "customer", "ada@example.com", None), mail
    assert mail["subject"] == "Order created: A hare"


def test_health_is_told_as_json(bench):
    worker = bench.worker(mail={"breaker": {"failures": 1, "open": "1m", "open_max": "1m"}})
    at = ("--set", f"admin.listen=127.0.0.1:{worker.admin_port}", "-o", "json")
    told = bench.last.run("health", *at).json()
    assert told["state"] == "ready" and f"queue {bench.queue}: consuming" in told["details"], told
    bench.sink.mode("refuse")
    bench.publish(order(1))
    worker.wait_not_ready()
    answer = bench.last.run("health", *at)
    assert answer.returncode == 1, answer
    assert answer.json() == {"state": "not ready", "details": ["the breaker of the mail transport is open"]}, answer
    worker.stop()
    answer = bench.last.run("health", "live", *at)
    assert answer.returncode == 1 and answer.json()["state"] == "unreachable" and answer.stderr, answer


def test_a_mail_test_is_told_as_json(bench):
    send = ("mail", "test", "--to", "ada@example.com", "-o", "json")
    leveret = bench.leveret()
    sent = leveret.run(*send).json()
    assert sent["outcome"] == "sent" and sent["status"] == 200 and sent["provider_id"] and sent["error"] is None, sent
    bench.sink.script(422)
    refused = leveret.run(*send)
    assert refused.returncode == 1 and refused.json()["outcome"] == "permanent" and refused.json()["status"] == 422, refused


def test_a_mail_test_of_a_transport_that_sends_nothing_says_so(bench):
    leveret = bench.leveret(bench.config(mail={"transport": "log", "http": None}))
    answer = leveret.run("mail", "test", "--to", "ada@example.com")
    assert answer.returncode == 0 and answer.stdout == "logged, not sent: mail.transport is log\n", answer
    assert leveret.run("mail", "test", "--to", "ada@example.com", "-o", "json").json()["outcome"] == "logged"


def test_what_there_is_none_of_is_null(bench):
    leveret = bench.leveret()
    leveret.run("topology", "apply")
    assert all(row["oldest_dead"] is None for row in rows(leveret.run("queue", "list", "-o", "json")))
    assert " - " in leveret.run("queue", "list").stdout
