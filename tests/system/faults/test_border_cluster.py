"""amqp.url with the three nodes of a cluster, no load balancer between: one is killed under load."""
import time

import pytest

from harness import canary
from harness.bench import Bench
from harness.publish import order, publish_many
from harness.rabbitmq import Cluster
from harness.wait import wait_until


def consumers_at(node):
    """Names of the connections to this node on which workers consume."""
    names = node.erl_json("""[N || P <- rabbit_networking:local_connections(),
        [{client_properties, C}] <- [rabbit_networking:connection_info(P, [client_properties])],
        {_, _, N} <- [lists:keyfind(<<"connection_name">>, 1, C)], binary:match(N, <<"consumer">>) /= nomatch]""")
    return names


@pytest.mark.faults
def test_a_worker_whose_node_is_killed_consumes_at_another_within_five_seconds(redis, sink, tmp_path):
    with Cluster(3) as cluster:
        asked, victim, _ = cluster.nodes
        bench = Bench(asked, redis, sink, tmp_path)
        try:
            hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
            url = f"amqp://{canary.BROKER_USER}:{canary.BROKER_PASSWORD}@{hosts}/{bench.vhost}"
            leveret = bench.leveret(amqp={"url": url, "heartbeat": "5s"})
            worker = leveret.start(named=True)
            for _ in range(25):  # the order of the nodes is shuffled: until it is at that one
                if consumers_at(victim):
                    break
                assert worker.stop() == 0
                worker = leveret.start(named=True)
            assert consumers_at(victim), "it never came to the second node"
            sink.mode("healthy", delay_ms=50)
            publish_many(bench.url, [order(n) for n in range(1, 3001)], ledger=bench.ledger)
            wait_until(lambda: sink.count() >= 300, within=60, what=lambda: sink.stats())
            victim.erl("[dets:sync(T) || T <- dets:all()], ok")  # see RabbitMQ.kill
            killed = time.monotonic()
            victim.process.kill()
            wait_until(lambda: worker.logged(event="amqp_down"), within=20, every=0.01, what="it notices")
            wait_until(lambda: len(worker.logged(event="amqp_up")) == 2, within=20, every=0.01, what="another node")
            wait_until(worker.is_ready, within=20, every=0.01, what=lambda: worker.get("/readyz?verbose"))
            # What was claimed before the death goes on without the broker; a later claim shows that it consumes.
            claimed = worker.metric("leveret_claims_total")
            wait_until(lambda: worker.metric("leveret_claims_total") > claimed, within=20, every=0.01, what="it consumes")
            took = time.monotonic() - killed
            bench.wait_completed(3000, within=180)
            account = bench.account().check()
            print(f"\nconsuming again after {took:.1f} s; {account}")
            assert account.mails == 3000 and took < 5, took
        finally:
            bench.close()
