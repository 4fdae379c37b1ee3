"""The ten runbooks of docs/operations.md, walked: each situation is made, everything that is to be typed is typed as it stands, and
what is said of it must be true."""
import os
import pty
import re
import select
import shlex
import signal
import subprocess

import pytest

from harness.letters import broken
from harness.publish import Message, email, order
from harness.supervisor import supervise
from harness.wait import wait_until
from harness.worker import ROOT, environment
from test_alerts import Hook

PAGE = (ROOT / "docs" / "operations.md").read_text()
CRASHES_ON_PURPOSE = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:detect_leaks=0", "UBSAN_OPTIONS": "handle_segv=0",
                      "TSAN_OPTIONS": "handle_segv=0:handle_abort=0"}


class Runbook:
    """One chapter. Its indented commands must all be typed; `says` holds the page to the words that the test then checks."""

    def __init__(self, bench, number, env=None, **changes):
        (self.text,) = re.findall(rf"^## {number} .*?(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
        self.words = " ".join(self.text.split())
        self.left = [re.split(r"\s{2,}", line.strip())[0] for line in self.text.splitlines() if re.match(r" {4,}leveret ", line)]
        self.bench, self.hook = bench, Hook()
        alerts = {"webhook": self.hook.url, "interval": "1s", **changes.pop("alerts", {})}
        self.leveret = bench.leveret(alerts=alerts, env=env, **changes)
        assert self.leveret.run("topology", "apply").returncode == 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.hook.server.shutdown()
        self.hook.server.server_close()
        if kind is None:
            assert not self.left, f"the page says to type these too: {self.left}"

    def start(self, **options):
        self.worker = self.leveret.start(**options)
        return self.worker

    def says(self, *parts):
        for part in parts:
            assert part in self.words, f"the page says no more: {part}"

    def look(self, command, status=0, more=(), **options):
        """Types a command that the chapter names in its prose, or that was typed before."""
        assert command in self.words or command in PAGE, f"the page does not name {command}"
        words = [options.get(word, word) for word in shlex.split(command)[1:]]
        env = {"LEVERET_ADMIN_LISTEN": f"127.0.0.1:{self.worker.admin_port}"} if self.leveret.workers else {}
        answer = self.leveret.run(*words, *more, env={**env, "EDITOR": options.get("editor", "false")})
        assert status is None or answer.returncode == status, f"{command}\n{answer}"
        return answer.stdout + answer.stderr

    def type(self, command, status=0, more=(), **options):
        """Types one of the chapter's commands; words in capitals are given as options."""
        assert command in self.left, f"{command} is not, or not any more, to be typed: {self.left}"
        self.left.remove(command)
        return self.look(command, status, more, **options)

    def wait_alert(self, kind):
        wait_until(lambda: self.hook.alerts(kind), within=30, what=lambda: f"alert {kind}: {self.hook.posts}")
        return self.hook.alerts(kind)[0]

    def wait_told(self, command, *parts, within=20):
        """Until the command shows all of that."""
        wait_until(lambda: all(part in self.look(command, status=None) for part in parts), within=within, every=0.2,
                   what=lambda: f"{parts} in {self.look(command, status=None)}")

    def row(self, command, queue):
        """The row of a queue as a mapping from the column's title."""
        title, *lines = [re.split(r"\s{2,}", line.strip()) for line in self.look(command).splitlines() if line.strip()]
        return next(dict(zip(title, line)) for line in lines if line[0] == queue)


class Terminal:
    """A command on a terminal of its own, until Ctrl-C."""

    def __init__(self, leveret, *words):
        self.leader, follower = pty.openpty()
        self.process = subprocess.Popen([leveret.program, *words, "-c", leveret.config_path], stdin=follower, stdout=follower,
                                        stderr=follower, cwd=leveret.directory, env=environment(leveret.directory))
        os.close(follower)
        self.seen = ""

    def text(self):
        while select.select([self.leader], [], [], 0)[0]:
            self.seen += os.read(self.leader, 65536).decode(errors="replace")
        return self.seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == 0
        os.close(self.leader)


def test_the_page_begins_with_three_commands_that_always_work(bench):
    intro = PAGE[:PAGE.index("## 1 ")]
    commands = [re.split(r"\s{2,}", line.strip())[0] for line in intro.splitlines() if re.match(r" {4}leveret ", line)]
    assert commands == ["leveret top", "leveret dlq groups leveret.work", "leveret health ready"]
    with Runbook(bench, 4) as book:
        book.left.clear()
        book.start()
        for command in commands:
            book.look(command)


def test_1_the_mail_api_is_down(bench):
    with Runbook(bench, 1, mail={"breaker": {"failures": 5, "open": "1s", "open_max": "2s"}}) as book:
        worker = book.start()
        bench.sink.script(*[503] * bench.attempts, to="tired@example.com")
        bench.wait_state(bench.publish(email("tired@example.com")), "dead")
        bench.sink.mode("503")
        bench.publish_many([order(n) for n in range(1, 31)])

        book.says("alert `breaker_open`", "log `breaker_open` with the error", "`BREAKER open`", "claimed jobs wait in the tiers",
                  "`the breaker of the mail transport is open`")
        book.wait_alert("breaker_open")
        assert "503" in worker.logged(event="breaker_open")[0]["error"]
        book.wait_told("leveret worker list", "open")
        book.wait_told("leveret health ready", "the breaker of the mail transport is open")

        assert "503" in book.type("leveret mail test --to you@example.com", status=1)
        wait_until(lambda: not bench.depth(bench.queue), what="claimed jobs wait in the tiers")
        assert re.search(r"[12]s [1-9]", book.type("leveret queue list")), "what waits in the tiers is counted"
        book.says("Nothing dies of it, and only the few jobs that found it out burnt an attempt")
        assert bench.depth(bench.dlq) == 1

        book.says("when the service is back, a probe closes the breaker and the backlog drains by itself")
        bench.sink.mode("healthy")
        wait_until(lambda: sum(job["state"] == "completed" for job in bench.redis.jobs().values()) == 30, within=40, what="the backlog")
        assert sum(int(job["attempt"]) for job in bench.redis.jobs().values() if job["state"] == "completed") <= 5
        book.wait_told("leveret health ready", "ready")

        dry = book.type("leveret dlq redrive leveret.work --reason attempts_exhausted --dry-run")
        assert "1" in dry and bench.depth(bench.dlq) == 1
        book.says("`--wait` says how many completed and how many died again")
        done = book.type("leveret dlq redrive leveret.work --reason attempts_exhausted --rate 50 --wait")
        assert "1 completed" in done and "0 died again" in done, done
        assert len(bench.sink.mails(to="tired@example.com")) == 1 and bench.depth(bench.dlq) == 0


def poison(number):
    message = broken(number)
    message.properties.app_id = "web-shop"
    return message



def test_2_a_flood_of_poison(bench):
    with Runbook(bench, 2) as book:
        book.start()
        flood = [poison(n) for n in range(40)]
        bench.publish_many(flood)
        book.says("alert `dead`, with the type and counts", "`leveret top` shows `dying` above 0", "shows one large group",
                  "Good messages are handled meanwhile: poison is never retried")
        alert = book.wait_alert("dead")
        assert alert["type"] == "order.created.v1" and alert["count"] >= 1
        bench.wait_state(bench.publish(order(1)), "completed")
        with Terminal(book.leveret, "top") as top:
            wait_until(lambda: flood.extend(bench.publish(poison(len(flood)), poison(len(flood) + 1)))
                       or re.search(r"dying (0\.[1-9]|[1-9])", top.text()), within=30, every=0.2, what=top.text)
        wait_until(lambda: len(bench.redis.dead(bench.queue)) == len(flood), what="all are dead")
        count = len(flood)
        assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}, "poison is never retried"

        groups = book.type("leveret dlq groups leveret.work").splitlines()
        assert len(groups) == 2 and str(count) in groups[1] and "bad_payload" in groups[1], groups
        listed = book.type("leveret dlq list leveret.work --reason bad_payload --limit 5").splitlines()
        assert len([line for line in listed if "bad_payload" in line]) == 5, listed
        for command, parts in (
                ("leveret dlq show leveret.work ID", ["/customer_email", "app id", "web-shop", "routing key", "order.created.v1", "timeline"]),
                ("leveret dlq show leveret.work ID --full", ["web-shop", "application/json", "x-leveret-reason", '"no address"'])):
            shown = book.type(command, ID=flood[0].id)
            assert all(part in shown for part in parts), shown

        book.says("What dies again is a new dead letter; a redrive never runs in circles")
        before = set(bench.redis.dead(bench.queue))
        book.type("leveret dlq redrive leveret.work --type order.created.v1")
        wait_until(lambda: len(set(bench.redis.dead(bench.queue)) - before) == count, what="each has died once more")
        assert {letter["redrives"] for letter in bench.redis.dead(bench.queue).values()} == {"1"}

        book.type("leveret dlq redrive leveret.work ID --edit", ID=flood[0].id, editor="sed -i s/no.address/by-hand@example.com/")
        wait_until(lambda: bench.sink.mails(to="by-hand@example.com"), what="the one that mattered")

        book.type("leveret dlq redrive leveret.work --reason bad_payload --set /customer_email=desk@example.com")
        wait_until(lambda: len(bench.sink.mails(to="desk@example.com")) == count - 1, what="the same repair to many")

        bench.publish_many([poison(n) for n in range(1000, 1005)])
        wait_until(lambda: len(bench.redis.dead(bench.queue)) == 5, what="five more")
        program = book.leveret.directory / "repair.py"
        program.write_text("#!/usr/bin/python3\nimport json, sys\nbody = json.load(sys.stdin)\n"
                           "body['customer_email'] = f\"by-program-{body['order_id']}@example.com\"\njson.dump(body, sys.stdout)\n")
        program.chmod(0o755)
        book.type("leveret dlq redrive leveret.work --reason bad_payload --filter ./repair.py")
        wait_until(lambda: sum(mail["to"].startswith("by-program-") for mail in bench.sink.mails()) == 5, what="a program did it")
        wait_until(lambda: bench.depth(bench.dlq) == 0, what="none is left")

        bench.publish_many([poison(n) for n in range(40, 45)])
        wait_until(lambda: len(bench.redis.dead(bench.queue)) == 5, what="five more")
        book.type("leveret dlq drop leveret.work --reason bad_payload", more=["--yes"])
        (backup,) = book.leveret.directory.glob("leveret.work.dlq-*.jsonl")
        assert bench.depth(bench.dlq) == 0 and len(backup.read_text().splitlines()) == 5
        book.left = [command.replace("leveret.work.dlq-TIME-PID.jsonl", "BACKUP") for command in book.left]
        restore, = [command for command in book.left if "restore" in command]
        book.left.remove(restore)
        book.leveret.run(*[backup.name if word == "BACKUP" else word for word in shlex.split(restore)[1:]])
        wait_until(lambda: bench.depth(bench.dlq) == 5, what="the backup came back")


