"""Measures one program at a time. A run in which a mail was lost or doubled raises Void."""
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

from harness.ports import free_port
from harness.process import Process
from programs import BUILD, ENVIRONMENT, QUEUE

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
RUN_LIMIT_S = 60


class Void(Exception):
    """The run counts for nothing."""


def ticks_ns(pid):
    """CPU time of a process so far, those that it started and that have ended too, by ticks of the clock."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(word) for word in stat[11:15]) * TICK_NS


def cpu_ns(pid):
    """CPU time of a process so far: threads that run by the scheduler's count, which is exact, else by ticks."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(stat[11]) + int(stat[12])) * TICK_NS
    exact = sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
    return exact if abs(exact - ticks) < 30_000_000 else ticks  # else a thread has ended and is missing in the sum


def tree(pid):
    """The process and all that it started: RabbitMQ's is a shell script first."""
    pids = [pid]
    for parent in pids:
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def peak_rss_mb(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def loop_waits(pid):
    """How often the loop's thread has waited for anything, its next event included."""
    task = next(t for t in pathlib.Path(f"/proc/{pid}/task").iterdir() if (t / "comm").read_text() == "leveret-loop\n")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])


class Sink:
    """The mail service of bench/sink.c."""

    def __init__(self, directory):
        self.process = Process([BUILD / "bench" / "bench_sink"], directory=directory, name="sink")
        end = time.monotonic() + 10
        while len(self.process.stdout().split()) < 3:
            assert time.monotonic() < end, "the mail sink does not start"
            time.sleep(0.01)
        self.http, self.smtp, port = (int(word) for word in self.process.stdout().split())
        self.control = socket.create_connection(("127.0.0.1", port))
        self.answers = self.control.makefile("r")

    def ask(self, line):
        self.control.sendall(line.encode() + b"\n")
        return self.answers.readline()

    def reset(self, delay_ms=0):
        assert self.ask(f"reset {delay_ms}") == "ok\n"

    def stats(self):
        return {name: int(value) for name, value in re.findall(r'"(\w+)":(\d+)', self.ask("stats"))}

    def latencies_us(self):
        return [int(word) for word in self.ask("latencies").split()]


