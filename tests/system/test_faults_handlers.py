"""A message that kills its worker is found out and put aside; those that were fetched beside it are innocent."""
import os
import pathlib
import signal

import pytest

from harness.publish import Message, order
from harness.supervisor import supervise
from harness.worker import ROOT

# Not the sanitizers' reports: the handlers crash on purpose.
CRASHES_ON_PURPOSE = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:detect_leaks=0", "UBSAN_OPTIONS": "handle_segv=0",
                      "TSAN_OPTIONS": "handle_segv=0:handle_abort=0"}


def crash_binary():
    """Without sanitizers: a limit of address space ends a sanitized program at its first breath."""
    return pathlib.Path(os.environ.get("LEVERET_CRASH_BINARY") or ROOT / "build" / "crash" / "leveret")


def hostile_config(bench):
    queue = {**bench.config()["queues"][0], "prefetch": 20}
    return bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, queues=[queue])


def hostile(how):
    return Message("test.hostile.v1", {"how": how})


def only_the_culprit_dies(bench, leveret, how, by, within=60):
    leveret.start().stop()  # the queues exist
    culprit = hostile(how)
    neighbours = [order(n) for n in range(1, 41)]
    bench.publish_many(neighbours[:10] + [culprit] + neighbours[10:])
    deaths = supervise(leveret, lambda: bench.depth(bench.dlq) and all(bench.state(m) == "completed" for m in neighbours),
                       within=within)
    assert deaths == [by] * 3, "three starts, then it is put aside"
    bench.wait_empty()
    (dead,) = bench.dead_letters(1)
    assert dead.id == culprit.id and dead.reason == "crash_loop" and "ended with the process" in dead.error
    assert bench.job(culprit)["state"] == "dead" and bench.job(culprit)["reason"] == "crash_loop"
    assert {bench.job(m)["attempt"] for m in neighbours} == {"0"}, "innocents pay no attempt"


def test_a_message_that_crashes_its_worker_three_times_is_put_aside_and_its_neighbours_complete(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    only_the_culprit_dies(bench, leveret, "crash", -signal.SIGSEGV)


@pytest.mark.faults
def test_a_message_that_eats_all_memory_is_put_aside_and_its_neighbours_complete(bench):
    program = crash_binary()
    assert program.exists(), f"{program} is missing: cmake --preset crash && cmake --build --preset crash"
    leveret = bench.leveret(hostile_config(bench))
    leveret.program = limited(bench, program, "--as=1500000000")
    only_the_culprit_dies(bench, leveret, "allocate", -signal.SIGABRT)


@pytest.mark.faults
def test_a_message_that_hangs_its_worker_is_put_aside_by_the_watchdog_and_its_neighbours_complete(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    only_the_culprit_dies(bench, leveret, "hang", -signal.SIGKILL, within=120)
    assert any('"event":"watchdog"' in worker.process.stderr() for worker in leveret.workers)


@pytest.mark.faults
def test_two_messages_that_crash_are_both_put_aside(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    leveret.start().stop()
    culprits = [hostile("crash"), hostile("crash")]
    neighbours = [order(n) for n in range(1, 11)]
    bench.publish_many(culprits + neighbours)
    supervise(leveret, lambda: bench.depth(bench.dlq) == 2 and all(bench.state(m) == "completed" for m in neighbours))
    assert {(d.id, d.reason) for d in bench.dead_letters(2)} == {(m.id, "crash_loop") for m in culprits}


def limited(bench, program, *limits):
    """A program that runs `program` under limits of prlimit."""
    path = bench.directory / "limited"
    path.write_text(f'#!/bin/sh\nexec prlimit {" ".join(limits)} {program} "$@"\n')
    path.chmod(0o755)
    return path
