"""The chaos of chaos.py with all that leveret has at once: two mail outlets, all three effects, planners, schedules, mails for later, and
an outbox in PostgreSQL that two relays move."""
import base64
import collections
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import sys
import threading
import time

import psycopg2

from .. import publish
from .chaos import Chaos
from ..servers.postgres import Outbox
from ..worker import hook_secret

PLANNER = """\
import json, sys, time
for line in sys.stdin:
    job = json.loads(line)
    mail = {"kind": "mail", "key": "customer", "to": "cart%d@example.com" % job["data"]["number"], "subject": "Cart", "text": str(time.time())}
    print(json.dumps({"id": job["id"], "effects": [mail]}), flush=True)
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROW_EVERY, LATER_S = 10, 20


class Outlets:
    """The two sinks as one: what they took together; the first is the one that the nemesis harms."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def mails(self, **which):
        return self.first.mails(**which) + self.second.mails(**which)

    def __getattr__(self, name):
        return getattr(self.first, name)


class Everything(Chaos):
    def __init__(self, bench, messages, seed, program, rate, *, backup, hooks, postgres):
        self.hooks, self.postgres = hooks, postgres
        self.first_sink, self.backup = bench.sink, backup
        bench.sink = Outlets(bench.sink, backup)
        planner = pathlib.Path(bench.directory) / "planner.py"
        planner.write_text(PLANNER)
        mail = {"kind": "mail", "transport": "http", "from": "Shop <shop@example.com>", "timeout": "3s",
                "http": {"preset": "resend", "url": backup.http_url, "api_key": SECRET}, "breaker": {"failures": 5, "open": "1s", "open_max": "2s"}}
        post = {"kind": "post", "secret": SECRET, "allow": [hooks.origin], "timeout": "3s", "breaker": {"failures": 5, "open": "1s", "open_max": "2s"}}
        super().__init__(bench, messages, seed, program=program, rate=rate, mail={"fallback": ["backup"]}, outlets={"backup": mail, "hooks": post},
                         handlers={"cart.left.v1": {"plan": {"exec": [sys.executable, str(planner)], "processes": 2, "timeout": "5s"}}},
                         schedules=[{"name": "digest", "cron": "* * * * *", "type": "email.send.v1", "missed": "all", "overlap": "allow",
                                     "data": {"to": "digest@example.com", "subject": "Digest", "text": "Hello"}}],
                         relay={"url": postgres.url, "poll": "200ms"})
        self.began = time.time()
        self.due, self.children, self.posting = {}, set(), set()
        self.outbox = Outbox(postgres, self.fleet.leveret)
        self.relays = [self.relay(), self.relay()]
        self.rows = threading.Thread(target=self.insert)
        self.faults += [self.kill_planner, self.kill_planner, self.kill_relay, self.kill_relay, self.restart_postgres, self.first_refuses_its_key, self.hooks_off]

    def relay(self):
        return self.fleet.leveret.start(command="relay", ready=False)

    # ---- what is published

    def message(self, number):
        kind = number % 10
        if kind == 1:
            return self.chain(number)
        if kind == 2:
            return publish.Message("cart.left.v1", {"number": number})
        if kind == 3:
            return self.later(number)
        return super().message(number)

    def chain(self, number):
        """A post and a message, which is a message, which is a mail and a post."""
        message = publish.Message("test.chain.first.v1", {"number": number, "url": self.hooks.origin})
        second, last = f"{message.id}/next", f"{message.id}/next/last"
        self.children |= {second, last}
        self.posting |= {message.id, last}
        return message

    def later(self, number):
        moment = datetime.datetime.fromtimestamp(round(time.time() + self.random.uniform(1, LATER_S), 3), datetime.UTC)
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = publish.order(number, f"later{number}@example.com", headers={"deliver-at": text})
        self.due[f"later{number}@example.com"] = datetime.datetime.fromisoformat(text).timestamp()
        return message

    def row(self, number):
        return f"row/{number}", "order.created.v1", json.dumps({"order_id": number, "customer_email": f"row{number}@example.com", "title": "Row"})

    def insert(self):
        """One row for so many messages, through restarts; what was not committed is inserted again."""
        connection = None
        for number in range(1, self.count // ROW_EVERY + 1):
            row = self.row(number)
            self.bench.ledger.attempted(row[0])
            while True:
                try:
                    connection = connection or self.postgres.connect()
                    self.outbox.insert([row], connection)
                    break
                except psycopg2.Error:
                    connection = None
                    time.sleep(0.1)  # polls: the server is away
            self.bench.ledger.confirmed(row[0])
            self.wait(ROW_EVERY / self.rate)

    # ---- the nemesis, more of it

    def kill_planner(self):
        worker = self.victim()
        found = [pid for pid in children_of(worker.pid)]
        if found:
            os.kill(self.random.choice(found), 9)
        return f"{worker.name} {len(found)} programs"

    def kill_relay(self):
        place = self.random.randrange(2)
        self.relays[place].kill()
        self.relays[place] = self.relay()

    def restart_postgres(self):
        self.postgres.restart(how=None)

    def first_refuses_its_key(self):
        """All goes by the second outlet then."""
        self.first_sink.mode("401")
        self.wait(self.random.uniform(2, 5))
        self.first_sink.mode("healthy")

    def hooks_off(self):
        self.hooks.usual = 503
        self.wait(self.random.uniform(1, 3))
        self.hooks.usual = 204

    # ---- the run

    def run(self, within):
        self.rows.start()
        try:
            return super().run(within)
        finally:
            self.rows.join()

    def torment(self):
        super().torment()
        self.rows.join()
        self.ended_at = time.time()

    def ticks(self, until=None):
        """The ids of the ticks of whole minutes; those of the run surely were."""
        minute = int(self.began // 60 + 1) * 60
        while minute < (until or self.ended_at):
            yield f"schedule/digest/{datetime.datetime.fromtimestamp(minute, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
            minute += 60

    def nothing_left(self):
        jobs = self.bench.redis.jobs()
        wanted = self.bench.ledger.attempted_ids() | self.children | set(self.ticks())
        return (all(jobs.get(id, {}).get("state") in ("completed", "dead") for id in wanted) and not self.outbox.waiting()
                and not any(total for queue, (_, total) in self.bench._counts().items() if queue in (self.bench.queue, *self.bench.tiers) or queue.startswith("leveret.later.")))

    def state(self):
        jobs = self.bench.redis.jobs()
        wanted = self.bench.ledger.attempted_ids() | self.children | set(self.ticks())
        missing = [(id, jobs.get(id, {}).get("state")) for id in wanted if jobs.get(id, {}).get("state") not in ("completed", "dead")]
        return f"seed {self.seed}: {len(missing)} of {len(wanted)} not ended {missing[:5]}, {self.outbox.waiting()} rows, {self.bench._counts()}\n" + "\n".join(self.log)

    def check(self):
        for id in self.children | set(self.ticks()):
            self.bench.ledger.attempted(id)
            self.bench.ledger.confirmed(id)
        for id in self.ticks(until=time.time() + 120):  # minutes that begin while all is counted
            self.bench.ledger.attempted(id)
        account, by_window = super().check()
        self.check_later()
        self.check_plans()
        return account, by_window + self.check_posts()

    def check_later(self):
        early = [mail for mail in self.bench.sink.mails() if mail["to"][0] in self.due and mail["at"] < self.due[mail["to"][0]]]
        assert not early, early[:3]

    def check_plans(self):
        """A repetition says what was said: its plan was recorded."""
        texts = collections.defaultdict(set)
        for mail in self.bench.sink.mails():
            if mail["to"][0].startswith("cart"):
                texts[mail["key"]].add(mail["text"])
        changed = {key: said for key, said in texts.items() if len(said) > 1}
        assert not changed, changed

    def check_posts(self):
        """Each post arrived, and of those with one id only one has no excuse. Returns how many others each window explains."""
        posts, windows = self.hooks.by_id(), collections.Counter()
        wanted = {hashlib.sha256(b"\0".join(text.encode() for text in ("leveret", id, "hook"))).hexdigest() for id in self.posting}
        assert set(posts) == wanted, (len(posts), len(wanted))
        for id, seen in posts.items():
            taken = [post for post in seen if post["answer"] == 204]
            excuses = [self.windows.excuse({"via": "http", "authorization": f"Bearer {self.poster(post)}", "at": post["at"]}) for post in taken]
            assert len(taken) - 1 <= sum(excuse is not None for excuse in excuses), (id, taken)
            windows.update([excuse for excuse in excuses if excuse][:len(taken) - 1])
        return windows

    def poster(self, post):
        """The API key of the process whose secret signed it."""
        signed = ".".join((post["headers"]["webhook-id"], post["headers"]["webhook-timestamp"], post["body"].decode())).encode()
        for worker in self.fleet.leveret.workers:
            key = base64.b64decode(hook_secret(worker.api_key).removeprefix("whsec_")) if worker.api_key else b""
            if base64.b64encode(hmac.digest(key, signed, "sha256")).decode() in post["headers"]["webhook-signature"]:
                return worker.api_key
        raise AssertionError(post)

    def close(self):
        self.bench.sink = self.first_sink
        if not self.postgres.process.is_alive():
            self.postgres.start()
        super().close()


def children_of(pid):
    """The processes that a process started and that still run."""
    return [int(word) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
