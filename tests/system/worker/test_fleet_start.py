"""Hundreds of workers that begin in one instant, as after a deployment or when the power is back."""
import os
import signal
import subprocess

import pytest

from harness.wait import wait_until
from harness.worker import crash_binary, environment

WORKERS = 200
AT_THE_GATE = 'read _; exec "$0" "$@" </dev/null'


class Crowd:
    """Processes that stand before a gate until it is opened: so all of them begin at once, however slowly they are forked."""

    def __init__(self, leveret, count):
        held, self._gate = os.pipe()
        self.logs = [leveret.directory / f"crowd{i}.log" for i in range(count)]
        self.processes = []
        for log in self.logs:
            with open(log, "wb") as out:
                self.processes.append(subprocess.Popen(
                    ["/bin/sh", "-c", AT_THE_GATE, leveret.program, "run", "-c", leveret.config_path], stdin=held, stdout=out, stderr=out,
                    cwd=leveret.directory, env=environment(leveret.directory, **leveret.env)))
        os.close(held)

    def begin(self):
        os.close(self._gate)

    def logged(self, event):
        """How often, by all of them together."""
        return sum(log.read_text().count(f'"event":"{event}"') for log in self.logs)

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        return {process.wait(timeout=30) for process in self.processes}

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def crowd(bench):
    leveret = bench.leveret(admin={"listen": "off"}, program=crash_binary())
    made = Crowd(leveret, WORKERS)
    yield made
    made.kill()


def consumers(bench):
    return bench.broker.erl_json(f"""lists:sum([length(rabbit_amqqueue:consumers(Q)) || Q <- rabbit_amqqueue:list(<<"{bench.vhost}">>),
        element(4, amqqueue:get_name(Q)) == <<"{bench.queue}">>])""")


def churn(bench):
    """What the broker has counted since it began."""
    names = ("connections", "closed", "channels", "channels_closed", "declared", "created", "deleted")
    return dict(zip(names, bench.broker.erl_json("tl(tuple_to_list(hd(ets:lookup(connection_churn_metrics, node()))))")))


def asked(bench, command):
    return bench.redis.client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


@pytest.mark.faults
def test_200_workers_that_begin_at_once_are_soon_there_and_ask_little(bench, crowd):
    broker, scripts, loads = churn(bench), asked(bench, "evalsha"), asked(bench, "script|load")
    crowd.begin()
    wait_until(lambda: consumers(bench) == WORKERS, within=60, every=0.2, what="all of them consume")
    assert crowd.logged("started") == crowd.logged("amqp_up") == WORKERS
    assert crowd.logged("amqp_down") == 0 and crowd.logged("redis_down") <= WORKERS // 20, "none is turned away"
    now = churn(bench)
    grown = {name: now[name] - broker[name] for name in now}
    assert grown["connections"] <= 2 * WORKERS and grown["channels"] <= 3 * WORKERS, "one to consume, one to publish"
    assert grown["declared"] <= 8 * WORKERS and grown["created"] <= 6, "each says what it needs once"
    again = 1.05 * WORKERS  # few have to try again
    assert asked(bench, "script|load") - loads <= 18 * again, "one of its two connections needs all scripts"
    assert asked(bench, "evalsha") - scripts <= 30 * again
    assert crowd.end() == {0}
