"""Redis behind sentinels: its primary dies, is frozen or is cut off under load, and comes back as somebody's replica."""
import contextlib
import signal
import time

import pytest

from harness import canary
from harness.bench import Bench
from harness.fleet import Fleet
from harness.publish import order
from harness.redis import PRODUCT
from harness.servers.redis_sentinels import NAME, Sentinels
from harness.wait import wait_until

WITHIN_S = 15  # of the promotion


@pytest.fixture
def sentinels():
    with Sentinels() as servers:
        yield servers


@pytest.fixture
def bench(broker, sentinels, sink, tmp_path):
    made = Bench(broker, sentinels, sink, tmp_path)
    yield made
    made.close()


def loaded(bench, count, **redis):
    """A worker in the middle of so many orders."""
    config = bench.config(redis={"timeout": "1s", **redis})
    fleet = Fleet(bench, 1, config)
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, count + 1)])
    wait_until(lambda: bench.sink.count() >= count // 10, within=30, what=lambda: bench.sink.stats())
    return fleet, fleet.workers[0]


def goes_on(worker, sentinels, old):
    """By the promoted one, in time."""
    new = sentinels.wait_promoted(old)
    promoted = time.monotonic()
    ups = lambda: len(worker.logged(event="redis_up"))
    wait_until(lambda: worker.logged(event="redis_down") and ups() > goes_on.seen.get(worker, 1) and worker.is_ready(), within=WITHIN_S + 5, every=0.05,
               what=lambda: worker.get("/readyz?verbose"))
    goes_on.seen[worker] = ups()
    took = time.monotonic() - promoted
    print(f"\ngoes on {took:.1f} s after the promotion")
    assert took < WITHIN_S
    return new


goes_on.seen = {}


def settled(bench, fleet, count):
    """Nothing is lost, and a mail goes out twice only where Redis forgot it: what the old primary was told in its last moments
    nobody may know, so it is the mails that are counted, not the records."""
    wait_until(lambda: len({mail["key"] for mail in bench.sink.mails()}) == count and not bench.total(bench.queue), within=60, every=0.2,
               what=lambda: bench.sink.stats())
    bench.wait_empty()
    fleet.check_alive()
    explained, by_window = fleet.windows.explained()
    account = bench.account()
    print(f"{account}, explained {dict(by_window)}")
    assert not account.dead and not account.unexplained(explained), account
    return account


@pytest.mark.parametrize("how", ["killed", *(pytest.param(how, marks=pytest.mark.faults) for how in ("frozen", "cut off"))])
def test_a_worker_follows_its_primary_that_is(bench, sentinels, how):
    fleet, worker = loaded(bench, 400)
    old = sentinels.primary
    with fleet.windows.span("C"):
        {"killed": old.kill, "frozen": old.freeze, "cut off": lambda: sentinels.cut_off(old)}[how]()
        goes_on(worker, sentinels, old)
        {"killed": old.start, "frozen": old.thaw, "cut off": lambda: sentinels.let_back(old)}[how]()
        bench.publish_many([order(n) for n in range(401, 501)])
        sentinels.wait_replica(old)
        settled(bench, fleet, 500)
    if how == "cut off":
        assert "name another primary" in worker.logged(event="redis_down")[0]["error"], worker.logged(event="redis_down")
    ups = worker.logged(event="redis_up")
    assert len(ups) == 2, "it went to the old one and back"
    assert f"127.0.0.1:{old.port}, the primary by 3 of 3 sentinels" in ups[0]["msg"], ups
    assert f":{old.port}," not in ups[1]["msg"] and "the primary by" in ups[1]["msg"], ups


def test_a_primary_that_is_demoted_in_order_is_left_at_once(bench, sentinels):
    fleet, worker = loaded(bench, 300)
    old = sentinels.primary
    with fleet.windows.span("C"):
        sentinels.ask(sentinels.ports[0], "FAILOVER", NAME)
        goes_on(worker, sentinels, old)
        settled(bench, fleet, 300)


def test_check_says_which_primary_it_found(bench, sentinels):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    port = sentinels.primary.port

    def check(url, status=1):
        done = leveret.run("check", "--set", f"redis.url={url}")
        assert done.returncode == status, done
        return done.stdout

    found = check(sentinels.url, status=0)
    assert f"127.0.0.1:{port}, the primary by 3 of 3 sentinels, {PRODUCT} " in found, found
    dead = sentinels.url_by([1, *sentinels.ports])
    assert "by 3 of 4 sentinels" in check(dead, status=0)
    assert "none of 2 sentinels answers" in check(sentinels.url_by([1, 2]))
    assert "know no primary named nobody" in check(sentinels.url_by(sentinels.ports, name="nobody"))
    assert "SENTINEL" in check(sentinels.url_by([port])), "a server is no sentinel"
    wrong = check(sentinels.url.replace(canary.REDIS_PASSWORD, "not-the-password"))
    assert "login refused" in wrong and "not-the-password" not in wrong, wrong


def test_the_name_of_no_primary_ends_a_worker_at_the_start(bench, sentinels):
    worker = bench.leveret(redis={"url": sentinels.url_by(sentinels.ports, name="nobody")}).start(ready=False)
    assert worker.wait(within=20) == 78
    assert "know no primary named nobody" in worker.logged(event="cannot_start")[0]["error"]


@pytest.mark.faults
def test_a_sentinel_that_was_cut_off_from_the_others_is_not_believed(bench, sentinels):
    """It names the old primary still; the epoch of the others is later."""
    old = sentinels.primary
    alone = sentinels.processes[0]
    alone.signal(signal.SIGSTOP)
    sentinels.ask(sentinels.ports[1], "FAILOVER", NAME)
    sentinels.ports, ports = sentinels.ports[1:], sentinels.ports
    new = sentinels.wait_promoted(old)
    sentinels.wait_replica(old)
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    url = sentinels.url_by(ports)
    assert f"127.0.0.1:{new.port}, the primary by 2 of 3" in leveret.run("check", "--set", f"redis.url={url}").stdout
    alone.signal(signal.SIGCONT)


def test_a_primary_that_is_killed_costs_no_mail_twice_where_a_replica_acknowledges(bench, sentinels):
    """Window C is closed: every record that a mail followed is known to the one that is promoted."""
    fleet, worker = loaded(bench, 400, replicas=1)
    old, replica = sentinels.nodes
    old.kill()
    sentinels.wait_promoted(old)
    assert not worker.is_ready(), "it has no replica"
    mails = bench.sink.count()
    old.start()
    sentinels.wait_replica(old)
    worker.wait_ready(within=20)
    bench.wait_completed(400)
    fleet.check_alive()
    account = bench.account().check(duplicates=0)
    print(f"\n{account}; {mails} mails when the old one came back")
    assert len(account.ok) == 400


def test_no_mail_leaves_while_too_few_replicas_acknowledge(bench, sentinels):
    fleet, worker = loaded(bench, 50, replicas=1)
    bench.wait_completed(50)
    old, replica = sentinels.nodes
    replica.freeze()
    bench.publish_many([order(n) for n in range(51, 101)])
    worker.wait_not_ready(within=20)
    told = worker.logged(event="redis_down")[0]["error"]
    assert "0 of 1" in told and "redis.replicas" in told, told
    sent = bench.sink.count()
    assert sent == 50
    check = fleet.leveret.run("check")
    assert check.returncode == 1 and "0 of 1" in check.stdout, check
    replica.thaw()
    worker.wait_ready(within=20)
    bench.wait_completed(100)
    assert bench.account().check(duplicates=0).mails == 100
    found = fleet.leveret.run("check")
    assert found.returncode == 0 and "1 acknowledge" in found.stdout, found


@pytest.mark.faults
def test_sentinels_without_a_password_and_a_user_who_may_not_ask_for_the_role(broker, sink, tmp_path):
    """The log-in of the URL is the servers'; a sentinel that wants none is given none. ROLE and INFO are dangerous commands."""
    with Sentinels(password=None) as sentinels:
        bench = Bench(broker, sentinels, sink, tmp_path)
        try:
            for node in sentinels.nodes:
                node.client.execute_command("ACL", "SETUSER", "small", "on", ">small-1234", "~leveret:*", "&*", "+@all", "-role", "-info")
            url = sentinels.url.replace(f":{canary.REDIS_PASSWORD}@", "small:small-1234@")
            fleet, worker = loaded(bench, 300, url=url)
            old = sentinels.primary
            with fleet.windows.span("C"):
                old.kill()
                goes_on(worker, sentinels, old)
                settled(bench, fleet, 300)
        finally:
            bench.close()


@pytest.mark.faults
def test_check_says_that_a_failover_may_choose_a_replica_that_nobody_waited_for(broker, sink, tmp_path):
    with Sentinels(replicas=2) as sentinels:
        bench = Bench(broker, sentinels, sink, tmp_path)
        try:
            leveret = bench.leveret(redis={"replicas": 1})
            assert leveret.run("topology", "apply").returncode == 0
            found = leveret.run("check")
            assert found.returncode == 0 and "there are 2, and redis.replicas waits for 1" in found.stdout, found
        finally:
            bench.close()


@pytest.mark.faults
@pytest.mark.parametrize("replicas", [0, 1])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_five_failovers_under_load_lose_nothing(bench, sentinels, how, replicas):
    fleet, worker = loaded(bench, 6000, replicas=replicas)
    with contextlib.nullcontext() if replicas else fleet.windows.span("C"):
        for turn in range(1, 6):
            old = sentinels.primary
            getattr(old, how)()
            new = sentinels.wait_promoted(old)
            {"kill": old.start, "freeze": old.thaw}[how]()
            sentinels.wait_replica(old)
            worker.wait_ready(within=WITHIN_S)
            claims = worker.metric("leveret_claims_total")
            bench.publish_many([order(n) for n in range(6000 + 20 * turn - 19, 6000 + 20 * turn + 1)])  # the first may be done by now
            wait_until(lambda: worker.metric("leveret_claims_total") > claims, within=WITHIN_S, every=0.05, what="it goes on")
            assert sentinels.primary is new
        settled(bench, fleet, 6100)
