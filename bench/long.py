"""What only shows over time or with more than one worker: memory over many messages, a long backlog, replicas."""
import pathlib
import re
import statistics
import time

from measure import QUEUE, Void, cpu_ns
from programs import Leveret

CHUNK = 50_000


def rss_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def memory(bench, count):
    """RSS of one worker after every chunk of so many messages, and what a message costs in each. Leaves the records."""
    bench.clean()
    process = Leveret().start(bench.services, bench.directory)
    samples, costs = [], []
    for done in range(0, count, CHUNK):
        bench.load(CHUNK)
        before, mails = cpu_ns(process.pid), bench.sink.stats()["mails"]
        bench.wait_mails(process, done + CHUNK, every=0.05)
        costs.append((cpu_ns(process.pid) - before) / (done + CHUNK - mails) / 1e3)
        samples.append(rss_mb(process.pid))
    bench.end(process, count)
    return {"messages": count, "rss_first_mb": samples[0], "rss_last_mb": samples[-1], "rss_max_mb": max(samples),
            "cpu_first_us": costs[0], "cpu_last_us": costs[-1]}


def short_backlog(bench, count, waiting=1000):
    """CPU a message while about so many wait: a thousand more are published whenever fewer do."""
    bench.sink.reset()
    bench.load(2 * waiting)
    process = Leveret().start(bench.services, bench.directory)
    published = 2 * waiting
    stats = bench.wait_mails(process, waiting, every=0.002)
    began, first = cpu_ns(process.pid), stats["mails"]
    while published < count:
        bench.load(waiting)
        published += waiting
        stats = bench.wait_mails(process, published - waiting, every=0.002)
    spent = cpu_ns(process.pid) - began
    bench.wait_mails(process, published)
    bench.end(process, published)
    return spent / (stats["mails"] - first) / 1e3


def long_backlog(bench, count, waiting):
    """CPU a message while so many wait. What is left of them is purged."""
    bench.sink.reset()
    for _ in range(0, waiting, CHUNK):
        bench.load(CHUNK)
    process = Leveret().start(bench.services, bench.directory)
    first = bench.wait_mails(process, count // 4)["mails"]
    began = cpu_ns(process.pid)
    last = bench.wait_mails(process, count)["mails"]
    spent = cpu_ns(process.pid) - began
    process.stop(within=15)
    with bench.broker.connect() as connection:
        connection.channel().queue_purge(QUEUE)
    return spent / (last - first) / 1e3


def together(bench, workers, count, prefetch, delay_ms):
    """Mails a second of so many replicas, from a quarter of the messages to the last one."""
    bench.clean(delay_ms)
    bench.load(count)
    processes = [Leveret(f"leveret-{number}").start(bench.services, bench.directory, prefetch) for number in range(workers)]
    quarter = bench.wait_mails(processes[0], count // 4)
    ended = bench.wait_mails(processes[0], count)
    bench.settle()
    for process in processes:
        process.stop(within=15)
    stats = bench.sink.stats()
    if stats["mails"] != count or stats["distinct"] != count:
        raise Void(f"{workers} workers: {stats['mails']} mails, {stats['distinct']} distinct of {count}")
    return (count - quarter["mails"]) / ((ended["last_ns"] - quarter["last_ns"]) / 1e9)


def median_of(measure, times=3):
    return sorted(measure() for _ in range(times))[times // 2]


def everything(bench, say, messages=1_000_000, waiting=500_000):
    """Lines for the report."""
    began = time.monotonic()
    flat = memory(bench, messages)
    yield (f"{flat['messages']:,} messages in {time.monotonic() - began:,.0f} s", f"RSS {flat['rss_first_mb']:.1f} MB after "
           f"{CHUNK:,}, {flat['rss_last_mb']:.1f} MB after all, at most {flat['rss_max_mb']:.1f} MB; {flat['cpu_first_us']:.1f} us a "
           f"message in the first {CHUNK:,}, {flat['cpu_last_us']:.1f} us in the last")
    records = bench.redis.client.dbsize() // 2
    short = median_of(lambda: short_backlog(bench, 20_000))
    long = median_of(lambda: long_backlog(bench, 20_000, waiting), times=1)
    short_after = median_of(lambda: short_backlog(bench, 20_000))
    yield (f"with {records:,} records", f"{short:.1f} us a message with 1,000 waiting, {long:.1f} with {waiting:,}, "
           f"{short_after:.1f} with 1,000 again")
    # in turn: the machine's speed drifts
    one, two = map(statistics.median, zip(*[[together(bench, n, 20_000, 256, 0) for n in (1, 2)] for _ in range(5)]))
    yield "mails answered at once", f"one worker {one:,.0f} mails/s, two {two:,.0f}: {two / one:.2f} times"
    one, four = map(statistics.median, zip(*[[together(bench, n, 2000 * n, 8, 20) for n in (1, 4)] for _ in range(3)]))
    yield "mails of 20 ms, prefetch 8", f"one worker {one:,.0f} mails/s, four {four:,.0f}: {four / one:.2f} times"
    say(f"long part: {time.monotonic() - began:,.0f} s")
