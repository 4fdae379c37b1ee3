"""Tests in C that need a real service."""
import os
import subprocess

import pytest

from harness import worker as program


def run(relative, within, **env):
    path = program.binary().parent / relative
    if not path.exists():
        pytest.skip(f"{path} was not built (only with LEVERET_TESTS)")
    done = subprocess.run([path], env={**os.environ, **env}, text=True, capture_output=True, timeout=within)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


def test_the_scripts_in_redis_answer_as_the_simulator_believes(redis):
    """The simulator believes a model of the scripts; here real Redis has to agree with it."""
    redis.client.flushall()
    run("tests/sim/store_conformance_test", 60, LEVERET_TEST_REDIS_URL=redis.url)


def test_the_shared_rate_in_redis_answers_as_the_unit_tests_believe(redis):
    run("tests/sim/rate_conformance_test", 60, LEVERET_TEST_REDIS_URL=redis.url)


@pytest.mark.faults
def test_the_connections_to_the_broker_keep_their_promises(broker, tmp_path):
    run("tests/amqp_io_test", 300, LEVERET_TEST_AMQP_URL=broker.url(), LEVERET_TEST_RABBITMQCTL=str(broker.ctl_program(tmp_path / "ctl")))


def test_the_broker_answers_as_the_simulator_of_the_engine_believes(broker, tmp_path):
    run("tests/engine/amqp_conformance_test", 120, LEVERET_TEST_AMQP_URL=broker.url(),
        LEVERET_TEST_RABBITMQCTL=str(broker.ctl_program(tmp_path / "ctl")))
