"""Waiting for conditions: poll with a deadline, never sleep and hope."""
import time


class Overdue(AssertionError):
    """The condition did not come true before the deadline."""


def wait_until(condition, within=10.0, what=None, every=0.02):
    """Polls `condition` until it gives something true and returns that; raises Overdue after `within` seconds.

    `what` says what was waited for; it may be a function, called at the end, so that it can show the last state.
    """
    deadline = time.monotonic() + within
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            told = what() if callable(what) else what
            raise Overdue(f"not within {within} s: {told or condition}")
        time.sleep(every)


def settled(sample, quiet=0.3, within=10.0):
    """Waits until `sample()` has not changed for `quiet` seconds and returns it."""
    last = [sample(), time.monotonic()]

    def unchanged():
        now = sample()
        if now != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] >= quiet

    wait_until(unchanged, within=within, what=lambda: f"still changing: {last[0]!r}")
    return last[0]
