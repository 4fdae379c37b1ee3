"""Redis dies, hangs, fills up, forgets or lies. Nothing is sent on a guess, and no attempt is burnt for it."""
import json
import socket
import threading
import time

import pytest

from harness import canary
from harness.fleet import Fleet
from harness.ports import free_port
from harness.proxy import Proxy
from harness.publish import order
from harness.redis import Redis
from harness.wait import wait_until


def load(bench, count, delay_ms=10, **changes):
    """So many orders, and workers that are in the middle of them."""
    fleet = Fleet(bench, 1, bench.config(**changes))
    bench.sink.mode("healthy", delay_ms=delay_ms)
    bench.publish_many([order(n) for n in range(1, count + 1)])
    wait_until(lambda: bench.sink.count() >= count // 10, within=30, what=lambda: bench.sink.stats())
    return fleet, fleet.workers[0]


def all_done(bench, fleet, count, within=60):
    bench.wait_completed(count, within=within)
    fleet.check_alive()
    burnt = {id: job for id, job in bench.redis.jobs().items() if job["attempt"] != "0"}
    assert not burnt, f"Redis' faults burn no attempt: {burnt}"
    explained, by_window = fleet.windows.explained()
    account = bench.account().check(explained=explained)
    print(f"\n{account}, explained {dict(by_window)}")
    return account


def back_again(bench, worker, harm, heal):
    """Harm is noticed, consuming pauses, nothing dies; after it is healed the worker consumes by itself."""
    harm()
    try:
        worker.wait_not_ready()
        assert worker.get("/livez")[0] == 200
    finally:
        heal()
    worker.wait_ready()


def test_redis_that_is_killed_and_comes_back_loses_nothing_and_repeats_no_mail(bench):
    fleet, worker = load(bench, 1000)
    back_again(bench, worker, bench.redis.kill, bench.redis.start)
    assert all_done(bench, fleet, 1000).mails == 1000


@pytest.mark.faults
def test_redis_that_is_killed_ten_times_under_load_loses_nothing_and_repeats_no_mail(bench):
    fleet = Fleet(bench, 3)
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, 10001)])
    for death in range(1, 11):
        wait_until(lambda: bench.sink.count() >= death * 800, within=60, what=lambda: bench.sink.stats())
        bench.redis.restart()
    assert all_done(bench, fleet, 10000, within=120).mails == 10000


def test_redis_that_sleeps_for_longer_than_the_time_out_burns_no_attempt(bench):
    fleet, worker = load(bench, 1000, redis={"timeout": "500ms"})
    back_again(bench, worker, bench.redis.freeze, bench.redis.thaw)
    assert all_done(bench, fleet, 1000).mails == 1000


def test_a_mail_that_redis_has_not_recorded_is_not_acknowledged(bench):
    worker = bench.worker(redis={"timeout": "1500ms"})
    bench.sink.mode("healthy", delay_ms=500)
    message = bench.publish(order(1))
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="a mail under way")
    bench.redis.freeze()
    try:
        wait_until(lambda: worker.logged(event="redis_down"), what="no answer to what was to be recorded")
        assert bench.sink.count() == 1
        assert bench.total(bench.queue) == 1, "acknowledged without a record"
    finally:
        bench.redis.thaw()
    bench.wait_state(message, "completed")
    bench.wait_empty()
    assert bench.sink.count() == 1


def test_no_send_begins_while_redis_is_known_to_be_down(bench):
    """What waits for a place waits on: that it was sent could not be recorded."""
    fleet = Fleet(bench, 1, bench.config(redis={"timeout": "500ms"}, mail={"http": {"connections": 4}}))
    worker = fleet.workers[0]
    bench.sink.mode("healthy", delay_ms=200)
    bench.publish_many([order(n) for n in range(1, 201)])
    wait_until(lambda: bench.sink.count() >= 12, what=lambda: bench.sink.stats())
    bench.redis.freeze()
    try:
        wait_until(lambda: worker.logged(event="redis_down"), what="Redis is known to be down")
        before = bench.sink.stats()["attempts"]
        wait_until(lambda: worker.status()["sending"] == 0, what="what was under way ends")
        assert bench.sink.stats()["attempts"] <= before + 4, "sent on though it could not be recorded"
    finally:
        bench.redis.thaw()
    assert all_done(bench, fleet, 200).mails == 200


def test_redis_that_is_full_stops_the_work_and_no_more(bench):
    fleet, worker = load(bench, 600)
    back_again(bench, worker, lambda: bench.redis.set("maxmemory", "1mb"), lambda: bench.redis.set("maxmemory", "0"))
    assert all_done(bench, fleet, 600).mails == 600