def test_3_a_slow_mail_service(bench):
    queues = [{"name": bench.queue, "bindings": ["#"], "prefetch": 20, "retry": {"attempts": 4, "tiers": ["1s", "2s"]}}]
    with Runbook(bench, 3, queues=queues, mail={"http": {"connections": 4}, "timeout": "30s"}, claim={"lease": "60s"}) as book:
        worker = book.start()
        bench.sink.mode("healthy", delay_ms=500)
        bench.publish_many([order(n) for n in range(1, 121)])
        book.says("`IN FLIGHT` is as high as `prefetch`", "`RATE` is low, no errors")
        wait_until(lambda: book.row("leveret queue list", bench.queue)["IN FLIGHT"] == "20", what=lambda: book.look("leveret queue list"))
        assert int(book.row("leveret queue list", bench.queue)["READY"]) > 0
        assert not [entry for entry in worker.log() if entry["level"] in ("warn", "error")]

        assert "RATE" in book.type("leveret worker list")
        wait_until(lambda: book.look("leveret job list --state completed --limit 5").count(" completed ") == 5, what="some are done")
        listed = book.type("leveret job list --state completed --limit 5")
        assert listed.count(" completed ") == 5, listed
        done = next(id for id, job in bench.redis.jobs().items() if job["state"] == "completed")
        shown = book.type("leveret job show ID", ID=done)
        assert re.search(r"claim.*completed", shown, re.DOTALL) and len(re.findall(r"\d\d:\d\d:\d\d", shown)) >= 2, shown

        book.says("Start more workers: they share the queue at once, and lose nothing when SIGTERM stops them")
        other = book.leveret.start(named=True)
        wait_until(lambda: any(mail["authorization"].endswith(other.api_key) for mail in bench.sink.mails()), what="its share")
        assert other.stop() == 0

        book.type("leveret queue pause leveret.work")
        wait_until(lambda: bench.total(bench.queue) == bench.depth(bench.queue), within=30, what="nothing is in work")
        still = bench.sink.count()
        assert 0 < bench.depth(bench.queue) and still < 120
        assert "paused" in book.look("leveret queue list") and bench.sink.count() == still
        book.type("leveret queue resume leveret.work")
        bench.sink.mode("healthy")
        bench.wait_completed(120)
        assert bench.sink.count() == 120


