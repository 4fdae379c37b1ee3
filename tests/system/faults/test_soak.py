"""A worker that runs for long uses at the end what it used at the beginning, whatever happened to it meanwhile."""
import os
import random

import pytest

from harness.publish import order
from harness.nemesis.soak import Slope, Soak
from harness.wait import wait_until
from harness.worker import crash_binary

# The allocator grows its heap by 256 KiB at a time and each size of block has pages of its own, so that even a worker that
# leaks nothing moves by some of these steps. At this load eight bytes a message are a MiB in half an hour.
GROWTH_MAX_KIB = 1024
SLOPE_MAX_PERCENT = 1


@pytest.mark.faults
def test_a_worker_grows_neither_in_memory_nor_in_descriptors(bench):
    """LEVERET_SOAK_MINUTES, 30 if not set; LEVERET_CHAOS_SEED repeats a run's faults."""
    minutes = float(os.environ.get("LEVERET_SOAK_MINUTES") or 30)
    seed = int(os.environ.get("LEVERET_CHAOS_SEED") or random.SystemRandom().randint(1, 10**6))
    assert crash_binary().exists(), "cmake --preset crash && cmake --build --preset crash: sanitizers grow by themselves"
    run = Soak(bench, minutes, seed, program=crash_binary())
    try:
        bench.publish_many([order(n) for n in range(1, 201)])
        bench.wait_completed(200)
        base = run.usage.descriptors(run.spared)
        published_s, took_s = run.run(within=180)
        wait_until(lambda: run.usage.descriptors(run.spared) <= base, within=30,
                   what=lambda: f"{run.usage.descriptors(run.spared)} descriptors, {base} at first")
        account, by_window = run.check()
    finally:
        run.close()
    slope = Slope(run.usage.samples[run.spared.name], warm_up_s=min(300, minutes * 60 / 4))
    print(report(run, account, by_window, base, slope, took_s))
    assert run.fleet.workers[0] is run.spared
    assert slope.percent_per_hour < SLOPE_MAX_PERCENT or slope.growth_kib < GROWTH_MAX_KIB, slope


def report(run, account, by_window, base, slope, took_s):
    lines = [f"\nseed {run.seed}, {run.minutes:g} minutes (over after {took_s:.0f} s), {len(run.bench.ledger.attempted_ids())} messages, "
             f"{len(run.log)} faults, {len(run.fleet.leveret.workers) - 3} workers replaced",
             f"confirmed {len(run.bench.ledger.confirmed_ids())}, {account}",
             f"duplicates by window {dict(by_window)}, unexplained 0",
             f"the worker that is never killed: {slope}; descriptors {base} at first and at the end"]
    for name, samples in run.usage.samples.items():
        rss = [sample.rss_kib / 1024 for sample in samples]
        fds = [sample.descriptors for sample in samples]
        lines.append(f"{name}: {samples[-1].at_s - samples[0].at_s:.0f} s, {rss[0]:.2f} to {rss[-1]:.2f} MiB, at most "
                     f"{max(rss):.2f}; descriptors {min(fds)} to {max(fds)}")
    return "\n".join(lines + run.log)
