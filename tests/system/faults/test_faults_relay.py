"""The outbox under faults: relays die anywhere, PostgreSQL and the broker go away, and each row is one job all the same."""
import collections
import json
import os
import pathlib
import random
import re
import signal
import threading
import time

import psycopg2
import pytest

from harness.servers.postgres import Outbox, Postgres
from harness.wait import wait_until
from harness.worker import crash_binary

TYPE = "order.created.v1"
RELAY = pathlib.Path(__file__).resolve().parents[3] / "worker" / "relay"
POINTS = ["relay_fetched", "relay_confirmed", "relay_settled"]


def row(number):
    return (f"row/{number}", TYPE, json.dumps({"order_id": number + 1, "customer_email": f"row{number}@example.com", "title": "Row"}))


class Relays:
    """So many relays, each started again when it dies."""

    def __init__(self, bench, postgres, count, program=None, **relay):
        self.bench, self.postgres = bench, postgres
        self.leveret = bench.leveret(relay={"url": postgres.url, "poll": "200ms", **relay}, program=program)
        assert self.leveret.run("topology", "apply").returncode == 0
        self.outbox = Outbox(postgres, self.leveret)
        self.running = [self.start() for _ in range(count)]
        self.deaths = 0

    def start(self, **options):
        return self.leveret.start(command="relay", ready=False, **options)

    def kill_one(self, chosen):
        self.running[chosen].kill()
        self.running[chosen] = self.start()
        self.deaths += 1

    def ids(self):
        """How often each id is in the work queue, taken out of it."""
        ids = collections.Counter()
        with self.bench.broker.connect(self.bench.vhost) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=1000)
            for method, properties, _ in channel.consume(self.bench.queue, inactivity_timeout=1):
                if method is None:
                    break
                ids[properties.message_id] += 1
                if len(ids) % 500 == 0:
                    channel.basic_ack(method.delivery_tag, multiple=True)
            channel.cancel()
        return ids


@pytest.fixture
def own_postgres():
    """One that may be killed."""
    with Postgres() as server:
        yield server


def insert_until(postgres, outbox, numbers, done):
    """Inserts through restarts; what was not committed is inserted again."""
    numbers, connection = list(numbers), None
    while numbers:
        try:
            connection = connection or postgres.connect()
            outbox.insert([row(n) for n in numbers[:200]], connection)
            del numbers[:200]
        except psycopg2.Error:  # a commit whose answer was lost makes a second row: the id is the same
            connection = None
            time.sleep(0.1)  # polls: the server is away
    done.set()


def survive(bench, postgres, count, within, kills, seed):
    """`count` rows under a nemesis; then a worker makes each of them one job."""
    luck = random.Random(seed)
    relays = Relays(bench, postgres, 2)
    done = threading.Event()
    writer = threading.Thread(target=insert_until, args=(postgres, relays.outbox, range(count), done))
    began = time.monotonic()
    writer.start()
    worker = relays.leveret.start(ready=False)
    harms = [lambda: relays.kill_one(luck.randrange(2))] * kills
    harms += [lambda: postgres.restart(), lambda: postgres.restart(how=None), lambda: (bench.broker.kill(), bench.broker.boot())]
    luck.shuffle(harms)
    for harm in harms:
        seen, until = len(relays.running), time.monotonic() + luck.uniform(0.05, 1.0)
        wait_until(lambda: time.monotonic() >= until, what="the next harm")
        harm()
        assert seen == 2
    writer.join(within)
    assert done.is_set()
    wait_until(lambda: relays.outbox.count() == 0, within=within, every=0.2, what=lambda: f"{relays.outbox.waiting()} rows wait")
    took = time.monotonic() - began
    wait_until(lambda: sum(job.get("state") == "completed" for job in bench.redis.jobs().values()) >= count, within=within, every=1,
               what=lambda: collections.Counter(job.get("state") for job in bench.redis.jobs().values()))
    bench.wait_empty(within=60)
    jobs = bench.redis.jobs()
    assert set(jobs) == {row(n)[0] for n in range(count)}, "each row is one job, and there is no other"
    mails = collections.Counter(mail["key"] for mail in bench.sink.mails())
    assert len(mails) == count and set(mails.values()) == {1}, collections.Counter(mails.values())
    for relay in relays.running:
        assert relay.stop() == 0
    worker.stop()
    print(f"\nseed {seed}: {count} rows in {took:.0f} s, {relays.deaths} relays killed, PostgreSQL restarted and killed, the broker killed: "
          f"lost 0, jobs twice 0, mails twice 0")