def test_4_a_stuck_queue(bench):
    with Runbook(bench, 4, alerts={"idle": "2s"}, claim={"lease": "3s"}, mail={"timeout": "2s"}) as book:
        book.says("nothing succeeded though work waits, and why; it also comes for a queue that somebody paused and forgot")
        worker = book.start()
        book.look("leveret queue pause leveret.work")
        bench.publish(order(1))
        book.wait_alert("idle")
        assert "paused" in book.hook.posts[-1]["text"]
        book.wait_told("leveret queue list", "paused")
        book.says("A pause outlives restarts: `leveret queue resume leveret.work`")
        assert worker.stop() == 0
        book.says("No consumer: start a worker")
        assert book.row("leveret queue list", bench.queue)["CONSUMERS"] == "0"
        book.start()
        assert bench.depth(bench.queue) == 1 and "paused" in book.type("leveret queue list")
        book.look("leveret queue resume leveret.work")
        bench.wait_completed(1)
        assert len(book.type("leveret worker list").splitlines()) == 2
        assert "ready" in book.type("leveret health ready")
        assert book.worker.stop() == 0

        # Its worker dies behind the send, and somebody purges the queue.
        stuck = order(2, id="stuck-1")
        bench.sink.mode("healthy", dedupe=True, delay_ms=1500)
        doomed = book.leveret.start(env={"LEVERET_CRASHPOINT": "sent:1"})
        bench.publish(stuck)
        assert doomed.wait() == -signal.SIGKILL
        wait_until(lambda: bench.depth(bench.queue) == 1, what="it came back")
        with bench.broker.connect(bench.vhost) as connection:
            connection.channel().queue_purge(bench.queue)
        book.start()
        book.wait_told("leveret job list --state stuck", "stuck-1")
        book.type("leveret job list --state stuck")
        book.says("Publish the message again with the same id", "leveret does not repeat what is recorded as sent, and sends what was under way with the same key")
        bench.publish(stuck)
        bench.wait_state(stuck, "completed")
        assert len(bench.sink.mails(to="order2@example.com")) == 1, "the same key: one mail"


