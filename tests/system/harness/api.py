"""`leveret serve` and a client of it."""
import http.client
import json
import ssl
import urllib.parse

from .ports import free_port, is_open
from .process import Process
from .wait import wait_until
from .worker import environment

TOKENS = {"read": "read-token-0123456789", "publish": "publish-token-0123456789", "operate": "operate-token-0123456789"}


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]}"


class Api:
    """One process. `role` is that of the token which is sent unless another is named."""

    def __init__(self, leveret, role="operate", tokens=None, **serve):
        self.port, self.role, self.tls = free_port(), role, "tls" in serve
        tokens = [{"name": f"{name}er", "role": name, "token": token} for name, token in TOKENS.items()] if tokens is None else tokens
        leveret.change(serve={"listen": f"127.0.0.1:{self.port}", **({"tokens": tokens} if tokens else {}), **serve})
        self.process = Process([leveret.program, "serve", "-c", leveret.config_path], directory=leveret.directory,
                               name=f"serve{self.port}", cwd=leveret.directory, env=environment(leveret.directory))
        wait_until(lambda: is_open(self.port) or not self.process.is_alive(), what="the API listens")
        assert self.process.is_alive(), self.process.stderr()

    def connect(self, timeout=20):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=ssl._create_unverified_context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, data=None, role=None, headers=None, body=None, timeout=20):
        role = self.role if role is None else role
        headers = {**({"Authorization": f"Bearer {TOKENS[role]}"} if role else {}), **(headers or {})}
        if data is not None:
            body, headers = json.dumps(data), {"Content-Type": "application/json", **headers}
        connection = self.connect(timeout)
        try:
            try:
                connection.request(method, path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has answered before all was sent
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, role=None, **query):
        return self.ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""), role=role)

    def post(self, path, data, role=None, **more):
        return self.ask("POST", path, data, role=role, **more)

    def items(self, path, **query):
        reply = self.get(path, **query)
        assert reply.status == 200, reply
        return reply.json()["items"]

    def stop(self):
        self.process.stop()
        assert self.process.popen.returncode == 0, self.process.stderr()
