"""A mail service that takes so many mails a second and answers 429 beyond it."""
import http.server
import json
import threading
import time

import pytest

from harness.ports import free_port
from harness.publish import order
from harness.wait import wait_until


class Limited:
    """Takes `rate` requests in each second of its clock. `tells`: each answer says how many are left, and until when."""

    def __init__(self, rate, tells):
        self.rate, self.tells, self.port = rate, tells, free_port()
        self.lock, self.second, self.used = threading.Lock(), 0, 0
        self.requests, self.taken = 0, []

    def answer(self):
        with self.lock:
            now = time.time()
            if int(now) != self.second:
                self.second, self.used = int(now), 0
            self.requests += 1
            self.used += 1
            taken = self.used <= self.rate
            if taken:
                self.taken.append(now)
            return taken, {"ratelimit-remaining": max(0, self.rate - self.used), "ratelimit-reset": 1} if self.tells else {}

    def __enter__(self):
        limited = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                taken, headers = limited.answer()
                body = json.dumps({"id": f"m{len(limited.taken)}"} if taken else {"name": "rate_limit_exceeded", "message": "Too many requests"}).encode()
                self.send_response(200 if taken else 429)
                for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("tells", [True, False])
def test_the_rate_that_a_service_takes_is_found(bench, tells):
    """Without a pace: three to five requests a mail, at half of the rate."""
    mails, rate = 240, 20
    with Limited(rate, tells) as service:
        worker = bench.worker(mail={"http": {"url": f"http://127.0.0.1:{service.port}", "connections": 64}})
        bench.publish_many([order(n) for n in range(1, mails + 1)])
        wait_until(lambda: len(service.taken) >= mails, within=60, what=lambda: f"{len(service.taken)} taken")
        bench.wait_completed(mails)
        took = service.taken[-1] - service.taken[0]
        print(f"{service.requests / mails:.2f} requests a mail, {mails / rate / took:.0%} of the rate")
        assert service.requests < 1.2 * mails
        assert took < mails / rate / 0.6
        assert not worker.logged(event="breaker_open") and all(int(job["attempt"]) == 0 for job in bench.redis.jobs().values())
