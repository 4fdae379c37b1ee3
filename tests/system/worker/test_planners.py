"""Planners: programs and services that make the plans, which leveret records and carries out once."""
import collections
import json
import os
import pathlib
import random
import signal
import sys
import time

import pytest

from harness.publish import Message
from harness.servers.collector import Collector
from harness.tls import Authority, TlsFront
from harness.wait import wait_until

PLANNER = """\
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    number, how = job["data"]["number"], job["data"].get("how", "")
    with open(LOG, "a") as log:
        log.write(job["id"] + "\\n")
    CODE
    mail = {"kind": "mail", "key": "customer", "to": f"cart{number}@example.com", "subject": f"Cart {number}", "text": f"{time.time()}"}
    print(json.dumps({"id": job["id"], "effects": [mail]}), flush=True)
"""


def left(number, **more):
    return Message("cart.left.v1", {"number": number, **more})


class Program:
    """A planner in a file; what it was asked is in another."""

    def __init__(self, directory, code="pass", python=PLANNER):
        self.log = directory / "asked"
        self.file = directory / "planner.py"
        self.file.write_text(python.replace("LOG", repr(str(self.log))).replace("CODE", code))

    def plan(self, **more):
        return {"exec": [sys.executable, str(self.file)], "processes": 2, "timeout": "5s", **more}

    def asked(self):
        return self.log.read_text().split() if self.log.exists() else []


def start(bench, plan, **more):
    return bench.worker(handlers={"cart.left.v1": {"plan": plan, **more.pop("handler", {})}}, **more)


def mails(bench, number):
    return bench.sink.mails(to=f"cart{number}@example.com")


def test_a_program_plans_and_leveret_carries_it_out(bench, tmp_path):
    program = Program(tmp_path)
    start(bench, program.plan())
    messages = [left(n) for n in range(1, 51)]
    bench.publish_many(messages)
    bench.wait_completed(50)
    assert all(len(mails(bench, n)) == 1 for n in range(1, 51))
    assert sorted(program.asked()) == sorted(m.id for m in messages), "each was planned once"
    assert not bench.redis.client.keys("leveret:plan:*"), "what is completed keeps no plan"


def test_every_command_knows_a_planned_type(bench, tmp_path):
    schema = tmp_path / "cart.yaml"
    schema.write_text("type: object\nrequired: [number]\nproperties: {number: {type: integer}}\n")
    program = Program(tmp_path, 'if how == "reject": print(json.dumps({"id": job["id"], "reject": "not now"}), flush=True); continue')
    leveret = bench.leveret(handlers={"cart.left.v1": {"plan": program.plan(), "schema": str(schema)}})
    plan = leveret.run("plan", "cart.left.v1", "--data", '{"number": 7}')
    assert plan.returncode == 0 and "to: cart7@example.com" in plan.stdout, plan
    rejected = leveret.run("plan", "cart.left.v1", "--data", '{"number": 7, "how": "reject"}')
    assert rejected.returncode == 1 and "rejected: not now" in rejected.stderr
    bad = leveret.run("plan", "cart.left.v1", "--data", '{"number": "x"}')
    assert bad.returncode == 1 and "bad_payload: /number: expected an integer" in bad.stderr
    assert "cart.left.v1" in leveret.run("type", "list").stdout
    assert "/number  integer" in leveret.run("type", "show", "cart.left.v1").stdout
    assert json.loads(leveret.run("type", "schema", "cart.left.v1").stdout)["required"] == ["number"]
    assert "cart.left.v1" in leveret.run("type", "asyncapi").stdout
    assert leveret.run("type", "preview", "cart.left.v1", "--data", '{"number": 1}', "--to", str(tmp_path / "out")).returncode == 0
    assert "To: cart1@example.com" in (tmp_path / "out/customer.headers").read_text()
    leveret.run("topology", "apply")
    assert leveret.run("publish", "cart.left.v1", "--data", '{"number": 1}').returncode == 0
    assert leveret.run("publish", "cart.left.v1", "--data", "{}").returncode == 1
    both = leveret.change(handlers={"cart.left.v1": {"plan": {"url": "http://127.0.0.1:1/plan"}}})
    refused = leveret.run("check", "--offline")
    assert refused.returncode == 78 and "not both" in refused.stdout + refused.stderr, (both, refused)


