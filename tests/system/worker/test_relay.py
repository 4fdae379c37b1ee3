"""`leveret relay`: what is committed in PostgreSQL comes to the broker, once, and nothing else does."""
import json
import time

import psycopg2.extras
import pytest

from harness.canary import BODY
from harness.servers.postgres import Outbox
from harness.wait import wait_until

TYPE = "order.created.v1"


def order_data(number):
    return json.dumps({"order_id": number, "customer_email": f"order{number}@example.com", "title": f"Order {number} {BODY}"})


class Relayed:
    """An outbox and relays over it; the work queue exists, nobody consumes it."""

    def __init__(self, bench, postgres, **relay):
        self.bench, self.postgres = bench, postgres
        self.leveret = bench.leveret(relay={"url": postgres.url, **relay})
        applied = self.leveret.run("topology", "apply")
        assert applied.returncode == 0, applied
        self.outbox = Outbox(postgres, self.leveret, relay.get("table", "leveret_outbox"))

    def start(self, **options):
        return self.leveret.start(command="relay", **options)

    def wait_moved(self, count, within=30):
        wait_until(lambda: self.bench.depth(self.bench.queue) >= count, within=within,
                   what=lambda: f"{self.bench.depth(self.bench.queue)} of {count} in the queue, {self.outbox.waiting()} wait")
        assert self.bench.depth(self.bench.queue) == count


@pytest.fixture
def relayed(bench, postgres):
    def make(**relay):
        return Relayed(bench, postgres, **relay)

    return make


def take(bench, queue=None):
    """One message of the work queue: (method, properties, body)."""
    with bench.broker.connect(bench.vhost) as connection:
        return wait_until(lambda: (lambda got: got if got[0] else None)(connection.channel().basic_get(queue or bench.queue, auto_ack=True)))


def test_a_committed_row_becomes_a_message_with_all_that_it_says_and_leaves_the_table(bench, relayed):
    it = relayed()
    it.start()
    it.outbox.one(id="order/42:created", type=TYPE, subject="order/42", data=order_data(42),
                  headers=json.dumps({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "shop": "süd", "tries": 3, "vip": True, "left": None}),
                  deliver_at="2020-02-29 12:00:00.25+01")
    method, properties, body = take(bench)
    assert method.exchange == "leveret.in" and method.routing_key == TYPE
    assert properties.message_id == "order/42:created" and properties.type == TYPE and properties.delivery_mode == 2
    assert properties.content_type == "application/json" and properties.app_id == "leveret-relay"
    assert abs(properties.timestamp - time.time()) < 60
    properties.headers.pop("x-delivery-count", None)  # a quorum queue's own
    assert properties.headers == {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "shop": "süd", "tries": 3, "vip": True,
                                  "subject": "order/42", "deliver-at": "2020-02-29T11:00:00.250Z"}
    assert json.loads(body) == json.loads(order_data(42))
    wait_until(lambda: it.outbox.count() == 0, what="the row is deleted")


def test_a_row_that_names_no_id_gets_one_and_its_job_is_completed(bench, relayed):
    it = relayed()
    it.start()
    it.leveret.start()
    it.outbox.one(type=TYPE, data=order_data(1))
    wait_until(lambda: [job for job in bench.redis.jobs().values() if job.get("state") == "completed"], what="a completed job")
    assert len(bench.sink.mails()) == 1


def test_rows_that_are_not_committed_are_never_seen(bench, relayed):
    it = relayed(poll="20ms")
    relay = it.start()
    open_one = it.postgres.connect()
    open_one.autocommit = False
    it.outbox.insert([("never", TYPE, order_data(1))], open_one)
    it.outbox.insert([(f"seen{n}", TYPE, order_data(n)) for n in range(5)])
    it.wait_moved(5)
    open_one.rollback()
    open_one.close()
    it.outbox.insert([("last", TYPE, order_data(6))])
    it.wait_moved(6)
    ids = {take(bench)[1].message_id for _ in range(6)}
    assert ids == {"last", *(f"seen{n}" for n in range(5))}
    assert relay.stop() == 0


def test_a_row_that_was_committed_late_is_not_overlooked(relayed):
    it = relayed()
    it.start()
    late = it.postgres.connect()
    late.autocommit = False
    it.outbox.insert([("late", TYPE, order_data(1))], late)  # the lowest number
    it.outbox.insert([(f"early{n}", TYPE, order_data(n)) for n in range(1000)])
    it.wait_moved(1000)
    late.commit()
    late.close()
    it.wait_moved(1001)