@pytest.mark.faults
def test_each_row_is_one_job_while_relays_database_and_broker_die(bench, own_postgres):
    survive(bench, own_postgres, 3000, within=120, kills=4, seed=random.SystemRandom().randint(1, 10**6))


@pytest.mark.faults
def test_a_hundred_thousand_rows_are_as_many_jobs(bench, own_postgres):
    """LEVERET_RELAY_ROWS: fewer, where others work on the machine."""
    survive(bench, own_postgres, int(os.environ.get("LEVERET_RELAY_ROWS") or 100000), within=900, kills=20, seed=random.SystemRandom().randint(1, 10**6))


def test_the_points_are_those_of_the_code():
    assert {name for path in RELAY.glob("*.c") for name in re.findall(r'CRASHPOINT\("(\w+)"\)', path.read_text())} == set(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_a_relay_that_dies_at_a_point_loses_nothing_and_another_goes_on(bench, postgres, point):
    if not crash_binary().exists():
        pytest.skip("no build with crash points: cmake --build --preset crash")
    relays = Relays(bench, postgres, 0, program=crash_binary(), batch=100)
    relays.outbox.insert([row(n) for n in range(1000)])
    dying = relays.start(env={"LEVERET_CRASHPOINT": f"{point}:3"})
    assert dying.wait(within=60) == -signal.SIGKILL
    relay = relays.start()
    wait_until(lambda: relays.outbox.count() == 0, within=60, what=lambda: f"{relays.outbox.waiting()} rows wait")
    assert relay.stop() == 0
    ids = relays.ids()
    assert set(ids) == {row(n)[0] for n in range(1000)}
    again = sum(ids.values()) - 1000
    assert again == (100 if point == "relay_confirmed" else 0), f"{again} published twice, with the same id"


def test_a_frozen_relay_and_a_long_transaction_hold_nobody_up(bench, postgres):
    relays = Relays(bench, postgres, 2)
    old = postgres.connect()
    old.autocommit = False
    old.cursor().execute("SELECT txid_current()")  # deleted rows stay while it is open
    relays.outbox.insert([row(n) for n in range(5000)])
    wait_until(lambda: relays.outbox.count() == 0, within=60, what="moved")
    relays.running[0].freeze()
    relays.outbox.insert([row(n) for n in range(5000, 10000)])
    wait_until(lambda: relays.outbox.count() == 0, within=60, what="moved by the other")
    relays.running[0].thaw()
    old.rollback()
    old.close()
    assert set(relays.ids()) == {row(n)[0] for n in range(10000)}


def test_a_full_disk_and_a_crash_of_the_database_are_waited_out(bench, own_postgres):
    """A write that PostgreSQL refuses, as on a full disk: the rows stay until it takes it."""
    relays = Relays(bench, own_postgres, 1)
    own_postgres.sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: "
                     "No space left on device' USING ERRCODE = '53100'; END $$")
    own_postgres.sql("CREATE TRIGGER full_disk BEFORE DELETE ON leveret_outbox FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
    relays.outbox.insert([row(n) for n in range(100)])
    relay = relays.running[0]
    wait_until(lambda: any("No space left" in e.get("error", "") for e in relay.logged(event="postgres_down")), within=20, what="told")
    own_postgres.restart(how=None)
    own_postgres.sql("DROP TRIGGER full_disk ON leveret_outbox")
    wait_until(lambda: relays.outbox.count() == 0, within=60, what="moved")
    assert set(relays.ids()) == {row(n)[0] for n in range(100)}
