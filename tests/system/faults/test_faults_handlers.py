"""A message that kills its worker is found out and put aside; those that were fetched beside it are innocent."""
import json
import os
import signal

import pytest

from harness.publish import Message, order
from harness.supervisor import supervise
from harness.wait import wait_until
from harness.worker import crash_binary, limited

# Not the sanitizers' reports: the handlers crash on purpose.
CRASHES_ON_PURPOSE = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:detect_leaks=0", "UBSAN_OPTIONS": "handle_segv=0",
                      "TSAN_OPTIONS": "handle_segv=0:handle_abort=0"}


def hostile_config(bench):
    queue = {**bench.config()["queues"][0], "prefetch": 20}
    return bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, queues=[queue])


def killed(by):
    return f"killed its worker 3 times, last by {by}"


def hostile(how):
    return Message("test.hostile.v1", {"how": how})


def only_the_culprit_dies(bench, leveret, how, by, error, within=60):
    """`error`: what is said of the killer, in the dead letter, its index, the record, and by the commands."""
    leveret.start().stop()  # the queues exist
    culprit = hostile(how)
    neighbours = [order(n) for n in range(1, 41)]
    bench.publish_many(neighbours[:10] + [culprit] + neighbours[10:])
    deaths = supervise(leveret, lambda: bench.depth(bench.dlq) and all(bench.state(m) == "completed" for m in neighbours),
                       within=within)
    assert deaths == [by] * 3, "three starts, then it is put aside"
    bench.wait_empty()
    (dead,) = bench.dead_letters(1)
    assert dead.id == culprit.id and dead.reason == "crash_loop" and dead.error == error
    record = bench.job(culprit)
    assert record["state"] == "dead" and record["reason"] == "crash_loop" and record["error"] == error
    assert error in leveret.run("job", "show", culprit.id).stdout
    assert error in leveret.run("dlq", "show", bench.queue, culprit.id).stdout
    assert {bench.job(m)["attempt"] for m in neighbours} == {"0"}, "innocents pay no attempt"


def test_a_message_that_crashes_its_worker_three_times_is_put_aside_and_its_neighbours_complete(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    only_the_culprit_dies(bench, leveret, "crash", -signal.SIGSEGV, killed("signal 11 (SIGSEGV)"))
    told = [line for worker in leveret.workers for line in worker.process.stderr().splitlines() if '"event":"fatal_signal"' in line]
    assert len(told) == 3 and all(json.loads(line)["type"] == "test.hostile.v1" and json.loads(line)["error"] == "SIGSEGV"
                                  and json.loads(line)["worker"] for line in told), told


def test_a_message_whose_handler_aborts_dies_with_the_name_of_its_last_signal(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    only_the_culprit_dies(bench, leveret, "abort", -signal.SIGABRT, killed("signal 6 (SIGABRT)"))


def test_a_message_whose_worker_is_killed_from_outside_dies_of_an_unknown_signal(bench):
    """Killed at a point of the job's path by SIGKILL, as the kernel does when memory is short: nobody can speak."""
    leveret = bench.leveret(hostile_config(bench), env={"LEVERET_CRASHPOINT": "planned:1"})
    leveret.start().stop()
    culprit = bench.publish(order(1))
    deaths = supervise(leveret, lambda: bench.depth(bench.dlq))
    assert deaths == [-signal.SIGKILL] * 3
    (dead,) = bench.dead_letters(1)
    assert dead.id == culprit.id and dead.reason == "crash_loop"
    assert dead.error == "killed its worker 3 times, signal unknown (killed from outside, or out of memory)"
    assert "signal" not in bench.job(culprit)


def suspect(bench, leveret, message):
    """The message has killed one worker, and may be taken over at once."""
    leveret.start().stop()
    bench.publish(message)
    assert leveret.start(ready=False).wait() < 0
    bench.redis.client.hset(f"leveret:job:{{{message.id}}}", "lease_until_ms", 1)
    return message


def test_a_suspect_does_not_run_before_what_is_under_way_has_ended(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    suspect(bench, leveret, hostile("crash"))
    with bench.broker.connect(bench.vhost) as connection:  # keeps it from the next worker for a while
        channel = connection.channel()
        method, _, _ = wait_until(lambda: (got := channel.basic_get(bench.queue))[0] and got, what="the message")
        worker = leveret.start()
        bench.sink.mode("healthy", delay_ms=1000)
        neighbour = bench.publish(order(1))
        wait_until(lambda: bench.sink.attempts(), what="a mail is under way")
        channel.basic_nack(method.delivery_tag)
        assert worker.wait() == -signal.SIGSEGV
    assert bench.state(neighbour) == "completed"


def test_nothing_begins_beside_a_suspect(bench):
    leveret = bench.leveret(hostile_config(bench), env={"LEVERET_CRASHPOINT": "planned:1"})
    first = suspect(bench, leveret, order(1))
    bench.sink.mode("healthy", delay_ms=1000)
    leveret.env = {}
    leveret.start()
    wait_until(lambda: bench.sink.attempts(), what="it runs")
    second = bench.publish(order(2))
    for message in (first, second):
        bench.wait_state(message, "completed")
    alone, after = [attempt["at"] for attempt in bench.sink.attempts()]
    assert after - alone >= 1


def test_a_start_forgets_the_signal_of_the_one_before(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    leveret.start().stop()
    culprit = bench.publish(hostile("crash"))
    assert leveret.start(ready=False, named=True).wait() == -signal.SIGSEGV
    assert bench.job(culprit)["signal"] == "SIGSEGV"
    assert any('"event":"killed"' in entry and "SIGSEGV" in entry for entry in bench.redis.client.lrange(
        f"{bench.prefix}:events:{{{culprit.id}}}", 0, -1))
    assert bench.redis.client.ttl(f"{bench.prefix}:job:{{{culprit.id}}}") > 0
    bench.redis.client.hset(f"{bench.prefix}:job:{{{culprit.id}}}", "lease_until_ms", 1)
    # The first claim finds a suspect, the second starts it: killed there, nobody can speak.
    leveret.start(ready=False, named=True, env={"LEVERET_CRASHPOINT": "claimed:2"}).wait()
    record = bench.job(culprit)
    assert record["starts"] == "2" and "signal" not in record


@pytest.mark.faults
def test_a_message_that_eats_all_memory_is_put_aside_and_its_neighbours_complete(bench):
    program = crash_binary()
    assert program.exists(), f"{program} is missing: cmake --preset crash && cmake --build --preset crash"
    leveret = bench.leveret(hostile_config(bench))
    leveret.program = limited(bench, program, "--as=1500000000")
    only_the_culprit_dies(bench, leveret, "allocate", -signal.SIGABRT, killed("signal 6 (SIGABRT)"))


@pytest.mark.faults
def test_a_message_that_hangs_its_worker_is_put_aside_by_the_watchdog_and_its_neighbours_complete(bench):
    leveret = bench.leveret(hostile_config(bench), env=CRASHES_ON_PURPOSE)
    only_the_culprit_dies(bench, leveret, "hang", -signal.SIGKILL, killed("the watchdog (time limit of the handler)"), within=120)
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
