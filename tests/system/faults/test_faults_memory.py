"""The n-th allocation after a delivery fails, for every n. The job is done by this process or, when it ends for it, by the next."""
import collections
import os
import pathlib
import random
import signal
import struct

import pytest

from harness import worker as program
from harness.plain import plain_binary
from harness.publish import Message, invoice, order
from harness.sink import Hooks
from harness.wait import wait_until
from harness.windows import Windows

SAMPLE = 25  # of the allocations of a job, in the run that is not of all
SHIM = "tests/libfailing_malloc.so"


class Book:
    """What the shim wrote about one process."""

    def __init__(self, directory, name):
        self.path = pathlib.Path(directory) / f"{name}.book"

    def read(self):
        data = self.path.read_bytes() if self.path.exists() else b""
        return struct.unpack("<3Q", data) if len(data) == 24 else (0, 0, 0)

    @property
    def count(self):
        return self.read()[1]

    @property
    def failed(self):
        return self.read()[2]

    def trace(self):
        """Where it failed, from the library's name on."""
        path = self.path.with_name(self.path.name + ".trace")
        frames = [line.rpartition("/")[2] for line in path.read_text().splitlines()[3:]] if path.exists() else []
        return " < ".join(frame.partition(" [")[0] for frame in frames[:7])


class Sweep:
    """Workers on one queue, each with one message that is its own: an allocation of that message's path fails."""

    def __init__(self, bench, make, **changes):
        queue = {**bench.config()["queues"][0], "prefetch": 1}
        config = bench.config(**{"queues": [queue], "claim": {"lease": "3s"}, "mail": {"timeout": "2s"},
                                 "shutdown": {"grace": "5s"}, **changes})
        self.bench, self.make = bench, make
        self.windows = Windows(bench)
        self.leveret = bench.leveret(config)
        self.leveret.program = plain_binary()  # a shim that takes the place of malloc does not go with the sanitizers
        self.shim = program.binary().parent / SHIM
        self.messages, self.ends, self.numbers = [], collections.Counter(), 0
        assert self.leveret.program.exists() and self.shim.exists()
        self.leveret.start().stop()  # the queues exist

    def run(self, at, on=False):
        """One process in which allocation number `at` fails, `on`: and all after it. Returns its books."""
        self.numbers += 1
        message = self.make(self.numbers)
        self.messages.append(message)
        book = Book(self.leveret.directory, f"run{self.numbers}")
        worker = self.leveret.start(ready=False, named=True, env={
            "LD_PRELOAD": self.shim, "LEVERET_FAIL_AT": at, "LEVERET_FAIL_MARK": message.id, "LEVERET_FAIL_BOOK": book.path,
            **({"LEVERET_FAIL_ON": "1"} if on else {})})
        self.bench.publish(message)
        wait_until(lambda: not worker.process.is_alive() or self.is_over(message), within=20,
                   what=lambda: f"allocation {at} in {book.trace()}: {self.bench.job(message)}\n{worker.process.stderr()[-2000:]}")
        if worker.process.is_alive():
            count = book.count
            self.survived(worker, book, at)
        else:
            count = book.count
            self.died(worker, book, at)
        return count

    def is_over(self, message):
        return self.bench.state(message) in ("completed", "dead", "retrying")

    def survived(self, worker, book, at):
        status = worker.terminate().wait(within=15)
        if status == -signal.SIGABRT:  # failed on the way out
            self.died(worker, book, at)
            return
        assert status == 0, f"allocation {at} in {book.trace()}: exit {status}\n{worker.process.stderr()[-2000:]}"
        down = any(entry["event"] in ("amqp_down", "redis_down") for entry in worker.log())
        self.ends["connected again" if down else "went on" if book.failed else "nothing failed"] += 1

    def died(self, worker, book, at):
        """At once, with a line that says why."""
        self.windows.killed(worker)
        told = f"allocation {at} in {book.trace()}:\n{worker.process.stderr()[-2000:]}"
        assert worker.wait(within=5) == -signal.SIGABRT, told
        assert worker.process.stderr().count("out of memory") == 1, told
        self.ends["ended: out of memory"] += 1

    def finish(self, state="completed", attempts=("0",)):
        """A process that has its memory does the rest; then the ledger."""
        worker = self.leveret.start(named=True)
        wait_until(lambda: all(self.bench.state(message) == state for message in self.messages), within=90, every=0.2,
                   what=lambda: [(m.id, self.bench.job(m)) for m in self.messages if self.bench.state(m) != state][:3])
        self.bench.wait_empty(within=40)
        wrong = [job for job in map(self.bench.job, self.messages) if job["attempt"] not in attempts]
        assert not wrong, f"no attempt is burnt for want of memory: {wrong[:3]}"
        account = self.bench.account()
        explained, by_window = self.windows.explained()
        account.check(explained=explained)
        print(f"\n{dict(self.ends)}; {account}, explained {dict(by_window)}")
        assert worker.process.is_alive()