class Bench:
    def __init__(self, broker, redis, sink, services, directory):
        self.broker, self.redis, self.sink, self.services, self.directory = broker, redis, sink, services, directory
        self.published = 0
        self.done_before = {}  # name of a program -> how often it has told so

    # ---- parts

    def load(self, count, rate=0):
        """Every message of a whole run of the bench has an id of its own."""
        words = [BUILD / "bench" / "bench_load", self.services.amqp, "leveret.in", count, rate, self.published]
        self.published += count
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=RUN_LIMIT_S, env=ENVIRONMENT)
        if done.returncode != 0 or int(done.stdout) != count:
            raise Void(f"publishing failed: {done.stderr.strip()}")

    def clean(self, delay_ms=0):
        with self.broker.connect() as connection:
            connection.channel().queue_purge(QUEUE)
        self.redis.client.flushall()
        self.sink.reset(delay_ms)

    def left(self):
        """Messages in the work queue, delivered or not, as its leader counts them."""
        return self.broker.erl_json(f"""case rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{QUEUE}">>)) of {{ok, Q}} ->
            {{ok, {{_, N}}, _}} = ra:leader_query(amqqueue:get_pid(Q), fun rabbit_fifo:query_messages_total/1), N end""")

    def wait_mails(self, process, count, every=0.01):
        end = time.monotonic() + RUN_LIMIT_S
        while (stats := self.sink.stats())["mails"] < count:
            if time.monotonic() > end or not process.is_alive():
                raise Void(f"{process.name}: {stats['mails']} of {count} mails\n{process.stderr()[-500:]}")
            time.sleep(every)
        return stats

    def settle(self):
        """Acks reach a quorum queue a moment after they were sent."""
        end = time.monotonic() + 10
        while (left := self.left()) > 0 and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def end(self, process, count):
        """Stops it once everything is acknowledged, and counts."""
        self.settle()
        process.stop(within=15)
        left, stats = self.left(), self.sink.stats()
        if left or stats["mails"] != count or stats["distinct"] != count:
            raise Void(f"{process.name}: {count} messages, {stats['mails']} mails, {stats['distinct']} of them distinct, {left} left")

    def spent(self, process):
        """CPU time so far: of the program, of Redis, of RabbitMQ."""
        return [cpu_ns(process.pid), cpu_ns(self.redis.process.pid), sum(ticks_ns(pid) for pid in tree(self.broker.process.pid))]

    # ---- measurements

    def throughput(self, program, count, prefetch=256, delay_ms=0, **options):
        """The steady part of a preloaded run: from a quarter of the messages to the last one."""
        self.clean(delay_ms)
        self.load(count)
        if not program.sends:
            return self.throughput_unseen(program, count, prefetch)
        process = program.start(self.services, self.directory, prefetch, **options)
        quarter = self.wait_mails(process, count // 4)
        began = self.spent(process)
        ended = self.wait_mails(process, count)
        steady = count - quarter["mails"]
        cpu, redis, broker = ((after - before) / steady / 1e3 for before, after in zip(began, self.spent(process)))
        rss = peak_rss_mb(process.pid)
        self.end(process, count)
        return {"rate": steady / ((ended["last_ns"] - quarter["last_ns"]) / 1e9), "cpu_us": cpu, "redis_us": redis, "broker_us": broker,
                "whole_us": cpu + redis + broker, "rss_mb": rss}

    def throughput_unseen(self, program, count, prefetch):
        """For a stage of the floor that sends nothing: it tells when it has done so many, and is measured as a whole."""
        process = program.start(self.services, self.directory, prefetch, count=count)
        began, before = time.monotonic(), self.done_before.get(program.name, 0)
        self.done_before[program.name] = before + 1
        while process.stdout().count("done") <= before:  # what earlier runs wrote is there too
            if time.monotonic() - began > RUN_LIMIT_S or not process.is_alive():
                raise Void(f"{process.name}: not done\n{process.stderr()[-500:]}")
            time.sleep(0.002)
        spent_s, spent_ns, rss = time.monotonic() - began, cpu_ns(process.pid), peak_rss_mb(process.pid)
        left = self.settle()
        process.kill()
        if left:
            raise Void(f"{program.name}: {left} left")
        return {"rate": count / spent_s, "cpu_us": spent_ns / count / 1e3, "rss_mb": rss}

    def first_ack(self, program):
        """From the start of the process to the second of two mails at prefetch 1, which needs the ack of the first, ms."""
        self.clean()
        self.load(2)
        began_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        process = program.start(self.services, self.directory, 1)
        stats = self.wait_mails(process, 2, every=0.005)
        self.end(process, 2)
        return {"first_ack_ms": (stats["second_ns"] - began_ns) / 1e6}

    def turns(self, program, count, smtp):
        """CPU time of the loop's turns while connections break and publishing is held up: how many, and how many over 5 ms. A
        turn waits once, for events: `waits` counts what goes beyond that."""
        self.clean(50)
        self.load(count)
        port = free_port()
        process = program.start(self.services, self.directory, smtp=smtp, admin=f"127.0.0.1:{port}")
        self.wait_mails(process, count // 4)
        self.broker.close_all_connections()
        self.wait_mails(process, count // 2)
        self.broker.memory_alarm()
        try:
            self.wait_mails(process, count * 3 // 4)
        finally:
            self.broker.memory_alarm(False)
        self.wait_mails(process, count)
        waits = loop_waits(process.pid)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        self.end(process, count)
        figures = dict(re.findall(r'^leveret_loop_callback_cpu_(seconds_bucket.le="0.005".|seconds_count|max_seconds) (\S+)$', text, re.M))
        turns, short, longest = (float(figures[key]) for key in ("seconds_count", 'seconds_bucket{le="0.005"}', "max_seconds"))
        return {"turns": turns, "long_turns": turns - short, "longest_ms": longest * 1e3, "waits": max(0, waits - turns)}

    def latency(self, program, seconds, rate=200):
        """From publish to mail at a fixed rate, and what a message costs then."""
        self.clean()
        process = program.start(self.services, self.directory)
        self.load(rate, rate)
        self.wait_mails(process, rate)
        before = cpu_ns(process.pid)
        self.load(rate * seconds, rate)
        self.wait_mails(process, rate * (seconds + 1))
        spent = cpu_ns(process.pid) - before
        latencies = sorted(self.sink.latencies_us()[rate:])
        self.end(process, rate * (seconds + 1))
        return {"p50_ms": latencies[len(latencies) // 2] / 1e3, "p99_ms": latencies[len(latencies) * 99 // 100] / 1e3,
                "cpu_low_us": spent / 1e3 / (rate * seconds)}

    def idle(self, program, mails=1000, seconds=10):
        """What nothing to do costs, from a second after some mails on."""
        self.clean()
        self.load(mails)
        process = program.start(self.services, self.directory)
        self.wait_mails(process, mails)
        time.sleep(1.0)
        idle_from, began = cpu_ns(process.pid), time.monotonic()
        time.sleep(seconds)
        idle = (cpu_ns(process.pid) - idle_from) / 1e9 / (time.monotonic() - began)
        self.end(process, mails)
        return {"idle_percent": idle * 100}
