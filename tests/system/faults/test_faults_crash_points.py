"""A worker dies at every named point of a job's path. Whatever was recorded stays, whatever was not is done again."""
import pathlib
import re
import signal

import pytest

from harness.ledger import mail_key
from harness.publish import Message, email, invoice, order
from harness.wait import wait_until
from harness.windows import Windows

RUN = pathlib.Path(__file__).resolve().parents[3] / "worker" / "run"
# The order in which one job passes them.
POINTS = ["received", "claim_sent", "claimed", "planned", "intend_sent", "pre_send", "sent", "record_sent",
          "complete_sent", "completed", "event_due", "event_publish", "event_confirmed", "event_told", "pre_ack", "decide_sent", "decided", "pre_publish", "publish_sent", "confirmed",
          "settle_sent", "settled"]


def points_in_the_code():
    return {name for path in RUN.rglob("*.c") for name in re.findall(r'CRASHPOINT\("(\w+)"\)', path.read_text())}


class Batch:
    """Messages that between them pass every point: plain, with two mails, tried again, dead, never to be sent twice."""

    def __init__(self, bench, name):
        self.plain = [order(n, f"plain{n}.{name}@example.com") for n in range(1, 5)]
        self.two = [invoice(n, 200000, f"c{n}.{name}@example.com", f"m{n}.{name}@example.com") for n in range(1, 4)]
        self.again = [order(n, f"again{n}.{name}@example.com") for n in range(1, 4)]
        self.bad = [Message("order.created.v1", {"order_id": "x"}) for _ in range(3)]
        self.park = [email(f"park{n}.{name}@example.com") for n in range(1, 4)]
        for n in range(1, 4):
            bench.sink.script(503, to=f"again{n}.{name}@example.com")
        bench.publish_many(self.all())

    def all(self):
        return self.plain + self.two + self.again + self.bad + self.park


def crash_config(bench, **changes):
    """Leases that end soon, so that takeovers are quick; so many crashes in a row are no message's fault here."""
    queue = {**bench.config()["queues"][0], "prefetch": 32}
    return bench.config(claim={"lease": "3s", "max_crashes": 50}, queues=[queue],
                        handlers={"email.send.v1": {"on_ambiguous": "park"}}, events={"exchange": "leveret.events"},
                        mail={"timeout": "2s", "breaker": {"failures": 40}}, **changes)


def die_at(bench, leveret, point, windows):
    """A worker that dies at `point`, and the books after it."""
    worker = leveret.start(ready=False, named=True, env={"LEVERET_CRASHPOINT": point})
    assert worker.wait(within=30) == -signal.SIGKILL, f"{point}: {worker.process.stderr()[-2000:]}"
    windows.killed(worker)


def check_ends(bench, batches, windows, within=90):
    """Every message of `batches` has the end that it was promised."""
    wait_until(lambda: all(bench.state(m) in ("completed", "dead") for b in batches for m in b.all()), within=within,
               every=0.2, what=lambda: [bench.job(m) for b in batches for m in b.all()
                                        if bench.state(m) not in ("completed", "dead")][:3])
    bench.wait_empty()
    for batch in batches:
        for message in batch.plain + batch.two + batch.again:
            assert bench.state(message) == "completed", bench.job(message)
        for message in batch.plain + batch.two:
            assert bench.job(message)["attempt"] == "0", f"a crash burns no attempt: {bench.job(message)}"
        for message in batch.again:
            # 0: the process that was answered 503 died before it knew.
            assert bench.job(message)["attempt"] in ("0", "1"), bench.job(message)
        for message in batch.bad:
            assert bench.job(message)["reason"] == "bad_payload", bench.job(message)
        for message in batch.park:
            job = bench.job(message)
            assert job["state"] == "completed" or job["reason"] == "ambiguous_send", job
            assert len(bench.sink.mails(key=mail_key(message.id, "mail"))) <= 1, "park never sends twice"
    explained, by_window = windows.explained()
    print(f"\nexplained {dict(by_window)}")
    return bench.account().check(explained=explained)


def test_the_list_of_points_is_the_one_in_the_code():
    others = {"pre_look", "looked", "keep_sent", "kept"}  # test_lookup and test_planners die at these, and test_schedules at those
    others |= {"tick_answered", "tick_publish", "tick_published", "tick_queued"}
    assert set(POINTS) | others == points_in_the_code()


def test_a_death_at_any_point_loses_nothing_and_repeats_only_what_nobody_recorded(bench):
    leveret = bench.leveret(crash_config(bench))
    windows, batches = Windows(bench), []
    bench.worker(crash_config(bench)).stop()  # the queues exist
    for point in POINTS:
        batches.append(Batch(bench, point))
        die_at(bench, leveret, f"{point}:2", windows)
    leveret.start()
    account = check_ends(bench, batches, windows)
    assert account.duplicated, "the points between a send and its record must leave duplicates, or nobody died there"
    print(f"{len(POINTS)} deaths: {account}")


@pytest.mark.faults
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_this_point_alone_ends_as_promised(bench, point, count):
    if count > 3 and point in ("intend_sent", "record_sent"):
        count = 3  # only so many pass there
    leveret = bench.leveret(crash_config(bench))
    bench.worker(crash_config(bench)).stop()
    windows, batch = Windows(bench), Batch(bench, "one")
    die_at(bench, leveret, f"{point}:{count}", windows)
    leveret.start()
    check_ends(bench, [batch], windows)
