"""Virtual hosts for the benches. What `topology apply` declares for messages for later, 28 exchanges and queues, costs the broker a
second of CPU to declare and to delete. So a virtual host in which all of that stands as it was declared is kept, emptied of all else,
for another test. A test that wants none of it is marked `bare_vhost`."""
import itertools
import re

FOOT = "leveret.later"
RUNGS = 28
LADDER = re.compile(rf"^{re.escape(FOOT)}(\.\d\d)?$")

_numbers = itertools.count(1)


def rung(number):
    return f"{FOOT}.{number:02}" if number >= 0 else FOOT


def _expected_queue(number):
    return {"durable": True, "arguments": {
        "x-queue-type": "quorum", "x-message-ttl": 250 << number, "x-overflow": "reject-publish",
        "x-dead-letter-exchange": rung(number - 1), "x-dead-letter-strategy": "at-least-once"}}


QUEUES = {rung(number): _expected_queue(number) for number in range(RUNGS)}
EXCHANGES = {rung(number): {"type": "topic", "durable": True, "arguments": {}} for number in range(RUNGS)}
EXCHANGES[FOOT] = {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "leveret.unrouted"}}
BINDINGS = {(rung(number), "*." * (RUNGS - 1 - number) + f"{bit}.#", rung(number if bit else number - 1))
            for number in range(RUNGS) for bit in (0, 1)}


class Vhosts:
    """Those of one broker."""

    def __init__(self, broker):
        self.broker = broker
        self._kept = []

    def take(self, bare=False):
        while self._kept and not bare:
            vhost = self._kept.pop()
            if self.broker.has_vhost(vhost):  # a test may have deleted it, or all that the broker had
                return vhost
        vhost = f"test{next(_numbers)}"
        self.broker.add_vhost(vhost)
        return vhost

    def give_back(self, vhost):
        try:
            whole = self.broker.has_vhost(vhost) and self._is_whole_once_emptied(vhost)
        except RuntimeError:  # the broker is away, or a queue without its leader
            whole = False
        if whole:
            self._kept.append(vhost)
        else:
            self.broker.delete_vhost(vhost)

    def _is_whole_once_emptied(self, vhost):
        if not QUEUES.keys() <= self.broker.queues(vhost).keys():
            return False
        self.broker.clear_vhost(vhost, LADDER.pattern)
        return (self.broker.queues(vhost) == QUEUES and self.broker.exchanges(vhost) == EXCHANGES
                and self.broker.bindings(vhost) == BINDINGS and self.broker.vhost_is_quiet(vhost))
