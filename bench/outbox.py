#!/usr/bin/python3
"""What the outbox moves a second and how late it is: one relay, two, and from COMMIT to the queue.

usage: bench/outbox.py [PROGRAM] [ROWS]     default: build/release/leveret, 50,000 rows
"""
import json
import pathlib
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))
from harness.rabbitmq import RabbitMQ  # noqa: E402
from harness.servers.postgres import Outbox, Postgres  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.worker import Leveret  # noqa: E402

TYPE = "order.created.v1"
DATA = json.dumps({"order_id": 42, "customer_email": "ada@example.com", "title": "x" * 300})
LATENCIES = 500


def throughput(leveret, postgres, outbox, rows, relays):
    outbox.insert([(f"{relays}/{n}", TYPE, DATA) for n in range(rows)])
    began = time.monotonic()
    running = [leveret.start(command="relay", ready=False) for _ in range(relays)]
    wait_until(lambda: outbox.waiting() < rows, within=60, every=0.005, what="the first row")
    first = time.monotonic()
    wait_until(lambda: outbox.waiting() == 0, within=300, every=0.02, what="the last row")
    ended = time.monotonic()
    cpu_us = sum(relay.metric("process_cpu_seconds_total") for relay in running) * 1e6 / rows
    for relay in running:
        assert relay.stop() == 0
    return rows / (ended - first), rows / (ended - began), cpu_us


def latency(broker, leveret, postgres, outbox, vhost):
    relay = leveret.start(command="relay")
    arrived = {}
    enough = threading.Event()

    def consume():
        with broker.connect(vhost) as connection:
            channel = connection.channel()
            for method, properties, _ in channel.consume("leveret.work", auto_ack=True, inactivity_timeout=30):
                if method is None:
                    return
                arrived[properties.message_id] = time.monotonic()
                if len(arrived) == LATENCIES:
                    enough.set()
                    return

    thread = threading.Thread(target=consume)
    thread.start()
    committed = {}
    with postgres.connect().cursor() as cursor:  # each insert is committed
        for n in range(LATENCIES):
            cursor.execute("INSERT INTO leveret_outbox (id, type, data) VALUES (%s, %s, %s)", (f"late/{n}", TYPE, DATA))
            committed[f"late/{n}"] = time.monotonic()
            time.sleep(0.005)  # the load: 200 commits a second at most
    assert enough.wait(60), len(arrived)
    thread.join()
    assert relay.stop() == 0
    late = sorted((arrived[id] - at) * 1000 for id, at in committed.items())
    return statistics.median(late), late[int(len(late) * 0.99)]


def main(argv):
    program = pathlib.Path(argv[1] if len(argv) > 1 else ROOT / "build/release/leveret").resolve()
    rows = int(argv[2]) if len(argv) > 2 else 50000
    with RabbitMQ() as broker, Postgres() as postgres, tempfile.TemporaryDirectory() as directory:
        broker.add_vhost("bench")
        leveret = Leveret(pathlib.Path(directory) / "leveret",
                          {"amqp": {"url": broker.url("bench")}, "relay": {"url": postgres.url}, "admin": {"listen": "off", "token": "bench-token-0123456789"},
                           "mail": {"transport": "log", "from": "a@example.com"}, "log": {"format": "json"}}, program)
        assert leveret.run("topology", "apply").returncode == 0
        outbox = Outbox(postgres, leveret)
        p50, p99 = latency(broker, leveret, postgres, outbox, "bench")
        print(f"COMMIT to the consumer: p50 {p50:.1f} ms, p99 {p99:.1f} ms", flush=True)
        for relays in (1, 2, 1, 2):
            steady, whole, cpu_us = throughput(leveret, postgres, outbox, rows, relays)
            print(f"{relays} relay(s): {steady:,.0f} rows/s ({whole:,.0f} with the start), {cpu_us:.0f} us of CPU a row, {rows} rows", flush=True)


if __name__ == "__main__":
    main(sys.argv)
