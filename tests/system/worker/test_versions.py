"""Versions beside each other: what one leaves, in queues and in Redis, the other goes on with."""
import collections
import json
import re
import subprocess
import threading
import time

import pytest

from harness.fleet import Fleet
from harness.golden import GOLDEN, VERSIONS, Golden
from harness.publish import order, publish_many
from harness.wait import wait_until
from harness.worker import ROOT
from harness.worker import crash_binary

# The version before: a commit in the history of this repository.
BEFORE = "bc9fba29b30e9969b80a32a02ef4577238423e80"


@pytest.fixture(params=VERSIONS)
def golden(request, bench):
    """Puts a case of an earlier version back; a worker of this one is there."""
    bench.worker(handlers={"email.send.v1": {"on_ambiguous": "park"}})
    return lambda name: Golden(request.param, name).restore(bench)


def mail_keys(bench):
    return [attempt["key"] for attempt in bench.sink.attempts()]


# ---- what an earlier version has ended stays ended


def test_a_message_that_an_earlier_version_has_completed_is_not_done_again(bench, golden):
    case = golden("completed")
    case.original(bench)
    wait_until(lambda: bench.redis.client.llen(f"leveret:events:{{{case.id}}}") > len(case.case["events"]), what="it is claimed")
    bench.wait_empty()
    assert not bench.sink.attempts()
    assert bench.job(case) == case.record


def test_the_first_version_knows_whose_a_job_is_whose_record_is_short(bench):
    """A new job's record leaves out what its other fields tell. 0.1.0 claims it as it would one of its own."""
    claim = (GOLDEN / "0.1.0-claim.lua").read_text()

    def ask(alone="0"):
        return bench.redis.client.eval(claim, 2, f"leveret:job:{{{message.id}}}", f"leveret:events:{{{message.id}}}", "old:1:1", 60000, 0, 0, 0,
                                       job["fingerprint"], job["type"], bench.queue, "old", 1000000, "", alone, 3)

    worker = bench.worker()
    bench.sink.mode("healthy", delay_ms=3000)
    message = bench.publish(order(1))
    job = bench.wait_state(message, "running")
    assert "lease_ms" not in job and not bench.redis.client.exists(f"leveret:events:{{{message.id}}}")
    answer = ask()
    assert answer[0] == "busy" and 0 < answer[1] <= int(job["lease_until_ms"]) - int(job["started_ms"]), answer
    bench.wait_state(message, "completed")
    assert ask()[0] == "done"
    message = bench.publish(order(2))
    job = bench.wait_state(message, "running")
    worker.kill()
    bench.redis.client.hset(f"leveret:job:{{{message.id}}}", "lease_until_ms", 1)
    assert [ask()[0], ask(alone="1")[0]] == ["suspect", "resumed"]
    assert bench.job(message)["starts"] == "2"


def test_a_message_waits_for_the_copy_that_an_earlier_version_made_of_it(bench, golden):
    """0.1.0 does not tell when that is to come: the longest tier from now, and 30 s more. Later versions do, and that is long past.
    It never comes, so the message is the job."""
    case = golden("retrying")
    case.original(bench)
    if "due_ms" not in case.record:
        wait_until(lambda: "due_ms" in bench.job(case), what="it is claimed")
        assert {**case.record, "due_ms": bench.job(case)["due_ms"]} == bench.job(case) and not bench.sink.attempts()
    job = bench.wait_state(case, "completed", within=90)
    assert (job["attempt"], job["deferrals"]) == (case.record["attempt"], str(int(case.record["deferrals"]) + 1)), job
    assert mail_keys(bench) == case.keys


def test_a_message_of_a_job_that_died_in_an_earlier_version_is_a_redrive(bench, golden):
    """Nobody knows whether its letter still exists: an operator may have purged the queue, and its publisher sent it again."""
    case = golden("dead")
    case.original(bench)
    job = bench.wait_state(case, "completed")
    assert job["redrives"] == str(int(case.record["redrives"]) + 1), job
    assert mail_keys(bench) == case.keys


# ---- what it has begun is brought to its end


def test_a_retry_of_an_earlier_version_is_the_next_attempt(bench, golden):
    case = golden("retrying")
    case.copy(bench, "leveret.retry")
    job = bench.wait_state(case, "completed")
    assert job["attempt"] == "1" and mail_keys(bench) == case.keys, "the key of a mail never changes"


def test_a_deferral_of_an_earlier_version_has_burnt_no_attempt(bench, golden):
    case = golden("deferred")
    case.copy(bench, "leveret.retry")
    job = bench.wait_state(case, "completed")
    assert (job["attempt"], job["deferrals"]) == ("0", "1") and mail_keys(bench) == case.keys


def test_a_job_that_an_earlier_version_died_over_is_resumed(bench, golden):
    case = golden("running")
    case.original(bench)
    job = bench.wait_state(case, "completed")
    assert job["attempt"] == "0" and job["created_ms"] == case.record["created_ms"] and bench.sink.count() == 1


def test_a_mail_that_an_earlier_version_has_recorded_is_not_sent_again(bench, golden):
    case = golden("half")
    case.original(bench)
    job = bench.wait_state(case, "completed")
    assert job["effect.customer"] == case.record["effect.customer"]
    assert [mail["to"] for mail in bench.sink.mails()] == ["m@example.com"]


def test_a_decision_of_an_earlier_version_is_carried_out_before_anything_is_sent(bench, golden):
    case = golden("decided")
    case.original(bench)
    bench.wait_state(case, "retrying")
    assert not bench.sink.attempts()
    job = bench.wait_state(case, "completed")
    assert job["attempt"] == "1" and mail_keys(bench) == case.keys


