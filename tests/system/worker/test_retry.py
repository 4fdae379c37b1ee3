"""What may heal is tried again; a service that is down costs time, not attempts and not messages."""
import json
import signal

import pytest

from harness.publish import email, order
from harness.wait import wait_until


def attempt_times(bench, to):
    return [attempt["at"] for attempt in bench.sink.attempts() if attempt["to"] == to]


def test_a_service_that_says_503_twice_gets_the_mail_at_the_third_try(bench):
    bench.worker()
    bench.sink.script(503, 503)
    message = bench.publish(order(1, "ada@example.com"))
    job = bench.wait_state(message, "completed")
    assert job["attempt"] == "2"
    assert [a["answer"] for a in bench.sink.attempts()] == [503, 503, 200]
    assert len({a["key"] for a in bench.sink.attempts()}) == 1, "the key changed between tries"
    assert bench.sink.count() == 1
    assert message.id not in bench.last.run("job", "list", "--state", "retrying").stdout, "it waits no more"


def with_tiers(bench, tiers, **retry):
    return [{"name": bench.queue, "bindings": ["#"], "retry": {"attempts": len(tiers) + 1, "tiers": tiers, **retry}}]


def tiers_waited(bench, message):
    timeline = map(json.loads, bench.redis.client.lrange(f"leveret:events:{{{message.id}}}", 0, -1))
    return [event["tier"] for event in timeline if event["event"] == "settled"]


def test_each_try_waits_its_tier_in_order_from_100_ms_on(bench):
    """Never shorter, and longer only by what the way there and back takes: before the next tier's time it is back."""
    tiers = {"100ms": 0.1, "400ms": 0.4, "1s": 1.0, "2500ms": 2.5, "5s": 5.0}
    bench.worker(queues=with_tiers(bench, list(tiers)))
    bench.sink.script(*[503] * 5)
    message = bench.publish(order(1, "ada@example.com"))
    assert bench.wait_state(message, "completed")["attempt"] == "5"
    assert tiers_waited(bench, message) == list(tiers)
    times = attempt_times(bench, "ada@example.com")
    waits = [later - earlier for earlier, later in zip(times, times[1:])]
    assert all(tier - 0.01 <= wait < tier + 2 for wait, tier in zip(waits, tiers.values(), strict=True)), waits


@pytest.mark.parametrize("jitter, waited", [(False, {"100ms"}), (True, {"100ms", "500ms"})])
def test_what_failed_together_comes_back_together_unless_a_coin_is_asked_for(bench, jitter, waited):
    messages = [order(n) for n in range(1, 41)]
    bench.worker(queues=with_tiers(bench, ["100ms", "500ms"], **({"jitter": True} if jitter else {})),
                 mail={"breaker": {"failures": 64}})
    for number in range(1, 41):
        bench.sink.script(503, to=f"order{number}@example.com")
    bench.publish_many(messages)
    bench.wait_completed(40)
    assert {tier for message in messages for tier in tiers_waited(bench, message)} == waited


def test_a_job_that_waits_says_so(bench):
    bench.worker()
    bench.sink.script(*[503] * 2)
    message = bench.publish(order(1))
    job = bench.wait_state(message, "retrying")
    assert job["attempt"] in ("0", "1") and "503" in job["error"]
    bench.wait_state(message, "completed")


@pytest.mark.parametrize("tier", [2, 70000])
def test_a_recorded_delay_tier_that_is_no_longer_configured_becomes_the_longest(bench, tier):
    leveret = bench.leveret(bench.config(claim={"lease": "6s"}))
    leveret.start().stop()
    bench.sink.script(503)
    message = bench.publish(order(1))
    assert leveret.start(ready=False, env={"LEVERET_CRASHPOINT": "decided:1"}).wait() == -signal.SIGKILL
    job = f"leveret:job:{{{message.id}}}"
    assert bench.redis.client.hget(job, "decision").startswith("retry ")
    bench.redis.client.hset(job, mapping={"decision": f"retry {tier} 0 -", "lease_until_ms": 1})
    leveret.start()
    assert bench.wait_state(message, "completed")["attempt"] == "1"
    timeline = map(json.loads, bench.redis.client.lrange(f"leveret:events:{{{message.id}}}", 0, -1))
    assert [event["tier"] for event in timeline if event["event"] == "settled"] == ["2s"]


