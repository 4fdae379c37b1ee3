"""A mail server that takes fewer connections than are configured: real ones, and each way to refuse one."""
import time

import pytest

from harness.servers.mta import Exim, Postfix, Postgrey
from harness.publish import order
from harness.wait import wait_until

MAILS = 300


def smtp(url, connections):
    return {"transport": "smtp", "http": None, "timeout": "20s",
            "smtp": {"url": url, "starttls": "off", "username": None, "password": None, "connections": connections}}


def completed(bench):
    return bench.redis.client.zcard(f"{bench.prefix}:jobs:completed")


def send(bench, url, connections, workers, first):
    """Seconds that it takes until all are accepted."""
    started = [bench.worker(bench.smtp_config(), mail=smtp(url, connections)) for _ in range(workers)]
    bench.redis.client.delete(f"{bench.prefix}:jobs:completed")  # it keeps a thousand
    began = time.monotonic()
    bench.publish_many([order(n) for n in range(first, first + MAILS)])
    wait_until(lambda: completed(bench) >= MAILS, within=120, every=0.05, what=lambda: f"{completed(bench)} completed")
    took = time.monotonic() - began
    openings = [line for worker in started for line in worker.logged(event="breaker_open")]
    for worker in started:
        worker.stop()
    assert not openings, openings
    return took


@pytest.mark.parametrize("server, limit", [(Postfix, 3), (Exim, 10), *(pytest.param(server, limit, marks=pytest.mark.faults)
                                           for server, limit in ((Postfix, 10), (Postfix, 15), (Exim, 3), (Exim, 15)))])
def test_four_workers_find_the_number_that_a_server_takes(bench, server, limit):
    """No attempt is burnt against the limit, and it takes no minutes."""
    with server(limit) as mta:
        best = min(send(bench, mta.url, limit, 1, first) for first in (1, 10001))
        bound, tries = 1.5 * best + 0.5, []  # half a second for the clock of the test
        while len(tries) < 4 and min(tries, default=bound) >= bound:  # each time they find it anew; the machine may be busy with others
            tries.append(send(bench, mta.url, 16, 4, 20001 + 10000 * len(tries)))
        took = min(tries)
        assert all(int(job["attempt"]) == 0 for job in bench.redis.jobs().values())
        print(f"{mta.name}, limit {limit}: {best:.2f} s with {limit} connections, {took:.2f} s with 16 in four workers")
        assert took < bound, mta.log()[-2000:]


def test_a_greylisting_server_is_spoken_to_on_few_connections(bench):
    """The refusal of a recipient ends the transaction, not the dialogue: RSET and on (RFC 5321 section 4.1.1.5)."""
    settings = {"smtpd_error_sleep_time": 0}  # Postfix answers each refusal a second later, which says nothing of the connections
    with Postgrey() as grey, Postfix(50, smtpd_recipient_restrictions=f"check_policy_service inet:127.0.0.1:{grey.port}", **settings) as mta:
        worker = bench.worker(bench.smtp_config(), mail=smtp(mta.url, 4))
        messages = [order(n) for n in range(1, 201)]
        bench.publish_many(messages)
        wait_until(lambda: completed(bench) >= 200, within=120, what=lambda: f"{completed(bench)} completed")
        worker.stop()
        greylisted = mta.log().count("Greylisted")
        connections = mta.log().count(": connect from")
    print(f"{connections} connections for 200 mails, {greylisted} of them greylisted first")
    assert greylisted >= 200 and connections <= 40  # one a mail and more, if each refusal ended the dialogue