def test_a_mail_that_an_earlier_version_may_have_sent_is_parked(bench, golden):
    case = golden("intended")
    case.original(bench)
    job = bench.wait_state(case, "dead")
    assert job["reason"] == "ambiguous_send" and not bench.sink.attempts()


@pytest.mark.parametrize("name", ["dropped", "queued"])
def test_a_record_that_an_earlier_version_left_open_takes_a_new_message(bench, golden, name):
    case = golden(name)
    case.original(bench)
    assert bench.wait_state(case, "completed")["attempt"] == "0"
    assert bench.sink.count() == 1


# ---- its dead letters are shown and redriven


def test_a_redrive_by_an_earlier_version_is_accepted(bench, golden):
    case = golden("redriven")
    case.copy(bench, "leveret.return")
    assert bench.wait_state(case, "completed")["redrives"] == "1"


def test_dead_letters_of_an_earlier_version_are_listed_and_redriven(bench, golden):
    cases = [golden("dead"), golden("bad")]
    for case in cases:
        case.copy(bench, "leveret.dlx")
    rows = [json.loads(line) for line in bench.last.run("dlq", "list", bench.queue, "-o", "json").stdout.splitlines()]
    assert {row["id"]: (row["reason"], row["error"]) for row in rows} == {
        case.id: (case.record["reason"], case.record["error"]) for case in cases}
    dead, bad = cases
    assert bench.last.run("dlq", "redrive", bench.queue, dead.id, "--yes").returncode == 0
    assert bench.wait_state(dead, "completed")["redrives"] == "1"
    assert mail_keys(bench) == dead.keys
    assert bench.ids_in(bench.dlq) == [bad.id]


# ---- both at work at once


@pytest.fixture
def before(tmp_path):
    """The program of the version before, built from the history."""
    if subprocess.run(["git", "-C", ROOT, "cat-file", "-e", f"{BEFORE}^{{commit}}"], capture_output=True).returncode != 0:
        pytest.skip(f"the history here does not reach back to {BEFORE[:7]}")
    source = tmp_path / "before"
    source.mkdir()
    for command in (f"git -C {ROOT} archive {BEFORE} | tar -x -C {source}", f"cd {source} && cmake --preset release",
                    f"cd {source} && cmake --build --preset release -j2"):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return source / "build" / "release" / "leveret"


class Load:
    """Orders at a rate, until told to end; each 25th finds the mail service busy twice."""

    def __init__(self, bench, rate):
        self.bench, self.rate, self.count, self.busy = bench, rate, 0, set()
        self._over, self._errors = False, []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over = True
        self._thread.join()
        assert not self._errors, self._errors

    def _run(self):
        try:
            publish_many(self.bench.url, self._messages(), ledger=self.bench.ledger, rate=self.rate)
        except Exception as error:
            self._errors.append(error)

    def _messages(self):
        while not self._over:
            self.count += 1
            message = order(self.count)
            if self.count % 25 == 0:
                self.busy.add(message.id)
                self.bench.sink.script(503, 503, to=f"order{self.count}@example.com")
            yield message


def roll(fleet, program, versions, name):
    """One worker after the other is replaced by one of `program`, as an orchestrator does it. Returns the drains' seconds."""
    drains = []
    for place, old in enumerate(list(fleet.workers)):
        fleet.leveret.program = program
        fleet.workers[place] = fleet.leveret.start(named=True)
        versions[fleet.workers[place].pid] = name
        began = time.monotonic()
        assert old.stop() == 0, old.process.stderr()[-3000:]
        drains.append(round(time.monotonic() - began, 1))
    return drains


def handed_over(bench, ids, versions):
    """How often a copy that one version had made was gone on with by the other: (from, to) -> copies."""
    found = collections.Counter()
    for id in ids:
        claims = [json.loads(entry) for entry in bench.redis.client.lrange(f"{bench.prefix}:events:{{{id}}}", 0, -1)]
        by = [versions[int(re.fullmatch(r".*-(\d+)-\w+", claim["worker"])[1])] for claim in claims if claim["event"] == "claim"]
        found.update(zip(by, by[1:]))
    return found


@pytest.mark.faults
def test_four_workers_roll_from_one_version_to_the_other_and_back_under_load(bench, before):
    after = crash_binary()
    fleet = Fleet(bench, 4, bench.config(mail={"breaker": {"failures": 50}}), program=before)
    versions = {worker.pid: "before" for worker in fleet.workers}
    bench.sink.mode("healthy", delay_ms=20)
    began = time.monotonic()
    with Load(bench, rate=500) as load:
        wait_until(lambda: bench.sink.count() > 500, within=60, what=lambda: bench.sink.stats())
        drains = roll(fleet, after, versions, "after")
        seen = bench.sink.count()
        wait_until(lambda: bench.sink.count() > seen + 1500, within=60, what=lambda: bench.sink.stats())
        drains += roll(fleet, before, versions, "before")
    load_s = time.monotonic() - began
    bench.wait_completed(load.count, within=60)
    jobs = bench.redis.jobs()
    burnt = sum(int(job["attempt"]) for job in jobs.values()) - 2 * len(load.busy)
    copies = handed_over(bench, load.busy, versions)
    account = bench.account().check()
    print(f"\n{load.count} messages in {load_s:.0f} s, {len(load.busy)} of them tried three times, drains {drains} s, copies by "
          f"(from, to) {dict(copies)}, attempts burnt beside {burnt}\n{account}")
    assert {id for id, job in jobs.items() if job["attempt"] == "2"} == load.busy and burnt == 0
    assert account.mails == load.count
    assert copies["before", "after"] > 20 and copies["after", "before"] > 20, "both ways must have been gone"
