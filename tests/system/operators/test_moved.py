"""Messages that somebody moved, purged or deleted with the broker's own tools are never the end of a job."""

import pytest

from harness.bench import Bench
from harness.letters import rows
from harness.publish import order
from harness.rabbitmq import RabbitMQ
from harness.wait import wait_until

LATE_S = 30  # what is waited for beyond the time when a copy was to come


@pytest.fixture(scope="module")
def shovels():
    with RabbitMQ(name="shovels", plugins=("rabbitmq_shovel",)) as node:
        yield node


@pytest.fixture
def moved(shovels, redis, sink, tmp_path):
    made = Bench(shovels, redis, sink, tmp_path)
    yield made
    made.close()


def move_by_hand(bench, source, destination):
    """basic.get and publish to the default exchange with all properties: what scripts of operators do."""
    count = 0
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        while True:
            method, properties, body = channel.basic_get(source)
            if method is None:
                return count
            channel.basic_publish("", destination, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag)
            count += 1


def declare_queue(bench, queue):
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})


def purge(bench, queue):
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_purge(queue)


def die(bench, count, answer=422):
    """So many jobs that the service refuses; their dead letters are in queue and index."""
    bench.sink.mode(answer)
    messages = [order(number) for number in range(1, count + 1)]
    bench.publish(*messages)
    for message in messages:
        bench.wait_state(message, "dead", within=60)
    wait_until(lambda: bench.depth(bench.dlq) == count, what="dead letters")
    assert len(bench.redis.dead(bench.queue)) == count
    return messages


def check_index(bench):
    """The index and the queue say the same, and sync finds nothing to mend."""
    (told,) = rows(bench.last.run("dlq", "sync", bench.queue, "-o", "json"))
    assert (told["added"], told["removed"]) == (0, 0), told
    assert len(bench.redis.dead(bench.queue)) == bench.depth(bench.dlq)


@pytest.mark.parametrize("tool", ["shovel", "hand"])
def test_dead_letters_that_are_moved_back_are_carried_out(moved, tool):
    bench = moved
    bench.worker(mail={"breaker": {"failures": 64}})  # as many refused alike are no outage
    messages = die(bench, 5)
    bench.sink.mode("healthy")
    if tool == "shovel":
        bench.broker.shovel(bench.dlq, bench.queue, bench.vhost)
    else:
        assert move_by_hand(bench, bench.dlq, bench.queue) == 5
    for message in messages:
        job = bench.wait_state(message, "completed")
        assert job["redrives"] == "1", job
    assert sorted(mail["to"] for mail in bench.sink.mails()) == sorted(f"order{n}@example.com" for n in range(1, 6))
    bench.wait_empty()
    check_index(bench)
    assert bench.redis.dead(bench.queue) == {}


def test_letters_that_went_to_another_queue_and_back_twice_are_carried_out_each_time(moved):
    bench = moved
    bench.worker()
    messages = die(bench, 3)
    declare_queue(bench, "aside")
    for life in (1, 2):
        bench.broker.shovel(bench.dlq, "aside", bench.vhost)
        bench.broker.shovel("aside", bench.queue, bench.vhost)
        for message in messages:
            wait_until(lambda: (bench.job(message)["state"], bench.job(message)["redrives"]) == ("dead", str(life)),
                       what=lambda: bench.job(message))
        wait_until(lambda: bench.depth(bench.dlq) == 3, what="dead letters again")
        check_index(bench)
    bench.sink.mode("healthy")
    bench.broker.shovel(bench.dlq, bench.queue, bench.vhost)
    for message in messages:
        bench.wait_state(message, "completed")
    assert len(bench.sink.mails()) == 3
    check_index(bench)


def test_a_letter_that_was_copied_is_mailed_once(moved):
    bench = moved
    bench.worker()
    (message,) = die(bench, 1)
    bench.sink.mode("healthy")
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        method, properties, body = channel.basic_get(bench.dlq)
        for _ in range(3):
            channel.basic_publish("", bench.queue, body, properties)
        channel.basic_nack(method.delivery_tag, requeue=True)
        bench.wait_state(message, "completed", within=60)
        bench.wait_empty(within=120)
    assert len(bench.sink.mails()) == 1


