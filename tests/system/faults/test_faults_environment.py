"""What surrounds the worker: a log that nobody takes, few descriptors, rude visitors, clocks that jump."""
import pathlib
import socket
import time

import pytest

from harness.fleet import Fleet
from harness.publish import order
from harness.wait import wait_until
from harness.worker import crash_binary, limited

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def wrapped(bench, command):
    """A program that runs leveret inside of the shell command; "$@" are its words."""
    path = bench.directory / "wrapped"
    program = bench.leveret(name="plain").program
    path.write_text("#!/bin/bash\n" + command.replace("LEVERET", str(program)) + "\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", "2> >(head -n 1 >/dev/null)"], ids=["full", "closed", "pipe"])
def test_a_log_that_nobody_takes_stops_no_work(bench, stderr):
    leveret = bench.leveret()
    leveret.program = wrapped(bench, f'exec LEVERET "$@" {stderr}')
    worker = leveret.start()
    bench.publish_many([order(n) for n in range(1, 301)])
    bench.wait_completed(300)
    assert worker.process.is_alive() and bench.sink.count() == 300
    bench.account().check()
    assert worker.stop() == 0


def test_a_worker_with_few_descriptors_works_or_says_that_it_cannot(bench):
    """Not one limit may make it hang, crash, lose a message or send a mail twice."""
    ended = []
    for limit in (8, 12, 16, 24, 32, 64):
        leveret = bench.leveret(name=f"files{limit}")
        leveret.program = limited(bench, leveret.program, f"--nofile={limit}")
        worker = leveret.start(ready=False)
        wait_until(lambda: worker.is_ready() or not worker.process.is_alive(), within=5) if limit >= 32 else wait_until(
            lambda: worker.process.stderr() or not worker.process.is_alive(), within=10)
        if worker.process.is_alive() and limit >= 32:
            message = bench.publish(order(limit))
            bench.wait_state(message, "completed")
        ended.append((limit, worker.stop() if worker.process.is_alive() else worker.wait()))
    print(f"\n(limit, exit status): {ended}")
    # -6: it aborts when not even a loop can be made; -15: it was told to end before it had begun.
    assert all(status in (0, 1, 78, -6, -15) for _, status in ended), ended
    assert ended[-1] == (64, 0)


def test_rude_visitors_of_the_admin_port_do_not_slow_the_work(bench):
    fleet = Fleet(bench, 1)
    (worker,) = fleet.workers
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, 1001)])
    rude = []
    for number in range(300):
        peer = socket.socket()
        peer.settimeout(0.02)  # most of them find no room
        try:
            peer.connect(("127.0.0.1", worker.admin_port))
            peer.send([b"", b"GET /status HTTP/1.1\r\nHost: x\r\nX: ", b"G" * 30000, b"POST /metrics HTTP/1.1\r\n\r\n",
                       b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"][number % 5])
        except OSError:
            pass
        rude.append(peer)
    bench.wait_completed(1000, within=30)
    for peer in rude:
        peer.close()
    wait_until(lambda: worker.is_ready(), within=15, what="it answers again")
    assert bench.sink.count() == 1000
    fleet.check_alive()


def jumping(bench, tmp):
    """(environment, function that sets how far the wall clock is off) for a program under libfaketime."""
    assert FAKETIME.exists(), "the package libfaketime is missing: script/bootstrap"
    offset = tmp / "clock"

    def jump(to):
        offset.write_text(to + "\n")

    jump("+0")
    return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1, "FAKETIME_FORCE_MONOTONIC_FIX": 0}, jump


@pytest.mark.faults
def test_a_wall_clock_that_jumps_by_a_day_changes_no_timer(bench):
    env, jump = jumping(bench, bench.directory)
    leveret = bench.leveret(bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}), env=env)
    leveret.program = crash_binary()  # libfaketime and the sanitizers want the same place
    worker = leveret.start()
    bench.sink.mode("healthy", delay_ms=50)
    bench.sink.script(503, to="order7@example.com")
    bench.publish_many([order(n) for n in range(1, 1001)])
    for number, to in enumerate(("+1d", "-1d", "+0"), start=1):
        wait_until(lambda: bench.sink.count() >= number * 200, within=30, what=lambda: bench.sink.stats())
        jump(to)
    bench.wait_completed(1000)
    assert worker.process.is_alive() and bench.sink.count() == 1000
    bench.account().check()
