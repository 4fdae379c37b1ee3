"""`leveret publish`: what it says of a message is what became of that message, and a failed one leaves nothing behind."""
import json
import threading

import pytest

from harness import canary
from harness.wait import wait_until

TYPE = "order.created.v1"


def order(title="A hare"):
    return json.dumps({"order_id": 42, "customer_email": "ada@example.com", "title": title})


def publish(leveret, *words, data=None):
    return leveret.run("publish", TYPE, "--data", data or order(), *words)


def test_an_id_of_another_message_is_refused_before_anything_is_published(bench):
    bench.worker()
    assert publish(bench.last, "--id", "w-1", "--wait", "20s").returncode == 0
    for words in (["--wait", "20s"], []):
        other = publish(bench.last, "--id", "w-1", *words, data=order("Another hare"))
        assert other.returncode == 1 and "id_conflict" in other.stderr and not other.stdout, other
    assert bench.total(bench.dlq) == 0 and bench.state("w-1") == "completed"


def test_a_message_that_dies_of_its_id_while_it_is_waited_for_did_not_complete(bench):
    bench.worker()
    bench.last.run("queue", "pause", bench.queue)
    publish(bench.last, "--id", "w-1")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(publish(bench.last, "--id", "w-1", "--wait", "30s", data=order("Another"))))
    waiting.start()
    wait_until(lambda: bench.depth(bench.queue) == 2, what="both are published")
    bench.last.run("queue", "resume", bench.queue)
    waiting.join()
    assert answers[0].returncode == 1 and "id_conflict" in answers[0].stderr, answers
    bench.wait_state("w-1", "completed")


def test_a_duplicate_of_a_completed_message_is_told_as_such(bench):
    bench.worker()
    first = publish(bench.last, "--id", "w-1", "--wait", "20s")
    again = publish(bench.last, "--id", "w-1", "--wait", "20s")
    assert first.returncode == 0 and "before" not in first.stderr, first
    assert again.returncode == 0 and "was completed before" in again.stderr and again.stdout == "w-1\n", again
    assert bench.sink.count() == 1


def test_a_dropped_job_may_be_published_again(bench):
    bench.worker()
    bench.sink.script(422)
    assert publish(bench.last, "--id", "w-1", "--wait", "20s").returncode == 1
    assert bench.last.run("dlq", "drop", bench.queue, "w-1", "--yes").returncode == 0
    assert publish(bench.last, "--id", "w-1", "--wait", "20s").returncode == 0
    assert bench.state("w-1") == "completed"


@pytest.mark.parametrize("url", ["amqp://guest:guest@127.0.0.1:1/", None], ids=["nobody listens", "wrong password"])
def test_what_was_not_published_leaves_no_record(bench, url):
    url = url or bench.url.replace(canary.BROKER_PASSWORD, "wrong")
    failed = publish(bench.leveret(amqp={"url": url}), "--id", "w-1")
    assert failed.returncode == 1 and "not published: not connected in time" in failed.stderr, failed
    assert bench.redis.client.keys("leveret:job:*") == []


def test_an_exchange_that_is_not_there_is_named_and_leaves_no_record(bench):
    refused = publish(bench.leveret(), "--id", "w-1")
    assert refused.returncode == 1 and "refused: " in refused.stderr and "404 NOT_FOUND - no exchange 'leveret.in'" in refused.stderr, refused
    assert "leveret topology apply" in refused.stderr and not refused.stdout, refused
    assert bench.redis.client.keys("leveret:job:*") == []


def test_a_user_who_may_not_publish_is_told_so_and_leaves_no_record(bench):
    bench.leveret().run("topology", "apply")
    bench.broker.add_user("reader", "reader-password-1234", bench.vhost, write="^$")
    refused = publish(bench.leveret(amqp={"url": bench.broker.url(bench.vhost, "reader", "reader-password-1234")}), "--id", "w-1")
    assert refused.returncode == 1 and "refused: " in refused.stderr and "403 ACCESS_REFUSED" in refused.stderr, refused
    assert "permission to write" in refused.stderr and bench.redis.client.keys("leveret:job:*") == [], refused


def test_a_message_that_a_full_queue_refuses_is_said_not_to_be_there(bench):
    leveret = bench.leveret()
    leveret.run("topology", "apply")
    bench.broker.max_length(bench.queue, 1, bench.vhost)
    for number in range(20):  # a quorum queue overshoots its limit
        answer = publish(leveret, "--id", f"w-{number}")
        if answer.returncode != 0:
            break
    assert answer.returncode == 1 and "nacked" in answer.stderr and not answer.stdout, answer
    assert not bench.job(f"w-{number}") and bench.depth(bench.queue) == number


def test_a_record_of_what_was_published_goes_away_in_time_and_knows_the_message(bench):
    leveret = bench.leveret()
    leveret.run("topology", "apply")
    assert publish(leveret, "--id", "w-1").returncode == 0
    assert 0 < bench.redis.client.pttl("leveret:job:{w-1}") <= 7 * 24 * 3600 * 1000
    record = bench.job("w-1")
    assert record["state"] == "queued" and len(record["fingerprint"]) == 64 and record["type"] == TYPE


def test_a_job_that_stays_queued_because_nothing_is_bound_for_it_is_looked_for_in_the_right_place(bench):
    config = bench.config()
    config["queues"][0]["bindings"] = ["invoice.#"]
    leveret = bench.leveret(config)
    leveret.run("topology", "apply")
    late = publish(leveret, "--wait", "100ms")
    assert late.returncode == 1 and "dlq list leveret.unrouted" in late.stderr and bench.total("leveret.unrouted") == 1, late


def test_waiting_ends_with_a_cause_when_redis_goes_away(bench):
    leveret = bench.leveret()
    leveret.run("topology", "apply")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(publish(leveret, "--id", "w-1", "--wait", "30s")))
    waiting.start()
    wait_until(lambda: bench.depth(bench.queue) == 1, what="it is published")
    wait_until(lambda: [bench.redis.client.client_kill_filter(_id=client["id"]) for client in bench.redis.client.client_list()
                        if client["cmd"] == "hgetall"], what="the connection that looks is cut")
    waiting.join()
    assert answers[0].returncode == 1 and "its end is not known: Redis: " in answers[0].stderr, answers
