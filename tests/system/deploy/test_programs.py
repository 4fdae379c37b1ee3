"""Tests in C that need a real service."""
import os
import pathlib
import subprocess

import pytest

from harness import worker as program

LUA = pathlib.Path(__file__).resolve().parents[3] / "worker" / "io" / "redis" / "lua"


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


# In each of the scripts of a job to which nothing happens, something that must not be.
FAULTS = [
    ("claim_new", "if string.sub(ARGV[8], 1, 8) == '0 0 0 - ' and ", "if "),  # whichever try it is
    ("claim_new", " and not redis.call('HGET', KEYS[1], 'state')", ""),  # whoever has the job
    ("claim_new", "'starts', '1'", "'starts', '0'"),  # no start is counted
    ("claim_new", "'fingerprint', ARGV[4], ", ""),
    ("claim_new", "'lease_until_ms', string.format('%d', now + ARGV[2])", "'lease_until_ms', now_text"),
    ("claim_new", "  redis.call('PEXPIRE', KEYS[1], ARGV[3])\n", ""),  # it is kept for ever
    ("claim_new", "words[4] == '-' and '' or words[4], words[5]", "words[4] == '-' and '' or words[4], '0'"),  # who runs alone is a suspect
    ("finish", "claimed[1] == ARGV[1] and ", ""),  # whose it may be
    ("finish", " and not claimed[2]", ""),  # whatever happened to it
    ("finish", "'owner', '', ", ""),  # it is still its owner's
    ("finish", "ARGV[3], ARGV[4], unpack", "unpack"),  # the effect is not recorded
    ("finish", "  if ARGV[7] == '1' then", "  if false then"),  # others are not told
    ("finish", "tells == '1' and '1' or nil", "nil"),
    ("finish", "words[1], words[2], words[3], words[4], words[5]", "words[1], words[2], words[3], words[4], ''"),  # the same content is not known again
    ("prelude", "    unfold()\n    return true", "    return true"),  # the timeline lacks its beginning
    ("prelude", "r[1] ~= 'running' or r[2] or", "r[1] ~= 'running' or"),  # it begins again and again
    ("prelude", "string.format('%d', r[5] - r[3])", "'600000'"),  # a clock that went back makes others wait for longer than a lease
    ("claim", "  unfold()\n", ""),
    ("killed", "unfold()\n", ""),
    ("complete", "  unfold()\n", ""),
]


@pytest.mark.parametrize("name, right, wrong", FAULTS, ids=range(len(FAULTS)))
def test_a_planted_fault_in_the_scripts_is_found(redis, tmp_path, name, right, wrong):
    for script in LUA.glob("*.lua"):
        text = script.read_text()
        assert script.stem != name or right in text, "there is no such place any more"
        (tmp_path / script.name).write_text(text.replace(right, wrong, 1) if script.stem == name else text)
    redis.client.flushall()
    with pytest.raises(AssertionError, match="FAILED"):
        run("tests/sim/store_conformance_test", 60, LEVERET_TEST_REDIS_URL=redis.url, LEVERET_TEST_SCRIPTS=str(tmp_path))


def test_the_shared_rate_in_redis_answers_as_the_unit_tests_believe(redis):
    run("tests/sim/rate_conformance_test", 60, LEVERET_TEST_REDIS_URL=redis.url)


@pytest.mark.faults
def test_the_connections_to_the_broker_keep_their_promises(broker, tmp_path):
    run("tests/amqp_io_test", 300, LEVERET_TEST_AMQP_URL=broker.url(), LEVERET_TEST_RABBITMQCTL=str(broker.ctl_program(tmp_path / "ctl")))


def test_the_broker_answers_as_the_simulator_of_the_engine_believes(broker, tmp_path):
    run("tests/engine/conformance/amqp_conformance_test", 120, LEVERET_TEST_AMQP_URL=broker.url(),
        LEVERET_TEST_RABBITMQCTL=str(broker.ctl_program(tmp_path / "ctl")))
