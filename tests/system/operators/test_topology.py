"""The queues and exchanges are exactly those of the contract, and what differs is said."""
import re

import pytest

from harness.publish import order
from harness.wait import wait_until

UNROUTED = {"alternate-exchange": "leveret.unrouted"}
EXCHANGES = {"leveret.in": ("topic", UNROUTED), "leveret.retry": ("direct", {}), "leveret.return": ("direct", UNROUTED),
             "leveret.dlx": ("direct", UNROUTED), "leveret.unrouted": ("fanout", {})}


def work_queue(queue):
    return {"x-queue-type": "quorum", "x-dead-letter-exchange": "leveret.dlx", "x-dead-letter-routing-key": queue,
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-delivery-limit": 1000}


def tier(queue, ttl_ms):
    return {"x-queue-type": "quorum", "x-message-ttl": ttl_ms, "x-dead-letter-exchange": "leveret.return",
            "x-dead-letter-routing-key": queue, "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


DLQ = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 1000000}


LADDER = re.compile(r"leveret\.later\b")


def without_ladder(found, by):
    """What waits for later is declared by `topology apply`, or with the first message that is to wait."""
    rest = {name: what for name, what in found.items() if not LADDER.match(name)}
    assert (len(rest) < len(found)) == (by == "topology apply"), sorted(found)
    return rest


@pytest.mark.parametrize("by", ["run", "topology apply"])
def test_exactly_these_exchanges_queues_and_bindings(bench, by):
    queues = [{"name": bench.queue, "bindings": ["order.#", "invoice.*.v1"], "retry": {"tiers": ["1s", "2m"]}},
              {"name": "bulk", "bindings": ["email.#"], "retry": {"tiers": ["5s"]}}]
    leveret = bench.leveret(queues=queues)
    if by == "run":
        leveret.start()
    else:
        applied = leveret.run("topology", "apply")
        assert applied.returncode == 0, applied
        assert leveret.run("topology", "apply").returncode == 0, "a second time changes nothing"

    exchanges = without_ladder(bench.broker.exchanges(bench.vhost), by)
    assert {name: (x["type"], x["arguments"]) for name, x in exchanges.items()} == EXCHANGES
    assert all(x["durable"] for x in exchanges.values())
    found = without_ladder(bench.broker.queues(bench.vhost), by)
    assert {name: q["arguments"] for name, q in found.items()} == {
        bench.queue: work_queue(bench.queue), f"{bench.queue}.retry.1s": tier(bench.queue, 1000),
        f"{bench.queue}.retry.2m": tier(bench.queue, 120000), f"{bench.queue}.dlq": DLQ,
        "bulk": work_queue("bulk"), "bulk.retry.5s": tier("bulk", 5000), "bulk.dlq": DLQ, "leveret.unrouted": DLQ}
    assert all(q["durable"] for q in found.values())
    assert {(x, k, q) for x, k, q in bench.broker.bindings(bench.vhost) if not LADDER.match(x) and not LADDER.match(q)} == {
        ("leveret.in", "order.#", bench.queue), ("leveret.in", "invoice.*.v1", bench.queue), ("leveret.in", "email.#", "bulk"),
        ("leveret.return", bench.queue, bench.queue), ("leveret.return", "bulk", "bulk"),
        ("leveret.retry", f"{bench.queue}.1s", f"{bench.queue}.retry.1s"),
        ("leveret.retry", f"{bench.queue}.2m", f"{bench.queue}.retry.2m"), ("leveret.retry", "bulk.5s", "bulk.retry.5s"),
        ("leveret.dlx", bench.queue, f"{bench.queue}.dlq"), ("leveret.dlx", "bulk", "bulk.dlq"),
        ("leveret.unrouted", "", "leveret.unrouted")}


def declare_otherwise(bench):
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_declare(bench.queue, durable=True, arguments={**work_queue(bench.queue), "x-delivery-limit": 7})


def test_a_queue_with_other_arguments_ends_the_start_with_78_and_shows_both(bench):
    declare_otherwise(bench)
    worker = bench.leveret().start(ready=False)
    assert worker.wait(within=20) == 78
    told = worker.process.stderr()
    assert bench.queue in told and "7" in told and "1000" in told, told


@pytest.mark.parametrize("by", ["run", "topology apply"])
def test_a_queue_with_other_arguments_is_bound_to_nothing(bench, by):
    declare_otherwise(bench)
    leveret = bench.leveret()
    if by == "run":
        assert leveret.start(ready=False).wait(within=20) == 78
    else:
        applied = leveret.run("topology", "apply")
        assert applied.returncode == 78 and "skipped" in applied.stdout, applied
    bound = {(exchange, queue) for exchange, _, queue in bench.broker.bindings(bench.vhost)}
    assert ("leveret.dlx", bench.dlq) in bound and bench.queue not in {queue for _, queue in bound}, bound


def test_verify_tells_what_is_missing_and_what_differs(bench):
    leveret = bench.leveret()
    missing = leveret.run("topology", "verify")
    assert missing.returncode != 0 and bench.queue in missing.stdout + missing.stderr, missing
    assert bench.broker.queues(bench.vhost) == {}, "looking declares nothing"
    leveret.run("topology", "apply")
    assert leveret.run("topology", "verify").returncode == 0


def test_show_needs_no_broker(bench):
    shown = bench.leveret(amqp={"url": "amqp://guest:guest@127.0.0.1:1/"}).run("topology", "show")
    assert shown.returncode == 0
    for name in (bench.queue, bench.dlq, *bench.tiers, "leveret.unrouted"):
        assert name in shown.stdout, shown


def test_topology_off_declares_nothing_and_consumes_what_is_there(bench):
    bench.leveret(name="operator").run("topology", "apply")
    bench.worker(topology="off")
    bench.wait_state(bench.publish(order(1)), "completed")


def test_a_message_that_no_binding_takes_waits_in_unrouted(bench):
    bench.worker(queues=[{"name": bench.queue, "bindings": ["order.#"], "retry": {"tiers": ["1s", "2s"]}}])
    message = bench.publish(order(1, routing_key="ordr.created.v1"))
    wait_until(lambda: bench.depth("leveret.unrouted") == 1, what="unrouted")
    assert bench.ids_in("leveret.unrouted") == [message.id]
