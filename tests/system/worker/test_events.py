"""Others are told what became of jobs: CloudEvents, at least once, and never at the cost of the work."""
import collections
import datetime
import json
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from harness.publish import Message, order
from harness.wait import wait_until

READER = pathlib.Path(__file__).resolve().parents[2] / "events"
EXCHANGE = "leveret.events"


class Subscriber:
    """A queue bound to the events, of so many messages at most: beyond that it refuses."""

    def __init__(self, bench, *keys, limit=None):
        self.bench, self.seen = bench, {}
        self.queue = "subscriber"
        with bench.broker.connect(bench.vhost) as connection:
            channel = connection.channel()
            arguments = {"x-max-length": limit, "x-overflow": "reject-publish"} if limit is not None else {}
            channel.queue_declare(self.queue, durable=True, arguments=arguments)
            for key in keys or ("#",):
                channel.queue_bind(self.queue, EXCHANGE, key)

    def take(self):
        """All that came until now, by id: (properties, routing key, body); `twice` counts repetitions."""
        with self.bench.broker.connect(self.bench.vhost) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(self.queue, auto_ack=True)
                if method is None:
                    return self.seen
                known = self.seen.setdefault(properties.message_id, (properties, method.routing_key, body))
                assert known[1] == method.routing_key

    def wait(self, wanted, within=20):
        """Until there is one of each (state, id of a job)."""
        def missing():
            found = {(json.loads(body)["data"]["state"], json.loads(body)["subject"]) for _, _, body in self.take().values()}
            return set(wanted) - found

        def story():
            return [(state, id, self.bench.redis.client.lrange(f"{self.bench.prefix}:events:{{{id}}}", 0, -1)) for state, id in sorted(missing())[:3]]

        wait_until(lambda: not missing(), within=within, what=story)
        return self.seen


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Bodies as npm's cloudevents reads them, which refuses what is not valid."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    directory = tmp_path_factory.mktemp("events")
    for path in READER.iterdir():
        if path.is_file():
            shutil.copy(path, directory)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, check=True, capture_output=True, timeout=180)

    def run(bodies):
        done = subprocess.run(["node", "read.js"], cwd=directory, input=b"\n".join(bodies) + b"\n", capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def in_an_hour():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def told(bench, **more):
    return {"events": {"exchange": EXCHANGE, **more}}


def test_each_change_is_a_cloud_event_that_the_official_reader_takes(bench, read):
    leveret = bench.leveret(**told(bench))
    worker = leveret.start()
    subscriber = Subscriber(bench)
    bench.sink.script(503, to="again@example.com")
    plain, again = bench.publish(order(1)), bench.publish(order(2, "again@example.com"))
    bad = bench.publish(Message("order.created.v1", {"order_id": "x"}, headers={"subject": "customer/7"}))
    later = bench.publish(order(3, headers={"deliver-at": in_an_hour()}))
    bench.wait_state(later, "scheduled")
    assert leveret.run("job", "cancel", later.id).returncode == 0
    seen = subscriber.wait([("completed", plain.id), ("retrying", again.id), ("completed", again.id), ("dead", bad.id),
                            ("cancelled", later.id)])
    events = {event["type"].split(".")[2] + " " + event["subject"]: event for event in read([body for _, _, body in seen.values()])}
    assert len(events) == len(seen) == 5
    event = events[f"dead {bad.id}"]
    assert event["type"] == "leveret.job.dead.v1" and event["source"] == "/leveret/leveret"
    assert event["data"]["state"] == "dead" and event["data"]["reason"] == "bad_payload" and event["data"]["subject"] == "customer/7"
    assert (events[f"retrying {again.id}"]["data"]["attempt"], events[f"completed {again.id}"]["data"]["attempt"]) == (1, 1)
    for properties, key, body in seen.values():
        data = json.loads(body)["data"]
        assert key == f"{data['state']}.order.created.v1"
        assert properties.content_type.startswith("application/cloudevents+json") and properties.delivery_mode == 2
        assert properties.message_id == json.loads(body)["id"] and properties.type == json.loads(body)["type"]
    for message in (plain, again, bad, later):
        wait_until(lambda message=message: "event_due" not in bench.job(message), what="nothing is due any more")
    assert worker.metric("leveret_events_total", state="completed", outcome="confirmed") == 2


def asked_of_redis(bench, first, count, **config):
    """What a worker asks of Redis for the records of so many jobs, scripts and what these do apart; and its connections to the broker."""
    before = bench.broker.connection_count()
    worker = bench.worker(**config)
    with bench.redis.client.monitor() as monitor:
        bench.publish_many([order(n) for n in range(first, first + count)])
        wait_until(lambda: bench.sink.count() >= first + count - 1, what="mails")
        connections = bench.broker.connection_count() - before
        worker.process.stop()
        bench.redis.client.echo("the end")
        entries = list(until_the_end(monitor))
    jobs = [entry for entry in entries if ":job:{" in entry["command"]]
    return [entry for entry in jobs if entry["client_type"] != "lua"], [entry for entry in jobs if entry["client_type"] == "lua"], connections


def until_the_end(monitor):
    while (entry := monitor.next_command())["command"] != "ECHO the end":
        yield entry


def test_events_that_are_off_cost_nothing(bench):
    """Counted: no command of Redis more, nothing more in the scripts, no connection more."""
    off = asked_of_redis(bench, 1, 100)
    on = asked_of_redis(bench, 101, 100, **told(bench))
    print(f"\na message: {len(off[0]) / 100} requests and {len(off[1]) / 100} commands in scripts without events, "
          f"{len(on[0]) / 100} and {len(on[1]) / 100} with them")
    assert not [entry for part in off[:2] for entry in part if "event_due" in entry["command"]]
    assert [entry for entry in on[1] if "event_due" in entry["command"]], "the record would have said so"
    assert len(off[0]) <= 300, "claim, lease and end"
    assert len(on[0]) - len(off[0]) >= 200, "what is due is read and taken back for each"
    assert on[2] - off[2] == 1, "the connection of the events"


def test_only_the_states_that_are_asked_for_are_told(bench):
    bench.worker(**told(bench, states=["dead"]))
    subscriber = Subscriber(bench)
    done, bad = bench.publish(order(1)), bench.publish(Message("order.created.v1", {}))
    bench.wait_state(done, "completed")
    subscriber.wait([("dead", bad.id)])
    assert len(subscriber.take()) == 1
    assert "event_due" not in bench.job(done)


def test_without_a_subscriber_the_work_goes_on_and_nothing_is_due(bench):
    worker = bench.worker(**told(bench))
    bench.publish_many([order(n) for n in range(1, 51)])
    bench.wait_completed(50)
    wait_until(lambda: worker.metric("leveret_events_total", state="completed", outcome="confirmed") == 50, what="all are confirmed")
    assert not [id for id, job in bench.redis.jobs().items() if "event_due" in job]


def test_what_leveret_tells_is_not_told_of_again(bench):
    """Who binds a queue of leveret's to the events has dead letters, and no end of them without this rule."""
    worker = bench.worker(**told(bench))
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_bind(bench.queue, EXCHANGE, "#")
    bench.publish(order(1))
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="the event is no job")
    assert worker.metric("leveret_events_total", state="dead", outcome="confirmed") == 0


