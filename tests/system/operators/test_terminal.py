"""What a person sees on a terminal: no table wraps at 80 or 120 columns, colours only where they are wanted, and a word for who mistypes."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

from harness.letters import PAST, broken, fill, rows
from harness.publish import Message, order
from harness.wait import wait_until
from harness.worker import environment

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TABLES = (("check",), ("topology", "show"), ("topology", "verify"), ("type", "list"), ("job", "list"), ("queue", "list"), ("worker", "list"),
          ("dlq", "list"), ("dlq", "groups"))


def on_terminal(leveret, *words, columns=80, lines=24, keys=(), env=None):
    """What the command writes on a terminal of that size. `keys`: (what is on the screen, the key that is then pressed)."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen([leveret.program, *words, "-c", leveret.config_path], stdin=follower, stdout=follower, stderr=follower,
                               cwd=leveret.directory, env={**environment(leveret.directory), "TERM": "xterm", **(env or {})})
    os.close(follower)
    text, keys, until = b"", list(keys), time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([leader], [], [], 0.2)[0]:
            continue
        try:
            text += os.read(leader, 65536)
        except OSError:
            break
        if keys and re.search(keys[0][0].encode(), text, re.DOTALL):
            os.write(leader, keys.pop(0)[1].encode())
    assert process.wait(10) in (0, 1), text
    os.close(leader)
    return text.decode()


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def shown(text):
    return [line.rstrip("\r") for line in ESCAPES.sub("", text).split("\n")]


@pytest.fixture
def busy(bench):
    """Long names, wide characters and many states."""
    bench.queue = "bestellungen.aus.allen.filialen/größe-und-noch-viel-mehr"
    leveret = fill(bench, [broken(1, value="x" * 200), order(2, id="an-id/" + "y" * 150, headers={"subject": "order/" + "z" * 90, "deadline": PAST}),
                           Message("a.type.of.that.nobody.has.ever.heard.v1", {"title": "中文" * 20}, app_id="ein-sehr-langer-shop-name" * 3)])
    leveret.start()
    done = bench.publish(order(9, id="z" * 120))
    bench.wait_state(done, "completed")
    wait_until(lambda: rows(leveret.run("worker", "list", "-o", "json")), what="the worker tells of itself")
    return leveret


@pytest.mark.parametrize("columns", [80, 120])
def test_no_table_wraps(bench, busy, columns):
    for words in TABLES:
        words = (*words, bench.queue) if words[0] == "dlq" else words
        lines = shown(on_terminal(busy, *words, columns=columns))
        assert len(lines) > 2 and all(width(line) <= columns for line in lines), (words, lines)
    frame = shown(on_terminal(busy, "top", columns=columns, keys=[("WORKER.*REASON", "q")]))
    assert any("WORKER" in line for line in frame) and all(width(line) <= columns for line in frame), frame


def test_wide_shows_all_and_a_pipe_too(bench, busy):
    for text in (on_terminal(busy, "dlq", "list", bench.queue, "--wide"), busy.run("dlq", "list", bench.queue).stdout):
        assert "y" * 150 in text and "ein-sehr-langer-shop-name" * 3 in text and re.search(r"20\d\d-\d\d-\d\dT", text)
    narrow = on_terminal(busy, "dlq", "list", bench.queue)
    assert ".." in narrow and "y" * 150 not in narrow and re.search(r" \d+(ms|s|m) ", ESCAPES.sub("", narrow))


def test_colours_are_for_terminals_that_want_them(bench, busy):
    assert "\x1b[" in on_terminal(busy, "job", "list")
    assert "\x1b[" not in on_terminal(busy, "job", "list", env={"NO_COLOR": "1"})
    assert "\x1b[" not in on_terminal(busy, "job", "list", env={"TERM": "dumb"})
    assert "\x1b[" not in busy.run("job", "list").stdout