def count_allocations(sweep):
    """Of a whole job, on a process that is fresh as all of them are."""
    return max(sweep.run(0), sweep.run(0))


def sample(count, size=SAMPLE):
    seed = int(os.environ.get("LEVERET_MEMORY_SEED") or random.SystemRandom().randrange(1 << 32))
    chosen = sorted(random.Random(seed).sample(range(1, count + 1), min(size, count)))
    print(f"\n{count} allocations, seed {seed}: {chosen}")
    return chosen


def test_a_failing_allocation_ends_the_process_or_is_lived_with_and_costs_no_mail_and_no_attempt(bench):
    sweep = Sweep(bench, order)
    for at in sample(count_allocations(sweep)):
        sweep.run(at)
    assert sweep.ends["ended: out of memory"] > 0, sweep.ends
    sweep.finish()


def test_a_process_without_any_memory_left_ends_at_once(bench):
    sweep = Sweep(bench, order)
    for at in (1, 20, 60):
        sweep.run(at, on=True)
    assert sweep.ends["ended: out of memory"] == 3
    sweep.finish()


def bad(number):
    return Message("order.created.v1", {"order_id": "x"})


def again(bench):
    def make(number):
        bench.sink.script(503, to=f"again{number}@example.com")
        return order(number, f"again{number}@example.com")

    return make


def smtp(bench):
    return {**bench.smtp_config()["mail"], "http": None, "timeout": "2s"}


PATHS = {
    "a mail over HTTP": lambda bench: Sweep(bench, order),
    "a mail over SMTP": lambda bench: Sweep(bench, order, mail=smtp(bench)),
    "two mails": lambda bench: Sweep(
        bench, lambda n: invoice(n, 200000, f"c{n}@example.com", f"m{n}@example.com")),
    "a dead letter": lambda bench: Sweep(bench, bad),
    "a mail that is tried again": lambda bench: Sweep(bench, again(bench)),
}


@pytest.mark.faults
@pytest.mark.parametrize("path", PATHS)
def test_every_allocation_of_a_path_may_fail(bench, path):
    sweep = PATHS[path](bench)
    count = count_allocations(sweep)
    print(f"\n{path}: {count} allocations")
    for at in range(1, count + 1):
        sweep.run(at)
    if path == "a dead letter":
        sweep.finish("dead")
    else:
        sweep.finish(attempts=("0", "1") if "again" in path else ("0",))


SHIPPED = """\
type: order.shipped.v1
summary: Tells the customer and the CRM that the parcel is on its way.
payload:
  type: object
  required: [email]
  properties: {email: {type: string, format: email}}
example: {email: ada@example.com}
effects:
  - mail: {key: customer, to: "{{email}}", subject: "On its way", template: shipped}
  - post: {key: crm, url: "ORIGIN/shipped", data: ""}
"""


@pytest.fixture
def hooks():
    receiver = Hooks()
    yield receiver
    receiver.stop()


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.faults)])
def test_an_allocation_of_a_type_that_is_a_file_may_fail(bench, tmp_path, hooks, every):
    """Its schema, its template, its recorded plan, and its webhook."""
    types = tmp_path / "types"
    (types / "templates").mkdir(parents=True)
    (types / "templates/shipped.txt.mustache").write_text("To {{email}}.\n")
    (types / "order.shipped.v1.yaml").write_text(SHIPPED.replace("ORIGIN", hooks.origin))
    sweep = Sweep(bench, lambda n: Message("order.shipped.v1", {"email": f"shipped{n}@example.com"}, id=True), types={"path": [str(types)]},
                  outlets={"hooks": {"kind": "post", "secret": "whsec_" + "A" * 32, "allow": [hooks.origin], "timeout": "2s"}})
    count = count_allocations(sweep)
    for at in range(1, count + 1) if every else sample(count, 10):
        sweep.run(at)
    assert sweep.ends["ended: out of memory"] > 0, sweep.ends
    sweep.finish()
    posts = collections.Counter(post["headers"]["webhook-id"] for post in hooks.requests)
    assert len(posts) == len(sweep.messages) and sum(posts.values()) - len(posts) <= sweep.ends["ended: out of memory"]