@pytest.mark.parametrize("code, reason, error", [
    ('print(json.dumps({"id": job["id"], "reject": "the cart is empty"}), flush=True); continue', "rejected", "the cart is empty"),
    ('print("debug", flush=True); continue', "bad_plan", "no JSON"),
    ('print(json.dumps({"id": "another", "effects": []}), flush=True); continue', "bad_plan", "/id: expected that of the question"),
    ('print(json.dumps({"id": job["id"], "effects": [{"kind": "mail", "key": "a", "subject": "x", "text": "x"}]}), flush=True); continue',
     "bad_plan", "/effects/0/to: required"),
    ('print(json.dumps({"id": job["id"], "effects": [{"kind": "fax", "key": "a"}]}), flush=True); continue',
     "bad_plan", "/effects/0/kind: expected mail, post or publish"),
    ('print(json.dumps({"id": job["id"]}) + " " * 5000000, flush=True); continue', "bad_plan", "a line of more than 4 MiB"),
])
def test_what_is_no_plan_is_dead_with_what_was_wrong(bench, tmp_path, code, reason, error):
    program = Program(tmp_path, f"if number == 1:\n        {code}")
    start(bench, program.plan(processes=1))
    bad = bench.publish(left(1))
    good = [left(n) for n in range(2, 12)]
    bench.publish_many(good)
    job = bench.wait_state(bad, "dead")
    assert job["reason"] == reason and error in job["error"], job
    for message in good:
        bench.wait_state(message, "completed")
    assert all(len(mails(bench, n)) == 1 for n in range(2, 12)), "its neighbours do not suffer"


def test_a_job_that_kills_its_planners_is_a_crash_loop_alone(bench, tmp_path):
    program = Program(tmp_path, "if number == 1: os.kill(os.getpid(), 9)")
    start(bench, program.plan(), claim={"max_crashes": 3}, mail={"breaker": {"failures": 20}})
    deadly = bench.publish(left(1))
    good = [left(n) for n in range(2, 32)]
    bench.publish_many(good)
    job = bench.wait_state(deadly, "dead", within=40)
    assert job["reason"] == "crash_loop" and "killed by signal 9" in job["error"] and job["attempt"] == "0", job
    assert program.asked().count(deadly.id) == 3
    for message in good:
        bench.wait_state(message, "completed")
    assert all(bench.job(m).get("plan_deaths") is None for m in good)


def test_a_planner_that_hangs_is_killed_with_what_it_started_and_burns_an_attempt(bench, tmp_path):
    child = tmp_path / "child"
    program = Program(tmp_path, f"""
    if how == "hang" and len(open({str(tmp_path / "asked")!r}).read().split()) < 3:
        import subprocess
        open({str(child)!r}, "w").write(str(subprocess.Popen(["sleep", "300"]).pid))
        time.sleep(300)
    """.strip())
    start(bench, program.plan(processes=1, timeout="1s"))
    message = bench.publish(left(1, how="hang"))
    job = bench.wait_state(message, "completed", within=40)
    assert int(job["attempt"]) >= 1, job
    assert len(mails(bench, 1)) == 1
    pid = int(child.read_text())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2],
               what="what it started is gone")


def test_what_a_planner_complains_of_is_in_the_log(bench, tmp_path):
    program = Program(tmp_path, 'print("a cart of " + str(number), file=sys.stderr, flush=True)')
    worker = start(bench, program.plan())
    bench.publish(left(5))
    bench.wait_completed(1)
    wait_until(lambda: worker.logged(event="planner_stderr"), what="the line")
    (line,) = worker.logged(event="planner_stderr")
    assert line["msg"] == "a cart of 5" and line["type"] == "cart.left.v1"


def test_a_plan_is_recorded_and_never_asked_for_again(bench, tmp_path):
    """The planner would answer otherwise the second time; all tries send the same bytes."""
    program = Program(tmp_path)
    start(bench, program.plan())
    bench.sink.mode("503")
    message = bench.publish(left(1))
    wait_until(lambda: bench.state(message) == "retrying", what="a first try")
    assert bench.redis.client.exists(f"leveret:plan:{{{message.id}}}") and bench.job(message)["plan"]
    assert bench.redis.client.pttl(f"leveret:plan:{{{message.id}}}") > 0
    bench.last.workers[-1].kill()
    bench.last.workers[-1].wait()
    bench.sink.mode("healthy")
    bench.last.start()
    bench.wait_state(message, "completed", within=40)
    assert program.asked() == [message.id]
    assert len(mails(bench, 1)) == 1
    wait_until(lambda: not bench.redis.client.keys("leveret:plan:*"), what="the plan is deleted")


@pytest.mark.parametrize("point", ["keep_sent", "kept"])
def test_a_worker_that_dies_while_it_records_a_plan_sends_nothing_of_another(bench, tmp_path, point):
    """Before the record nothing was sent, so that a second plan harms nobody; after it there is no second one."""
    program = Program(tmp_path)
    config = bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, handlers={"cart.left.v1": {"plan": program.plan()}})
    leveret = bench.leveret(config)
    bench.worker(config).stop()  # the queues exist
    message = bench.publish(left(1))
    assert leveret.start(ready=False, env={"LEVERET_CRASHPOINT": f"{point}:1"}).wait(within=30) == -signal.SIGKILL
    assert not mails(bench, 1)
    leveret.start()
    bench.wait_state(message, "completed", within=40)
    assert len(mails(bench, 1)) == 1
    assert program.asked() == [message.id] * (len(program.asked()) if point == "keep_sent" else 1)


