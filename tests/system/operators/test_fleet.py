"""What operators see of queues, workers and one job: depths, ages, pauses, who runs, and the whole story of a message."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from harness.letters import background, fill, five_shapes, rows
from harness.proxy import Proxy
from harness.publish import email, order
from harness.wait import wait_until
from harness.worker import environment


def test_a_pause_reaches_three_replicas_within_a_second_and_so_does_the_resume(bench):
    leveret = bench.leveret()
    for _ in range(3):
        leveret.start()
    wait_until(lambda: len(rows(leveret.run("worker", "list", "-o", "json"))) == 3, what="three workers")
    assert all(w["state"] == "running" and w["breaker"] == "closed" for w in rows(leveret.run("worker", "list", "-o", "json")))
    stop = threading.Event()

    def load():
        n = 0
        while not stop.is_set():
            bench.publish_many([order(n + i + 1) for i in range(20)])
            n += 20

    thread = threading.Thread(target=load)
    thread.start()
    try:
        wait_until(lambda: bench.sink.count() > 50, what="load")
        assert leveret.run("queue", "pause", bench.queue).returncode == 0
        time.sleep(1.0)
        wait_until(lambda: bench.total(bench.queue) == bench.depth(bench.queue), within=5, what="in flight ended")
        claimed = {job for job in bench.redis.jobs()}
        time.sleep(1.0)
        assert {job for job in bench.redis.jobs()} == claimed
        assert rows(leveret.run("queue", "list", "-o", "json"))[0]["state"] == "paused"
        assert leveret.run("queue", "resume", bench.queue).returncode == 0
        wait_until(lambda: len(bench.redis.jobs()) > len(claimed), within=1.5, every=0.02, what="resumed")
    finally:
        stop.set()
        thread.join()
    bench.wait_completed(len(bench.ledger.confirmed_ids()), within=90)
    assert bench.sink.count() == len(bench.ledger.confirmed_ids())


@pytest.mark.faults
def test_an_idle_worker_tells_seldom_and_follows_a_pause_in_time(bench):
    """Hundreds of idle workers must cost Redis next to nothing; ten seconds without a job make one idle."""
    leveret = bench.leveret()
    leveret.start()
    told = []

    def gap():
        (key,) = bench.redis.client.keys(f"{bench.prefix}:worker:*")
        seen_ms = int(bench.redis.client.hget(key, "seen_ms"))
        if not told or told[-1] != seen_ms:
            told.append(seen_ms)
        return max((after - before for before, after in zip(told, told[1:])), default=0)

    wait_until(lambda: gap() >= 5000, within=40, every=0.2, what=lambda: told)
    before = bench.redis.client.info("commandstats")["cmdstat_smembers"]["calls"]
    known = len(told)
    wait_until(lambda: gap() and len(told) >= known + 2, within=40, every=0.2, what=lambda: told)
    asked = bench.redis.client.info("commandstats")["cmdstat_smembers"]["calls"] - before
    assert asked <= (told[-1] - told[known - 1]) / 5000, "as seldom as it tells"
    for command in ("pause", "resume"):
        done = leveret.run("queue", command, bench.queue, "-o", "json")
        assert done.returncode == 0 and rows(done)[0]["late"] == 0, done
    bench.wait_state(bench.publish(order(1)), "completed")


def test_a_worker_that_does_not_follow_a_pause_is_told(bench):
    worker = bench.worker()
    wait_until(lambda: rows(bench.last.run("worker", "list", "-o", "json")), what="it is known")
    worker.freeze()
    try:
        answer = bench.last.run("queue", "pause", bench.queue, "-o", "json")
    finally:
        worker.thaw()
    assert answer.returncode == 1 and "1 worker has not followed yet" in answer.stderr, answer
    assert answer.json() == {"queue": bench.queue, "paused": True, "changed": True, "workers": 1, "late": 1}
    again = bench.last.run("queue", "pause", bench.queue, "-o", "json")
    assert again.returncode == 0 and again.json()["changed"] is False and again.json()["late"] == 0, again


def test_nothing_is_consumed_before_it_is_known_what_is_paused(bench):
    with Proxy(bench.broker.port) as amqp, Proxy(bench.redis.port) as redis:
        amqp.refuse, redis.down.delay_ms = True, 200
        leveret = bench.leveret(amqp={"url": bench.broker.url(bench.vhost, port=amqp.port)},
                                redis={"url": bench.redis.url_at(redis.port), "timeout": "60s"})
        worker = leveret.start(ready=False)
        wait_until(lambda: worker.logged(event="redis_up"), within=30, what="it asks")
        redis.down.drop = True  # the answer is lost
        amqp.refuse = False
        wait_until(lambda: worker.logged(event="amqp_up"), within=30, what="it could consume")
        wait_until(lambda: worker.status()["amqp"]["up"], what="its status")
        assert worker.status()["queues"][0]["closed"] == "it is not known yet which queues are paused"
        assert not worker.is_ready() and worker.status()["queues"][0]["prefetch"] == 0
        redis.pass_all()
        redis.cut()
        worker.wait_ready()
        bench.wait_state(bench.publish(order(1)), "completed")


def test_a_worker_that_has_ended_is_listed_no_more(bench):
    worker = bench.worker()
    wait_until(lambda: rows(bench.last.run("worker", "list", "-o", "json")), what="it is listed")
    assert worker.stop() == 0
    assert not rows(bench.last.run("worker", "list", "-o", "json"))


def test_queue_list_counts_tiers_and_dead_letters(bench):
    leveret = fill(bench, five_shapes(10))
    listed = {q["queue"]: q for q in rows(leveret.run("queue", "list", "-o", "json"))}
    assert listed[bench.queue]["dead"] == 10 and listed[bench.queue]["ready"] == 0
    assert listed[bench.queue]["retry"] == "1s 0, 2s 0" and listed[bench.queue]["consumers"] == 0
    assert listed["leveret.unrouted"]["state"] == "open"


def test_the_age_of_what_waits_and_what_is_in_flight_are_told_for_each_queue(bench):
    bulk = {"name": "leveret.bulk", "bindings": ["email.#"], "prefetch": 2}
    leveret = bench.leveret(queues=[{"name": bench.queue, "bindings": ["order.#"], "prefetch": 1}, bulk], mail={"timeout": "40s"})
    leveret.run("topology", "apply")
    bench.publish(order(1, timestamp=int(time.time()) - 100), *[order(n, timestamp=int(time.time())) for n in (2, 3)])

    def listed():
        return {q["queue"]: q for q in rows(leveret.run("queue", "list", "-o", "json"))}

    assert listed()[bench.queue]["oldest_ms"] is None, "nobody has seen this queue yet"
    assert " unknown " in leveret.run("queue", "list").stdout
    bench.sink.mode("healthy", delay_ms=40000)
    worker = leveret.start()
    bench.publish(email("a@example.com"), email("b@example.com"), email("c@example.com", timestamp=1))
    wait_until(lambda: [listed()[q]["in_flight"] for q in (bench.queue, "leveret.bulk")] == [1, 2], what=lambda: f"{listed()}")
    wait_until(lambda: [w["in_flight"] for w in rows(leveret.run("worker", "list", "-o", "json"))] == [3], what="of the worker")
    assert 99000 <= listed()[bench.queue]["oldest_ms"] <= 115000 and 0 < listed()["leveret.bulk"]["oldest_ms"] <= 15000
    for words in (("queue", "list"), ("top",)):
        assert re.search(r" 1m [45]\ds ", leveret.run(*words).stdout), words
    wait_until(lambda: worker.metric("leveret_queue_messages", queue=bench.queue) == 2, within=25, what="the depth")
    assert worker.metric("leveret_queue_oldest_seconds", queue=bench.queue) >= 99
    assert worker.metric("leveret_queue_retry_messages", queue=bench.queue) == 0
    status = worker.status()["queues"][0]
    assert status["ready"] == 2 and status["oldest_ms"] >= 99000 and set(status["retry"].values()) == {0}
    worker.kill()
    bench.sink.mode("healthy")
    wait_until(lambda: not rows(leveret.run("worker", "list", "-o", "json")), within=15, what="the worker's record is gone")
    assert listed()[bench.queue]["oldest_ms"] >= 99000 and listed()["leveret.unrouted"]["oldest_ms"] == 0


def test_top_shows_everything_once_a_second_and_restores_the_terminal(bench):
    leveret = bench.leveret()
    leveret.start()
    top = background(leveret, "top", "top", "-o", "json")
    wait_until(lambda: len(top.stdout().splitlines()) >= 3, within=10, what="three lines")
    top.signal(signal.SIGINT)
    assert top.wait(10) == 0
    line = json.loads(top.stdout().splitlines()[-1])
    assert line["workers"] == 1 and line["queues"][0]["queue"] == bench.queue
    assert "WORKER" in leveret.run("top").stdout
    leader, follower = pty.openpty()
    process = subprocess.Popen([leveret.program, "top", "-c", leveret.config_path], stdin=follower, stdout=follower,
                               stderr=follower, cwd=leveret.directory, env=environment(leveret.directory))
    text = b""
    wait_until(lambda: select.select([leader], [], [], 0.1)[0], what="a frame")
    while b"WORKER" not in text:
        text += os.read(leader, 65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    while select.select([leader], [], [], 0.2)[0]:
        text += os.read(leader, 65536)
    os.close(leader), os.close(follower)
    assert text.startswith(b"\x1b[?1049h") and text.rstrip().endswith(b"\x1b[?1049l")


def test_top_keeps_to_a_small_screen_and_ends_with_q(bench):
    leveret = bench.leveret()
    leveret.start()
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 80, 0, 0))
    before = termios.tcgetattr(follower)
    process = subprocess.Popen([leveret.program, "top", "-c", leveret.config_path], stdin=follower, stdout=follower,
                               stderr=follower, cwd=leveret.directory, env=environment(leveret.directory))
    text = b""
    while text.count(b"completed") < 2:  # of two frames
        text += os.read(leader, 65536)
    frame = text.split(b"\x1b[H\x1b[J")[1]
    assert b"leveret top" in frame and b"WORKER" not in frame and frame.count(b"\n") == 3, frame
    os.write(leader, b"q")
    assert process.wait(10) == 0
    assert termios.tcgetattr(follower) == before
    os.close(leader), os.close(follower)


def test_what_cannot_be_asked_is_not_shown_as_nothing(bench):
    leveret = bench.leveret(amqp={"url": "amqp://127.0.0.1:1/"})
    assert re.search(r" unknown +- +unknown ", leveret.run("top").stdout) and "ready -   in flight 0" in leveret.run("top").stdout
    listed = leveret.run("queue", "list", "-o", "json")
    assert listed.returncode == 1 and "connect" in listed.stderr
    assert {(q["state"], q["ready"], q["oldest_ms"], q["dead"]) for q in rows(listed)} == {("unknown", None, None, None)}


# ---- one job's story


def test_show_tells_of_a_job_that_was_retried_deferred_taken_over_and_completed(bench):
    leveret = bench.leveret(claim={"lease": "6s"})
    first = leveret.start()
    # Fails and is retried; refused credentials open the breaker, which defers it; the third answer finds its worker killed.
    bench.sink.script(503, 401, {"status": 200, "delay_ms": 60000, "accept": False}, to="order1@example.com")
    message = bench.publish(order(1, id="order-1"))
    wait_until(lambda: bench.job(message).get("deferrals") == "1" and bench.state(message) == "running", within=30,
               what=lambda: f"the third try: {bench.job(message)}")
    first.kill()
    second = leveret.start()
    bench.wait_state(message, "completed", within=60)
    told = leveret.run("job", "show", "order-1", "-o", "json").json()
    events = told["events"]
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    assert told["attempt"] == 1 and told["deferrals"] >= 1 and told["state"] == "completed", told
    story = [(e["event"], e.get("answer") or e.get("decision") or e.get("outcome")) for e in events if e.get("answer") != "busy"]
    assert story == [("claim", "new"), ("decide", "retry"), ("settled", "retry"), ("claim", "resumed"), ("decide", "defer"),
                     ("settled", "defer"), ("claim", "resumed"), ("claim", "suspect"), ("claim", "resumed"), ("completed", "sent")]
    workers = [e["worker"] for e in events]
    assert workers[0] == workers[6] != workers[-1] == told["worker"] == workers[-2]
    text = leveret.run("job", "show", "order-1").stdout
    assert all(word in text for word in ("HTTP 503", "HTTP 401", "tier=", events[-1]["provider_id"], workers[0], workers[-1])), text
    assert second.process.is_alive()


def test_a_timeline_keeps_its_latest_hundred_entries(bench):
    bench.redis.client.rpush("leveret:events:{order-1}", *['{"ts":1,"worker":"w","event":"claim"}'] * 150)
    bench.worker()
    bench.sink.script(503)  # what ends at the first try has no list: its record tells all of it
    bench.wait_state(bench.publish(order(1, id="order-1")), "completed")
    entries = bench.redis.client.lrange("leveret:events:{order-1}", 0, -1)
    assert len(entries) == 100 and json.loads(entries[-1])["event"] == "completed"


def test_an_entry_that_stands_in_the_record_and_in_the_list_is_shown_once(bench):
    """As when a script writes the list between the two looks of a command."""
    bench.worker()
    bench.wait_state(bench.publish(order(1, id="order-1")), "completed")
    events = bench.last.run("job", "show", "order-1", "-o", "json").json()["events"]
    assert [event["event"] for event in events] == ["claim", "completed"]
    bench.redis.client.rpush("leveret:events:{order-1}", json.dumps(events[0], separators=(",", ":")))
    assert bench.last.run("job", "show", "order-1", "-o", "json").json()["events"] == events
