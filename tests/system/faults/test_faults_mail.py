"""The mail service is down, refuses, breaks off, dawdles or lies. An outage costs time; not attempts, not messages."""
import collections
import gzip
import itertools
import re
import socket
import threading
import time

import pytest

from harness.fleet import Fleet
from harness.publish import email, order
from harness.wait import wait_until


def seconds(number):
    until = time.monotonic() + number
    wait_until(lambda: time.monotonic() >= until, within=number + 5)


def outage(bench, mode, backlog, lasts_s, workers, connections=16, within=120):
    """A service that is down while `backlog` messages wait, and then works again. Checks what it may cost."""
    bench.worker().stop()  # the queues exist
    bench.publish_many([order(n) for n in range(1, backlog + 1)])
    bench.sink.mode(mode)
    fleet = Fleet(bench, 0, bench.config(mail={"http": {"connections": connections}}))
    fleet.workers = [fleet.leveret.start(named=True, ready=False) for _ in range(workers)]
    wait_until(lambda: bench.sink.attempts(), what="the first try")
    seconds(lasts_s)
    tried = bench.sink.attempts()
    bench.sink.mode("healthy")
    bench.wait_completed(backlog, within=within)
    jobs = bench.redis.jobs().values()
    burnt = [int(job["attempt"]) for job in jobs]
    print(f"\n{mode} for {lasts_s} s, {backlog} waiting, {workers} workers: {len(tried)} tries, {sum(burnt)} attempts burnt, "
          f"{sum(int(job['deferrals']) for job in jobs)} deferrals")
    assert max(burnt) <= 1, "no job pays twice for one outage"
    assert max(collections.Counter(a["key"] for a in tried).values()) <= 3, "each probe takes another job"
    assert bench.depth(bench.dlq) == 0
    bench.account().check()
    return tried, sum(burnt)


def test_a_service_that_answers_503_costs_at_most_the_failures_of_the_breaker(bench):
    tried, burnt = outage(bench, "503", backlog=500, lasts_s=4, workers=1)
    assert burnt <= 5, "breaker.failures; a probe that fails burns nothing"
    # 16 were under way when the fifth failure came; then one probe at a time, after 1 s and then every 2 s.
    assert len(tried) <= 16 + 16 + 5


def test_a_service_that_answers_401_costs_no_attempt_and_no_message(bench):
    tried, burnt = outage(bench, "401", backlog=500, lasts_s=3, workers=1)
    assert burnt == 0
    assert len(tried) <= 16 + 5


@pytest.mark.faults
@pytest.mark.parametrize("mode", ["503", "401"])
def test_an_outage_of_five_minutes_with_ten_thousand_messages_waiting(bench, mode):
    tried, burnt = outage(bench, mode, backlog=10000, lasts_s=300, workers=3, within=300)
    assert burnt <= 3 * 5
    assert len(tried) <= 3 * (32 + 300)


def test_probes_go_one_at_a_time(bench):
    """While the service hangs on a probe, nothing else is sent."""
    worker = bench.worker(mail={"timeout": "4s"})
    bench.sink.mode("503")
    bench.publish_many([order(n) for n in range(1, 101)])
    worker.wait_not_ready()
    wait_until(lambda: worker.status()["sending"] == 0, what="the end of what was under way before")
    bench.sink.mode("503", delay_ms=700)

    def probes():
        return [attempt for attempt in bench.sink.attempts() if attempt["delay_ms"]]

    wait_until(lambda: len(probes()) >= 3, within=30, what="three probes")
    for earlier, later in zip(probes(), probes()[1:]):
        assert later["at"] - earlier["at"] >= 0.7
    bench.sink.mode("healthy", delay_ms=0)
    bench.wait_completed(100)


def test_what_was_under_way_when_the_breaker_opened_does_not_close_it_when_it_succeeds_beside_a_probe(bench):
    bench.sink.mode("healthy", delay_ms=4000)
    for n in range(1, 6):
        bench.sink.script({"status": 503, "delay_ms": 1}, to=f"order{n}@example.com")
    queues = [{"name": bench.queue, "bindings": ["order.#"], "retry": {"tiers": ["1s"]}},
              {"name": "leveret.other", "bindings": ["email.#"], "retry": {"tiers": ["1s"]}}]
    worker = bench.worker(queues=queues, mail={"timeout": "10s"})
    bench.publish(email("ada@example.com"))
    wait_until(lambda: bench.sink.attempts(), what="it is under way")
    bench.publish_many([order(n) for n in range(1, 6)])
    wait_until(lambda: worker.logged(event="breaker_open"), what="the fifth failure")
    bench.publish_many([order(n) for n in range(6, 31)])
    wait_until(lambda: len(bench.sink.attempts()) >= 8, within=20, what="a probe, and what comes after it")
    bench.sink.mode("healthy", delay_ms=0)
    begun, *_, probe, after = [attempt["at"] for attempt in bench.sink.attempts()[:8]]
    assert probe - begun < 4, "it begins before what was under way has ended"
    assert after - probe >= 4, "nothing is sent before it has succeeded"
    bench.wait_completed(31)


