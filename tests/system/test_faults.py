"""Harm is done while work is under way; afterwards the ledger is clean."""
import pytest

from harness.publish import Message, email, order
from harness.wait import wait_until

pytestmark = pytest.mark.faults


def orders(count):
    return [order(n) for n in range(1, count + 1)]


def under_way(bench, mails=20):
    wait_until(lambda: bench.sink.count() >= mails, what=lambda: f"{bench.sink.count()} mails of {mails}")


def test_a_worker_that_is_killed_loses_nothing_and_repeats_only_what_was_under_way(bench):
    leveret = bench.leveret(mail={"timeout": "2s"}, claim={"lease": "5s"}, queues=[{
        "name": bench.queue, "bindings": ["#"], "prefetch": 16, "retry": {"attempts": 4, "tiers": ["1s", "2s"]}}])
    bench.sink.mode("healthy", delay_ms=20)
    first = leveret.start()
    bench.publish_many(orders(300))
    under_way(bench)
    first.kill()
    leveret.start()
    bench.wait_completed(300, within=60)
    bench.account().check(duplicates=16)


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(bench):
    bench.sink.mode("healthy", delay_ms=20)
    worker = bench.worker()
    bench.publish_many(orders(300))
    under_way(bench)
    bench.broker.kill()
    worker.wait_not_ready()
    bench.broker.restart()
    worker.wait_ready()
    bench.wait_completed(300, within=60)
    bench.account().check()


def test_redis_that_is_killed_and_comes_back_loses_nothing_and_burns_no_attempt(bench):
    bench.sink.mode("healthy", delay_ms=20)
    worker = bench.worker(mail={"timeout": "2s"}, claim={"lease": "5s"})
    bench.publish_many(orders(300))
    under_way(bench)
    bench.redis.kill()
    worker.wait_not_ready()
    bench.redis.restart()
    worker.wait_ready()
    bench.wait_completed(300, within=90)
    assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}
    bench.account().check(duplicates=64)


def test_connections_that_are_closed_again_and_again_do_not_stop_the_work(bench):
    bench.sink.mode("healthy", delay_ms=20)
    worker = bench.worker()
    bench.publish_many(orders(600))
    for mails in (50, 200, 400):
        under_way(bench, mails)
        bench.broker.close_all_connections()
        worker.wait_ready()
    bench.wait_completed(600, within=60)
    bench.account().check()


def test_a_memory_alarm_holds_up_copies_but_not_acks(bench):
    bench.worker()
    bench.publish_many(orders(1))
    bench.wait_completed(1)
    bench.sink.script(503)
    bench.sink.mode("healthy", delay_ms=300)
    bench.publish(email("ada@example.com"))
    bench.broker.memory_alarm()
    try:
        wait_until(lambda: len(bench.sink.attempts()) >= 2, what="the first try")
    finally:
        bench.broker.memory_alarm(False)
    bench.wait_completed(2, within=40)
    bench.account().check()


def test_a_deleted_queue_is_noticed_and_consumed_again_when_it_is_back(bench):
    worker = bench.worker()
    bench.broker.delete_queue(bench.queue, bench.vhost)
    worker.wait_not_ready(within=2)
    bench.last.run("topology", "apply")
    worker.wait_ready()
    bench.wait_state(bench.publish(order(1)), "completed")


def test_a_poison_message_that_crashes_the_worker_dies_alone(bench):
    leveret = bench.leveret(mail={"timeout": "2s"}, claim={"lease": "3s", "max_crashes": 3})
    leveret.run("topology", "apply")
    poison = Message("test.hostile.v1", {"how": "crash"})
    bench.publish_many([*orders(10), poison, *orders(10)])

    def done():
        alive = [worker for worker in leveret.workers if worker.process.is_alive()]
        if not alive:
            assert len(leveret.workers) < 12, "it crashes for ever"
            leveret.start(ready=False)
        return bench.depth(bench.dlq) == 1

    wait_until(done, within=60, every=0.1, what=lambda: f"the poison in the dead-letter queue: {bench.job(poison)}")
    (dead,) = bench.dead_letters(1)
    assert dead.id == poison.id and dead.reason == "crash_loop"
    bench.wait_empty(within=40)
    jobs = bench.redis.jobs()
    assert sum(job["state"] == "completed" for job in jobs.values()) == 20
    for report in leveret.directory.glob("sanitizer.*"):
        assert "SEGV" in report.read_text(), report.read_text()
        report.unlink()
