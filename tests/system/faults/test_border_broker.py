"""The border to the broker: pauses, limits, policies, several nodes."""
import contextlib
import json

import pytest

from harness.publish import email, order
from harness.wait import wait_until


@contextlib.contextmanager
def limits(bench, **limits):
    """Limits of the virtual host: max_connections, max_queues. Those that the test itself needs come on top."""
    bench.broker.ctl("set_vhost_limits", "-p", bench.vhost, json.dumps({k.replace("_", "-"): v for k, v in limits.items()}))
    try:
        yield
    finally:
        bench.broker.ctl("clear_vhost_limits", "-p", bench.vhost)


def waits_and_says(worker, said, within=20):
    """Not ready with that reason, and alive."""
    def told():
        assert worker.process.is_alive(), worker.process.stderr()
        try:
            seen[:] = worker.get("/readyz?verbose")
        except OSError:  # it does not listen yet
            return False
        return seen[0] == 503 and said in seen[1]

    seen = []
    wait_until(told, within=within, what=lambda: f"{said}: {seen}")


@pytest.mark.parametrize("limit, said", [
    ({"max_connections": 0}, "connection limit (0) is reached"),
    ({"max_queues": 2}, "queue limit")])
def test_a_limit_of_the_virtual_host_is_waited_out_from_the_start(bench, limit, said):
    leveret = bench.leveret()
    with limits(bench, **limit):
        worker = leveret.start(ready=False)
        wait_until(lambda: len(worker.logged(event="amqp_unreachable")) >= 3, within=30, what="it tries again")
        waits_and_says(worker, said)
        check = leveret.run("check")
        assert check.returncode == 1 and (said in check.stdout or limit == {"max_queues": 2}), check
    worker.wait_ready()
    bench.wait_state(bench.publish(order(1)), "completed")


def test_a_limit_of_the_user_is_waited_out(bench):
    user, password = f"limited-{bench.vhost}", "limited-1234"
    bench.broker.add_user(user, password, bench.vhost)
    leveret = bench.leveret(amqp={"url": bench.broker.url(bench.vhost, user, password)})
    assert leveret.run("topology", "apply").returncode == 0
    bench.broker.ctl("set_user_limits", user, json.dumps({"max-connections": 0}))
    worker = leveret.start(ready=False)
    waits_and_says(worker, "user connection limit (0) is reached")
    bench.broker.ctl("set_user_limits", user, json.dumps({"max-connections": -1, "max-channels": 1}))
    waits_and_says(worker, "maximum allowed user limit of (1)")
    bench.broker.ctl("clear_user_limits", user, "all")
    worker.wait_ready()
    assert worker.stop() == 0


def test_a_worker_without_its_publisher_is_not_ready_and_says_why(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    worker = leveret.start()
    with limits(bench, max_connections=1):
        bench.broker.close_connections("leveret publisher")
        waits_and_says(worker, "connection limit (1) is reached")
        assert "the publisher's connection is down: amqp://" in worker.get("/readyz?verbose")[1]
    worker.wait_ready()
    bench.sink.script(503, to="again@example.com")
    bench.wait_state(bench.publish(email("again@example.com")), "completed")
    bench.broker.close_connections("leveret publisher")
    worker.wait_ready()


@pytest.mark.parametrize("broken", ["password", "vhost", "arguments"])
def test_only_what_waiting_never_mends_ends_the_start(bench, broken):
    url = bench.url
    if broken == "password":
        url = bench.broker.url(bench.vhost, "guest", "wrong")
    elif broken == "vhost":
        url = bench.broker.url("no-such-vhost")
    else:
        with bench.broker.connect(bench.vhost) as connection:
            connection.channel().queue_declare(bench.queue, durable=True)
    worker = bench.leveret(amqp={"url": url}).start(ready=False)
    assert worker.wait() == 78


@pytest.mark.faults
def test_sixty_pauses_and_resumes_cost_no_connection(bench):
    """RabbitMQ 3.10 closes the channel with 541 over a consumer tag that is used again (rabbitmq-server issue 5927)."""
    mail = {"breaker": {"failures": 1, "open": "100ms", "open_max": "100ms"}}
    worker = bench.worker(mail=mail)
    bench.sink.script(*([503] * 2 + [200] * 6) * 160)
    jobs = 1000
    bench.publish_many([order(number) for number in range(1, jobs + 1)])
    bench.wait_completed(jobs, within=120)
    status = worker.status()
    assert status["breaker"]["openings"] >= 60
    assert status["amqp"]["epoch"] == 1, worker.logged(event="amqp_down")