def test_retry_after_is_honoured_and_burns_no_attempt(bench):
    bench.worker()
    bench.sink.script({"status": 429, "headers": {"Retry-After": "2"}})
    message = bench.publish(order(1, "ada@example.com"))
    job = bench.wait_state(message, "completed")
    first, second = attempt_times(bench, "ada@example.com")
    assert second - first >= 1.95, "asked to wait 2 s"
    assert job["attempt"] == "0" and job["deferrals"] == "1"


def test_a_job_that_waits_is_listed_and_its_record_outlives_the_wait(bench):
    """Without it, the next attempt would know of no mail that was sent."""
    queue = {**bench.config()["queues"][0], "retry": {"attempts": 4, "tiers": ["10m"]}}
    bench.worker(queues=[queue], claim={"keep": "1m"})
    bench.sink.script(503)
    message = bench.publish(order(1))
    bench.wait_state(message, "retrying")
    assert message.id in bench.last.run("job", "list", "--state", "retrying").stdout
    assert bench.redis.client.pttl(f"leveret:job:{{{message.id}}}") > 10 * 60 * 1000


def test_a_decision_for_a_tier_that_is_configured_no_more_takes_the_last_there_is(bench):
    leveret = bench.leveret(env={"LEVERET_CRASHPOINT": "decided:1"})
    leveret.start().stop()
    bench.sink.script({"status": 429, "headers": {"Retry-After": "2"}})  # the tier of 2 s covers it
    message = bench.publish(order(1))
    assert leveret.start(ready=False).wait() == -signal.SIGKILL
    bench.redis.client.hset(f"leveret:job:{{{message.id}}}", "lease_until_ms", 1)
    leveret.env = {}
    leveret.change(queues=[{**bench.config()["queues"][0], "retry": {"attempts": 4, "tiers": ["1s"]}}]).start()
    job = bench.wait_state(message, "completed")
    assert (job["attempt"], job["deferrals"]) == ("0", "1")


@pytest.mark.parametrize("headers, pause_s", [({}, 1), ({"Retry-After": "2"}, 2)])
def test_a_service_that_asks_for_a_pause_gets_nothing_else_meanwhile(bench, headers, pause_s):
    bench.worker(mail={"http": {"connections": 1}})
    bench.sink.script({"status": 429, "headers": headers})
    bench.publish_many([order(1), order(2)])
    bench.wait_completed(2)
    asked, *rest = [attempt["at"] for attempt in bench.sink.attempts()]
    assert len(rest) == 2 and rest[0] - asked >= pause_s - 0.05


def listed(bench, state):
    return set(bench.redis.client.zrange(f"{bench.prefix}:jobs:{state}", 0, -1))


def test_a_job_leaves_the_lists_of_those_that_wait_when_it_runs_again(bench):
    leveret = bench.leveret()
    leveret.start()
    bench.sink.script(503, to="order1@example.com")
    bench.sink.script(422, to="order2@example.com")
    retried, dead = bench.publish(order(1), order(2))
    wait_until(lambda: listed(bench, "retrying") == {retried.id} and listed(bench, "dead") == {dead.id},
               what=lambda: f"{listed(bench, 'retrying')} {listed(bench, 'dead')}")
    bench.wait_state(retried, "completed")
    assert listed(bench, "retrying") == set()
    assert leveret.run("dlq", "redrive", bench.queue, "--all").returncode == 0
    bench.wait_state(dead, "completed")
    assert listed(bench, "dead") == set()


