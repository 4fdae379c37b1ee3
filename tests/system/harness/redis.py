"""A private redis-server in a temporary directory, with an append-only file that is synced at every write."""
import os
import pathlib
import shutil
import signal
import tempfile

import redis

from . import canary
from .ports import free_port
from .process import Process
from .wait import wait_until


class Redis:
    def __init__(self, settings=(), append_only=True, env=None):
        """`settings`: more words of redis-server's command line, for example ("--maxmemory", "4mb")."""
        self._env = {**os.environ, **(env or {})}
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leveret-redis-"))
        self.port = free_port()
        self.url = self.url_at(self.port)
        self._settings = [*(("--appendonly", "yes", "--appendfsync", "always") if append_only else ()), *settings]
        self.process = None
        self.client = redis.Redis(host="127.0.0.1", port=self.port, password=canary.REDIS_PASSWORD, decode_responses=True, socket_timeout=10)

    def url_at(self, port, user="", password=canary.REDIS_PASSWORD):
        """This server, or a proxy before it."""
        return f"redis://{user}:{password}@127.0.0.1:{port}/0"

    def start(self):
        self.process = Process(["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", self.directory,
                                "--save", "", "--requirepass", canary.REDIS_PASSWORD, "--daemonize", "no", "--logfile", self.directory / "redis.log",
                                *self._settings], directory=self.directory, name="redis", env=self._env)
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
