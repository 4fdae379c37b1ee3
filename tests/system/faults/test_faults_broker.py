"""The broker dies, closes, loses its queues, runs full or falls silent. What it confirmed still ends once."""
import time

import pytest

from harness.proxy import Proxy
from harness.publish import Message, order
from harness.wait import wait_until


def load(bench, count, delay_ms=10):
    """So many orders, and a worker that is in the middle of them."""
    bench.worker()
    bench.sink.mode("healthy", delay_ms=delay_ms)
    bench.publish_many([order(n) for n in range(1, count + 1)])
    wait_until(lambda: bench.sink.count() >= count // 5, within=30, what=lambda: bench.sink.stats())
    return bench.last.workers[-1]


def all_done_once(bench, count, within=60):
    bench.wait_completed(count, within=within)
    assert bench.sink.count() == count
    assert {job["attempt"] for job in bench.redis.jobs().values()} == {"0"}, "the broker's faults burn no attempt"
    return bench.account().check()


def bad(count):
    return [Message("order.created.v1", {"order_id": "x"}) for _ in range(count)]


def test_a_broker_that_is_killed_and_comes_back_loses_nothing_and_repeats_no_mail(bench):
    worker = load(bench, 1000)
    bench.broker.kill()
    worker.wait_not_ready()
    assert worker.get("/livez")[0] == 200
    bench.broker.boot()
    began = time.monotonic()
    worker.wait_ready()
    print(f"\nconsumed again {time.monotonic() - began:.1f} s after the broker was back")
    all_done_once(bench, 1000)


@pytest.mark.faults
def test_a_broker_that_closes_down_in_order_is_waited_for(bench):
    worker = load(bench, 1000)
    bench.broker.stop_app()
    worker.wait_not_ready()
    bench.broker.start_app()
    worker.wait_ready()
    all_done_once(bench, 1000)


def test_connections_that_are_closed_again_and_again_only_slow_it_down(bench):
    load(bench, 1500, delay_ms=40)
    for _ in range(4):
        bench.broker.close_all_connections()
        before = bench.sink.count()
        wait_until(lambda: bench.sink.count() >= before + 100, within=20, what="progress after the connections were closed")
    all_done_once(bench, 1500)
    assert bench.depth(bench.dlq) == 0


def test_a_virtual_host_that_is_deleted_is_told_as_that_and_waited_for(bench):
    """What the broker says last lies in a socket that is broken already."""
    worker = bench.worker()
    bench.broker.delete_vhost(bench.vhost)
    wait_until(lambda: worker.logged(event="amqp_unreachable"), what="a try to connect")
    down, = worker.logged(event="amqp_down")
    assert "closed by the broker: 320" in down["error"] and bench.vhost in down["error"], down
    bench.broker.add_vhost(bench.vhost)
    worker.wait_ready()
    bench.wait_state(bench.publish(order(1)), "completed")


@pytest.mark.faults
def test_connections_that_are_closed_every_second_for_a_minute_still_let_work_through(bench):
    bench.worker()
    bench.sink.mode("healthy", delay_ms=20)
    messages, published = iter(range(1, 100000)), 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        bench.publish_many([order(next(messages)) for _ in range(100)])
        published += 100
        tick = time.monotonic() + 1
        bench.broker.close_all_connections()
        wait_until(lambda: time.monotonic() >= tick)
    all_done_once(bench, published, within=120)
    assert bench.depth(bench.dlq) == 0, "innocents were charged for the broker's closes"


def test_a_queue_that_is_deleted_is_noticed_within_two_seconds_and_consumed_when_it_is_back(bench):
    worker = bench.worker()
    began = time.monotonic()
    bench.broker.delete_queue(bench.queue, bench.vhost)
    wait_until(lambda: worker.logged(event="queue_lost"), within=2, what="queue_lost")
    worker.wait_not_ready(within=2)
    print(f"\nnoticed within {time.monotonic() - began:.2f} s")
    assert bench.leveret(name="apply").run("topology", "apply").returncode == 0
    worker.wait_ready()
    message = bench.publish(order(1))
    bench.wait_state(message, "completed")


def test_a_tier_that_is_missing_holds_the_message_until_it_is_back(bench):
    worker = bench.worker(handlers={"order.created.v1": {"attempts": 3}})
    for tier in bench.tiers:
        bench.broker.delete_queue(tier, bench.vhost)
    bench.sink.script(503)
    message = bench.publish(order(1))
    wait_until(lambda: worker.logged(event="publish_failed"), what="the copy comes back")
    error = worker.logged(event="publish_failed")[0]["error"]
    assert error.startswith(f"no queue is bound to leveret.retry for {bench.queue}.") and "leveret topology apply" in error, error
    assert bench.total(bench.queue) == 1, "a message without a place to wait must not be acknowledged"
    assert bench.leveret(name="apply").run("topology", "apply").returncode == 0
    assert bench.wait_state(message, "completed")["attempt"] == "1"
    bench.wait_empty()
    bench.account().check()


def test_a_missing_dead_letter_exchange_holds_the_message_until_it_is_back(bench):
    worker = bench.worker()
    bench.broker.delete_exchange("leveret.dlx", bench.vhost)
    (message,) = bad(1)
    bench.publish(message)
    wait_until(lambda: worker.logged(event="publish_failed"), what="the copy is refused")
    assert bench.total(bench.queue) == 1
    assert bench.leveret(name="apply").run("topology", "apply").returncode == 0
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id
    bench.wait_empty()


@pytest.mark.faults
def test_a_missing_return_exchange_holds_the_message_in_its_tier(bench):
    # How long the broker waits before it tries again to hand a message on; 3 minutes unless told.
    bench.broker.erl("application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 2000), ok")
    bench.worker()
    bench.broker.delete_exchange("leveret.return", bench.vhost)
    bench.sink.script(503)
    message = bench.publish(order(1))
    bench.wait_state(message, "retrying")
    tick = time.monotonic() + 4
    wait_until(lambda: time.monotonic() >= tick)
    assert sum(bench.total(tier) for tier in bench.tiers) == 1, "it waits where it is"
    assert bench.leveret(name="apply").run("topology", "apply").returncode == 0
    bench.wait_state(message, "completed", within=60)
    bench.account().check()


@pytest.mark.parametrize("alarm", ["memory_alarm", "disk_alarm"])
def test_during_an_alarm_what_needs_no_publish_is_completed_and_the_rest_waits(bench, alarm):
    worker = bench.worker()
    good, again, dead = [order(n) for n in range(1, 201)], order(900, "again@example.com"), bad(1)[0]
    bench.sink.script(503, to="again@example.com")
    bench.sink.mode("healthy", delay_ms=100)  # the alarm comes before the first end
    bench.publish_many([again, *good, dead])
    try:
        getattr(bench.broker, alarm)()
        wait_until(lambda: all(bench.state(m) == "completed" for m in good), within=30, every=0.2,
                   what="acks go on during the alarm")
        began = time.monotonic()
        assert worker.get("/livez")[0] == 200 and time.monotonic() - began < 0.5, "nothing is stuck"
    finally:
        getattr(bench.broker, alarm)(False)
    bench.wait_state(again, "completed")
    assert [d.id for d in bench.dead_letters(1)] == [dead.id]
    bench.wait_empty()
    assert bench.sink.count() == 201


@pytest.mark.faults
def test_an_alarm_in_the_middle_of_large_copies_blocks_nobody_for_long(bench):
    worker = bench.worker(max_body="1KiB")
    large = [Message("order.created.v1", body=b"x" * 200000) for _ in range(60)]
    bench.publish_many(large)
    try:
        bench.broker.memory_alarm()
        wait_until(lambda: worker.logged(event="publish_failed"), within=40, what="a publish that is given up")
        assert worker.get("/livez")[0] == 200
    finally:
        bench.broker.memory_alarm(False)
    wait_until(lambda: bench.depth(bench.dlq) >= 60, within=60, what=lambda: bench._counts())
    bench.wait_empty(within=60)
    found = bench.dead_letters()
    assert {d.id for d in found} == {m.id for m in large} and {d.reason for d in found} == {"too_large"}
    print(f"\n{len(found) - 60} extra copies")


def test_a_full_dead_letter_queue_keeps_what_it_cannot_take_in_the_work_queue(bench):
    worker = bench.worker()
    bench.broker.max_length(bench.dlq, 2, bench.vhost)
    messages = bad(6)
    for message in messages:  # one by one: a quorum queue overshoots its limit by what arrives at once
        bench.publish(message)
        wait_until(lambda: bench.state(message), what="it is claimed")
    wait_until(lambda: worker.logged(event="publish_failed"), what="a copy that is refused")
    wait_until(lambda: bench.depth(bench.dlq) >= 2, what="the queue is full")
    good = bench.publish(order(1))
    bench.wait_state(good, "completed")
    held = bench.total(bench.queue)
    assert held >= 1 and held + bench.depth(bench.dlq) >= 6, "nothing may be acknowledged that has no copy"
    found = []

    def all_taken_out():
        found.extend(bench.dead_letters())
        return len(found) >= 6

    wait_until(all_taken_out, within=60, every=0.5, what=lambda: bench._counts())
    bench.wait_empty()
    assert {d.id for d in found} == {m.id for m in messages}


@pytest.mark.faults
def test_a_confirm_that_never_comes_costs_a_second_copy_that_collapses(bench):
    """The tier takes the copy and says nothing: it is published again, and of the two copies one is stale."""
    worker = bench.worker(queues=[{**bench.config()["queues"][0], "retry": {"attempts": 4, "tiers": ["2s"]}}])
    tier = f"{bench.queue}.retry.2s"
    leader = (f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{bench.vhost}">>, queue, <<"{tier}">>)), '
              "{N, _} = amqqueue:get_pid(Q), ")
    bench.sink.script(503)
    bench.broker.erl(leader + "sys:suspend(N), ok")
    try:
        message = bench.publish(order(1))
        wait_until(lambda: worker.logged(event="publish_failed"), within=30, what="no confirm in time")
        assert worker.get("/livez")[0] == 200
    finally:
        bench.broker.erl(leader + "sys:resume(N), ok")
    bench.wait_state(message, "completed", within=60)
    bench.wait_empty(within=60)
    assert bench.sink.count() == 1, "each copy must not send"
    assert bench.job(message)["attempt"] == "1"
    bench.account().check()


@pytest.mark.faults
def test_a_delivery_that_the_broker_takes_back_for_its_age_is_not_sent_twice(bench):
    """consumer_timeout: the broker closes the channel of a delivery that is unacknowledged for too long."""
    bench.broker.erl("application:set_env(rabbit, consumer_timeout, 3000), "
                     "application:set_env(rabbit, channel_tick_interval, 1000), ok")
    try:
        worker = bench.worker(mail={"timeout": "20s"})
        bench.sink.mode("healthy", delay_ms=8000)
        message = bench.publish(order(1))
        wait_until(lambda: worker.logged(event="amqp_down"), within=20, what="the broker takes it back")
        bench.wait_state(message, "completed", within=30)
        bench.wait_empty()
        assert len(bench.sink.attempts()) == 1
    finally:
        bench.broker.erl("application:set_env(rabbit, consumer_timeout, 1800000), "
                         "application:set_env(rabbit, channel_tick_interval, 60000), ok")
    bench.account().check()


# ---- the network between


def through(bench, proxy, **changes):
    return bench.worker(bench.config(amqp={"url": bench.broker.url(bench.vhost, port=proxy.port), **changes}))


def test_a_connection_that_falls_silent_is_given_up_within_two_and_a_half_heartbeats(bench):
    with Proxy(bench.broker.port) as proxy:
        worker = through(bench, proxy, heartbeat="2s")
        bench.sink.mode("healthy", delay_ms=10)
        bench.publish_many([order(n) for n in range(1, 301)])
        wait_until(lambda: bench.sink.count() >= 50, what="some mails")
        proxy.blackhole = True
        began = time.monotonic()
        wait_until(lambda: worker.logged(event="amqp_down"), within=5, what="the silence is noticed")
        print(f"\nnoticed after {time.monotonic() - began:.1f} s at a heartbeat of 2 s")
        proxy.pass_all()
        proxy.cut()
        worker.wait_ready()
        all_done_once(bench, 300)


@pytest.mark.faults
def test_another_message_with_the_id_of_a_job_that_lost_its_delivery_is_no_redelivery_of_it(bench):
    with Proxy(bench.broker.port) as proxy:
        worker = bench.worker(amqp={"url": bench.broker.url(bench.vhost, port=proxy.port)}, mail={"timeout": "20s"})
        bench.sink.mode("healthy", delay_ms=8000)
        first = bench.publish(order(1))
        wait_until(lambda: bench.sink.attempts(), what="its mail is under way")
        proxy.refuse = True
        proxy.cut()
        wait_until(lambda: bench.depth(bench.queue) == 1, what="the broker has it back")
        with bench.broker.connect(bench.vhost) as connection:
            connection.channel().queue_purge(bench.queue)
        other = bench.publish(order(2, id=first.id))
        proxy.pass_all()
        (dead,) = bench.dead_letters(1)
        assert dead.id == first.id and dead.reason == "id_conflict" and dead.body == other.body
        bench.wait_state(first, "completed")
        assert bench.sink.count() == 1 and worker.is_ready()


def test_a_black_hole_on_an_idle_publisher_delays_the_copy_and_hangs_nobody(bench):
    with Proxy(bench.broker.port) as proxy:
        worker = through(bench, proxy, heartbeat="2s")
        bench.sink.mode("healthy", delay_ms=1000)
        bench.sink.script({"status": 503, "delay_ms": 1000})
        message = bench.publish(order(1))
        wait_until(lambda: bench.sink.attempts(), what="the mail is under way")
        proxy.blackhole = True
        wait_until(lambda: worker.logged(event="amqp_down"), within=6, what="the silence is noticed")
        assert worker.get("/livez")[0] == 200
        proxy.pass_all()
        proxy.cut()
        bench.wait_state(message, "completed", within=30)
        bench.wait_empty()
        bench.account().check()


def test_copies_are_confirmed_on_a_connection_that_was_made_again(bench):
    with Proxy(bench.broker.port) as proxy:
        worker = through(bench, proxy)
        up = lambda: worker.metric("leveret_connection_up", connection="amqp_publisher")
        for number in (1, 2):
            bench.sink.script(503)
            assert bench.wait_state(bench.publish(order(number)), "completed")["attempt"] == "1"
            proxy.refuse = True
            bench.broker.close_connections("leveret publisher")
            wait_until(lambda: up() == 0, what="it is lost")
            proxy.refuse = False
            wait_until(lambda: up() == 1, what="it is back")
        assert not worker.logged(event="publish_failed")


def test_connections_on_which_nothing_happens_are_kept_by_heartbeats(bench):
    worker = bench.worker(amqp={"heartbeat": "1s"})
    until = time.monotonic() + 5
    wait_until(lambda: time.monotonic() >= until, within=10)
    assert worker.status()["amqp"] == {"up": True, "epoch": 1} and not worker.logged(event="amqp_down")
    assert worker.metric("leveret_connection_up", connection="amqp_publisher") == 1


def test_a_loss_that_heals_before_anybody_looks_is_counted(bench):
    worker = bench.worker()
    for number in (1, 2):
        bench.broker.close_connections("leveret publisher")
        bench.sink.script(503)
        bench.wait_state(bench.publish(order(number)), "completed")  # its copy needed the connection
    assert worker.metric("leveret_connection_losses_total", connection="amqp_publisher") == 2


def test_the_metrics_tell_which_connection_is_down(bench):
    with Proxy(bench.broker.port) as amqp, Proxy(bench.redis.port) as redis:
        worker = bench.worker(amqp={"url": bench.broker.url(bench.vhost, port=amqp.port)}, redis={"url": bench.redis.url_at(redis.port)})

        def wait_up(**wanted):
            up = lambda: {name: worker.metric("leveret_connection_up", connection=name) for name in ("amqp_consumer", "amqp_publisher", "redis")}
            wait_until(lambda: up() == wanted, what=lambda: f"{wanted}: {up()}")

        wait_up(amqp_consumer=1, amqp_publisher=1, redis=1)
        redis.refuse = True
        redis.cut()
        wait_up(amqp_consumer=1, amqp_publisher=1, redis=0)
        amqp.refuse = True
        bench.broker.close_connections("leveret publisher")
        wait_up(amqp_consumer=1, amqp_publisher=0, redis=0)
        amqp.cut()
        wait_up(amqp_consumer=0, amqp_publisher=0, redis=0)


@pytest.mark.parametrize("after", [1, 7, 500, 20000])
def test_a_connection_that_ends_in_the_middle_of_a_frame_is_made_again(bench, after):
    with Proxy(bench.broker.port) as proxy:
        worker = through(bench, proxy)
        wait_until(lambda: worker.status()["publisher"]["up"], what="its other connection, which is not to be cut")
        proxy.down.cut_after = after
        bench.publish_many([order(n) for n in range(1, 201)])
        wait_until(lambda: worker.logged(event="amqp_down"), what="the cut is noticed")
        all_done_once(bench, 200)


@pytest.mark.parametrize("harm", [{"delay_ms": 300}, {"rate": 20000}], ids=["delay", "narrow"])
def test_a_slow_link_makes_it_slow_and_no_more(bench, harm):
    with Proxy(bench.broker.port) as proxy:
        worker = through(bench, proxy)
        for direction in (proxy.up, proxy.down):
            for name, value in harm.items():
                setattr(direction, name, value)
        bench.publish_many([order(n) for n in range(1, 101)])
        all_done_once(bench, 100)
        proxy.pass_all()
        assert not worker.logged(event="amqp_down")


# ---- what waiting does not mend


@pytest.mark.parametrize("url, secret", [("amqp://guest:wrong-password@127.0.0.1:{port}/{vhost}", "wrong-password"),
                                         ("amqp://nobody:secret-word@127.0.0.1:{port}/{vhost}", "secret-word"),
                                         ("amqp://guest:guest@127.0.0.1:{port}/no-such-vhost", None)],
                         ids=["password", "user", "vhost"])
def test_a_login_that_is_refused_at_the_start_ends_with_78(bench, url, secret):
    worker = bench.leveret(amqp={"url": url.format(port=bench.broker.port, vhost=bench.vhost)}).start(ready=False)
    assert worker.wait(within=20) == 78
    assert any(entry["event"] == "cannot_start" for entry in worker.log())
    assert secret is None or secret not in worker.process.stderr()


@pytest.mark.faults
def test_a_login_that_is_refused_later_is_tried_with_patience(bench):
    bench.broker.add_user("leaving", "password", bench.vhost)
    worker = bench.worker(amqp={"url": bench.broker.url(bench.vhost, "leaving", "password")})
    bench.broker.erl('rabbit_auth_backend_internal:delete_user(<<"leaving">>, <<"tests">>), ok')
    bench.broker.close_all_connections()
    wait_until(lambda: len(worker.logged(event="amqp_unreachable")) >= 3, within=30, what="three tries")
    tick = time.monotonic() + 5
    before = len(worker.logged(event="amqp_unreachable"))
    wait_until(lambda: time.monotonic() >= tick)
    assert len(worker.logged(event="amqp_unreachable")) - before <= 5, "a busy loop of logins"
    assert worker.process.is_alive()
    bench.broker.add_user("leaving", "password", bench.vhost)
    worker.wait_ready()
