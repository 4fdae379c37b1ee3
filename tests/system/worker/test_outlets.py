"""Several ways out of one worker: which mail leaves by which, and that what holds one back holds back no other."""
import time

import pytest

from harness.publish import email, order
from harness.sink import Sink
from harness.wait import wait_until


@pytest.fixture
def second_sink():
    with Sink() as sink:
        yield sink


def http(url, connections=16, **more):
    return {"kind": "mail", "transport": "http", "from": "Shop <shop@example.com>", "timeout": "5s",
            "http": {"preset": "resend", "url": url, "api_key": "re_second", "connections": connections},
            "breaker": {"failures": 5, "open": "1s", "open_max": "2s"}, **more}


def two_queues(bench, **second):
    """email.# of its own beside orders, both with the default prefetch."""
    retry = {"attempts": bench.attempts, "tiers": ["1s", "2s"]}
    return [{"name": bench.queue, "bindings": ["order.#"], "retry": retry},
            {"name": "leveret.otp", "bindings": ["email.#"], "retry": retry, **second}]


def test_an_otp_behind_three_hundred_newsletters_at_twenty_a_second_leaves_at_once(bench):
    worker = bench.worker(queues=two_queues(bench, weight=100), mail={"rate": "20/s"})
    bench.publish_many([order(n) for n in range(1, 301)])
    wait_until(lambda: bench.sink.count() >= 10, what="the first newsletters")
    bench.publisher  # is connected
    published_s = time.time()
    otp = bench.publish(email("otp@example.com"))
    bench.wait_state(otp, "completed")
    (mail,) = bench.sink.mails(to="otp@example.com")
    taken_s = mail["at"] - published_s
    print(f"\nthe one-time password left {taken_s:.3f} s after it was published, {bench.sink.count()} mails were out")
    assert bench.sink.count() < 200, "the newsletters still wait"
    assert taken_s < 0.3
    worker.stop()


def test_a_mail_leaves_by_the_outlet_of_its_queue_or_of_its_type(bench, second_sink):
    worker = bench.worker(queues=two_queues(bench, outlet="second"), outlets={"second": http(second_sink.http_url)})
    bench.publish(order(1), email("a@example.com"))
    bench.sink.wait_for(1)
    second_sink.wait_for(1)
    assert [outlet["name"] for outlet in worker.status()["outlets"]] == ["mail", "second", "publish"]
    worker.stop()
    worker = bench.worker(queues=two_queues(bench), outlets={"second": http(second_sink.http_url)},
                          handlers={"order.created.v1": {"outlet": "second"}})
    bench.publish(order(2), email("b@example.com"))
    second_sink.wait_for(2)
    bench.sink.wait_for(2)


def test_an_outlet_that_is_shut_delays_no_mail_of_another(bench, second_sink):
    """The mails of the shut one come first, in the same queues and in front of the others."""
    worker = bench.worker(queues=two_queues(bench, outlet="second"), outlets={"second": http(second_sink.http_url)})
    bench.sink.mode("503")
    bench.publish_many([order(n) for n in range(1, 101)])
    wait_until(lambda: {outlet["name"]: outlet["breaker"] for outlet in worker.status()["outlets"]}["mail"] == "open",
               what="the first outlet is shut")
    bench.publish_many([email(f"n{n}@example.com") for n in range(1, 201)])
    second_sink.wait_for(200, within=10)
    assert bench.sink.count() == 0
    worker.wait_not_ready()
    bench.sink.mode("healthy")
    bench.wait_completed(300)
    bench.sink.wait_for(100)


def test_weights_that_a_reload_changes_count_for_what_waits_already(bench):
    """Behind the newsletters while both weigh the same; then the heavier goes first, and nobody starves."""
    worker = bench.worker(queues=two_queues(bench, weight=10), mail={"rate": "20/s"})
    bench.publish_many([order(n) for n in range(1, 201)])
    wait_until(lambda: bench.sink.count() >= 5, what="the first newsletters")
    bench.publish_many([email(f"otp{n}@example.com") for n in range(40)])
    wait_until(lambda: len(otps(bench)) >= 3, what="both leave in turn")
    before = bench.sink.count()
    assert len(otps(bench)) < before - 5, "half of the places are the newsletters'"
    bench.last.change(queues=two_queues(bench, weight=100))
    worker.hang_up()
    wait_until(lambda: len(otps(bench)) == 40, what="all of the heavier queue")
    newsletters = bench.sink.count() - 40
    print(f"\n{newsletters} newsletters of 200 were out with the fortieth password")
    assert newsletters < 40
    bench.sink.wait_for(240, within=30)


def otps(bench):
    return [mail for mail in bench.sink.mails() if mail["to"].startswith("otp")]
