"""The programs that are compared: each does the same work on the same queue."""
import json
import os
import pathlib
import shutil
import subprocess

from harness.process import Process
from harness.worker import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
QUEUE = "leveret.bench"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}


class Missing(Exception):
    """A peer cannot be measured on this machine; the text says why."""


class Services:
    """Where everything is: ports as numbers."""

    def __init__(self, amqp, redis, http, smtp):
        self.amqp, self.redis, self.http, self.smtp = amqp, redis, http, smtp


class Program:
    """One way to do the work. `is_floor`: hand-written, without guarantees. `sends`: its mails can be counted."""

    sends = True
    share = 1  # of the messages of a run, one in so many

    def __init__(self, name, title):
        self.name, self.title = name, title

    def argv(self, services, prefetch, directory):
        raise NotImplementedError

    def prepare(self, directory):
        """Builds or installs what is needed, or raises Missing."""

    def start(self, services, directory, prefetch=256, **options):
        return Process(self.argv(services, prefetch, directory, **options), directory=directory, name=self.name, env=ENVIRONMENT)


class Leveret(Program):
    def __init__(self, name="leveret", title="leveret, all guarantees", log_level="info", binary=BUILD / "leveret"):
        super().__init__(name, title)
        self.log_level, self.binary = log_level, binary

    def config(self, services, prefetch, smtp, admin, connections):
        mail = {"transport": "http", "from": "Shop <shop@example.com>",
                "http": {"preset": "resend", "url": f"http://127.0.0.1:{services.http}", "api_key": "re_bench", "connections": connections}}
        if smtp:
            mail = {"transport": "smtp", "from": "Shop <shop@example.com>",
                    "smtp": {"url": f"smtp://127.0.0.1:{services.smtp}", "starttls": "off", "connections": connections}}
        return {"amqp": {"url": f"amqp://guest:guest@127.0.0.1:{services.amqp}/"},
                "redis": {"url": f"redis://127.0.0.1:{services.redis}/0"},
                "queues": [{"name": QUEUE, "bindings": ["#"], "prefetch": prefetch}],
                "mail": mail, "admin": {"listen": admin}, "log": {"level": self.log_level, "format": "json"}}

    def argv(self, services, prefetch, directory, smtp=False, admin="off", connections=0):
        path = pathlib.Path(directory) / f"{self.name}.yaml"
        path.write_text(yaml(self.config(services, prefetch, smtp, admin, connections or min(prefetch, 1024))) + "\n")
        return [self.binary, "run", "-c", path]

    def apply_topology(self, services, directory):
        words = self.argv(services, 256, directory)
        subprocess.run([words[0], "topology", "apply", *words[2:]], check=True, capture_output=True, env=ENVIRONMENT)


class Floor(Program):
    def __init__(self, stage, title):
        super().__init__(f"floor-{stage}", title)
        self.stage, self.sends = stage, stage == "http"

    def argv(self, services, prefetch, directory, count=0):
        return [BUILD / "bench" / "bench_floor", self.stage, services.amqp, QUEUE, prefetch, services.redis, services.http, count]


class Peer(Program):
    def argv(self, services, prefetch, directory):
        return [*self.command, services.amqp, QUEUE, prefetch, services.redis, services.http]


class Node(Peer):
    def __init__(self):
        super().__init__("node", "Node: amqplib, ioredis, undici")

    def prepare(self, directory):
        if not shutil.which("node") or not shutil.which("npm"):
            raise Missing("node or npm is not installed")
        place = pathlib.Path(directory) / "node"
        shutil.copytree(ROOT / "bench" / "peers" / "node", place)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place, capture_output=True,
                              text=True, timeout=120)
        if done.returncode != 0:
            raise Missing("npm install failed")
        self.command = [shutil.which("node"), place / "worker.js"]


class Go(Peer):
    LIBRARIES = "/usr/share/gocode"

    def __init__(self):
        super().__init__("go", "Go: amqp091-go, redigo, net/http")

    def prepare(self, directory):
        if not shutil.which("go") or not os.path.isdir(f"{self.LIBRARIES}/src/github.com/rabbitmq/amqp091-go"):
            raise Missing("golang-go or golang-github-rabbitmq-amqp091-go-dev is not installed")
        program = pathlib.Path(directory) / "go" / "worker"
        done = subprocess.run(["go", "build", "-o", program, ROOT / "bench" / "peers" / "go" / "worker.go"], capture_output=True,
                              text=True, timeout=240, env={**os.environ, "GO111MODULE": "off", "GOPATH": self.LIBRARIES,
                                                           "GOCACHE": str(pathlib.Path(directory) / "gocache")})
        if done.returncode != 0:
            raise Missing(f"go build: {done.stderr.strip().splitlines()[-1] if done.stderr else 'failed'}")
        self.command = [program]


class Celery(Peer):
    share = 20  # it is slow: so many times fewer messages

    def __init__(self):
        super().__init__("celery", "Celery: threads, redis, requests")

    def prepare(self, directory):
        script = ROOT / "bench" / "peers" / "celery" / "worker.py"
        if subprocess.run(["/usr/bin/python3", "-c", "import celery, redis, requests"], capture_output=True).returncode != 0:
            raise Missing("python3-celery, python3-redis or python3-requests is not installed")
        self.command = ["/usr/bin/python3", script]


def everything(against=None):
    """In the order of the table; the last floor is what all ratios refer to. `against`: another build of leveret."""
    other = [Leveret("leveret-against", f"leveret {against}", binary=against)] if against else []
    return [Leveret(), *other, Leveret("leveret-quiet", "leveret, log level warn", "warn"),
            Floor("consume", "floor: consume and ack"), Floor("json", "floor: + JSON"), Floor("redis", "floor: + Redis"),
            Floor("http", "floor: + HTTP, the whole"), Go(), Node(), Celery()]


