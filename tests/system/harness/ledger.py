"""What publishers handed over and what became of it, in Jepsen's words."""
import collections
import hashlib

# The keys of the effects that the repository's handlers plan.
EFFECTS = ("customer", "manager", "mail")


def mail_key(id, effect, prefix="leveret"):
    """The idempotency key of one mail, SHA-256 of prefix NUL job id NUL effect key."""
    return hashlib.sha256(f"{prefix}\0{id}\0{effect}".encode()).hexdigest()


class Ledger:
    """attempted: before the publish; confirmed: the broker took responsibility."""

    def __init__(self):
        self._attempted, self._confirmed = collections.Counter(), collections.Counter()

    def attempted(self, id):
        self._attempted[id] += 1

    def confirmed(self, id):
        self._confirmed[id] += 1

    def attempted_ids(self):
        return set(self._attempted)

    def confirmed_ids(self):
        return set(self._confirmed)

    def account(self, bench):
        """The final account of `bench` (a bench.Bench): where is everything that was confirmed?"""
        return Account(self, bench)


class Account:
    """ok: confirmed and completed. recovered: completed although never confirmed. lost: confirmed and nowhere.
    unexpected: a mail or a record without an attempt. duplicated: mails beyond the first of one key."""

    def __init__(self, ledger, bench):
        jobs = bench.redis.jobs(bench.prefix)
        mails = collections.Counter(mail["key"] for mail in bench.sink.mails())
        completed = {id for id, job in jobs.items() if job.get("state") == "completed"}
        dead = bench.ids_in(bench.dlq)
        unrouted = bench.ids_in("leveret.unrouted")
        self.waiting = sum(bench.total(queue) for queue in (bench.queue, *bench.tiers))
        confirmed, attempted = ledger.confirmed_ids(), ledger.attempted_ids()
        self.ok = confirmed & completed
        self.recovered = (attempted - confirmed) & completed
        self.dead = collections.Counter(dead)
        self.unrouted = collections.Counter(unrouted)
        self.lost = confirmed - completed - set(dead) - set(unrouted)
        self.duplicated = {key: count - 1 for key, count in mails.items() if count > 1}
        expected = {mail_key(id, effect, bench.prefix) for id in attempted for effect in EFFECTS}
        self.unexpected = (set(jobs) - attempted) | (set(mails) - expected)
        self.mails = sum(mails.values())

    def unexplained(self, explained):
        """Duplicates beyond those that `explained` (key -> number) allows for just these mails."""
        over = {key: count - explained.get(key, 0) for key, count in self.duplicated.items()}
        return {key: count for key, count in over.items() if count > 0}

    def check(self, *, duplicates=0, explained=None):
        """Nothing lost, nothing unexpected, nothing waiting, and no more duplicates than are explained: so many, or by
        `explained` (windows.Windows.explained) mail by mail."""
        assert not self.waiting, self
        assert not self.lost, self
        assert not self.unexpected, self
        if explained is None:
            assert sum(self.duplicated.values()) <= duplicates, self
        else:
            assert not self.unexplained(explained), (self, self.unexplained(explained))
        return self

    def __repr__(self):
        return (f"ok {len(self.ok)}, lost {len(self.lost)} {sorted(self.lost)[:5]}, unexpected {len(self.unexpected)} "
                f"{sorted(self.unexpected)[:5]}, duplicated {sum(self.duplicated.values())}, recovered "
                f"{len(self.recovered)}, in dlq {sum(self.dead.values())}, in unrouted {sum(self.unrouted.values())}, "
                f"in queue and tiers {self.waiting}, mails {self.mails}")