def test_a_parked_mail_is_mailed_again_by_its_letter_alone(moved):
    bench = moved
    bench.worker(mail={"on_ambiguous": "park"})
    bench.sink.script({"cut": "before", "accept": True})
    message = bench.publish(order(1))
    bench.wait_state(message, "dead")
    assert bench.job(message)["reason"] == "ambiguous_send"
    bench.sink.mode("healthy")
    bench.publish(message)  # a duplicate proves nothing
    wait_until(lambda: bench.depth(bench.dlq) == 2, what="the duplicate as a letter of the same death")
    assert bench.job(message)["state"] == "dead" and bench.job(message)["reason"] == "ambiguous_send"
    before = len(bench.sink.mails())
    purge(bench, bench.dlq)
    bench.publish(message)
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="a letter again")
    assert len(bench.sink.mails()) == before
    bench.broker.shovel(bench.dlq, bench.queue, bench.vhost)
    bench.wait_state(message, "completed")
    assert len(bench.sink.mails()) == before + 1


def test_what_a_deleted_tier_held_is_carried_out_when_it_is_sent_again(moved):
    """docs/operations.md 7, to the letter: the tier was deleted with its message, topology apply, sent again."""
    bench = moved
    bench.worker(queues=[{"name": bench.queue, "bindings": ["#"], "prefetch": 64, "retry": {"attempts": 4, "tiers": ["10s"]}}])
    tier = f"{bench.queue}.retry.10s"
    bench.sink.script(503)
    message = bench.publish(order(1))
    bench.wait_state(message, "retrying")
    wait_until(lambda: bench.depth(tier) == 1, what="it waits")
    bench.broker.delete_queue(tier, bench.vhost)
    assert bench.last.run("topology", "apply").returncode == 0
    bench.publish(message)
    job = bench.wait_state(message, "completed", within=10 + LATE_S + 40)
    assert (job["attempt"], job["deferrals"]) == ("1", "1"), job
    assert len(bench.sink.mails()) == 1
    wait_until(lambda: bench.total(bench.queue) == bench.total(tier) == 0, within=30, what="nothing is left")


def test_what_a_purged_dead_letter_queue_held_is_carried_out_when_it_is_sent_again(moved):
    bench = moved
    bench.worker()
    messages = die(bench, 3)
    purge(bench, bench.dlq)
    bench.sink.mode("healthy")
    bench.publish(*messages)
    for message in messages:
        bench.wait_state(message, "completed")
    assert len(bench.sink.mails()) == 3


def test_a_duplicate_of_a_job_that_waits_stays_a_duplicate(moved):
    bench = moved
    bench.worker()
    bench.sink.script(503)
    message = bench.publish(order(1))
    bench.wait_state(message, "retrying")
    bench.publish(message, message)
    job = bench.wait_state(message, "completed", within=30)
    assert (job["attempt"], job["deferrals"], job["redrives"]) == ("1", "0", "0"), job
    bench.wait_empty(within=LATE_S + 60)
    assert len(bench.sink.mails()) == 1 and len(bench.sink.attempts()) == 2
    assert bench.state(message) == "completed"


def test_a_forgotten_job_is_as_never_seen(bench):
    worker = bench.worker()
    first = bench.publish(order(1, headers={"subject": "order/1"}))
    bench.wait_state(first, "completed")
    wait_until(lambda: bench.redis.client.zscore("leveret:subject:order/1", first.id), what="the index by subject")
    (told,) = rows(bench.last.run("job", "forget", first.id, "-o", "json"))
    assert told == {"id": first.id, "forgotten": True, "state": "completed"}
    assert not bench.redis.client.keys(f"leveret:*{first.id}*")
    assert bench.redis.client.zscore("leveret:subject:order/1", first.id) is None
    assert bench.last.run("job", "forget", first.id).returncode == 3
    bench.publish(first)
    bench.wait_state(first, "completed")
    assert len(bench.sink.mails()) == 2
    bench.sink.mode("healthy", delay_ms=4000)
    second = bench.publish(order(2))
    bench.wait_state(second, "running")
    refused = bench.last.run("job", "forget", second.id)
    assert refused.returncode == 4 and "runs now" in refused.stderr, refused
    bench.wait_state(second, "completed")
    assert worker.get("/livez")[0] == 200
