"""A mail service that takes everything and notes when; told so, it asks one client for a pause."""
import http.server
import json
import threading
import time

from ..ports import free_port


class Counting:
    def __init__(self):
        self.port, self.lock = free_port(), threading.Lock()
        self.arrived = []  # (time, key of the client, body)
        self.pause_s = 0  # of the next answer, which is a 429
        self.paused_at = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def take(self, key, body):
        """The pause to ask for, or None."""
        with self.lock:
            now = time.monotonic()
            if self.pause_s:
                pause, self.pause_s, self.paused_at = self.pause_s, 0, now
                return pause
            self.arrived.append((now, key, body))
            return None

    def times(self, key=None):
        with self.lock:
            return [at for at, client, _ in self.arrived if key in (None, client)]

    def __enter__(self):
        counting = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                pause = counting.take(self.headers.get("Authorization", ""), body)
                answer = json.dumps({"name": "rate_limit_exceeded", "message": "Too many requests"} if pause
                                    else {"id": f"m{len(counting.arrived)}"}).encode()
                self.send_response(429 if pause else 200)
                if pause:
                    self.send_header("Retry-After", str(pause))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def by_second(times, start=None):
    """How many in each second since `start`, the last and broken one left out."""
    start = times[0] if start is None else start
    counts = [0] * max(0, int(times[-1] - start))
    for at in times:
        if 0 <= at - start < len(counts):
            counts[int(at - start)] += 1
    return counts
