"""Mails cut at random, before and after the service took them, while workers are killed and the service does not always answer questions:
no mail is lost, none goes out twice, and parked is only what the service would not speak of (harness/servers/mail_services.py)."""
import hashlib
import random

import pytest

from harness.ledger import mail_key
from harness.publish import email
from harness.servers.mail_services import Cut, Service
from harness.wait import wait_until

FATES = [None] * 14 + ["before"] * 3 + ["after"] * 3
ANSWERS = [None] * 8 + [Cut, (503, {"Error": "down"}, {})]


class Fickle:
    """Draws what becomes of each mail and question; of a mute mail nothing is ever told."""

    def __init__(self, seed):
        self.random, self.unanswered = random.Random(seed), {}

    @staticmethod
    def is_mute(token):
        return hashlib.sha256(token.encode()).digest()[0] < 2

    def fate(self, token):
        return "after" if self.is_mute(token) else self.random.choice(FATES)

    def find(self, token):
        answer = (503, {"Error": "down"}, {}) if self.is_mute(token) else self.random.choice(ANSWERS)
        self.unanswered[token] = answer is not None
        return answer


def cut_at_random(bench, count, workers, kills, within, lookup_for="30s"):
    seed = random.randrange(1 << 32)
    fickle = Fickle(seed)
    with Service("mailpit", fickle.fate) as service:
        queue = {**bench.config()["queues"][0], "prefetch": 32, "retry": {"attempts": 30, "tiers": ["1s", "2s", "5s"]}}
        config = bench.config(queues=[queue], claim={"lease": "6s", "max_crashes": 1000},
                              mail={**service.config(), "timeout": "4s", "on_ambiguous": "lookup", "lookup_for": lookup_for,
                                    "breaker": {"failures": 64, "open": "200ms", "open_max": "500ms"}})
        config["mail"]["http"]["connections"] = 8
        bench.worker(config).stop()  # the queues exist
        service.find = fickle.find
        messages = [email(f"{n}@example.com") for n in range(count)]
        leveret = bench.leveret(config)
        fleet = [leveret.start() for _ in range(workers)]
        bench.publish_many(messages)
        for kill in range(kills):
            wait_until(lambda: len(service.taken) > count * kill // (kills + 2), within=within)
            place = fickle.random.randrange(workers)
            fleet[place].kill()
            fleet[place] = leveret.start(ready=False)

        def ended():
            jobs = bench.redis.jobs()
            return sum(jobs.get(message.id, {}).get("state") in ("completed", "dead") for message in messages) == count
        wait_until(ended, within=within, every=0.5)
        assert all(worker.process.is_alive() for worker in fleet)
        jobs, times = bench.redis.jobs(), {}
        for message in messages:
            times[message.id] = len(service.found.get(f"{mail_key(message.id, 'mail')}@example.com", []))
        parked = [id for id, job in jobs.items() if job["state"] == "dead"]
        print(f"\nseed {seed}: {count} mails, {len(service.taken)} taken, {len(service.asked)} questions, {kills} kills, {len(parked)} parked, "
              f"lost {sum(n == 0 for id, n in times.items() if id not in parked)}, twice {sum(n > 1 for n in times.values())}")
        assert not service.faults
        assert {id: n for id, n in times.items() if n > 1} == {}, "twice"
        assert [id for id, n in times.items() if n == 0 and id not in parked] == [], "lost"
        for id in parked:
            assert jobs[id]["reason"] == "ambiguous_send", jobs[id]
            # A busy machine may let an answer come too late.
            assert fickle.unanswered[f"{mail_key(id, 'mail')}@example.com"] or "looked up: no answer" in jobs[id]["error"], jobs[id]
        bench.account().check()


@pytest.mark.faults
def test_mails_that_are_cut_at_random_go_out_once(bench):
    cut_at_random(bench, 300, workers=2, kills=3, within=150)


@pytest.mark.faults
def test_ten_thousand_mails_that_are_cut_at_random_go_out_once(bench):
    cut_at_random(bench, 10000, workers=3, kills=40, within=900, lookup_for="90s")