def test_5_redis_is_lost(bench):
    with Runbook(bench, 5) as book:
        worker = book.start()
        bench.publish_many([broken(n) for n in range(3)])
        wait_until(lambda: len(bench.redis.dead(bench.queue)) == 3, what="three dead letters")
        bench.redis.kill()
        try:
            book.says("log `redis_down`; not ready: `redis is down`", "end with `redis: cannot connect`", "Messages wait at the broker")
            wait_until(lambda: worker.logged(event="redis_down"), what="the log")
            book.wait_told("leveret health ready", "redis is down")
            assert "redis: cannot connect" in book.look("leveret top", status=1)
            bench.publish_many([order(n) for n in range(1, 11)])
            assert bench.total(bench.queue) == 10 and worker.process.is_alive()
        finally:
            bench.redis.start()
        worker.wait_ready()
        book.type("leveret check")
        book.type("leveret top")
        wait_until(lambda: bench.sink.count() == 10, what="the rate comes back by itself")
        assert sum(int(job["attempt"]) for job in bench.redis.jobs().values()) == 0, "no attempts are burnt"

        book.says("The index of dead letters is gone, but the dead letters are not. Rebuild the index")
        bench.redis.client.flushall()
        assert "bad_payload" not in book.look("leveret dlq groups leveret.work")
        book.type("leveret dlq sync leveret.work")
        assert "bad_payload" in book.look("leveret dlq groups leveret.work") and len(bench.redis.dead(bench.queue)) == 3


