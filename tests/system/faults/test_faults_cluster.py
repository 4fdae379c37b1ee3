"""Three RabbitMQ nodes: one dies under load, the quorum queues go on, and nothing is lost."""
import socket
import threading

import pytest

from harness.bench import Bench
from harness.fleet import Fleet
from harness.publish import order, publish_many
from harness.rabbitmq import Cluster
from harness.wait import wait_until


class Front:
    """A TCP front that connects to the first node that listens, as a load balancer would."""

    def __init__(self, nodes):
        self.nodes = nodes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            for node in self.nodes:
                try:
                    server = socket.create_connection(("127.0.0.1", node.port), timeout=2)
                    server.settimeout(None)
                    break
                except OSError:
                    server = None
            if server is None:
                client.close()
                continue
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()


@pytest.mark.faults
def test_a_node_of_three_that_dies_under_load_costs_nothing(redis, sink, tmp_path):
    with Cluster(3) as cluster:
        # The one that is killed is where the worker is connected; the bench asks another.
        victim, asked = cluster.nodes[1], cluster.nodes[0]
        bench = Bench(asked, redis, sink, tmp_path)
        front = Front([victim, cluster.nodes[2], asked])
        try:
            url = asked.url(bench.vhost, port=front.port)
            fleet = Fleet(bench, 2, bench.config(amqp={"url": url, "heartbeat": "5s"}))
            sink.mode("healthy", delay_ms=10)
            publish_many(bench.url, [order(n) for n in range(1, 2001)], ledger=bench.ledger)
            wait_until(lambda: sink.count() >= 400, within=60, what=lambda: sink.stats())
            victim.kill()
            # A channel whose first publish meets a queue without a leader is nacked for ever (RabbitMQ 3.10).
            wait_until(lambda: victim.node not in asked.ctl("list_queues", "-p", bench.vhost, "leader"), within=60, what="other leaders")
            publish_many(bench.url, [order(n) for n in range(2001, 4001)], ledger=bench.ledger)
            for worker in fleet.workers:
                worker.wait_ready(within=60)
            bench.wait_completed(4000, within=120)
            fleet.check_alive()
            account = bench.account().check()
            print(f"\n{account}")
            assert account.mails == 4000
        finally:
            front.close()
            bench.close()
