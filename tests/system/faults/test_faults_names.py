"""Names of the broker, of Redis and of the mail service that do not exist, are slow, or point elsewhere all at once.

Asking for a name takes as long as the name server likes; whatever waits for one must not be the loop.
"""
import collections
import contextlib
import threading
import time

import pytest

from harness.names import NameServer, missing
from harness.proxy import Proxy
from harness.publish import Message, order
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
HOSTS = ("broker.test", "redis.test", "mail.test")


@pytest.fixture
def names():
    with NameServer() as server:
        server.names.update({host: "127.0.0.1" for host in HOSTS})
        yield server


def ports(bench):
    return {"broker.test": bench.broker.port, "redis.test": bench.redis.port, "mail.test": bench.sink.http_port}


def named(bench, names, at=None, **changes):
    """leveret, which knows its services by name; `at`: host -> port, where it is not the service's own."""
    at = {**ports(bench), **(at or {})}
    broker, redis = bench.broker.url(bench.vhost, port=at["broker.test"]), bench.redis.url_at(at["redis.test"])
    leveret = bench.leveret(bench.config(
        amqp={"url": broker.replace("@127.0.0.1", "@broker.test"), "allow_plaintext": True, "heartbeat": "2s"},
        redis={"url": redis.replace("@127.0.0.1", "@redis.test"), "allow_plaintext": True, "timeout": "1s"},
        mail={"timeout": "3s", "allow_plaintext": True, "http": {"url": f"http://mail.test:{at['mail.test']}"}},
        shutdown={"grace": "5s"}), **changes)
    leveret.program = names.program(bench.directory, leveret.program)
    return leveret


@contextlib.contextmanager
def turning(worker):
    """The loop turns all the while: /livez says so, at once."""
    over, answers = threading.Event(), []

    def ask():
        while not over.wait(0.05):
            began = time.monotonic()
            try:
                status = worker.get("/livez")[0]
            except OSError as error:
                status = repr(error)
            answers.append((time.monotonic() - began, status))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert {status for _, status in answers} == {200}, collections.Counter(status for _, status in answers)
    print(f"\n/livez asked {len(answers)} times, at most {max(answers)[0]:.2f} s")
    assert max(answers)[0] < 2, "the loop stood still"


def tries(names, host, since=0.0):
    return [at for at, name in names.asked if name == host and at >= since]


def passed(seconds):
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, within=seconds + 5)


@pytest.mark.parametrize("host, event", [("broker.test", "amqp_unreachable"), ("redis.test", "redis_down")])
def test_a_service_whose_name_does_not_exist_yet_is_waited_for(bench, names, host, event):
    del names.names[host]
    worker = named(bench, names).start(ready=False)
    began = time.monotonic()
    wait_until(lambda: worker.logged(event=event), within=30, what=lambda: worker.process.stderr()[-2000:])
    wait_until(lambda: len(tries(names, host, began)) >= 3, within=30, what="it looks for the name again")
    for entry in worker.logged(event=event):
        assert host in entry["error"], "the error names what was looked for"
    assert worker.get("/livez")[0] == 200 and not worker.is_ready()
    began = time.monotonic()
    passed(3)
    assert len(tries(names, host, began)) <= 2 * 15, "two questions a try, with a pause that grows between"
    names.names[host] = "127.0.0.1"
    worker.wait_ready()
    bench.wait_state(bench.publish(order(1)), "completed")


def test_a_mail_service_whose_name_does_not_exist_gets_its_mail_when_it_does(bench, names):
    del names.names["mail.test"]
    named(bench, names).start()
    message = bench.publish(order(1))
    assert "resolve host" in bench.wait_state(message, "retrying")["error"]
    names.names["mail.test"] = "127.0.0.1"
    bench.wait_state(message, "completed")
    bench.wait_empty()
    bench.account().check()


@pytest.mark.faults
def test_a_slow_name_of_the_mail_service_holds_up_mails_and_nothing_else(bench, names):
    """Each question is answered after 15 s, when the request that asked has been given up long since."""
    worker = named(bench, names).start()
    names.delay_s["mail.test"] = 15
    orders = [order(n) for n in range(1, 31)]
    bench.publish_many(orders)
    wait_until(lambda: tries(names, "mail.test"), what="the name is asked for")
    with turning(worker):
        bad = bench.publish(Message("order.created.v1", {"order_id": "bad"}))
        bench.wait_state(bad, "dead", within=5)
        passed(20)
    assert not worker.logged(event="amqp_down"), "heartbeats go on"
    names.delay_s.clear()
    wait_until(lambda: all(bench.state(m) == "completed" for m in orders), within=60, what=lambda: bench.redis.jobs())
    assert sum(int(job["attempt"]) for job in bench.redis.jobs().values()) <= 5, "the failures of the breaker"
    bench.account().check()


@pytest.mark.faults
@pytest.mark.parametrize("host", ["broker.test", "redis.test"])
def test_a_name_server_that_is_silent_for_30_s_stops_only_what_asks_it(bench, names, host):
    with Proxy(ports(bench)[host]) as proxy:
        worker = named(bench, names, at={host: proxy.port}).start()
        bench.publish_many([order(n) for n in range(1, 51)])
        bench.wait_completed(50)
        names.delay_s[host] = None
        began = time.monotonic()
        proxy.cut()
        worker.wait_not_ready()
        bench.publish_many([order(n) for n in range(51, 101)])
        with turning(worker):
            passed(27)
        assert tries(names, host, began) and not worker.is_ready()
        if host == "redis.test":
            assert not worker.logged(event="amqp_down"), "heartbeats go on"
        names.delay_s.clear()
        worker.wait_ready(within=60)  # what was asked is waited for; hiredis then asks once more, for IPv6
        bench.wait_completed(100)
        bench.account().check()
        assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}


@pytest.mark.parametrize("host, transport", [*((host, "http") for host in HOSTS), ("mail.test", "smtp")])
def test_sigterm_while_a_name_is_asked_for_ends_it_within_the_grace(bench, names, host, transport):
    smtp = {"url": f"smtp://mail.test:{bench.sink.smtp_port}", "starttls": "off"}
    leveret = named(bench, names, mail={"transport": transport, "smtp": smtp})
    leveret.start().stop()  # the queues exist
    names.delay_s[host] = None
    began = time.monotonic()
    worker = leveret.start(ready=False)
    if host == "mail.test":
        bench.publish(order(1))
    wait_until(lambda: tries(names, host, began), what="the name is asked for")
    began = time.monotonic()
    assert worker.stop(within=15) == 0
    assert time.monotonic() - began < 8, "the grace of 5 s and a little"


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_points_elsewhere_all_at_once_is_followed(bench, names, host):
    """The service moves: its old address refuses connections, the name has a new one."""
    with Proxy(ports(bench)[host], listen=("127.1.0.1", 0)) as old, \
            Proxy(ports(bench)[host], listen=("127.1.0.2", old.port)) as new:
        names.names[host] = "127.1.0.1"
        worker = named(bench, names, at={host: old.port}).start()
        bench.publish_many([order(n) for n in range(1, 51)])
        bench.wait_completed(50)
        names.names[host] = "127.1.0.2"
        old.refuse = True
        old.cut()
        began = time.monotonic()
        bench.publish_many([order(n) for n in range(51, 101)])
        bench.wait_completed(100)
        print(f"\n{host}: worked again {time.monotonic() - began:.1f} s after it had moved")
        assert new.accepted
        worker.wait_ready()
        bench.account().check()