def test_6_the_broker_restarts(bench):
    with Runbook(bench, 6) as book:
        worker = book.start()
        bench.sink.mode("healthy", delay_ms=300)
        bench.publish_many([order(n) for n in range(1, 101)])
        wait_until(lambda: bench.sink.count() >= 5, what="work is under way")
        bench.broker.kill()
        book.says("log `amqp_down`, then `amqp_unreachable` with the cause, once for each try, then `amqp_up`. Not ready meanwhile")
        wait_until(lambda: len(worker.logged(event="amqp_unreachable")) >= 2, within=30, what="tries")
        assert all(entry["error"] for entry in worker.logged(event="amqp_unreachable")) and not worker.is_ready()
        bench.broker.boot()
        worker.wait_ready(within=60)
        events = [entry["event"] for entry in worker.log() if entry["event"].startswith("amqp_")]
        assert events[0] == "amqp_up" and events[1] == "amqp_down" and set(events[2:-1]) == {"amqp_unreachable"} and events[-1] == "amqp_up"
        book.type("leveret topology verify")
        assert bench.queue in book.type("leveret queue list")
        book.says("Nobody is mailed twice")
        bench.wait_completed(100)
        assert bench.sink.count() == 100


def test_7_a_queue_was_deleted(bench):
    queues = [{"name": bench.queue, "bindings": ["#"], "prefetch": 64, "retry": {"attempts": 4, "tiers": ["4s"]}}]
    with Runbook(bench, 7, queues=queues) as book:
        worker = book.start()
        bench.sink.script(503, to="waits@example.com")
        waits = bench.publish(email("waits@example.com", id="waits-1"))
        bench.wait_state(waits, "retrying")
        tier = f"{bench.queue}.retry.4s"
        wait_until(lambda: bench.depth(tier) == 1, what="in the tier")
        for queue in (tier, bench.queue):
            bench.broker.delete_queue(queue, bench.vhost)
        book.says("alert and log `queue_lost`", "`STATE missing` or a tier `missing`", "`not consuming, the broker cancelled it`")
        book.wait_alert("queue_lost")
        assert worker.logged(event="queue_lost")
        shown = book.look("leveret queue list", status=None)
        assert "missing" in shown and "4s missing" in shown, shown
        book.wait_told("leveret health ready", "not consuming, the broker cancelled it")
        book.says("While a queue was missing, new messages went to `leveret.unrouted`")
        stray = bench.publish(order(7))
        wait_until(lambda: bench.depth("leveret.unrouted") == 1, what="unrouted")

        book.type("leveret topology apply")
        book.says("declares what is missing; the workers go on by themselves")
        worker.wait_ready()
        book.type("leveret topology verify")
        bench.wait_state(bench.publish(order(1)), "completed")

        book.says("`leveret job list --state retrying` names jobs that waited in a deleted tier", "send them again with the same ids")
        assert "waits-1" in book.look("leveret job list --state retrying")
        bench.publish(waits)
        bench.wait_state(waits, "completed", within=90)
        assert len(bench.sink.mails(to="waits@example.com")) == 1
        book.look("leveret dlq sync leveret.unrouted")
        book.look("leveret dlq redrive leveret.unrouted --all --to leveret.work")
        bench.wait_state(stray, "completed")


def test_8_messages_that_no_queue_wanted(bench):
    def queues(*bindings):
        return [{"name": bench.queue, "bindings": list(bindings), "prefetch": 64, "retry": {"attempts": 4, "tiers": ["1s", "2s"]}}]

    with Runbook(bench, 8, queues=queues("order.created.v1")) as book:
        book.start()
        strays = [order(n, routing_key="ordr.created.v1") for n in range(1, 6)]
        bench.publish_many(strays)
        book.says("`leveret.unrouted` has `READY` messages", "The publishers do not notice it, because the messages are kept")
        wait_until(lambda: book.row("leveret queue list", "leveret.unrouted")["READY"] == "5", what="they are seen")
        book.type("leveret dlq sync leveret.unrouted")
        assert "5" in book.type("leveret dlq groups leveret.unrouted")
        assert "ordr.created.v1" in book.type("leveret dlq show leveret.unrouted ID --full", ID=strays[0].id)
        assert "5" in book.type("leveret dlq redrive leveret.unrouted --all --to leveret.work --dry-run")
        assert bench.depth("leveret.unrouted") == 5
        book.says("First correct `queues[].bindings` (then `leveret topology apply`)")
        book.leveret.change(queues=queues("order.created.v1", "ordr.created.v1"))
        book.look("leveret topology apply")
        book.type("leveret dlq redrive leveret.unrouted --all --to leveret.work")
        bench.publish(order(6, routing_key="ordr.created.v1"))
        bench.wait_completed(6)
        assert bench.total("leveret.unrouted") == 0 and bench.sink.count() == 6


