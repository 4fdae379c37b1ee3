"""A private redis-server in a temporary directory, with an append-only file that is synced at every write.

LEVERET_REDIS_SERVER names another program (`valkey-server`), LEVERET_REDIS_ROOT another root directory (a Debian 13 tree with Redis
8), in which it then runs by chroot.
"""
import itertools
import os
import pathlib
import shutil
import signal

import redis

from . import canary
from .places import directory_for
from .ports import free_port
from .process import Process
from .wait import wait_until


ROOT = os.environ.get("LEVERET_REDIS_ROOT") or None
SERVER = os.environ.get("LEVERET_REDIS_SERVER") or "redis-server"
PRODUCT = "Valkey" if "valkey" in SERVER else "Redis"


def inside(path):
    """A path of the server's directory as it sees it."""
    return pathlib.Path("/") / pathlib.Path(path).relative_to(ROOT) if ROOT else path


def server(*words):
    """The command line of a server."""
    return [*(("chroot", ROOT) if ROOT else ()), SERVER, *words]


def listen(port, tls):
    """The settings of a port, encrypted with the certificate of an authority or not."""
    if not tls:
        return [("--port", port)]
    certificate, key = tls.certificate(f"redis{port}", usage="serverAuth,clientAuth")  # nodes of a cluster are clients too
    return [("--port", 0), ("--tls-port", port), ("--tls-cert-file", certificate), ("--tls-key-file", key), ("--tls-ca-cert-file", tls.ca),
            ("--tls-auth-clients", "no"), ("--tls-replication", "yes"), ("--tls-cluster", "yes")]


def client_tls(tls):
    return {"ssl": True, "ssl_ca_certs": str(tls.ca)} if tls else {}


class Redis:
    def __init__(self, settings=(), append_only=True, env=None, tls=None):
        """`settings`: more words of redis-server's command line, for example ("--maxmemory", "4mb"). `tls`: a harness.tls.Authority:
        it takes nothing that is not encrypted."""
        self._env = {**os.environ, **(env or {})}
        self.directory = directory_for("redis", ROOT)
        self.port = free_port()
        self._tls, self._listen = tls, listen(self.port, tls)
        self.url = self.url_at(self.port)
        self._settings = [*(("--appendonly", "yes", "--appendfsync", "always") if append_only else ()), *settings]
        self.process = None
        self.client = redis.Redis(host="127.0.0.1", port=self.port, password=canary.REDIS_PASSWORD, decode_responses=True, socket_timeout=10,
                                  **client_tls(tls))

    def url_at(self, port, user="", password=canary.REDIS_PASSWORD):
        """This server, or a proxy before it."""
        return f"redis{'s' if self._tls else ''}://{user}:{password}@127.0.0.1:{port}/0"

    def start(self):
        place = inside(self.directory)
        self.process = Process(server("--bind", "127.0.0.1", *itertools.chain(*self._listen), "--dir", place, "--save", "", "--requirepass",
                                      canary.REDIS_PASSWORD, "--daemonize", "no", "--logfile", place / "redis.log", *self._settings),
                               directory=self.directory, name="redis", env=self._env)
        wait_until(self._answers, within=20, what="redis-server")
        return self

    def _answers(self):
        if not self.process.is_alive():
            raise AssertionError(f"redis-server ended: {(self.directory / 'redis.log').read_text()}")
        try:
            return self.client.ping()
        except redis.RedisError:  # also LOADING
            return False

    def kill(self):
        self.process.kill()

    def restart(self):
        if self.process.is_alive():
            self.process.kill()
        self.start()

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def set(self, name, value):
        self.client.config_set(name, value)

    def stop(self):
        if self.process is not None and self.process.is_alive():
            self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- what leveret writes

    def job(self, id, prefix="leveret"):
        """The record of a job: {} if there is none."""
        return self.client.hgetall(f"{prefix}:job:{{{id}}}")

    def jobs(self, prefix="leveret"):
        """id -> record of all jobs."""
        keys = list(self.client.scan_iter(match=f"{prefix}:job:*", count=1000))
        with self.client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hgetall(key)
            return {key[key.index("{") + 1:-1]: record for key, record in zip(keys, pipeline.execute())}

    def dead(self, queue, prefix="leveret"):
        """The dead-letter index of a queue: id -> hash."""
        ids = self.client.zrange(f"{prefix}:dead:{queue}", 0, -1)
        return {id: self.client.hgetall(f"{prefix}:deadletter:{{{id}}}") for id in ids}