BAD = {
    "has space": ({"id": "has space", "type": TYPE, "data": "{}"}, "id: expected 1 to 200"),
    "": ({"id": None, "type": TYPE, "data": "{}"}, "id: expected 1 to 200 of A-Z a-z 0-9 . _ : / -, found NULL"),
    "no-data": ({"id": "no-data", "type": TYPE, "data": None}, "data: expected JSON, found NULL"),
    "large": ({"id": "large", "type": TYPE, "data": json.dumps("x" * 2000000)}, "data: expected at most 1048576 bytes"),
    "no-type": ({"id": "no-type", "type": None, "data": "{}"}, "type: expected lower-case words"),
    "list": ({"id": "list", "type": TYPE, "data": "{}", "headers": "[1]"}, "headers: expected an object, found a list"),
    "cc": ({"id": "cc", "type": TYPE, "data": "{}", "headers": '{"CC": "leveret.dlx"}'}, "headers: /CC: is kept for the broker"),
    "own": ({"id": "own", "type": TYPE, "data": "{}", "headers": '{"x-leveret-attempt": 3}'}, "headers: /x-leveret-attempt: is kept"),
    "nested": ({"id": "nested", "type": TYPE, "data": "{}", "headers": '{"a": {"b": 1}}'}, "headers: /a: expected text"),
    "wide": ({"id": "wide", "type": TYPE, "data": "{}", "headers": '{"n": 123456789012345678901234567890}'}, "headers: /n: expected text"),
    "frame": ({"id": "frame", "type": TYPE, "data": "{}", "headers": json.dumps({"a": "x" * 100000, "b": "y" * 100000})}, "headers"),
    "deadline": ({"id": "deadline", "type": TYPE, "data": "{}", "headers": '{"deadline": "tomorrow"}'}, "headers: /deadline: expected a time"),
    "never": ({"id": "never", "type": TYPE, "data": "{}", "deliver_at": "infinity"}, "deliver_at: expected a date"),
    "far": ({"id": "far", "type": TYPE, "data": "{}", "deliver_at": "2999-01-01"}, "deliver_at: expected at most 400 days ahead"),
    "subject": ({"id": "subject", "type": TYPE, "data": "{}", "subject": "a\nb"}, "subject: expected at most 256 bytes"),
}


def test_bad_rows_stand_aside_with_their_error_and_hold_nobody_up(bench, relayed):
    it = relayed()
    for columns, _ in BAD.values():
        it.outbox.one(**columns)
    bad = [(f"bad {n}", TYPE, "{}") for n in range(100)]
    good = [(f"good{n}", TYPE, order_data(n)) for n in range(10000)]
    mixed = [row for n, row in enumerate(bad) for row in (row, *good[n * 100:n * 100 + 100])]
    it.outbox.insert(mixed)
    relay = it.start()
    it.wait_moved(10000)
    wait_until(lambda: it.outbox.waiting() == 0, what="none waits")
    errors = it.outbox.errors()
    assert len(errors) == len(BAD) + 100 and it.outbox.count() == len(errors)
    for id, (_, error) in BAD.items():
        assert errors[id].startswith(error), (id, errors[id])
    wait_until(lambda: relay.metric("leveret_outbox_aside_rows") == len(errors), what="the metric")
    assert relay.metric("leveret_outbox_rows_total", fate="aside") == len(errors)
    assert relay.logged(event="row_aside", id="no-data")
    # Mended by hand, it goes.
    it.postgres.sql("UPDATE leveret_outbox SET data = %s, error = NULL WHERE id = 'no-data'", order_data(1))
    it.wait_moved(10001)


def test_a_message_that_no_queue_takes_stands_aside(bench, relayed):
    it = relayed()
    with bench.broker.connect(bench.vhost) as connection:  # no alternate exchange any more: the broker returns it
        channel = connection.channel()
        channel.exchange_delete("leveret.in")
        channel.exchange_declare("leveret.in", "topic", durable=True)
        channel.queue_bind(bench.queue, "leveret.in", "order.#")
    it.start()
    it.outbox.insert([("unbound", "nobody.wants.v1", "{}"), *((f"good{n}", TYPE, order_data(n)) for n in range(100))])
    it.wait_moved(100)
    wait_until(lambda: it.outbox.errors() == {"unbound": "no queue is bound to leveret.in for nobody.wants.v1"}, what=it.outbox.errors)