def test_the_api_tells_of_what_it_cancels(bench, serve):
    bench.worker(**told(bench))
    subscriber = Subscriber(bench)
    message = bench.publish(order(1, headers={"deliver-at": in_an_hour()}))
    bench.wait_state(message, "scheduled")
    answer = serve(bench.last).ask("DELETE", f"/v1/jobs/{message.id}")
    assert answer.status == 200, answer
    subscriber.wait([("cancelled", message.id)])
    assert "event_due" not in bench.job(message)  # it was answered after the confirm


def test_a_full_queue_of_a_subscriber_holds_the_work_up_once(bench):
    """Then one a second is tried, and when there is room again events come as before."""
    leveret = bench.leveret(**told(bench, hold="2s"))
    worker = leveret.start()
    subscriber = Subscriber(bench, limit=1)
    bench.publish(order(1))
    wait_until(lambda: bench.depth(subscriber.queue) == 1, what="the queue is full")
    began = time.monotonic()
    bench.publish_many([order(n) for n in range(2, 202)])
    bench.wait_completed(201, within=40)
    assert time.monotonic() - began < 20
    wait_until(lambda: worker.metric("leveret_events_total", state="completed", outcome="let_go") > 100, what="events are let go")
    assert worker.logged(event="events_held") and worker.logged(event="event_let_go")
    assert any("event_due" in job for job in bench.redis.jobs().values())
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_delete(subscriber.queue)
    late = Subscriber(bench)

    def taken_again():
        bench.publish(order(1000 + len(bench.redis.jobs())))
        return worker.logged(event="events_taken")

    wait_until(taken_again, every=0.3, what="one is confirmed")
    last = bench.publish(order(9999))
    late.wait([("completed", last.id)])


