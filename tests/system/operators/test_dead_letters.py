"""What cannot be done ends as exactly one dead letter that says why."""
import json
import pathlib
import random
import re
import time

import pytest

from harness.publish import Message, email, order
from harness.wait import wait_until

GOOD = {"order_id": 1, "customer_email": "ada@example.com", "title": "One"}


def spoiled(**changes):
    return Message("order.created.v1", {**GOOD, **changes})


# name -> (reason, what the error must name, message)
CASES = {
    "no id": ("missing_id", "message_id", order(1, id=None)),
    "an id with a space": ("bad_id", "", order(1, id="not an id")),
    "an id of 201 bytes": ("bad_id", "", order(1, id="x" * 201)),
    "no type": ("missing_type", "type", Message(None, GOOD)),
    "a type nobody handles": ("unknown_type", "type", Message("order.vanished.v1", GOOD)),
    "broken JSON": ("bad_payload", "", Message("order.created.v1", body='{"order_id": 1,')),
    "an empty body": ("bad_payload", "", Message("order.created.v1", body="")),
    "a bad address": ("bad_payload", "/customer_email", spoiled(customer_email="nobody")),
    "a missing field": ("bad_payload", "/title", Message("order.created.v1", {"order_id": 1, "customer_email": "a@example.com"})),
    "a number too small": ("bad_payload", "/order_id", spoiled(order_id=0)),
    "text for a number": ("bad_payload", "/order_id", spoiled(order_id="1")),
    "a nested bad address": ("bad_payload", "/customer/email", Message(
        "invoice.overdue.v1", {"number": "1", "amount_cents": 1, "customer": {"email": "x"}})),
    "another content type": ("bad_payload", "", order(1, content_type="text/plain")),
    "an unknown charset": ("bad_payload", "", order(1, content_type="application/json; charset=utf-7")),
    "broken gzip": ("bad_payload", "", order(1, content_encoding="gzip")),
    "an unknown encoding": ("unsupported_encoding", "content_encoding", order(1, content_encoding="br")),
    "a body over the limit": ("too_large", "", email("ada@example.com", text="x" * 1_100_000)),
    "a deadline that has passed": ("expired", "", order(1, headers={"deadline": "2020-01-01T00:00:00Z"})),
    "a plan that rejects": ("rejected", "rejected as asked", Message("test.hostile.v1", {"how": "reject"})),
}


def check_dead_letter(bench, message, dead, reason, names):
    assert dead.reason == reason, dead
    assert dead.error and len(dead.error.encode()) <= 256 and names in dead.error, dead
    assert dead.body == message.body and dead.properties.message_id == message.id
    assert dead.type == message.type and dead.properties.delivery_mode == 2
    assert dead.headers["x-leveret-queue"] == bench.queue
    assert dead.headers["x-leveret-exchange"] == "leveret.in"
    assert dead.headers["x-leveret-routing-key"] == message.routing_key
    assert dead.headers["x-leveret-failed-at"] and dead.headers["x-leveret-worker"]
    (entry,) = bench.redis.dead(bench.queue).values()
    assert entry["reason"] == reason and entry["error"] == dead.error
    if reason not in ("missing_id", "bad_id"):
        job = bench.job(message)
        assert reason == "missing_type" or (job["state"], job["reason"]) == ("dead", reason), job


@pytest.mark.parametrize("case", CASES)
def test_exactly_one_dead_letter_with_reason_and_error(bench, case):
    reason, names, message = CASES[case]
    bench.worker()
    bench.publish(message)
    (dead,) = bench.dead_letters(1)
    bench.wait_empty()
    check_dead_letter(bench, message, dead, reason, names)
    assert bench.sink.count() == 0 and bench.depth(bench.dlq) == 0


def test_the_same_id_with_other_content_is_a_conflict_and_leaves_the_record_alone(bench):
    bench.worker()
    first = bench.publish(order(1, "ada@example.com", id="order-1"))
    record = bench.wait_state(first, "completed")
    second = bench.publish(order(1, "eve@example.com", id="order-1"))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "id_conflict" and dead.body == second.body
    assert bench.job(first) == record
    assert [mail["to"] for mail in bench.sink.mails()] == ["ada@example.com"]


def test_what_came_first_counts_where_the_type_says_so(bench):
    worker = bench.worker(handlers={"order.created.v1": {"on_conflict": "first"}, "email.send.v1": {"on_conflict": "first"}})
    first = bench.publish(order(1, "ada@example.com", id="order-1"))
    bench.wait_state(first, "completed")
    bench.publish(order(1, "eve@example.com", id="order-1"))
    wait_until(lambda: worker.metric("leveret_claims_total", answer="first") == 1, what="the second")
    assert [mail["to"] for mail in bench.sink.mails()] == ["ada@example.com"]
    assert '"answer":"first"' in bench.redis.client.lrange("leveret:events:{order-1}", -1, -1)[0]
    bench.publish(email("eve@example.com", id="order-1"))  # not of the same type
    assert [dead.reason for dead in bench.dead_letters(1)] == ["id_conflict"]


def test_other_content_than_that_of_a_dead_job_is_a_conflict_for_every_type(bench):
    bench.worker(handlers={"order.created.v1": {"on_conflict": "first", "attempts": 1}})
    bench.sink.script({"status": 422, "times": 1})
    bench.wait_state(bench.publish(order(1, "ada@example.com", id="order-1")), "dead")
    bench.publish(order(1, "eve@example.com", id="order-1"))
    assert sorted(dead.reason for dead in bench.dead_letters(2)) == ["id_conflict", "permanent_failure"]


