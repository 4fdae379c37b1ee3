"""Hours of the everyday faults, at a load that a worker is used to: what it holds must neither grow nor leak."""
import collections
import itertools
import os
import pathlib
import statistics
import threading
import time

from .. import publish
from .chaos import Chaos

SAMPLE_EVERY_S = 2
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class Soak(Chaos):
    """`minutes` of messages at `rate`, and a nemesis that pauses longer. The first worker is never killed: what it uses at
    the end it has come to use over the whole time."""

    def __init__(self, bench, minutes, seed, program=None, rate=80):
        super().__init__(bench, 0, seed, program=program, rate=rate)
        self.minutes, self.pause_s = minutes, (4, 12)
        self.spared = self.fleet.workers[0]
        self.faults = [self.kill, self.freeze_short, self.close_connections, self.blackhole_amqp, self.blackhole_redis,
                       self.redis_kill, self.broker_kill, self.mail_off]
        self.usage = Usage(self.fleet, {bench.sink.http_port})

    def messages(self):
        until = time.monotonic() + self.minutes * 60
        for self.count in itertools.count(1):
            yield self.message(self.count)
            if time.monotonic() >= until:
                return

    def message(self, number):
        if number % 50 == 0:
            return publish.Message("order.created.v1", {"order_id": "bad"})
        if number % 10 == 1:
            return publish.invoice(number, 200000, f"c{number}@example.com", f"m{number}@example.com")
        if number % 10 == 2:
            return publish.email(f"e{number}@example.com", text="Hello.\n" * (number % 100 + 1))
        return publish.order(number)

    def kill(self):
        worker = self.random.choice(self.fleet.workers[1:])
        self.fleet.kill(worker)
        self.fleet.replace(worker)
        return worker.name

    def run(self, within):
        with self.usage:
            return super().run(within)


class Usage:
    """Samples what every worker of `fleet` uses, and asks for its metrics as a monitoring system does."""

    def __init__(self, fleet, mail_ports):
        self.fleet, self.mail_ports = fleet, mail_ports
        self.samples = collections.defaultdict(list)  # worker's name -> [Sample]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(SAMPLE_EVERY_S):
            for worker in list(self.fleet.workers):
                try:
                    self.samples[worker.name].append(self.sample(worker))
                    worker.get("/metrics", timeout=1)
                except OSError:  # killed or frozen
                    pass

    def sample(self, worker):
        rss_kib = int(pathlib.Path(f"/proc/{worker.pid}/statm").read_text().split()[1]) * PAGE_KIB
        return Sample(time.monotonic() - self.began, rss_kib, self.descriptors(worker))

    def descriptors(self, worker):
        """Open descriptors but the mail connections, of which there are as many as mails were under way lately."""
        mail = sockets_to(self.mail_ports)
        return sum(1 for fd in os.listdir(f"/proc/{worker.pid}/fd") if link(worker.pid, fd) not in mail)


Sample = collections.namedtuple("Sample", "at_s rss_kib descriptors")


def link(pid, fd):
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:  # closed meanwhile
        return None


def sockets_to(ports):
    """The names, as /proc shows them, of all TCP sockets whose peer has one of these ports."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if int(row[2].split(":")[1], 16) in ports}


class Slope:
    """The growth of memory after a warm-up, by the median of the slopes between all pairs of samples (Theil and Sen): single
    high samples, of which an outage makes many, do not move it."""

    def __init__(self, samples, warm_up_s):
        rows = [(s.at_s, s.rss_kib) for s in samples if s.at_s >= warm_up_s]
        rows = rows[::max(1, len(rows) // 400)]
        self.kib_per_s = statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(rows, 2))
        self.median_kib = statistics.median(rss_kib for _, rss_kib in rows)
        self.over_s = rows[-1][0] - rows[0][0]

    @property
    def growth_kib(self):
        return self.kib_per_s * self.over_s

    @property
    def percent_per_hour(self):
        return self.kib_per_s * 3600 / self.median_kib * 100

    def __repr__(self):
        return (f"median {self.median_kib / 1024:.2f} MiB, {self.percent_per_hour:+.2f} %/h, {self.growth_kib:+.0f} KiB in "
                f"{self.over_s / 60:.0f} minutes")
