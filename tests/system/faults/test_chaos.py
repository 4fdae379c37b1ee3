"""Everything at once: three workers under a nemesis, and the ledger must still be clean."""
import os
import random

import pytest

from harness.nemesis.chaos import Chaos
from harness.nemesis.everything import Everything
from harness.servers.postgres import Postgres
from harness.sink import Hooks, Sink
from harness.worker import crash_binary


def draw():
    """LEVERET_CHAOS_SEED repeats a run's faults."""
    return int(os.environ.get("LEVERET_CHAOS_SEED") or random.SystemRandom().randint(1, 10**6))


def chaos(bench, messages, within, rate=0, over="http"):
    program = crash_binary()
    report(Chaos(bench, messages, draw(), program=program if program.exists() else None, rate=rate, over=over), within)


def report(run, within):
    bench, seed, messages = run.bench, run.seed, run.count
    try:
        published_s, took_s = run.run(within)
        account, by_window = run.check()
    finally:
        run.close()
    deaths = len(run.fleet.leveret.workers) - 3
    print(f"\nseed {seed}, {messages} messages, published in {published_s:.0f} s, ended after {took_s:.0f} s, "
          f"{len(run.log)} faults, {deaths} workers replaced\n"
          f"attempted {len(bench.ledger.attempted_ids())}, confirmed {len(bench.ledger.confirmed_ids())}, {account}\n"
          f"duplicates by window {dict(by_window)}, unexplained 0\n" + "\n".join(run.log))


LONG = pytest.mark.faults


@pytest.mark.parametrize("messages", [8000, pytest.param(20000, marks=LONG)])
def test_messages_survive_the_nemesis(bench, messages):
    chaos(bench, messages, within=60, rate=500)


@LONG
@pytest.mark.parametrize("messages", [10000])
def test_mails_over_smtp_survive_the_nemesis(bench, messages):
    chaos(bench, messages, within=60, rate=300, over="smtp")


@pytest.mark.faults
def test_a_hundred_thousand_messages_survive_the_nemesis(bench):
    chaos(bench, 100000, within=900, rate=300)


@pytest.mark.faults
@pytest.mark.parametrize("messages", [6000, 100000])
def test_all_that_leveret_has_at_once_survives_the_nemesis(bench, messages):
    with Sink() as backup, Postgres() as postgres:
        hooks = Hooks()
        try:
            report(Everything(bench, messages, draw(), crash_binary(), 200, backup=backup, hooks=hooks, postgres=postgres), within=900)
        finally:
            hooks.stop()
