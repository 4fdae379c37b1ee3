"""Signals, at the worst moments: death without warning, frozen for a while, told to end, told to read its file again."""
import itertools
import signal
import time

import pytest

from harness.fleet import Fleet
from harness.proxy import Proxy
from harness.publish import email, order
from harness.wait import wait_until


def passed(seconds):
    """Waits until so much time has passed: how long a fault lasts."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, within=seconds + 5)


def short_leases(bench, **changes):
    return bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, **changes)


def test_a_death_while_idle_costs_nothing(bench):
    leveret = bench.leveret()
    first = leveret.start()
    first.kill()
    message = bench.publish(order(1))
    leveret.start()
    bench.wait_state(message, "completed")
    bench.wait_empty()
    bench.account().check()


@pytest.mark.faults
def test_workers_that_die_one_after_another_under_load_lose_nothing(bench):
    fleet = Fleet(bench, 3, short_leases(bench))
    bench.sink.mode("healthy", delay_ms=5)
    messages = [order(n) for n in range(1, 3001)]
    bench.publish_many(messages[:1000])
    for number, target in zip(itertools.count(1), (200, 500, 800, 1200, 1600)):
        wait_until(lambda: bench.sink.count() >= target, within=60, what=lambda: bench.sink.stats())
        victim = fleet.workers[number % 3]
        fleet.kill(victim)
        fleet.replace(victim)
        bench.publish_many(messages[number * 400 + 600:number * 400 + 1000])
    bench.wait_completed(3000, within=90)
    fleet.check_alive()
    explained, by_window = fleet.windows.explained()
    print(f"\n{bench.account().check(explained=explained)}, explained {dict(by_window)}")
    assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}


def test_frozen_for_less_than_the_lease_nobody_takes_over_and_no_mail_goes_twice(bench):
    fleet = Fleet(bench, 2, bench.config(claim={"lease": "10s"}))
    bench.sink.mode("healthy", delay_ms=100)
    bench.publish_many([order(n) for n in range(1, 401)])
    wait_until(lambda: bench.sink.count() >= 40, what="some mails")
    fleet.workers[0].freeze()
    passed(2)
    fleet.workers[0].thaw()
    bench.wait_completed(400)
    fleet.check_alive()
    assert not fleet.workers[1].metric("leveret_claims_total", answer="resumed")
    bench.account().check()
    assert bench.sink.count() == 400


def frozen_before_its_send(bench, leveret):
    """A worker that has stopped itself just before it sends a mail, all checks passed."""
    zombie = leveret.start(ready=False, named=True, env={"LEVERET_CRASHPOINT": "pre_send:1:stop"})
    message = bench.publish(order(1))
    wait_until(lambda: open(f"/proc/{zombie.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", within=30, what="it stops")
    return zombie, message


def test_a_worker_that_wakes_after_its_lease_sends_nothing_and_acks_nothing(bench):
    config = short_leases(bench, amqp={"heartbeat": "1s"})
    leveret = bench.leveret(config)
    leveret.start().stop()  # the exchange exists
    zombie, message = frozen_before_its_send(bench, leveret)
    leveret.start(named=True)
    bench.wait_state(message, "completed")
    (mail,) = bench.sink.wait_for(1)
    zombie.thaw()
    zombie.wait_ready()
    bench.wait_empty()
    assert len(bench.sink.attempts()) == 1, "the zombie has sent"
    assert mail["authorization"] != f"Bearer {zombie.api_key}"
    later = bench.publish(order(2))
    bench.wait_state(later, "completed")
    bench.account().check()


def test_a_worker_frozen_in_the_middle_of_a_send_makes_a_second_mail_with_the_same_key(bench):
    """Window B: the first was accepted, its sender sleeps through its lease."""
    fleet = Fleet(bench, 1, short_leases(bench, amqp={"heartbeat": "1s"}))
    (zombie,) = fleet.workers
    bench.sink.mode("healthy", delay_ms=1000)
    with fleet.windows.span("B", zombie):
        message = bench.publish(order(1))
        wait_until(lambda: bench.sink.count() == 1, what="the first mail")
        zombie.freeze()
        fleet.leveret.start(named=True)
        bench.wait_state(message, "completed")
        zombie.thaw()
    zombie.wait_ready()
    bench.wait_empty()
    first, second = bench.sink.mails()
    assert first["key"] == second["key"]
    explained, by_window = fleet.windows.explained()
    assert by_window == {"B": 1}
    bench.account().check(explained=explained)


@pytest.mark.faults
def test_a_service_that_honours_the_key_shows_one_mail_even_then(bench):
    fleet = Fleet(bench, 1, short_leases(bench, amqp={"heartbeat": "1s"}))
    (zombie,) = fleet.workers
    bench.sink.mode("healthy", delay_ms=1000, dedupe=True)
    message = bench.publish(order(1))
    wait_until(lambda: bench.sink.count() == 1, what="the first mail")
    zombie.freeze()
    fleet.leveret.start(named=True)
    bench.wait_state(message, "completed")
    zombie.thaw()
    bench.wait_empty()
    assert len(bench.sink.attempts()) == 2 and bench.sink.count() == 1
    bench.account().check()


def test_sigterm_while_it_cannot_reach_the_broker_ends_it_in_time(bench):
    with Proxy(bench.broker.port) as proxy:
        proxy.blackhole = True
        leveret = bench.leveret(amqp={"url": bench.broker.url(bench.vhost, port=proxy.port)})
        worker = leveret.start(ready=False)
        wait_until(lambda: proxy.accepted, what="it connects")
        began = time.monotonic()
        assert worker.stop(within=12) == 0
        assert time.monotonic() - began < 10, "the grace"


def test_sigterm_while_it_cannot_reach_redis_ends_it_in_time(bench):
    with Proxy(bench.redis.port) as proxy:
        proxy.blackhole = True
        leveret = bench.leveret(redis={"url": bench.redis.url_at(proxy.port)})
        worker = leveret.start(ready=False)
        wait_until(lambda: proxy.accepted, what="it connects")
        assert worker.stop(within=12) == 0


def test_sighup_under_load_keeps_every_message_and_a_bad_file_keeps_the_old_settings(bench):
    leveret = bench.leveret()
    worker = leveret.start()
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, 501)])
    worker.hang_up()
    wait_until(lambda: worker.logged(event="reloaded"), what="the file is read again")
    good = leveret.config
    leveret.configure("queues: [")
    worker.hang_up()
    wait_until(lambda: worker.logged(event="reload_failed"), what="the bad file is refused")
    assert any("leveret.yaml:" in entry["msg"] for entry in worker.logged(event="config_error"))
    leveret.configure(good)
    bench.wait_completed(500)
    assert bench.sink.count() == 500
    bench.account().check()


def test_sigpipe_is_nothing(bench):
    worker = bench.worker()
    worker.process.signal(signal.SIGPIPE)
    message = bench.publish(order(1))
    bench.wait_state(message, "completed")
    assert worker.process.is_alive()


@pytest.mark.faults
def test_random_deaths_for_a_minute_leave_a_clean_ledger(bench):
    # Nobody's fault here: no message may be suspected for good because three of its workers were killed.
    fleet = Fleet(bench, 3, short_leases(bench), claim={"max_crashes": 100})
    messages = (order(n) for n in range(1, 100000))
    until, victims = time.monotonic() + 60, itertools.cycle(range(3))
    published = 0
    while time.monotonic() < until:
        bench.publish_many(list(itertools.islice(messages, 500)))
        published += 500
        victim = fleet.workers[next(victims)]
        fleet.kill(victim)
        fleet.replace(victim)
        wait_until(lambda: bench.sink.count() >= published - 1000, within=60, what=lambda: bench.sink.stats())
    bench.wait_completed(published, within=120)
    explained, by_window = fleet.windows.explained()
    print(f"\n{len(fleet.leveret.workers) - 3} deaths: {bench.account().check(explained=explained)}, "
          f"explained {dict(by_window)}")