def test_redis_that_became_a_replica_stops_the_work_and_no_more(bench):
    fleet, worker = load(bench, 600)
    # Of a master that cannot be reached, so that nothing is copied from it.
    client = bench.redis.client
    back_again(bench, worker, lambda: client.replicaof("127.0.0.1", free_port()), lambda: client.replicaof("NO", "ONE"))
    assert all_done(bench, fleet, 600).mails == 600


def test_redis_that_lacks_its_replicas_stops_the_work_and_no_more(bench):
    fleet, worker = load(bench, 600)
    back_again(bench, worker, lambda: bench.redis.set("min-replicas-to-write", "1"),
               lambda: bench.redis.set("min-replicas-to-write", "0"))
    assert all_done(bench, fleet, 600).mails == 600


def test_redis_that_forgets_the_scripts_is_given_them_again(bench):
    fleet, worker = load(bench, 600)
    bench.redis.client.script_flush()
    assert all_done(bench, fleet, 600).mails == 600


def test_a_connection_that_redis_closes_is_made_again(bench):
    fleet, worker = load(bench, 600)
    for _ in range(3):
        before = bench.sink.count()
        bench.redis.client.client_kill_filter(_type="normal", skipme=True)
        wait_until(lambda: bench.sink.count() >= min(600, before + 50), within=20, what="it goes on")
    assert all_done(bench, fleet, 600).mails == 600


def test_redis_that_wants_a_password_all_at_once_is_waited_for(bench):
    fleet, worker = load(bench, 600)

    def lock():
        bench.redis.set("requirepass", "secret-of-redis")
        bench.redis.client.client_kill_filter(_type="normal", skipme=True)

    back_again(bench, worker, lock, lambda: bench.redis.set("requirepass", canary.REDIS_PASSWORD))
    assert all_done(bench, fleet, 600).mails == 600


def test_a_job_whose_key_holds_something_else_is_dead_lettered_and_the_key_left_alone(bench):
    bench.worker()
    message = order(1)
    bench.redis.client.set(f"leveret:job:{{{message.id}}}", "not a hash")
    bench.publish(message)
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id and dead.reason == "id_conflict"
    assert bench.redis.client.get(f"leveret:job:{{{message.id}}}") == "not a hash"
    assert bench.sink.count() == 0
    later = bench.publish(order(2))
    bench.wait_state(later, "completed")


def test_a_dead_letter_whose_index_holds_something_else_is_dead_lettered_all_the_same(bench):
    """Also one without an id, whose only record is the index."""
    worker = bench.worker()
    bench.redis.client.set(f"leveret:dead:{bench.queue}", "not a sorted set")
    bench.publish(order(1, id=None))
    bench.wait_empty()
    assert [dead.reason for dead in bench.dead_letters(1)] == ["missing_id"]
    assert bench.redis.client.get(f"leveret:dead:{bench.queue}") == "not a sorted set"
    assert not worker.logged(event="redis_down")
    later = bench.publish(order(2))
    bench.wait_state(later, "completed")


def test_a_dead_letter_without_an_id_waits_for_redis_that_is_full(bench):
    worker = bench.worker()
    bench.redis.set("maxmemory", 1)
    bench.publish(order(1, id=None))
    wait_until(lambda: worker.logged(event="redis_down"), what="Redis is given up for the time")
    bench.redis.set("maxmemory", 0)
    bench.wait_empty()
    assert len(bench.redis.dead(bench.queue)) == 1, "the index has it"
    assert {dead.reason for dead in bench.dead_letters()} == {"missing_id"}


def test_redis_that_forgets_everything_costs_duplicates_at_most_and_no_message(bench):
    """Window C. What is in work goes on and makes its record again; only copies of what was done can go twice."""
    fleet = Fleet(bench, 2)
    bench.sink.mode("healthy", delay_ms=10)
    messages = [order(n) for n in range(1, 1001)]
    bench.publish_many(messages)
    wait_until(lambda: bench.sink.count() >= 300, within=30, what=lambda: bench.sink.stats())
    with fleet.windows.span("C"):
        bench.redis.client.flushall()
        bench.publish_many(messages[:20])  # their records are gone: window C, booked
        wait_until(lambda: bench.sink.count() >= 1000 and not bench.total(bench.queue), within=60,
                   what=lambda: bench.sink.stats())
    bench.wait_empty()
    fleet.check_alive()
    mails = bench.sink.mails()
    keys = {mail["key"] for mail in mails}
    print(f"\n{len(mails) - len(keys)} duplicates of 20 that were possible, {len(keys)} of 1000 jobs mailed")
    assert len(keys) == 1000, "a record that is lost never costs a message"
    assert len(mails) - len(keys) <= 20
    assert bench.depth(bench.dlq) == 0 and bench.total(bench.queue) == 0


