"""A worker that is told to end gives back what it has not begun and finishes what it has."""
import collections
import signal
import socket
import time

from harness.proxy import Proxy
from harness.publish import order
from harness.wait import wait_until


def test_sigterm_under_load_ends_in_time_and_costs_nothing(bench):
    leveret = bench.leveret()
    bench.sink.mode("healthy", delay_ms=50)
    first = leveret.start()
    messages = [order(n) for n in range(1, 601)]
    bench.publish_many(messages)
    wait_until(lambda: bench.sink.count() >= 50, what="some mails")
    began = time.monotonic()
    assert first.stop(within=12) == 0
    assert time.monotonic() - began < 10, "within the grace"
    assert bench.sink.count() < 600, "it was to end in the middle"
    assert first.logged(event="drained"), "a drain report"

    leveret.start()
    bench.wait_completed(600, within=60)
    assert bench.sink.count() == 600, "each mail once"
    assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}
    bench.account().check()


def test_a_suspect_that_is_found_while_draining_goes_back_and_holds_up_nothing(bench):
    """Its claim is answered only after the cancel: it may not start any more, alone or not."""
    leveret = bench.leveret()
    bench.sink.mode("healthy")
    leveret.start().stop()
    message = bench.publish(order(1))
    assert leveret.start(ready=False, env={"LEVERET_CRASHPOINT": "planned:1"}).wait() == -signal.SIGKILL
    bench.redis.client.hset(f"leveret:job:{{{message.id}}}", "lease_until_ms", 1)
    with bench.broker.connect(bench.vhost) as connection:  # keeps it from the next worker until that is ready
        channel = connection.channel()
        method, _, _ = wait_until(lambda: (got := channel.basic_get(bench.queue))[0] and got, what="the message")
        worker = leveret.change(redis={"timeout": "60s"}, shutdown={"grace": "60s"}).start()
        bench.redis.freeze()
        try:
            channel.basic_nack(method.delivery_tag)
            wait_until(lambda: bench.depth(bench.queue) == 0, what="the claim is under way")
            worker.terminate()
            wait_until(lambda: bench.queue not in bench.broker.ctl("list_consumers", "-q", "-p", bench.vhost), within=30, what="the cancel")
        finally:
            bench.redis.thaw()
        began = time.monotonic()
        assert worker.wait() == 0
        assert time.monotonic() - began < 20, "well within the grace"
    leveret.start()
    bench.wait_state(message, "completed")


def test_what_waits_behind_a_suspect_goes_back_at_once(bench):
    leveret = bench.leveret()
    leveret.start().stop()
    suspect = bench.publish(order(1))
    assert leveret.start(ready=False, env={"LEVERET_CRASHPOINT": "planned:1"}).wait() == -signal.SIGKILL
    bench.redis.client.hset(f"leveret:job:{{{suspect.id}}}", "lease_until_ms", 1)
    bench.sink.mode("healthy", delay_ms=2000)
    worker = leveret.start()
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="the suspect's mail under way")
    bench.publish_many([order(n) for n in range(2, 12)])
    wait_until(lambda: bench.depth(bench.queue) == 0, what="its neighbours are fetched")
    assert worker.stop() == 0
    assert bench.state(suspect) == "completed" and bench.depth(bench.queue) == 10
    assert bench.sink.count() == 1 and len(bench.redis.jobs()) == 1, "nothing else was begun"


def test_what_waits_for_a_slow_service_is_put_off_before_the_grace_ends(bench):
    bench.sink.mode("healthy", delay_ms=500)
    worker = bench.worker(shutdown={"grace": "3s"}, mail={"timeout": "1s", "http": {"connections": 1}})
    messages = [order(n) for n in range(1, 13)]
    bench.publish_many(messages)
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="a mail under way")
    assert worker.stop() == 0
    jobs = bench.redis.jobs().values()
    assert {job["state"] for job in jobs} == {"completed", "retrying"} and {job["attempt"] for job in jobs} == {"0"}
    ends = collections.Counter(job["state"] for job in jobs)
    told = f"finished {ends['completed']}, returned {12 - len(jobs)}, put off {ends['retrying']}, left to the broker 0"
    assert told in worker.logged(event="drained")[0]["msg"]


