"""Redis as a cluster: slots move and primaries die under load."""
import itertools
import json
import threading
import time

import pytest

from harness.bench import Bench
from harness.fleet import Fleet
from harness.publish import Message, order
from harness.redis import PRODUCT
from harness.servers.redis_cluster import RedisCluster
from harness.wait import wait_until

WITHIN_S = 15  # of the promotion


def bench_of(cluster, broker, sink, tmp_path):
    with cluster:
        made = Bench(broker, cluster, sink, tmp_path)
        yield made
        made.close()


@pytest.fixture
def bench(broker, sink, tmp_path):
    """Three primaries."""
    yield from bench_of(RedisCluster(), broker, sink, tmp_path)


@pytest.fixture
def six(broker, sink, tmp_path):
    """Three primaries, each with a replica."""
    yield from bench_of(RedisCluster(replicas=1), broker, sink, tmp_path)


def loaded(bench, count, **redis):
    fleet = Fleet(bench, 1, bench.config(redis={"timeout": "1s", **redis}))
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, count + 1)])
    wait_until(lambda: bench.sink.count() >= count // 10, within=30, what=lambda: bench.sink.stats())
    return fleet, fleet.workers[0]


def test_one_node_without_the_scheme_of_a_cluster_is_told_as_such(bench):
    leveret = bench.leveret(redis={"url": bench.redis.nodes[0].url})
    assert leveret.run("topology", "apply").returncode == 0
    said = "redis.url names one node of a cluster: write redis+cluster:// in place of redis://"
    assert said in leveret.run("check").stdout
    worker = leveret.start(ready=False)
    wait_until(lambda: worker.logged(event="redis_down"), within=20, what="it is told")
    assert said in worker.get("/readyz?verbose")[1]
    message = bench.publish(order(1))
    leveret.change(redis={"url": bench.redis.url})
    leveret.start()
    assert bench.wait_state(message, "completed")["attempt"] == "0"


def test_slots_that_move_under_load_cost_nothing(bench):
    cluster = bench.redis
    fleet, worker = loaded(bench, 600)
    first, second, third = cluster.primaries
    cluster.reshard(first, second, 60)
    cluster.reshard(third, first, 30)
    bench.publish_many([order(n) for n in range(601, 701)])
    bench.wait_completed(700)
    fleet.check_alive()
    account = bench.account().check(duplicates=0)
    print(f"\n{account}")
    assert len(account.ok) == 700 and account.mails == 700
    assert not worker.logged(event="redis_down"), "a slot that moves is followed"
    spread = [len(node.jobs()) for node in cluster.primaries]
    assert all(spread), f"every node has its share: {spread}"


def test_a_job_whose_slot_is_on_its_way_is_done_where_its_keys_are(bench):
    """Those that were there, and those that come: ASK, TRYAGAIN, MOVED."""
    cluster = bench.redis
    leveret = bench.leveret()
    worker = leveret.start()
    known = order(1)
    slot = cluster.slot(known.id)
    others = list(itertools.islice((message for message in (order(n) for n in itertools.count(2)) if cluster.slot(message.id) == slot), 2))
    bench.wait_state(bench.publish(known), "completed")
    target = next(node for node in cluster.primaries if node is not cluster.owner(slot))
    source = cluster.begin_move(slot, target)
    bench.publish(known)  # its keys are at the source still: a duplicate
    for message in others:
        bench.publish(message)
    elsewhere = [message for message in (order(n) for n in range(60, 90)) if cluster.slot(message.id) != slot]
    for message in elsewhere:
        bench.publish(message)
    for message in elsewhere:
        bench.wait_state(message, "completed")
    shown = leveret.run("job", "show", known.id, "-o", "json")
    assert shown.returncode == 0 and json.loads(shown.stdout)["state"] == "completed", shown
    cluster.end_move(slot, source, target)
    for message in others:
        bench.wait_state(message, "completed")
    bench.wait_empty()
    assert len({mail["key"] for mail in bench.sink.mails()}) == bench.sink.count() == 3 + len(elsewhere)
    assert cluster.owner(slot) is target and bench.state(known) == "completed"
    assert not worker.logged(event="redis_down")


def test_commands_find_what_any_node_has(bench):
    leveret = bench.leveret()
    worker = leveret.start(named=True)
    good = [order(n) for n in range(1, 31)]
    bench.publish_many(good)
    bench.wait_completed(30)
    found = leveret.run("check")
    assert found.returncode == 0 and f"a cluster of 3 primaries, {PRODUCT} " in found.stdout, found
    for message in good[:5]:
        shown = leveret.run("job", "show", message.id, "-o", "json")
        assert shown.returncode == 0 and json.loads(shown.stdout)["state"] == "completed", shown
    workers = leveret.run("worker", "list", "-o", "json")
    assert len(workers.stdout.splitlines()) == 1, workers
    listed = leveret.run("job", "list", "--state", "completed", "--limit", "100", "-o", "json")
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 30, listed
    bad = [Message("order.created.v1", {"order_id": n}) for n in range(31, 36)]
    bench.publish_many(bad)
    wait_until(lambda: bench.depth(bench.dlq) == 5, what="dead letters")
    letters = leveret.run("dlq", "list", bench.queue, "-o", "json")
    assert letters.returncode == 0 and all(message.id in letters.stdout for message in bad), letters
    dropped = leveret.run("dlq", "drop", bench.queue, "--all", "--yes")
    assert dropped.returncode == 0 and bench.depth(bench.dlq) == 0, dropped
    assert leveret.run("dlq", "list", bench.queue, "-o", "json").stdout == ""
    assert worker.is_ready()


@pytest.mark.faults
@pytest.mark.parametrize("replicas", [0, 1])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_primary_that_is_lost_under_load_is_replaced(six, how, replicas):
    bench, cluster = six, six.redis
    fleet, worker = loaded(bench, 1500, replicas=replicas)
    old = cluster.primaries[0]
    with fleet.windows.span("C"):
        getattr(old, how)()
        cluster.wait_promoted(old)
        promoted = time.monotonic()
        if replicas:  # each primary needs one
            {"kill": old.start, "freeze": old.thaw}[how]()
        claims = worker.metric("leveret_claims_total")
        wait_until(lambda: worker.is_ready() and worker.metric("leveret_claims_total") > claims, within=WITHIN_S + 5, every=0.05,
                   what=lambda: worker.get("/readyz?verbose"))
        took = time.monotonic() - promoted
        print(f"\ngoes on {took:.1f} s after the promotion")
        assert took < WITHIN_S
        if not replicas:
            {"kill": old.start, "freeze": old.thaw}[how]()
        wait_until(lambda: len({mail["key"] for mail in bench.sink.mails()}) == 1500 and not bench.total(bench.queue), within=90, every=0.2,
                   what=lambda: bench.sink.stats())
        bench.wait_empty()
    fleet.check_alive()
    explained, by_window = fleet.windows.explained()
    account = bench.account()
    print(f"{account}, explained {dict(by_window)}")
    assert not account.dead and not account.unexplained({} if replicas else explained), account


@pytest.mark.faults
def test_slots_that_move_to_and_fro_under_load_cost_nothing(bench):
    cluster = bench.redis
    fleet, worker = loaded(bench, 6000)
    first, second, third = cluster.primaries

    def move():
        for source, target in ((first, second), (second, third), (third, first)) * 2:
            cluster.reshard(source, target, 300)

    mover = threading.Thread(target=move)
    mover.start()
    mover.join()
    bench.wait_completed(6000, within=120)
    fleet.check_alive()
    account = bench.account().check(duplicates=0)
    assert len(account.ok) == 6000
    assert not worker.logged(event="redis_down")
