"""Which duplicates a run can name the window of. Every other one is unexplained."""
import collections
import contextlib
import math
import time

# A mail that was accepted so long before its sender died had its record long since, whatever the load.
RECORD_S = 8


class Windows:
    """The books of the faults, against which each mail without a record of its own must be excused.

    A record names the mail that it knows by the provider's id, so of two mails of one key at most one is recorded. The
    sink knows a mail's process by the API key that the process was given, which is its user's name over SMTP.
    A: its process was killed right after. B: its process was frozen, or cut off from Redis, around that time. C: Redis
    lost what it knew.
    """

    def __init__(self, bench):
        self.bench = bench
        self.faults = []  # (window, API key or None for all, from, until)

    def killed(self, worker):
        """To be called right after `worker` has ended without being asked. What the mail system takes from it later, on a
        busy machine, was on its way before."""
        self.faults.append(("A", worker.api_key, time.time() - RECORD_S, math.inf))

    @contextlib.contextmanager
    def span(self, window, worker=None, after=RECORD_S):
        """A fault that lasts; `worker` None: it is all workers'. It is felt for `after` seconds more."""
        began = time.time()
        try:
            yield
        finally:
            self.faults.append((window, worker and worker.api_key, began - RECORD_S, time.time() + after))

    @staticmethod
    def sender(mail):
        return mail["user"] if mail["via"] == "smtp" else (mail["authorization"] or "").removeprefix("Bearer ")

    def excuse(self, mail):
        """The window that explains that a mail has no record, or None."""
        for window, api_key, began, ended in self.faults:
            if began <= mail["at"] <= ended and (api_key is None or self.sender(mail) == api_key):
                return window
        return None

    def story(self, key):
        """For a message of a failed test: the mails of `key`, and what befell their senders within a minute."""
        lines = []
        for mail in (mail for mail in self.bench.sink.mails() if mail["key"] == key):
            lines.append(f"mail {mail['id']} at {mail['at']:.3f} by {self.sender(mail)}")
            lines += [f"  {window} {api_key or 'all'} {began:.3f} to {ended:.3f}" for window, api_key, began, ended in self.faults
                      if api_key in (None, self.sender(mail)) and began < mail["at"] + 60 and ended > mail["at"] - 60]
        return "\n".join(lines)

    def explained(self):
        """key -> window of each mail that has no record but an excuse; a Counter of windows beside it."""
        recorded = set()
        for job in self.bench.redis.jobs(self.bench.prefix).values():
            recorded |= {value.removeprefix("2.0.0 queued as ") for field, value in job.items() if field.startswith("effect.")}
        keys, windows = collections.Counter(), collections.Counter()
        for mail in self.bench.sink.mails():
            if mail["id"] not in recorded:
                window = self.excuse(mail)
                if window:
                    keys[mail["key"]] += 1
                    windows[window] += 1
        return keys, windows