def test_a_program_that_is_not_there_holds_its_jobs_and_no_others(bench, tmp_path):
    worker = start(bench, {"exec": [str(tmp_path / "nowhere")]})
    message = bench.publish(left(1))
    other = bench.publish(Message("email.send.v1", {"to": "ada@example.com", "subject": "S", "text": "T"}))
    bench.wait_state(other, "completed")
    job = bench.wait_state(message, "retrying")
    assert job["attempt"] == "0" and "cannot be started" in job["error"], job
    assert worker.logged(event="planner_failed")
    program = Program(tmp_path)
    bench.last.change(handlers={"cart.left.v1": {"plan": {"exec": [sys.executable, str(program.file)]}}})
    worker.hang_up()
    bench.wait_state(message, "completed", within=40)


class Service:
    """A planner by HTTP: what the next requests are answered is scripted."""

    def __init__(self, port=0):
        import http.server
        import threading
        self.requests, self.status, self.answers = [], 200, []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append((dict(self.headers), event))
                number = event["data"]["number"]
                body = json.dumps({"effects": [{"kind": "mail", "key": "customer", "to": f"cart{number}@example.com",
                                                "subject": "Cart", "text": str(len(service.requests))}]}).encode()
                status = service.answers.pop(0) if service.answers else service.status
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/plan"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_service_plans_what_it_is_posted_as_a_cloud_event(bench):
    service = Service()
    start(bench, {"url": service.url})
    message = bench.publish(left(1, note="two\nlines"))
    bench.wait_completed(1)
    ((headers, event),) = service.requests
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert event["specversion"] == "1.0" and event["id"] == message.id and event["type"] == "cart.left.v1"
    assert event["data"] == {"number": 1, "note": "two\nlines"} and event["time"].endswith("Z")
    assert len(mails(bench, 1)) == 1
    service.answers = [422]
    refused = bench.publish(left(2))
    job = bench.wait_state(refused, "dead")
    assert job["reason"] == "rejected" and "422" in job["error"], job
    service.answers = [500]
    late = bench.publish(left(3))
    job = bench.wait_state(late, "completed")
    assert job["attempt"] == "1" and len(service.requests) == 4
    service.stop()


def test_a_service_is_known_by_its_own_authority_once_a_reload_names_it(bench, tmp_path):
    service, authority = Service(), Authority(tmp_path)
    with TlsFront(service.port, authority.certificate("good")) as front:
        plan = {"url": f"https://localhost:{front.port}/plan"}
        worker = start(bench, plan)
        stranger = bench.publish(left(1))
        wait_until(lambda: "unable to get local issuer certificate" in bench.job(stranger).get("error", ""), what="the refusal")
        bench.last.change(handlers={"cart.left.v1": {"plan": {**plan, "tls": {"ca_file": str(authority.ca)}}}})
        worker.hang_up()
        wait_until(lambda: worker.logged(event="reloaded"), what="the reload")
        bench.publish(left(2))
        wait_until(lambda: mails(bench, 2), what="the mail of a job that was planned by TLS")
    service.stop()


def test_a_service_is_asked_in_the_trace_of_the_message(bench):
    service, collector = Service(), Collector()
    trace, state = "4bf92f3577b34da6a3ce929d0e0e4736", "rojo=00f067aa0ba902b7"
    start(bench, {"url": service.url}, otlp={"url": collector.url})
    for number, (parent, told) in enumerate({f"00-{trace}-00f067aa0ba902b7-01": state, f"00-{trace}-00f067aa0ba902b7-00": None}.items()):
        message = Message("cart.left.v1", {"number": number}, headers={"traceparent": parent, **({"tracestate": told} if told else {})})
        bench.publish(message)
        bench.wait_state(message, "completed")
    (sampled, _), (unsampled, _) = service.requests
    (plan,) = [span for span in collector.wait(3) if span["name"].startswith("plan ")]
    assert (sampled["traceparent"], sampled["tracestate"]) == (f"00-{trace}-{plan['spanId']}-01", state)
    assert unsampled["traceparent"] == f"00-{trace}-00f067aa0ba902b7-00" and "tracestate" not in unsampled
    service.stop()
    collector.stop()


