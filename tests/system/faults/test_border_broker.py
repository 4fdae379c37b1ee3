"""The border to the broker: pauses, limits, policies, several nodes."""
import pytest

from harness.publish import order


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