def test_a_probe_that_was_never_sent_does_not_keep_the_next_one_waiting(bench):
    """The worker falls asleep right before its probe and wakes when the job is another's: it sends nothing, and knows no more."""
    leveret = bench.leveret(bench.config(claim={"lease": "3s"}, amqp={"heartbeat": "1s"},
                                         mail={"timeout": "2s", "breaker": {"failures": 1, "open": "1s", "open_max": "1s"}}))
    leveret.start().stop()
    sleeper = leveret.start(ready=False, env={"LEVERET_CRASHPOINT": "pre_send:2:stop"})
    bench.sink.script(503)
    first = bench.publish(order(1))
    wait_until(lambda: open(f"/proc/{sleeper.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", within=30, what="it sleeps")
    other = leveret.start()
    bench.wait_state(first, "completed")
    assert other.stop() == 0
    sleeper.thaw()
    second = bench.publish(order(2))
    bench.wait_state(second, "completed")
    bench.wait_empty()
    assert len(bench.sink.attempts()) == 3 and sleeper.is_ready()


def test_a_connection_that_breaks_after_the_mail_was_taken_repeats_it_with_the_same_key(bench):
    bench.sink.mode("healthy", dedupe=True)
    worker = bench.worker(mail={"http": {"connections": 1}})
    first = bench.publish(order(1))
    bench.wait_state(first, "completed")  # the connection is kept
    bench.sink.script({"cut": "before", "accept": True})
    second = bench.publish(order(2))
    bench.wait_state(second, "completed")
    bench.wait_empty()
    attempts = [a["key"] for a in bench.sink.attempts()]
    assert len(attempts) == 3 and attempts[1] == attempts[2], "window D: the library or the worker sent it again"
    assert bench.sink.count() == 2, "a service that honours the key shows each mail once"
    assert worker.process.is_alive()


def test_a_parked_type_is_never_sent_again_by_the_library_on_a_dead_connection(bench):
    """Park sends on a fresh connection each time: libcurl repeats only on a reused one."""
    bench.worker(handlers={"email.send.v1": {"on_ambiguous": "park"}}, mail={"http": {"connections": 1}})
    before = bench.sink.stats()["http_connections"]
    first = bench.publish(email("ada@example.com"))
    bench.wait_state(first, "completed")
    bench.sink.script({"cut": "before", "accept": True})
    second = bench.publish(email("bob@example.com"))
    (dead,) = bench.dead_letters(1)
    assert dead.id == second.id and dead.reason == "ambiguous_send"
    assert len(bench.sink.attempts()) == 2
    assert bench.sink.stats()["http_connections"] - before == 2, "a connection each"


def test_a_redirect_is_refused_for_good_and_not_followed(bench):
    bench.worker()
    bench.sink.script({"status": 302, "headers": {"Location": f"{bench.sink.http_url}/elsewhere"}})
    message = bench.publish(order(1))
    wait_until(lambda: bench.state(message) in ("dead", "completed"), what=lambda: bench.job(message))
    assert len(bench.sink.attempts()) == (1 if bench.state(message) == "dead" else 2), "never two requests for one try"
    assert {a["answer"] for a in bench.sink.attempts()} <= {302, 200}


def test_a_slow_service_is_waited_for_and_the_leases_are_renewed(bench):
    """The last job waits for its place for twice its lease, and a second copy of it asks all the while whether it may."""
    worker = bench.worker(claim={"lease": "3s"}, mail={"timeout": "2500ms", "http": {"connections": 1}})
    bench.sink.mode("healthy", delay_ms=1500)
    orders = [order(n) for n in range(1, 6)]
    bench.publish_many([*orders, orders[-1]])
    bench.wait_completed(5, within=40)
    assert bench.sink.count() == 5
    assert worker.metric("leveret_claims_total", answer="busy"), "the second copy asked"
    assert not worker.metric("leveret_claims_total", answer="suspect"), "its lease ran out"
    assert not worker.logged(event="send_failed")
    bench.account().check()


def test_a_job_that_waits_longer_for_its_turn_than_its_type_may_is_put_off_and_pays_no_attempt(bench):
    bench.worker(handlers={"order.created.v1": {"timeout": "1s"}}, mail={"http": {"connections": 1}})
    bench.sink.mode("healthy", delay_ms=1200)
    bench.publish_many([order(n) for n in range(1, 4)])
    bench.wait_completed(3)
    jobs = bench.redis.jobs().values()
    assert {job["attempt"] for job in jobs} == {"0"} and sum(int(job["deferrals"]) for job in jobs) >= 1
    assert bench.sink.count() == 3


def test_a_lease_is_renewed_long_before_it_ends(bench):
    bench.worker(claim={"lease": "3s"}, mail={"timeout": "2500ms", "http": {"connections": 1}})
    bench.sink.mode("healthy", delay_ms=1500)
    messages = [order(n) for n in range(1, 5)]
    bench.publish_many(messages)
    left_ms = []

    def completed():
        jobs = [bench.job(message) for message in messages]
        left_ms.extend(int(job["lease_until_ms"]) - time.time() * 1000 for job in jobs if job.get("owner"))
        return all(job.get("state") == "completed" for job in jobs)

    wait_until(completed, within=40, what="four mails, one after another")
    assert min(left_ms) > 1000, "a third of it is left when two renewals have failed"


# ---- services that do not speak HTTP as they should


class Rogue:
    """Reads what comes of a request and then does `behave(socket, request)`. Counts the requests."""

    def __init__(self, behave):
        self.behave, self.requests, self.closed = behave, 0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.closed:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            if request := peer.recv(65536):
                self.requests += 1
                self.behave(peer, request)
        except OSError:
            pass
        peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True
        self._listener.close()


def endless_body(peer, _request):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        peer.sendall(b"x" * 65536)


def endless_headers(peer, _request):
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def drops(peer, _request):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    while peer.recv(1):
        pass


def no_http(peer, _request):
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def silence(peer, _request):
    while peer.recv(1):
        pass


def drip(peer, _request):
    for byte in b"HTTP/1.1 200 OK\r\n" * 1000:
        peer.sendall(bytes([byte]))
        seconds(0.2)


@pytest.mark.parametrize("behave", [endless_body, endless_headers, drops, no_http, silence, drip],
                         ids=lambda behave: behave.__name__)
def test_an_answer_that_is_none_ends_in_time_and_takes_no_memory(bench, behave):
    with Rogue(behave) as rogue:
        worker = bench.worker(handlers={"order.created.v1": {"on_ambiguous": "park"}},
                              mail={"timeout": "1s", "http": {"url": rogue.url}})
        before = rss_kib(worker)
        messages = [bench.publish(order(n)) for n in range(1, 4)]
        wait_until(lambda: all(bench.state(m) in ("dead", "completed") for m in messages), within=20,
                   what=lambda: [bench.job(m) for m in messages])
        assert rogue.requests == 3, "park: each once"
        assert rss_kib(worker) - before < 100_000
        assert worker.get("/livez")[0] == 200
        reasons = {bench.job(m).get("reason", "completed") for m in messages}
        # A 200 has been said before the endless body: the mail is sent, whatever else comes.
        assert reasons <= {"ambiguous_send", "completed"}, reasons


def answers(*parts):
    """Reads the whole request, says `parts` one after the other, and ends the connection, which HTTP/1.1 would have kept."""
    def behave(peer, request):
        head, _, body = request.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += peer.recv(65536)
        for part in parts:
            peer.sendall(part)
    return behave


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"x"}'
UNUSUAL = {
    "kept and closed": answers(OK),
    "a continue before it": answers(b"HTTP/1.1 100 Continue\r\n\r\n", OK),
    "hints before it": answers(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50 + OK),
    "chunks and a trailer": answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\n{\"id", b"\r\n6\r\n\":\"x\"}\r\n0\r\nX-End: 1\r\n\r\n"),
    "gzip that nobody asked for": answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"id":"x"}')),
    "HTTP/1.0": answers(b'HTTP/1.0 200 OK\r\n\r\n{"id":"x"}'),
    "bare line feeds": answers(OK.replace(b"\r\n", b"\n")),
    "a header of 60 KB": answers(OK.replace(b" OK\r\n", b" OK\r\nX-More: " + b"x" * 60000 + b"\r\n")),
    "a byte at a time": answers(*(bytes([byte]) for byte in OK)),
}


def test_answers_that_are_unusual_and_say_yes_send_each_mail_once(bench):
    kinds, said = itertools.cycle(UNUSUAL.items()), collections.defaultdict(list)

    def behave(peer, request):
        kind, answer = next(kinds)
        said[re.search(rb"(?i)idempotency-key: (\w+)", request)[1]].append(kind)
        answer(peer, request)

    with Rogue(behave) as rogue:
        bench.worker(mail={"http": {"url": rogue.url}})
        bench.publish_many([order(n) for n in range(1, 201)])
        bench.wait_completed(200)
    assert len(said) == 200 and not [kinds for kinds in said.values() if len(kinds) > 1], said


def rss_kib(worker):
    return int(next(line.split()[1] for line in open(f"/proc/{worker.pid}/status") if line.startswith("VmRSS")))