def test_a_refusal_for_now_of_what_is_to_be_parked_is_tried_again(bench):
    """It was about to be sent, and was not: nothing is unknown about that."""
    bench.worker(handlers={"order.created.v1": {"on_ambiguous": "park"}})
    bench.sink.script(503)
    message = bench.publish(order(1))
    assert bench.wait_state(message, "completed")["attempt"] == "1"
    assert [a["answer"] for a in bench.sink.attempts()] == [503, 200]


def test_a_refusal_for_good_over_http_is_not_tried_again(bench):
    bench.worker()
    bench.sink.script(422)
    message = bench.publish(order(1))
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id and dead.reason == "permanent_failure" and "422" in dead.error
    assert len(bench.sink.attempts()) == 1


def test_a_refusal_for_good_over_smtp_is_not_tried_again(bench):
    bench.worker(bench.smtp_config())
    bench.sink.script("rcpt 550 5.1.1 no such user")
    message = bench.publish(order(1))
    (dead,) = bench.dead_letters(1)
    assert dead.id == message.id and dead.reason == "permanent_failure" and "550" in dead.error
    assert len(bench.sink.attempts()) == 1


def test_a_refusal_for_now_over_smtp_is_tried_again(bench):
    bench.worker(bench.smtp_config())
    bench.sink.script("rcpt 451 4.2.1 greylisted", "dot 452 4.3.1 full")
    message = bench.publish(order(1))
    assert bench.wait_state(message, "completed")["attempt"] in ("1", "2")
    bench.wait_empty()
    assert bench.sink.count() == 1


def test_one_bad_recipient_does_not_hold_up_the_others(bench):
    bench.worker()
    bench.sink.script({"status": 503, "times": -1}, to="broken@example.com")
    broken = bench.publish(order(1, "broken@example.com"))
    others = [order(n) for n in range(2, 52)]
    bench.publish_many(others)
    wait_until(lambda: bench.sink.count() == 50, within=20, what=lambda: bench.sink.stats())
    (dead,) = bench.dead_letters(1)
    assert dead.id == broken.id and dead.reason == "attempts_exhausted"
    assert len(attempt_times(bench, "broken@example.com")) == bench.attempts


def test_a_service_that_is_down_opens_the_breaker_and_costs_hardly_an_attempt(bench):
    worker = bench.worker()
    bench.sink.mode("refuse")
    messages = [order(n) for n in range(1, 61)]
    bench.publish_many(messages)
    worker.wait_not_ready()
    bench.sink.mode("healthy")
    bench.wait_completed(60, within=40)
    assert worker.wait_ready()
    jobs = bench.redis.jobs().values()
    assert max(int(job["attempt"]) for job in jobs) <= 1, "no job pays twice for one outage"
    assert sum(int(job["attempt"]) for job in jobs) <= 5 + 5, "the breaker's failures and a few probes"
    assert bench.sink.count() == 60 and bench.depth(bench.dlq) == 0


def test_refused_credentials_open_the_breaker_at_once_and_kill_no_message(bench):
    worker = bench.worker()
    bench.sink.mode("401")
    messages = [order(n) for n in range(1, 31)]
    bench.publish_many(messages)
    worker.wait_not_ready()
    tries = len(bench.sink.attempts())
    assert tries <= 16 + 5, "no more than were under way when the first refusal came"
    bench.sink.mode("healthy")
    bench.wait_completed(30, within=40)
    assert bench.depth(bench.dlq) == 0


def test_an_end_that_nobody_knows_is_sent_again_with_the_same_key(bench):
    bench.worker()
    bench.sink.mode("healthy", dedupe=True)
    bench.sink.script({"cut": "before", "accept": True})
    message = bench.publish(email("ada@example.com"))
    bench.wait_state(message, "completed")
    assert len(bench.sink.attempts()) == 2
    assert bench.sink.count() == 1, "a service that honours the key shows one mail"