def test_a_full_queue_holds_up_only_what_goes_there(bench, relayed):
    it = relayed(batch=10)
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.queue_declare("full", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        channel.queue_bind("full", "leveret.in", "slow.one.v1")
        channel.queue_unbind(bench.queue, "leveret.in", "#")
        channel.queue_bind(bench.queue, "leveret.in", "order.#")
    it.start()
    it.outbox.insert([*((f"full{n}", "slow.one.v1", "{}") for n in range(50)), *((f"good{n}", TYPE, order_data(n)) for n in range(200))])
    it.wait_moved(200, within=10)
    assert not it.outbox.errors() and it.outbox.waiting() >= 48
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_delete("full")
        connection.channel().queue_bind(bench.queue, "leveret.in", "#")
    it.wait_moved(200 + it.outbox.waiting(), within=20)


def test_kept_rows_are_marked_and_deleted_when_their_time_is_over(relayed):
    it = relayed(keep="7d")
    relay = it.start()
    it.outbox.insert([(f"kept{n}", TYPE, order_data(n)) for n in range(100)])
    it.wait_moved(100)
    wait_until(lambda: it.outbox.count("sent_at IS NOT NULL") == 100, what="marked")
    it.postgres.sql("UPDATE leveret_outbox SET sent_at = now() - interval '8 days' WHERE id < 'kept5'")
    old = it.outbox.count("sent_at < now() - interval '7 days'")
    wait_until(lambda: it.outbox.count() == 100 - old and old > 0, within=20, what="deleted")
    assert relay.stop() == 0
    assert it.bench.depth(it.bench.queue) == 100


def test_a_table_with_a_schema_and_a_name_of_its_own(postgres, relayed):
    postgres.sql("CREATE SCHEMA IF NOT EXISTS shop")
    it = relayed(table="shop.outbox_2", poll="1h")
    it.start()
    it.outbox.insert([("a", TYPE, order_data(1))])
    it.wait_moved(1)
    it.outbox.insert([("b", TYPE, order_data(2))])  # told, for the next look is an hour away
    it.wait_moved(2)


def test_without_the_trigger_rows_are_found_by_polling(relayed):
    it = relayed(poll="200ms")
    it.postgres.sql("DROP TRIGGER leveret_outbox_notify ON leveret_outbox")
    it.start()
    it.outbox.insert([("a", TYPE, order_data(1))])
    it.wait_moved(1, within=5)


def test_a_locked_table_and_a_lost_database_are_told_and_healed(bench, relayed):
    it = relayed()
    relay = it.start()
    lock = it.postgres.connect()
    lock.autocommit = False
    lock.cursor().execute("LOCK TABLE leveret_outbox IN ACCESS EXCLUSIVE MODE")
    relay.wait_not_ready(within=20)
    assert "PostgreSQL cannot be used" in relay.get("/readyz?verbose")[1]
    lock.rollback()
    lock.close()
    relay.wait_ready()
    it.postgres.restart()
    it.outbox.insert([("after", TYPE, order_data(1))])
    it.wait_moved(1)
    it.postgres.sql("ALTER TABLE leveret_outbox RENAME TO elsewhere")
    it.postgres.restart()
    relay.wait_not_ready(within=20)
    assert wait_until(lambda: [e for e in relay.logged(event="postgres_down") if "relay init" in e["msg"]], what="the remedy in the log")
    it.postgres.sql("ALTER TABLE elsewhere RENAME TO leveret_outbox")
    relay.wait_ready()


def test_ready_metrics_and_status_say_what_waits(bench, relayed):
    it = relayed()
    relay = it.start()
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().exchange_delete("leveret.in")
    it.outbox.insert([(f"waits{n}", TYPE, order_data(n)) for n in range(20)])
    wait_until(lambda: relay.metric("leveret_outbox_waiting_rows") == 20, what="the metric")
    assert relay.metric("leveret_outbox_oldest_seconds") >= 0
    assert wait_until(lambda: "20 rows wait" in relay.get("/readyz?verbose")[1], what="readyz")
    assert relay.status()["waiting"] == 20 and relay.status()["postgres"]["up"] is True
    assert "outbox: 20 rows wait, the first for" in it.leveret.run("top").stdout
    assert it.leveret.run("topology", "apply").returncode == 0
    it.wait_moved(20)
    wait_until(lambda: relay.metric("leveret_outbox_waiting_rows") == 0, what="the metric is 0")


def test_it_ends_in_order_while_it_moves(relayed):
    it = relayed()
    it.outbox.insert([(f"row{n}", TYPE, order_data(n)) for n in range(20000)])
    relay = it.start()
    wait_until(lambda: it.bench.depth(it.bench.queue) > 1000, what="it moves")
    assert relay.stop() == 0
    moved = it.bench.depth(it.bench.queue)
    assert moved + it.outbox.waiting() == 20000, "what it had in hand was confirmed and is deleted"


def test_init_may_be_run_again_and_check_looks_at_the_table(relayed):
    it = relayed()
    again = it.leveret.run("relay", "init")
    it.postgres.sql(again.stdout)
    assert json.loads(it.leveret.run("relay", "init", "-o", "json").stdout)["sql"] == again.stdout
    rows = {row["service"]: row for row in map(json.loads, it.leveret.run("check", "-o", "json").stdout.splitlines())}
    assert rows["postgres"]["state"] == "ok" and "leveret_outbox is in place" in rows["postgres"]["detail"]
    it.postgres.sql("DROP TABLE leveret_outbox")
    rows = {row["service"]: row for row in map(json.loads, it.leveret.run("check", "-o", "json").stdout.splitlines())}
    assert rows["postgres"]["state"] == "failed" and "relay init" in rows["postgres"]["detail"]
    wrong = it.leveret.run("check", "--offline", "--set", "relay.table=Out\"box", "--set", "relay.url=postgresql://u@h/db?nonsense=1")
    assert wrong.returncode == 78 and "relay.table" in wrong.stderr and "relay.url" in wrong.stderr, wrong