def test_top_is_right_at_80_by_24_and_obeys_its_keys(bench, busy):
    dead_alone = r"WORKER.*\x1b\[H\x1b\[J(?:(?!WORKER).)*REASON"
    text = on_terminal(busy, "top", keys=[("WORKER.*REASON", "d"), (dead_alone, "s"), (r"s sort \(name\)", "q")])
    frames = text.split("\x1b[H\x1b[J")[1:]
    first, last = shown(frames[0]), shown(frames[-1])
    assert any(re.search(r"ready 0 .* dead 3\b", line) for line in first), first
    assert any("unknown_type" in line for line in last) and not any("WORKER" in line for line in last), last
    assert all(len(shown(frame)) <= 24 for frame in frames)


def test_a_mistyped_command_gets_a_word(bench):
    leveret = bench.leveret()
    for words, meant in ((("pubish",), "publish"), (("job", "shwo", "x"), "show"), (("queue", "pasue", "x"), "pause"), (("type", "lst"), "list")):
        answer = leveret.run(*words)
        assert answer.returncode == 2 and f"did you mean {meant}?" in answer.stderr, answer


# ---- jobs


def test_a_job_that_no_worker_has_seen_is_told_with_what_waits(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    bench.publish(*[order(n) for n in range(12)])
    wait_until(lambda: bench.depth(bench.queue) == 12, what="they wait")
    answer = leveret.run("job", "show", "order-42")
    assert answer.returncode == 3, answer
    assert f"order-42: not seen by a worker yet: 12 wait in {bench.queue}; or never published, or its record expired" in answer.stderr


def test_show_begins_with_what_matters(bench):
    bench.worker()
    bench.sink.script(503)
    message = bench.publish(order(1, id="order-1", headers={"subject": "order/1"}))
    bench.wait_state(message, "retrying")
    lines = [line.split()[0] for line in bench.last.run("job", "show", "order-1").stdout.splitlines() if line]
    assert lines[:2] == ["id", "state"] and lines.index("subject") < lines.index("attempt") < lines.index("due") < lines.index("worker")
    assert "(try 2 of 4)" in bench.last.run("job", "show", "order-1").stdout


def test_a_list_that_stops_early_says_so(bench):
    bench.worker()
    bench.publish_many([order(n) for n in range(1, 6)])
    bench.wait_completed(5)
    wait_until(lambda: len(rows(bench.last.run("job", "list", "-o", "json"))) == 5, what="the index follows")
    assert "there are more, see --limit" in bench.last.run("job", "list", "--limit", 3).stderr
    assert not bench.last.run("job", "list", "--limit", 5).stderr


# ---- run --queue, publish --key


def test_a_worker_may_take_of_one_queue_alone(bench):
    queues = [{"name": bench.queue, "bindings": ["order.#"]}, {"name": "leveret.bulk", "bindings": ["bulk.#"]}]
    leveret = bench.leveret(queues=queues)
    leveret.start("--queue", "leveret.bulk")
    other = bench.leveret(name="all", queues=queues)
    assert other.run("topology", "apply").returncode == 0
    waits, goes = bench.publish(order(1, routing_key="order.x"), order(2, routing_key="bulk.x"))
    bench.wait_state(goes, "completed")
    assert bench.depth(bench.queue) == 1 and not bench.job(waits)
    assert [worker["queues"] for worker in rows(leveret.run("worker", "list", "-o", "json"))] == ["leveret.bulk"]
    wrong = leveret.run("run", "--queue", "no.such")
    assert wrong.returncode == 3 and "--queue no.such" in wrong.stderr


def test_publish_takes_a_routing_key(bench):
    leveret = bench.leveret(queues=[{"name": bench.queue, "bindings": ["vip.#"]}])
    leveret.start()
    data = '{"order_id": 1, "customer_email": "a@example.com", "title": "T"}'
    done = leveret.run("publish", "order.created.v1", "--data", data, "--key", "vip.orders", "--wait", "20s")
    assert done.returncode == 0, done
    assert leveret.run("publish", "order.created.v1", "--data", data, "--key", "k" * 256).returncode == 2