def test_a_second_sigterm_ends_it_at_once(bench):
    bench.sink.mode("healthy", delay_ms=4000)
    worker = bench.worker()
    bench.publish(order(1))
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="a mail under way")
    began = time.monotonic()
    worker.terminate()
    worker.wait_not_ready()
    worker.terminate()
    assert worker.wait() == 1
    assert time.monotonic() - began < 3


def test_a_mail_that_outlasts_the_grace_makes_the_exit_status_1(bench):
    bench.sink.mode("healthy", delay_ms=4000)
    worker = bench.worker(shutdown={"grace": "1s"})
    bench.publish(order(1))
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="a mail under way")
    assert worker.stop() == 1


def test_a_worker_that_drains_is_not_ready_but_alive(bench):
    bench.sink.mode("healthy", delay_ms=2000)
    worker = bench.worker()
    message = bench.publish(order(1))
    wait_until(lambda: bench.sink.stats()["attempts"] == 1, what="a mail under way")
    worker.terminate()
    worker.wait_not_ready()
    assert worker.get("/livez")[0] == 200
    assert worker.wait() == 0
    assert bench.state(message) == "completed" and bench.total(bench.queue) == 0


def test_an_idle_worker_ends_at_once(bench):
    worker = bench.worker()
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 3


def test_sigterm_while_the_broker_cannot_be_reached_ends_it_too(bench):
    leveret = bench.leveret(amqp={"url": "amqp://guest:guest@127.0.0.1:1/"})
    worker = leveret.start(ready=False)
    wait_until(lambda: worker.log(), what="a first log line")
    assert worker.process.is_alive(), "it reconnects for ever"
    assert worker.stop(within=10) == 0


def test_run_drain_ends_when_the_queues_are_empty(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    bench.publish_many([order(n) for n in range(1, 51)])
    worker = leveret.start("--drain", ready=False)
    assert worker.wait(within=60) == 0
    assert bench.sink.count() == 50 and bench.total(bench.queue) == 0


def test_run_drain_does_not_take_a_broker_that_does_not_answer_for_empty_queues(bench):
    with Proxy(bench.broker.port) as proxy:
        # Types that only mail: while mails pause, nothing of the queue is wanted.
        queue = {**bench.config()["queues"][0], "prefetch": 1, "bindings": ["order.created.v1"]}
        leveret = bench.leveret(amqp={"url": bench.broker.url(bench.vhost, port=proxy.port)}, queues=[queue])
        assert leveret.run("topology", "apply").returncode == 0
        bench.sink.script({"status": 429, "headers": {"Retry-After": "6"}})
        bench.publish_many([order(n) for n in range(1, 11)])
        worker = leveret.start("--drain", ready=False)
        wait_until(lambda: bench.sink.attempts() and worker.status()["in_flight"] == 0, what="a pause in which all of it waits")
        proxy.refuse, asked = True, proxy.accepted
        wait_until(lambda: proxy.accepted >= asked + 2, what="it asks how much waits, in vain")
        proxy.pass_all()
        assert worker.wait(within=60) == 0
    assert bench.sink.count() == 10 and bench.total(bench.queue) == 0


def test_run_drain_does_not_wait_for_what_is_paused(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    assert leveret.run("queue", "pause", bench.queue).returncode == 0
    bench.publish_many([order(n) for n in range(1, 11)])
    worker = leveret.start("--drain", ready=False)
    assert worker.wait(within=60) == 0
    assert "10 in paused queues" in worker.logged(event="draining")[0]["msg"]
    assert bench.sink.count() == 0 and bench.depth(bench.queue) == 10


def test_a_service_manager_is_told_of_the_start_of_life_and_of_the_end(bench, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        worker = bench.leveret(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": 400000}).start()
        told = [manager.recv(100) for _ in range(3)]
        assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        worker.terminate()
        while manager.recv(100) != b"STOPPING=1":
            pass
        assert worker.wait() == 0