def test_9_a_crash_loop(bench):
    with Runbook(bench, 9, env=CRASHES_ON_PURPOSE, claim={"lease": "3s"}, mail={"timeout": "2s"}) as book:
        culprit = Message("test.hostile.v1", {"how": "crash"})
        neighbours = [order(n) for n in range(1, 11)]
        bench.publish_many([*neighbours[:5], culprit, *neighbours[5:]])
        book.says("later a dead letter `crash_loop` and its alert", "after `claim.max_crashes` starts (3) it is dead-lettered and the worker goes on",
                  "The dying worker also logs the cause: `fatal_signal`", "11 SIGSEGV is a bad pointer")
        assert supervise(book.leveret, lambda: bench.depth(bench.dlq) == 1, within=60) == [-signal.SIGSEGV] * 3
        book.worker = book.leveret.workers[-1]
        bench.wait_state(neighbours[-1], "completed")
        assert book.wait_alert("dead")["type"] == "test.hostile.v1"
        for worker in book.leveret.workers[:3]:
            assert "fatal_signal" in worker.process.stderr() and "test.hostile.v1" in worker.process.stderr()
        assert culprit.id in book.type("leveret dlq list leveret.work --reason crash_loop")
        shown = book.type("leveret dlq show leveret.work ID --full", ID=culprit.id)
        assert "signal 11 (SIGSEGV)" in shown and '"how"' in shown, shown
        assert len(re.findall(r"\bclaim\b|\bresumed\b|\bsuspect\b", book.type("leveret job show ID", ID=culprit.id))) >= 3
        book.says("Reproduce it on your own machine with `leveret plan TYPE --data @body.json`")
        body = book.leveret.directory / "body.json"
        body.write_bytes(culprit.body)
        command = next(part for part in re.findall(r"`([^`]*)`", book.words) if part.startswith("leveret plan"))
        words = [{"TYPE": culprit.type, "@body.json": f"@{body}"}.get(word, word) for word in command.split()[1:]]
        process = subprocess.run([book.leveret.program, *words, "-c", book.leveret.config_path], capture_output=True,
                                 env={**environment(book.leveret.directory), **CRASHES_ON_PURPOSE})
        assert process.returncode == -signal.SIGSEGV, process


@pytest.mark.parametrize("refusal", [401, 403])
def test_10_wrong_credentials(bench, refusal):
    with Runbook(bench, 10) as book:
        wrong = bench.leveret(name="wrong", amqp={"url": bench.broker.url(bench.vhost, "guest", "no-such-password")})
        ended = wrong.start(ready=False)
        book.says("a worker that ends at once with exit 78 and log `cannot_start`", "alert `mail_refused` comes (mail service: 401")
        assert ended.wait() == 78 and ended.logged(event="cannot_start")
        told = wrong.run("check")
        assert told.returncode == 1 and re.search(r"amqp\s+failed", told.stdout) and re.search(r"redis\s+ok", told.stdout), told

        book.start()
        bench.sink.mode(str(refusal))
        bench.publish_many([order(n) for n in range(1, 21)])
        book.wait_alert("mail_refused")
        book.says("The messages are innocent: they are deferred, and none dies")
        bench.sink.wait_for(0)
        assert "config" in book.type("leveret check", status=None)
        assert str(refusal) in book.type("leveret mail test --to you@example.com", status=1)
        assert bench.depth(bench.dlq) == 0
        book.says("Correct the setting", "restart the workers one by one; the backlog drains by itself")
        bench.sink.mode("healthy")
        assert book.worker.stop() == 0
        book.start()
        bench.wait_completed(20)
        assert bench.sink.count() == 20
