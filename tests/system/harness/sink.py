"""The mail sink (tests/sink/mailsink.py) as a child process, and the words to talk to it; a receiver of webhooks beside it."""
import collections
import http.client
import http.server
import json
import pathlib
import shutil
import socket
import tempfile
import threading
import time
import urllib.parse

from .ports import free_port, is_open
from .process import Process
from .wait import wait_until

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "sink" / "mailsink.py"


class Sink:
    def __init__(self, tls=None):
        """`tls`: (certificate file, key file) lets SMTP offer STARTTLS."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leveret-sink-"))
        self.http_port, self.smtp_port, self.control_port = free_port(), free_port(), free_port()
        self.http_url = f"http://127.0.0.1:{self.http_port}"
        self.smtp_url = f"smtp://127.0.0.1:{self.smtp_port}"
        self.ledger_path = self.directory / "mails.jsonl"
        self._tls = tls
        self.process = None

    def start(self):
        words = ["/usr/bin/python3", PROGRAM, "--http-port", self.http_port, "--smtp-port", self.smtp_port,
                 "--control-port", self.control_port, "--ledger", self.ledger_path]
        if self._tls:
            words += ["--tls-cert", self._tls[0], "--tls-key", self._tls[1]]
        self.process = Process(words, directory=self.directory, name="sink")
        wait_until(lambda: is_open(self.control_port), within=60, what=lambda: f"the sink: {self.process.stderr()}")
        return self

    def stop(self):
        if self.process is not None and self.process.is_alive():
            self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- looking

    def count(self):
        return self._ask("GET", "/stats")["mails"]

    def mails(self, to=None, key=None):
        query = {name: value for name, value in (("to", to), ("key", key)) if value is not None}
        return self._ask("GET", "/mails?" + urllib.parse.urlencode(query))["mails"]

    def attempts(self):
        """Every try with what was answered, refused ones included."""
        return self._ask("GET", "/attempts")["attempts"]

    def stats(self):
        return self._ask("GET", "/stats")

    def wait_for(self, count, within=20):
        """Waits for exactly so many mails; more is an error at once."""
        def reached():
            now = self.count()
            assert now <= count, f"{now} mails, wanted {count}"
            return now == count

        wait_until(reached, within=within, what=lambda: f"{self.count()} mails of {count}")
        return self.mails()

    # ---- telling

    def script(self, *answers, to=None, key=None):
        """Queues answers: 503 or "cut" or {"status": 429, "headers": {"Retry-After": "2"}} or "rcpt 550 5.1.1 no"."""
        self._ask("POST", "/script", {"answers": [_answer(a) for a in answers], "to": to, "key": key})

    def mode(self, mode, **more):
        self._ask("POST", "/mode", {"mode": mode, **more})
        if mode == "refuse":
            wait_until(lambda: not is_open(self.http_port) and not is_open(self.smtp_port), what="refusing")
        else:
            wait_until(lambda: is_open(self.http_port) and is_open(self.smtp_port), what="listening")

    def reset(self):
        self._ask("POST", "/reset")
        wait_until(lambda: is_open(self.http_port) and is_open(self.smtp_port), what="listening")

    def clear(self):
        self._ask("DELETE", "/mails")

    def _ask(self, method, path, body=None):
        # Ten thousand mails that came over SMTP are parsed when they are first asked for.
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        assert response.status == 200, f"{method} {path}: {response.status} {text[:300]}"
        return json.loads(text)


def _answer(short):
    """The short forms: a status, "cut before|after|reset", "STAGE REPLY" of SMTP; an object stays as it is."""
    if isinstance(short, dict):
        return short
    if isinstance(short, int):
        return {"status": short}
    first, _, rest = short.partition(" ")
    if first == "cut":
        return {"cut": rest or "before"}
    if rest.startswith("cut"):
        return {"stage": first, "cut": rest.partition(" ")[2] or "before"}
    return {"stage": first, "reply": rest}


class Hooks:
    """A receiver of webhooks: keeps every request with its headers, and answers as told."""

    def __init__(self):
        self.requests = []          # {"path", "headers", "body", "at", "answer"}
        self.connections = 0
        self._answers = collections.deque()
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                receiver.connections += 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    answer = receiver._answers.popleft() if receiver._answers else receiver.usual
                    receiver.requests.append({"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()},
                                              "body": body, "at": time.time(), "answer": answer})
                if answer == "cut":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, *said = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len("".join(said))))
                self.end_headers()
                self.wfile.write("".join(said).encode())

            def log_message(self, *_):
                pass

        self.usual = 204
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def script(self, *answers):
        """A status, (status, headers), (status, headers, ascii body) or "cut": what the next requests are answered."""
        self._answers.extend(answers)

    def by_id(self):
        with self._lock:
            found = collections.defaultdict(list)
            for request in self.requests:
                found[request["headers"]["webhook-id"]].append(request)
            return found

    def wait_for(self, count, within=20):
        wait_until(lambda: len(self.requests) >= count, within=within, what=lambda: f"{len(self.requests)} posts of {count}")
        return self.requests

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
