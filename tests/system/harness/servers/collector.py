"""Collectors of OpenTelemetry: one that nobody here wrote (npm, tests/traces), and one that answers as it is told."""
import collections
import http.server
import json
import subprocess
import threading

from ..npm import installed
from ..wait import wait_until


class Collector:
    """Elastic's mock of a collector; each request is held against the official definitions."""

    def __init__(self):
        self.process = subprocess.Popen(["node", "collector.js"], cwd=installed("traces"), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines, self._changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self._of("port"), what="the collector")
        self.url = f"http://127.0.0.1:{self._of('port')[0]['port']}"

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def _of(self, key):
        return [line for line in list(self.lines) if key in line]

    @property
    def spans(self):
        assert not self._of("fault"), self._of("fault")
        return self._of("spanId")

    @property
    def requests(self):
        return self._of("request")

    def wait(self, count, name=None, within=20):
        """Until so many spans are there, whose names begin so."""
        def there():
            return [span for span in self.spans if span["name"].startswith(name or "")]

        wait_until(lambda: len(there()) >= count, within=within, what=lambda: f"{count} spans {name}: {[s['name'] for s in self.spans]}")
        assert len(there()) == count, [span["name"] for span in there()]
        return sorted(there(), key=lambda span: int(span["startTimeUnixNano"]))

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Scripted:
    """Answers each request with the next of what it was told, the last one for ever: (status, headers, body), or a number of
    seconds to say nothing for."""

    def __init__(self, *answers):
        self.answers = collections.deque(answers)
        self.bodies, self.stopping = [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(json.loads(body))
                answer = outer.answers.popleft() if len(outer.answers) > 1 else outer.answers[0]
                if isinstance(answer, (int, float)):
                    outer.stopping.wait(answer)
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self):
        return [span for body in list(self.bodies) for resource in body["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


TAKEN = (200, {}, "{}")
