"""A Redis that does not let leveret do what it needs: told at once, waited for calmly, healed by itself."""
import time

import pytest

from harness.publish import order
from harness.redis import Redis
from harness.wait import wait_until

PASSWORD = "border-redis-1234"
REFUSED = {
    "evalsha": ("~leveret:* +@all -evalsha", "EVALSHA"),
    "script": ("~leveret:* +@all -script", "SCRIPT LOAD"),
    "a command of the scripts": ("~leveret:* +@all -hset", "HSET"),
    "a command of the worker": ("~leveret:* +@all -zadd", "ZADD"),
    "a pattern of keys": ("~leveret:job:* ~leveret:events:* ~leveret:payload:* ~leveret:plan:* ~leveret:probe:* +@all", "leveret:deadletter:"),
    "another prefix": ("~other:* +@all", "leveret:probe:"),
}


@pytest.fixture
def user(bench):
    name = f"border-{bench.vhost}"

    def allow(rules):
        bench.redis.client.execute_command("ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", "&*", *rules.split())
        return bench.redis.url_at(bench.redis.port, name, PASSWORD)

    yield allow
    bench.redis.client.execute_command("ACL", "DELUSER", name)


def connections(bench):
    return int(bench.redis.client.info("stats")["total_connections_received"])


@pytest.mark.parametrize("what", REFUSED)
def test_what_redis_refuses_is_told_at_the_connect_and_waited_for(bench, user, what):
    rules, said = REFUSED[what]
    leveret = bench.leveret(redis={"url": user(rules)})
    assert leveret.run("topology", "apply").returncode == 0
    check = leveret.run("check")
    assert check.returncode == 1 and said in check.stdout, check
    worker = leveret.start(ready=False)
    wait_until(lambda: worker.logged(event="redis_down"), what="it is told")
    before, began = connections(bench), time.monotonic()
    wait_until(lambda: connections(bench) >= before + 8, within=30, what="it tries again and again")
    assert time.monotonic() - began > 1, "more than eight tries a second"
    ready = worker.get("/readyz?verbose")
    assert ready[0] == 503 and said in ready[1], ready
    assert len(worker.logged(event="redis_down")) == 1 and not worker.logged(event="redis_up")
    user("~leveret:* +@all")
    worker.wait_ready()
    bench.wait_state(bench.publish(order(1)), "completed")
    assert worker.stop(within=8) == 0


def test_a_worker_that_redis_refuses_ends_at_once_when_told(bench, user):
    leveret = bench.leveret(redis={"url": user("~leveret:* +@all -evalsha")}, shutdown={"grace": "25s"})
    assert leveret.run("topology", "apply").returncode == 0
    worker = leveret.start(ready=False)
    bench.publish_many([order(number) for number in range(1, 65)])
    wait_until(lambda: worker.logged(event="redis_down") and worker.status()["amqp"]["up"], what="it is told")
    assert worker.stop(within=5) == 0
    assert bench.depth(bench.queue) == 64


def test_a_permission_that_is_taken_away_while_it_runs_is_no_storm(bench, user):
    leveret = bench.leveret(redis={"url": user("~leveret:* +@all")})
    worker = leveret.start()
    user("~leveret:* +@all -evalsha")
    bench.publish_many([order(number) for number in range(1, 20)])
    worker.wait_not_ready()
    before = connections(bench)
    wait_until(lambda: connections(bench) >= before + 6, within=30, what="tries")
    assert "EVALSHA" in worker.get("/readyz?verbose")[1]
    assert len(worker.logged(event="redis_up")) <= 2
    user("~leveret:* +@all")
    worker.wait_ready()
    bench.wait_completed(19)


def test_a_renamed_command_is_named(bench):
    with Redis(settings=("--rename-command", "EVALSHA", "")) as other:
        check = bench.leveret(redis={"url": other.url}).run("check")
        assert check.returncode == 1 and "EVALSHA" in check.stdout, check


def test_where_info_is_refused_nobody_says_that_it_evicts_nothing(bench, user):
    leveret = bench.leveret(redis={"url": user("~leveret:* +@all -info -config")})
    assert leveret.run("topology", "apply").returncode == 0
    check = leveret.run("check")
    assert check.returncode == 0 and "evicts nothing" not in check.stdout and "INFO is refused" in check.stdout, check
    worker = leveret.start()
    assert "INFO is refused" in worker.get("/readyz?verbose")[1]


def test_a_worker_that_may_not_restore_claims_by_its_script(bench, user):
    leveret = bench.leveret(redis={"url": user("~leveret:* +@all -restore")})
    assert leveret.run("topology", "apply").returncode == 0
    assert leveret.run("check").returncode == 0
    worker = leveret.start()
    bench.publish_many([order(number) for number in range(1, 20)])
    bench.wait_completed(19)
    assert not worker.logged(event="redis_down")


def test_restore_that_is_taken_away_while_it_runs_is_done_without(bench, user):
    leveret = bench.leveret(redis={"url": user("~leveret:* +@all")})
    worker = leveret.start()
    bench.wait_state(bench.publish(order(1)), "completed")
    user("~leveret:* +@all -restore")
    bench.publish_many([order(number) for number in range(2, 20)])
    bench.wait_completed(19)
    down = worker.logged(event="redis_down")
    assert len(down) == 1 and "restore" in down[0]["error"].lower(), down