@pytest.mark.parametrize("policy", ["volatile-lru", "allkeys-random"])
def test_redis_that_may_evict_records_is_refused_at_the_start(bench, policy):
    bench.redis.set("maxmemory-policy", policy)
    bench.redis.set("maxmemory", "100mb")
    try:
        worker = bench.leveret().start(ready=False)
        assert worker.wait(within=20) == 78
        assert any(policy in entry.get("error", "") for entry in worker.logged(event="cannot_start"))
    finally:
        bench.redis.set("maxmemory", "0")
        bench.redis.set("maxmemory-policy", "noeviction")


def test_redis_that_may_evict_records_from_now_on_is_left_until_it_may_not(bench):
    worker = bench.worker()
    bench.redis.set("maxmemory", "100mb")
    bench.redis.set("maxmemory-policy", "allkeys-lru")
    try:
        wait_until(lambda: any("allkeys-lru" in entry.get("error", "") for entry in worker.logged(event="redis_down")), within=30,
                   what="the policy is told")
        bench.publish(order(1))
        assert not worker.is_ready() and bench.sink.count() == 0
    finally:
        bench.redis.set("maxmemory-policy", "noeviction")
        bench.redis.set("maxmemory", "0")
    bench.wait_completed(1)


def test_redis_that_wants_a_password_at_the_start_ends_it_with_78(bench):
    with Redis() as locked:
        locked.set("requirepass", "secret-of-redis")
        for url in (f"redis://127.0.0.1:{locked.port}/0", f"redis://:wrong-password@127.0.0.1:{locked.port}/0"):
            worker = bench.leveret(redis={"url": url}).start(ready=False)
            assert worker.wait(within=20) == 78
            assert "wrong-password" not in worker.process.stderr()


# ---- answers that are none

GARBAGE = {
    "words": b"hello there\r\n",
    "bulk of 2 GiB": b"$2147483647\r\nx",
    "negative": b"*-7\r\n",
    "deep": b"*1\r\n" * 10000,
    "huge array": b"*10000000\r\n",
    "binary": bytes(range(256)) * 100,
    "endless line": b"+" + b"x" * 1000000,
    "nothing": b"",
}


class Liar:
    """Passes everything on to Redis until told to lie: then every answer is `garbage`."""

    def __init__(self, port, garbage):
        self.garbage, self.lying, self._target, self._closed = garbage, False, port, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for source, sink, down in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, down), daemon=True).start()

    def _carry(self, source, sink, down):
        try:
            while data := source.recv(65536):
                if self.lying and down:
                    sink.sendall(self.garbage)
                    if not self.garbage:
                        break
                else:
                    sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._closed = True
        self._listener.close()


@pytest.mark.parametrize("name", [name if name in ("words", "bulk of 2 GiB", "deep")
                                  else pytest.param(name, marks=pytest.mark.faults) for name in GARBAGE])
def test_answers_that_are_no_answers_end_the_connection_and_nothing_else(bench, name):
    liar = Liar(bench.redis.port, GARBAGE[name])
    try:
        fleet, worker = load(bench, 150, redis={"url": bench.redis.url_at(liar.port), "timeout": "500ms"})
        liar.lying = True
        worker.wait_not_ready()
        liar.lying = False
        worker.wait_ready()
        all_done(bench, fleet, 150)
        rss_kib = int(next(line.split()[1] for line in open(f"/proc/{worker.pid}/status") if line.startswith("VmRSS")))
        assert rss_kib < 600_000, "sanitizers included, an announced size must not be believed"
    finally:
        liar.close()


@pytest.mark.parametrize("answer", [b"$-1\r\n", b":1\r\n", b"*10000000\r\n"], ids=["nil", "number", "huge array"])
def test_a_server_that_is_no_redis_is_told_of_when_it_is_connected_to(bench, answer):
    liar = Liar(bench.redis.port, answer)
    liar.lying = True
    try:
        checked = bench.leveret(redis={"url": bench.redis.url_at(liar.port)}, topology="off").run("check", "-o", "json")
        assert checked.returncode == 1, checked
        (redis,) = [json.loads(line) for line in checked.stdout.splitlines() if '"redis"' in line]
        assert redis["state"] == "failed" and redis["detail"].startswith("redis: "), redis
    finally:
        liar.close()


def test_a_black_hole_before_redis_is_noticed_by_its_time_out(bench):
    with Proxy(bench.redis.port) as proxy:
        fleet, worker = load(bench, 600, redis={"url": bench.redis.url_at(proxy.port), "timeout": "500ms"})
        proxy.blackhole = True
        began = time.monotonic()
        worker.wait_not_ready(within=3)
        print(f"\nnoticed after {time.monotonic() - began:.1f} s at a time-out of 0.5 s")
        proxy.pass_all()
        proxy.cut()
        worker.wait_ready()
        all_done(bench, fleet, 600)
