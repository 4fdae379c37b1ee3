"""serve under a minute of requests that nobody would write: whoever asks as he should is answered within a second."""
import random
import socket
import threading
import time

import pytest

from harness.api import TOKENS
from harness.publish import order
from harness.worker import crash_binary, sanitizer_reports

pytestmark = pytest.mark.faults
FUZZ_S, HEALTHY_S, GROWTH_KIB = 60, 1.0, 32 << 10
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"get", b""]
TARGETS = [b"/v1/jobs", b"/v1/jobs/", b"/v1/jobs/x?wait=1s", b"/v1/dead", b"/v1/dead/leveret.work", b"/v1/dead/leveret.work/groups", b"/v1/queues",
           b"/v1/types", b"/v1/types/order.created.v1/plan", b"/v1/messages", b"/v1/workers", b"/v1/openapi.json", b"/v1/events", b"/", b"/livez",
           b"/index.html", b"*", b"http://x/v1/jobs", b"//", b"/../../etc/passwd", b"/%2e%2e/%00", b"?"]
HEADERS = [b"Host: localhost", b"Content-Type: application/json", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close",
           b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 10", b"Content-Length: -1", b"Content-Length: 18446744073709551616",
           b"Content-Length: 4, 5", b"Range: bytes=0-", b"Cookie: session=" + b"x" * 300, b"Accept-Encoding: gzip", b"X: " + b"y" * 9000,
           b"Origin: http://evil.example", b"Authorization: Bearer " + TOKENS["read"].encode(), b"Authorization: Bearer " + TOKENS["publish"].encode(),
           b"Authorization: Basic eDp5", b"If-None-Match: *", b" folded: line", b"no colon", b": no name", b"Bad\x00Name: x"]
BODIES = [b"", b"{}", b"[", b'{"type": "email.send.v1", "data": {}}', b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"\x00" * 100, b"[" * 5000,
          b'{"type": "order.created.v1", "id": "\xff", "data": null}']


def spoiled(chance, data):
    """The same with a few bytes changed, taken away or doubled."""
    data = bytearray(data)
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        at = chance.randrange(len(data))
        how = chance.randrange(3)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            del data[at:at + chance.randrange(1, 20)]
        else:
            data[at:at] = data[at:at + chance.randrange(1, 50)]
        if not data:
            return b"\r\n"
    return bytes(data)


def nonsense(chance):
    head = chance.choice(METHODS) + b" " + chance.choice(TARGETS)
    if chance.random() < 0.2:
        head += chance.choice([b"?", b"&", b"/"]) + chance.randbytes(chance.randrange(1, 40))
    head += chance.choice([b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0", b" HTTP/9.9", b""])
    lines = chance.sample(HEADERS, chance.randrange(0, 7))
    return spoiled(chance, b"\r\n".join([head, *lines]) + b"\r\n\r\n" + chance.choice(BODIES) * chance.choice([1, 1, 1, 50]))


class Fuzzer(threading.Thread):
    """One who asks nonsense, one connection after the other, sometimes several requests on one; some hang up, some never end."""

    def __init__(self, port, seed, until):
        super().__init__()
        self.port, self.chance, self.until = port, random.Random(seed), until
        self.sent, self.answers, self.left = 0, {}, []

    def run(self):
        while time.monotonic() < self.until:
            try:
                self.ask(socket.create_connection(("127.0.0.1", self.port), timeout=5))
            except OSError:  # it has hung up on us, as it may
                pass
        for one in self.left:
            one.close()

    def ask(self, connection):
        how = self.chance.random()
        connection.settimeout(0.3)
        for _ in range(self.chance.choice([1, 1, 1, 4])):
            connection.sendall(nonsense(self.chance))
            self.sent += 1
        if how < 0.02 and len(self.left) < 20:
            self.left.append(connection)  # it stays, and says no more
            return
        with connection:
            if how > 0.2:
                answer = connection.recv(4096)
                if answer.startswith(b"HTTP/1.1 "):
                    self.answers.setdefault(answer[9:12], answer[:300])


def resident_kib(api):
    with open(f"/proc/{api.process.pid}/status", encoding="ascii") as status:
        return int(status.read().split("VmRSS:")[1].split()[0])


def test_a_minute_of_nonsense_disturbs_nobody(bench, serve):
    worker = bench.worker()
    api = serve(bench.leveret(name="serve", program=crash_binary() if crash_binary().exists() else None))
    for _ in range(20):
        assert api.get("/v1/types").status == 200
    before, seed = resident_kib(api), random.SystemRandom().randint(1, 10**6)
    until = time.monotonic() + FUZZ_S
    fuzzers = [Fuzzer(api.port, seed + n, until) for n in range(6)]
    for fuzzer in fuzzers:
        fuzzer.start()
    took, number = [], 0
    while time.monotonic() < until:
        for path in ("/v1/types", "/v1/jobs", "/v1/queues"):
            began = time.monotonic()
            assert api.get(path).status == 200, (seed, path)
            took.append((time.monotonic() - began, path))
        number += 1
        bench.wait_state(bench.publish(order(number)), "completed")
    for fuzzer in fuzzers:
        fuzzer.join()
    grown = resident_kib(api) - before
    answers = {code: text for fuzzer in fuzzers for code, text in fuzzer.answers.items()}
    took.sort()
    print(f"\nseed {seed}: {sum(fuzzer.sent for fuzzer in fuzzers)} requests, answers {sorted(answers)}; {len(took)} healthy ones beside them, "
          f"median {took[len(took) // 2][0] * 1000:.0f} ms, longest {took[-1][0] * 1000:.0f} ms; {number} jobs done; {grown} KiB grown")
    assert sum(fuzzer.sent for fuzzer in fuzzers) > 1000
    assert took[-1][0] < HEALTHY_S, took[-1]
    assert not {b"500", b"502", b"504"} & set(answers), answers
    assert grown < GROWTH_KIB and api.process.is_alive() and worker.is_ready()
    assert not sanitizer_reports(bench.directory / "serve")