def test_an_exchange_that_is_gone_holds_up_neither_copies_nor_work(bench):
    worker = bench.worker(**told(bench, hold="2s"))
    bench.broker.delete_exchange(EXCHANGE, bench.vhost)
    bench.sink.script(503, to="again@example.com")
    done, again = bench.publish(order(1)), bench.publish(order(2, "again@example.com"))
    bad = bench.publish(Message("order.created.v1", {}))
    for message, state in ((done, "completed"), (again, "completed"), (bad, "dead")):
        bench.wait_state(message, state, within=30)
    bench.wait_empty()
    (held,) = worker.logged(event="events_held")
    assert EXCHANGE in held["error"], held
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().exchange_declare(EXCHANGE, "topic", durable=True)
    subscriber = Subscriber(bench)

    def taken_again():
        bench.publish(order(100 + len(bench.redis.jobs())))
        return worker.logged(event="events_taken")

    wait_until(taken_again, within=30, every=0.3, what="one is confirmed")
    last = bench.publish(order(9999))
    subscriber.wait([("completed", last.id)])


def test_a_duplicate_tells_what_a_worker_that_died_did_not(bench):
    worker = bench.worker(**told(bench))
    subscriber = Subscriber(bench)
    message = bench.publish(order(1))
    subscriber.wait([("completed", message.id)])
    wait_until(lambda: "event_due" not in bench.job(message), what="it is told")
    record = bench.job(message)
    bench.redis.client.hset(f"{bench.prefix}:job:{{{message.id}}}", "event_due", f"completed:0.0.0:{record['finished_ms']}")
    bench.publish(message)
    wait_until(lambda: worker.metric("leveret_events_total", state="completed", outcome="confirmed") == 2, what="it is told again")
    wait_until(lambda: "event_due" not in bench.job(message), what="it is not due any more")
    assert len(subscriber.take()) == 1  # the same id


def test_a_copy_that_comes_before_its_retry_is_recorded_brings_the_change_along(bench):
    """As when the worker that made the copy was frozen or died before it said so."""
    config = told(bench, states=["retrying"])
    queue = {**bench.config()["queues"][0], "retry": {"attempts": 4, "tiers": ["15s"]}}
    worker = bench.worker(queues=[queue], **config)
    subscriber = Subscriber(bench)
    bench.sink.script(503, to="again@example.com")
    message = bench.publish(order(1, "again@example.com"))
    subscriber.wait([("retrying", message.id)])
    worker.process.stop()
    key = f"{bench.prefix}:job:{{{message.id}}}"
    assert bench.state(message) == "retrying"
    bench.redis.client.hdel(key, "event_due")
    bench.redis.client.hset(key, mapping={"state": "running", "owner": "somebody", "lease_until_ms": "1", "attempt": "0", "deferrals": "0",
                                          "starts": "1", "decision": "retry 0 0 -"})
    worker = bench.worker(queues=[queue], **config)
    bench.wait_state(message, "completed", within=60)
    wait_until(lambda: worker.metric("leveret_events_total", state="retrying", outcome="confirmed") == 1, what="it is told")
    wait_until(lambda: "event_due" not in bench.job(message), what="it is not due any more")
    assert len(subscriber.take()) == 1  # the same id


