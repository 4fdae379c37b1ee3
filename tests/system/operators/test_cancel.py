"""leveret job cancel: what waits is not done, and what it answers is true."""
import json
import random
import threading
import time

import pytest

from harness.golden import GOLDEN
from harness.publish import invoice, order
from harness.wait import wait_until


def events(bench, message):
    return [json.loads(entry) for entry in bench.redis.client.lrange(f"leveret:events:{{{getattr(message, 'id', message)}}}", 0, -1)]


def cancel(bench, message):
    return bench.last.run("job", "cancel", getattr(message, "id", message), "-o", "json")


def slow_tier(bench):
    """A worker whose jobs wait for long enough that a busy machine can cancel them."""
    return bench.worker(queues=[{"name": bench.queue, "bindings": ["#"], "retry": {"attempts": 4, "tiers": ["15s"]}}])


def wait_gone(bench):
    """Until no copy is left in the queue and in its tier."""
    wait_until(lambda: bench.total(bench.queue) == 0 and bench.total(f"{bench.queue}.retry.15s") == 0, within=40, what="all came and were acked")


def test_a_job_that_waits_to_be_tried_again_is_not(bench):
    slow_tier(bench)
    bench.sink.script(*[503] * 9)
    message = bench.publish(order(1, "ada@example.com"))
    job = bench.wait_state(message, "retrying")
    told = cancel(bench, message)
    assert told.returncode == 0, told
    assert told.json() == {"id": message.id, "cancelled": True, "was": "retrying", "sent": []}
    sent = len(bench.sink.attempts())
    wait_gone(bench)
    assert len(bench.sink.attempts()) == sent and not bench.sink.mails()
    shown = bench.last.run("job", "show", message.id, "-o", "json").json()
    assert shown["state"] == "cancelled" and shown["events"][-1]["answer"] == "cancelled", shown
    assert [event["worker"] for event in shown["events"] if event["event"] == "cancelled"] == ["leveret-cli"]
    assert message.id in bench.last.run("job", "list", "--state", "cancelled").stdout
    assert message.id not in bench.last.run("job", "list", "--state", "retrying").stdout
    kept = bench.redis.client.pttl(f"leveret:job:{{{message.id}}}") / 1000
    assert 7 * 86400 - 30 < kept <= 7 * 86400 + 16, (kept, job)


def test_a_cancelled_id_stays_cancelled(bench):
    """A publisher that sends it again is told nothing, as for a job that is completed; who asks again hears that it is over."""
    worker = slow_tier(bench)
    bench.sink.script(*[503] * 9)
    message = bench.publish(order(1))
    bench.wait_state(message, "retrying")
    assert cancel(bench, message).returncode == 0
    bench.publish(message)
    wait_until(lambda: worker.metric("messaging_client_consumed_messages_total", outcome="cancelled") >= 2, within=40, what="both are acked")
    wait_gone(bench)
    again = cancel(bench, message)
    assert again.returncode == 4 and f"{message.id} is over: cancelled" in again.stderr, again
    assert not bench.sink.mails()


def test_a_message_that_no_worker_has_seen_is_cancelled(bench):
    leveret = bench.last = bench.leveret()
    leveret.start().stop()
    published = leveret.run("publish", "email.send.v1", "--id", "one", "--data",
                            '{"to": "ada@example.com", "subject": "Hi", "text": "Hello"}')
    assert published.returncode == 0, published
    assert cancel(bench, "one").json()["was"] == "queued"
    leveret.start()
    bench.wait_empty()
    wait_until(lambda: events(bench, "one")[-1]["event"] == "claim", what="it was delivered")
    assert bench.state("one") == "cancelled" and not bench.sink.attempts()


def test_what_runs_is_over_or_is_unknown_is_told_so(bench):
    bench.worker(mail={"timeout": "30s"})
    assert cancel(bench, "nobody").returncode == 3
    done = bench.publish(order(1))
    bench.wait_state(done, "completed")
    assert cancel(bench, done).returncode == 4
    bench.sink.mode("healthy", delay_ms=12000)
    runs = bench.publish(order(2))
    bench.wait_state(runs, "running")
    refused = cancel(bench, runs)
    assert refused.returncode == 4 and "runs now" in refused.stderr, refused
    bench.wait_state(runs, "completed", within=40)


