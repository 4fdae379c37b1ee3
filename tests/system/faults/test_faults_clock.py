"""Redis' wall clock jumps. Leases are counted on it, so they end too early or too late; nothing worse may come of it."""
import pytest

from harness.bench import Bench
from harness.fleet import Fleet
from harness.publish import order
from harness.redis import Redis
from harness.wait import wait_until
from harness.wallclock import WallClock

HOUR_S = 3600


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path)


@pytest.fixture
def bench(broker, sink, tmp_path, clock):
    with Redis(env=clock.env) as redis:
        made = Bench(broker, redis, sink, tmp_path)
        yield made
        made.close()


def fleet_of(bench, size):
    return Fleet(bench, size, bench.config(claim={"lease": "4s"}, mail={"timeout": "3s"}, amqp={"heartbeat": "2s"}))


def wait_mails(bench, more):
    """Until so many more mails are there."""
    until = bench.sink.count() + more
    wait_until(lambda: bench.sink.count() >= until, within=60, what=lambda: (bench.sink.stats(), bench._counts()))


def test_the_clock_of_redis_jumps(bench, clock):
    before = bench.redis.client.time()[0]
    clock.jump(HOUR_S)
    assert HOUR_S <= bench.redis.client.time()[0] - before < HOUR_S + 60


@pytest.mark.parametrize("jumps", [pytest.param((HOUR_S, 0), id="forth", marks=pytest.mark.faults), pytest.param((-HOUR_S, 0), id="back")])
def test_a_jump_by_an_hour_under_load_costs_duplicates_at_most(bench, clock, jumps):
    """Connections are closed and a worker is killed after each jump, so that leases matter: messages come again while their
    owner is at work, or dead."""
    fleet = fleet_of(bench, 3)
    bench.sink.mode("healthy", delay_ms=300)
    bench.publish_many([order(n) for n in range(1, 1501)])
    wait_mails(bench, 200)
    with fleet.windows.span("C"):
        for jump in jumps:
            clock.jump(jump)
            wait_mails(bench, 100)
            bench.broker.close_all_connections()
            wait_mails(bench, 100)
            victim = fleet.workers[0]
            fleet.kill(victim)
            fleet.replace(victim)
            wait_mails(bench, 100)
        bench.wait_completed(1500, within=90)
    fleet.check_alive()
    explained, by_window = fleet.windows.explained()
    account = bench.account().check(explained=explained)
    print(f"\n{account}, explained {dict(by_window)}")
    assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}, "a clock burns no attempt"