def test_a_service_that_is_down_burns_no_more_than_its_failures(bench):
    """Five jobs at most find out; the others wait, whatever their number, and none dies."""
    service = Service()
    port = service.port
    service.stop()
    worker = start(bench, {"url": f"http://127.0.0.1:{port}/plan"})
    messages = [left(n) for n in range(1, 201)]
    bench.publish_many(messages)
    wait_until(lambda: worker.logged(event="planner_down"), what="it is known to be down")
    wait_until(lambda: sum(bench.state(m) == "retrying" for m in messages) > 150, what="the jobs wait")
    service = Service(port)
    bench.wait_completed(200, within=90)
    burnt = sum(int(bench.job(m)["attempt"]) for m in messages)
    print(f"\n{burnt} attempts burnt, {len(service.requests)} plans asked for")
    assert burnt <= 5 + 16, "failures, and what was under way with them"
    assert worker.logged(event="planner_up")
    service.stop()


def children_of(pid):
    """The processes that a process started and that still run."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def kill_all_the_time(bench, tmp_path, count, workers_killed):
    """One of two programs is killed every second, a worker now and then: nothing is lost, each is planned once unless it died before
    its plan was recorded."""
    program = Program(tmp_path, "time.sleep(0.004)")  # so that most kills hit one that plans
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    leveret = bench.leveret(bench.config(
        handlers={"cart.left.v1": {"plan": program.plan()}}, claim={"lease": "6s", "max_crashes": 50}, mail={"timeout": "2s"}))
    worker = leveret.start()
    messages = [left(n) for n in range(count)]
    bench.publish_many(messages)
    ids = {m.id for m in messages}
    killed = deaths = 0
    deadline = time.monotonic() + 600

    def states():
        jobs = bench.redis.jobs(bench.prefix)
        return [jobs.get(id, {}).get("state") for id in ids]

    while time.monotonic() < deadline:
        next_s = time.monotonic() + 1
        mails = bench.sink.count()  # in place of the records, which take longer to read than there is from kill to kill
        if mails >= count and states().count("completed") == count:
            break
        children = children_of(worker.pid)
        if children:
            os.kill(chance.choice(children), signal.SIGKILL)
            killed += 1
        if deaths < workers_killed and mails >= count * (deaths + 1) // (workers_killed + 2):
            worker.kill()
            worker.wait()
            deaths += 1
            worker = leveret.start()
        wait_until(lambda: time.monotonic() >= next_s, what="a second")
    assert states().count("completed") == count, collections.Counter(states())
    bench.wait_empty()
    asked = program.asked()
    sent = [mail["to"] for mail in bench.sink.mails()]
    twice = len(sent) - len(set(map(str, sent)))
    again = len(asked) - count
    print(f"\nseed {seed}: {count} jobs, {killed} programs killed, {deaths} workers killed, {again} planned again, {twice} mails twice")
    assert killed >= 3 and deaths == workers_killed and again <= killed + deaths * 64 and twice <= deaths * 16
    assert len(set(map(str, sent))) == count


def test_killed_programs_and_workers_lose_nothing(bench, tmp_path):
    kill_all_the_time(bench, tmp_path, 2000, 1)


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_that_is_killed_takes_its_programs_along(bench, tmp_path):
    """Also one that reads nothing any more and would plan for ever."""
    pids = tmp_path / "pids"
    program = Program(tmp_path, f"""
    open({str(pids)!r}, "a").write(f"{{os.getpid()}}\\n")
    time.sleep(300)
    """.strip())
    worker = start(bench, program.plan(timeout="60s"))
    bench.publish(left(1), left(2))
    begun = wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2 and pids.read_text().split(), what="both plan")
    worker.kill()
    wait_until(lambda: all(is_gone(pid) for pid in begun), what=lambda: [pathlib.Path(f"/proc/{pid}/stat").read_text() for pid in begun])


def test_what_is_shown_of_planners(bench, tmp_path):
    program = Program(tmp_path, 'if how == "slow": time.sleep(300)')
    worker = start(bench, program.plan(processes=1, timeout="60s"))
    bench.wait_state(bench.publish(left(1)), "completed")
    bench.publish(left(2, how="slow"), left(3))
    questions = lambda state: worker.metric("leveret_planner_questions", type="cart.left.v1", state=state)
    wait_until(lambda: (questions("under_way"), questions("waiting")) == (1, 1), what="one is planned, one waits")
    assert worker.metric("leveret_planner_programs", type="cart.left.v1") == worker.metric("leveret_planner_starts_total", type="cart.left.v1") == 1
    assert "the planner of cart.left.v1: no trouble, its breaker is closed" in worker.get("/readyz?verbose")[1]


@pytest.mark.faults
def test_ten_thousand_jobs_through_killed_programs_and_workers(bench, tmp_path):
    kill_all_the_time(bench, tmp_path, 10000, 10)