def test_attempts_run_out(bench):
    bench.worker(handlers={"order.created.v1": {"attempts": 2}})
    bench.sink.script({"status": 503, "times": -1})
    message = bench.publish(order(1))
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id
    assert dead.reason == "attempts_exhausted" and "503" in dead.error
    assert len(bench.sink.attempts()) == 2


def test_a_refused_effect_does_not_stop_the_later_ones(bench):
    bench.worker()
    bench.sink.script(422, to="customer@example.com")
    message = bench.publish(Message("invoice.overdue.v1", {
        "number": "1", "amount_cents": 100000, "customer": {"email": "customer@example.com"},
        "manager": {"email": "manager@example.com"}}))
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id and dead.reason == "permanent_failure"
    assert [mail["to"] for mail in bench.sink.mails()] == ["manager@example.com"]


@pytest.mark.parametrize("settings", [{"handlers": {"order.created.v1": {"on_ambiguous": "park"}}}, {"mail": {"on_ambiguous": "park"}}])
def test_an_end_that_nobody_knows_is_parked_if_so_configured(bench, settings):
    bench.worker(**settings)
    bench.sink.script({"cut": "before", "accept": True})
    message = bench.publish(order(1))
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id and dead.reason == "ambiguous_send" and dead.error
    assert bench.sink.count() == 1, "parked, not sent again"


# ---- malformed bodies


def malformed_bodies(count):
    """Distinct bodies none of which is an order: hand-picked ones, then prefixes and mutations, the same every time."""
    whole = json.dumps(GOOD).encode()
    bodies = [
        b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"{}", b"\xef\xbb\xbf" + whole, b"\x00", whole + b"\x00", whole + b"x",
        whole + whole, b"\xff\xfe" + whole, whole.replace(b"One", b"\xc3"), whole.replace(b"One", b"\\ud800"),
        whole.replace(b"One", b"O\nne"), whole.replace(b": 1", b": 1e999"), whole.replace(b": 1", b": 9223372036854775808"),
        whole.replace(b": 1", b": 1.5"), whole.replace(b": 1", b": NaN"), whole.replace(b": 1", b": 01"),
        whole.replace(b": 1", b": -1"), whole[:-1] + b', "order_id": 2}', b"[" * 2049 + b"]" * 2049,
        b'{"a":' * 2049 + b"1" + b"}" * 2049, b"[" + b"{}," * 60000 + b"{}]", b"'" + whole + b"'", whole.replace(b'"', b"'"),
        whole.replace(b",", b";"), whole.replace(b"ada@", b""), whole.replace(b"ada@example.com", b"a" * 5000 + b"@example.com"),
        json.dumps({**GOOD, "title": "x" * 201}).encode(), json.dumps({**GOOD, "title": None}).encode(),
    ]
    bodies += [whole[:length] for length in range(1, len(whole))]
    dice = random.Random(20)
    while len(set(bodies)) < count:
        at = dice.randrange(len(whole))
        bodies.append(whole[:at] + bytes([dice.choice(b"\x00\x01\x1f\x80\xff")]) + whole[at:])
    return list(dict.fromkeys(bodies))[:count]


def test_three_hundred_malformed_bodies_end_as_three_hundred_dead_letters(bench):
    worker = bench.worker()
    messages = [Message("order.created.v1", body=body) for body in malformed_bodies(300)]
    good = order(1)
    bench.publish_many([*messages[:150], good, *messages[150:]])
    found = {dead.id: dead for dead in bench.dead_letters(300, within=60)}
    bench.wait_empty()
    assert set(found) == {message.id for message in messages}
    for message in messages:
        dead = found[message.id]
        assert dead.reason == "bad_payload" and dead.error and dead.body == message.body, (message.body[:80], dead)
    bench.wait_state(good, "completed")
    assert bench.sink.count() == 1 and worker.process.is_alive()
    wait_until(worker.is_ready, what="still ready")


def test_many_large_bodies_do_not_grow_the_worker_without_bound(bench):
    """24 messages of 8 MiB and their copies are 384 MiB; of 64 MiB at once is read (a sanitizer keeps 256 MiB more, that of threads twice that)."""
    worker = bench.worker()
    assert bench.last.run("queue", "pause", bench.queue).returncode == 0
    bench.publish(*[Message("order.created.v1", body=b"x" * (8 << 20)) for _ in range(24)])
    assert bench.last.run("queue", "resume", bench.queue).returncode == 0
    letters = bench.dead_letters(24, within=60)
    assert {letter.reason for letter in letters} == {"too_large"}
    peak_kib = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{worker.process.pid}/status").read_text()).group(1))
    most_mib = 800 if "tsan" in bench.last.program.parts else 480
    assert peak_kib < most_mib << 10, f"{peak_kib >> 10} MiB"


def test_no_more_is_read_while_64_mib_of_bodies_are_in_flight(bench):
    worker = bench.worker(redis={"timeout": "60s"})
    bench.redis.freeze()  # nothing is claimed, so nothing ends
    try:
        bench.publish(*[Message("order.created.v1", body=b"x" * (8 << 20)) for _ in range(24)])
        wait_until(lambda: worker.metric("leveret_in_flight_bytes") > 64 << 20, what="the bound is reached")
        until = time.monotonic() + 2
        wait_until(lambda: time.monotonic() >= until)
        assert worker.metric("leveret_in_flight_bytes") < 73 << 20, "the message that went over it, and no more"
    finally:
        bench.redis.thaw()
    assert len(bench.dead_letters(24, within=60)) == 24