def test_a_job_whose_worker_died_over_it_runs(bench):
    bench.worker(claim={"lease": "6s"})
    bench.sink.mode("healthy", delay_ms=60000)
    message = bench.publish(order(1))
    bench.wait_state(message, "running")
    bench.last.workers[0].kill()
    bench.redis.client.hset(f"leveret:job:{{{message.id}}}", "lease_until_ms", 1)
    assert cancel(bench, message).returncode == 4
    assert bench.state(message) == "running"


def test_the_effects_that_went_out_are_told(bench):
    slow_tier(bench)
    bench.sink.script(*[503] * 9, to="manager@example.com")
    message = bench.publish(invoice(1, amount_cents=10_000_000, manager="manager@example.com"))
    bench.wait_state(message, "retrying")
    told = cancel(bench, message)
    assert told.returncode == 0 and len(told.json()["sent"]) == 1, told
    assert len(bench.sink.mails()) == 1


def test_the_first_version_acknowledges_what_was_cancelled(bench):
    """Its claim, as it was, answers `stale` without a decision to every copy that may exist: that is an ack there."""
    slow_tier(bench)
    bench.sink.script(*[503] * 9)
    message = bench.publish(order(1))
    job = bench.wait_state(message, "retrying")
    assert cancel(bench, message).returncode == 0
    claim = (GOLDEN / "0.1.0-claim.lua").read_text()
    keys = [f"leveret:job:{{{message.id}}}", f"leveret:events:{{{message.id}}}"]
    for attempt in range(4):
        for deferrals in (0, 3):
            answer = bench.redis.client.eval(
                claim, 2, *keys, "old:1:1", 60000, job["redrives"], attempt, deferrals, job["fingerprint"], job["type"], bench.queue,
                "old", 1000, "", "0", 3)
            assert answer[0] in (b"stale", "stale") and answer[4] in (b"", ""), answer
    assert bench.state(message) == "cancelled"


def race(bench, count, askers=8):
    """Each job is cancelled at about the time when its copy comes back. Returns how often that was in time."""
    bench.worker()
    messages = [order(n, f"c{n}@example.com") for n in range(1, count + 1)]
    answers, one_at_a_time = {}, threading.Lock()

    def ask(mine, chance):
        for message in mine:
            with one_at_a_time:
                bench.sink.script(503, to=json.loads(message.body)["customer_email"])
                bench.publish(message)
            due = int(bench.wait_state(message, "retrying", within=60)["due_ms"]) / 1000
            time.sleep(max(0, due - time.time() + chance.uniform(-0.3, 0.1)))  # about when it comes: that is what is raced
            answers[message.id] = cancel(bench, message).returncode

    threads = [threading.Thread(target=ask, args=(messages[i::askers], random.Random(i))) for i in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    in_time = {id for id, answer in answers.items() if answer == 0}
    assert set(answers.values()) <= {0, 4} and len(answers) == count
    wait_until(lambda: all(bench.state(m) in ("completed", "cancelled") for m in messages), within=60, what="all have ended")
    bench.wait_empty()
    assert {m.id for m in messages if bench.state(m) == "cancelled"} == in_time
    mailed = {mail["to"] for mail in bench.sink.mails()}
    for message in messages:
        assert (json.loads(message.body)["customer_email"] in mailed) == (message.id not in in_time), message.id
    return len(in_time)


def test_a_cancel_that_races_its_delivery_answers_the_truth(bench):
    print(f"\n{race(bench, 40)} of 40 in time")


@pytest.mark.faults
def test_a_thousand_cancels_that_race_their_delivery_answer_the_truth(bench):
    in_time = race(bench, 1000)
    print(f"\n{in_time} of 1000 in time")
    assert 0 < in_time < 1000
