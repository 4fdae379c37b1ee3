#!/usr/bin/python3
"""Measures leveret, the floor below it and its peers in one interleaved run. Run it by script/bench."""
import argparse
import os
import pathlib
import platform
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import long  # noqa: E402
import redis  # noqa: E402
import report  # noqa: E402
from harness.rabbitmq import RabbitMQ  # noqa: E402
from harness.redis import Redis  # noqa: E402
from measure import Bench, Sink, Void  # noqa: E402
from programs import Floor, Leveret, Missing, Services, everything  # noqa: E402


class OpenRedis(Redis):
    """Without the password of the tests: the floor and the peers know none."""

    def __init__(self, settings):
        super().__init__(append_only=False, settings=(*settings, "--requirepass", ""))
        self.client = redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=10)


class Plan:
    """How much is measured, and for how long at most."""

    def __init__(self, quick):
        self.count, self.rounds, self.latency_s = (6000, 2, 3) if quick else (30000, 7, 5)
        self.latency_rounds = 1 if quick else 3
        self.limit_s = 100 if quick else 840


def say(text):
    print(text, flush=True)


def attempt(results, name, measure, *words, **options):
    """A void run is repeated once; a second one is told."""
    for tries_left in (1, 0):
        try:
            results.add(name, measure(*words, **options))
            return
        except Void as void:
            results.void.append(f"{name}: {void}")
            say(f"  VOID {name}: {void}")
            if not tries_left:
                return


def prepare(programs, results, directory):
    ready = []
    for program in programs:
        try:
            program.prepare(directory)
            ready.append(program)
        except Missing as missing:
            results.missing[program.title] = str(missing)
            say(f"  without {program.title}: {missing}")
    return ready


def rounds(plan, bench, programs, results, deadline):
    """Interleaved, and each round in another order, so that a busy machine is busy for all."""
    longest = 0
    for number in range(plan.rounds):
        began = time.monotonic()
        if began + longest > deadline:
            say(f"  out of time after {number} rounds")
            return
        turned = programs[number % len(programs):] + programs[:number % len(programs)]
        for program in turned:
            attempt(results, program.name, bench.throughput, program, plan.count // program.share)
        for program in turned:
            if program.sends:
                attempt(results, program.name, bench.first_ack, program)
        # What is compared stands side by side, and often: a shared machine is slow for seconds, and then fast again.
        compared = [p for p in turned if p.name in ("leveret", report.WHOLE)]
        for program in compared * (1 if plan.latency_rounds == 1 else 3):
            attempt(results, program.name, bench.latency, program, plan.latency_s)
        if number < plan.latency_rounds:
            for program in turned:
                if program.sends and program.name != "leveret-quiet" and program not in compared:
                    attempt(results, program.name, bench.latency, program, plan.latency_s)
        longest = max(longest, time.monotonic() - began)
        say(f"round {number + 1} of {plan.rounds}: leveret {results.median('leveret', 'cpu_us') or 0:.1f}, "
            f"floor {results.median(report.WHOLE, 'cpu_us') or 0:.1f} us/message")


def slow_service(plan, bench, results):
    """What a mail service that takes its time leaves of the throughput. `ahead`: twice as many messages are prefetched as mails
    may be under way, so that a mail begins when another ends and need not wait for a claim."""
    ahead, ahead_1024 = {"prefetch": 512, "connections": 256}, {"prefetch": 2048, "connections": 1024}
    quick = plan.rounds < 3
    count, count_1024 = (256 * 20, 1024 * 8) if quick else (256 * 40, 1024 * 20)
    whole = Floor("http", "")
    for _ in range(1 if quick else 5):
        attempt(results, "slow-http", bench.throughput, Leveret(), count, delay_ms=50)
        attempt(results, "slow-http-ahead", bench.throughput, Leveret(), count, delay_ms=50, **ahead)
        attempt(results, "slow-floor", bench.throughput, whole, count, delay_ms=50)
        attempt(results, "slow-smtp", bench.throughput, Leveret(), count, delay_ms=50, smtp=True)
        attempt(results, "slow-smtp-ahead", bench.throughput, Leveret(), count, delay_ms=50, smtp=True, **ahead)
        attempt(results, "slow-http-1024", bench.throughput, Leveret(), count_1024, prefetch=1024, delay_ms=200)
        attempt(results, "slow-http-1024-ahead", bench.throughput, Leveret(), count_1024, delay_ms=200, **ahead_1024)
        attempt(results, "slow-floor-1024", bench.throughput, whole, count_1024, prefetch=1024, delay_ms=200)
    attempt(results, "slow-http-2000", bench.throughput, Leveret(), count_1024, prefetch=2000, delay_ms=200)
    for name, smtp in (("turns-http", False), ("turns-smtp", True)):
        attempt(results, name, bench.turns, Leveret(), 2 * count, smtp)
    attempt(results, "leveret", bench.idle, Leveret())


def long_part(bench, results, messages):
    """Alone, as it takes long: `script/bench --long`."""
    for title, text in long.everything(bench, say, messages, waiting=messages // 2):
        say(f"  {title}: {text}")
        results.long.append((title, text))


def machine():
    return {"cores": os.cpu_count(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
            "date": time.strftime("%Y-%m-%d"), "load at start": f"{os.getloadavg()[0]:.1f}"}


def measure(plan, directory, out, only, messages=0, against=None):
    results = report.Results()
    results.machine = {**machine(), "messages a run": plan.count, "prefetch": 256}
    programs = [p for p in everything(against) if not only or p.name in (*only, report.WHOLE)]
    deadline = time.monotonic() + plan.limit_s
    say("starting a private RabbitMQ, Redis and mail sink, preparing the peers ...")
    settings = ("--appendonly", "yes", "--appendfsync", "everysec")
    with OpenRedis(settings) as store, RabbitMQ("leveret-bench") as broker:
        sink = Sink(directory)
        services = Services(broker.port, store.port, sink.http, sink.smtp)
        programs = [] if messages else prepare(programs, results, directory)
        next(p for p in everything() if p.name == "leveret").apply_topology(services, directory)
        bench = Bench(broker, store, sink, services, directory)
        if messages:
            long_part(bench, results, messages)
        else:
            rounds(plan, bench, programs, results, deadline - (30 if plan.rounds < 3 else 90))
        if not only and not messages:
            slow_service(plan, bench, results)
    report.write(out, results, programs)
    say("\n" + report.markdown(results, programs))
    say(f"also as JSON and a chart in {out}")
    return 0 if not results.void else 1


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--quick", action="store_true", help="less of everything: within three minutes")
    parser.add_argument("--long", nargs="?", type=int, const=1_000_000, default=0, metavar="MESSAGES",
                        help="instead: memory over so many messages (1000000), a long backlog, replicas")
    parser.add_argument("--only", nargs="*", default=[], help="only these programs, and the whole floor")
    parser.add_argument("--against", type=pathlib.Path, metavar="PROGRAM", help="another build of leveret, beside this one: leveret-against")
    parser.add_argument("--rounds", type=int, default=0, help="so many rounds")
    parser.add_argument("directory", nargs="?", default=ROOT / "build" / "bench", type=pathlib.Path, help="where the results go")
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="leveret-bench-") as directory:
        plan = Plan(words.quick)
        plan.rounds = words.rounds or plan.rounds
        return measure(plan, directory, words.directory, words.only, words.long, words.against)


if __name__ == "__main__":
    sys.exit(main())