def killed_at_random(bench, count, kills, workers):
    """`count` messages, some tried again and some dead, workers killed meanwhile: each end was told."""
    config = bench.config(claim={"lease": "3s", "max_crashes": 100}, mail={"timeout": "2s"}, **told(bench))
    leveret = bench.leveret(config)
    running = [leveret.start(named=True) for _ in range(workers)]
    subscriber = Subscriber(bench)
    for n in range(1, count, 7):
        bench.sink.script(503, to=f"order{n}@example.com")
    messages = [order(n, f"order{n}@example.com") for n in range(1, count)]
    messages += [Message("order.created.v1", {"n": n}) for n in range(count // 20)]
    bench.publish_many(messages)
    for turn in range(kills):
        done = sum(bench.state(message) in ("completed", "dead") for message in messages[::10])
        wait_until(lambda done=done: sum(bench.state(m) in ("completed", "dead") for m in messages[::10]) > done
                   or all(bench.state(m) in ("completed", "dead") for m in messages), what="work goes on")
        victim = running.pop(0)
        victim.kill()
        assert victim.wait() == -signal.SIGKILL
        running.append(leveret.start(named=True))
    wait_until(lambda: all(bench.state(m) in ("completed", "dead") for m in messages), within=90, every=0.3,
               what=lambda: [bench.job(m) for m in messages if bench.state(m) not in ("completed", "dead")][:2])
    ends = [(bench.state(message), message.id) for message in messages]
    seen = subscriber.wait(ends, within=60)
    return collections.Counter(json.loads(body)["data"]["state"] for _, _, body in seen.values()), [body for _, _, body in seen.values()]


def test_each_end_is_told_though_workers_are_killed(bench, read):
    counts, bodies = killed_at_random(bench, 300, 4, 2)
    assert counts["completed"] == 299 and counts["dead"] == 15 and counts["retrying"] >= 1
    assert len(read(bodies)) == len(bodies)


# What lies between the record and the ack: told and not, confirmed and not, still due and not.
BETWEEN = ["complete_sent", "completed", "decided", "event_due", "event_publish", "event_confirmed", "event_told", "pre_ack", "settled"]


def test_each_end_is_told_though_workers_die_between_record_event_and_ack(bench):
    leveret = bench.leveret(bench.config(claim={"lease": "3s", "max_crashes": 50}, mail={"timeout": "2s"}, **told(bench)))
    assert leveret.run("topology", "apply").returncode == 0
    subscriber, messages = Subscriber(bench), []
    for turn, point in enumerate(BETWEEN):
        again = f"again{turn}@example.com"
        bench.sink.script(503, to=again)
        messages += [*(order(10 * turn + n) for n in range(1, 5)), order(10 * turn + 9, again), Message("order.created.v1", {"n": turn})]
        bench.publish_many(messages[-6:])
        victim = leveret.start(ready=False, named=True, env={"LEVERET_CRASHPOINT": f"{point}:2"})
        assert victim.wait(within=30) == -signal.SIGKILL, f"{point}: {victim.process.stderr()[-2000:]}"
    leveret.start()
    wait_until(lambda: all(bench.state(message) in ("completed", "dead") for message in messages), within=60, every=0.2,
               what=lambda: [bench.job(m) for m in messages if bench.state(m) not in ("completed", "dead")][:2])
    ends = [(bench.state(message), message.id) for message in messages]
    assert sum(state == "dead" for state, _ in ends) == len(BETWEEN)
    subscriber.wait(ends)
    wait_until(lambda: not any("event_due" in job for job in bench.redis.jobs().values()), what="nothing is due any more")
    bench.wait_empty()


@pytest.mark.faults
def test_each_of_thousands_of_ends_is_told_though_workers_are_killed(bench, read):
    counts, bodies = killed_at_random(bench, 5000, 25, 3)
    assert counts["completed"] == 4999 and counts["dead"] == 250
    assert len(read(bodies)) == len(bodies)
