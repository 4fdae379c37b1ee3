"""The simulator believes a model of the scripts; here real Redis has to agree with it."""
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
    redis.client.flushall()
    run("tests/sim/store_conformance_test", 60, LEVERET_TEST_REDIS_URL=redis.url)

