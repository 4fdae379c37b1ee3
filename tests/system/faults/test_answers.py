"""Is it the mail that is refused, or the account? What becomes of both, over a real sink."""
import pytest

from harness.publish import order
from harness.wait import wait_until


def openings(worker):
    return worker.logged(event="breaker_open")


def deaths(bench, reason):
    return {id: job for id, job in bench.redis.jobs().items() if job.get("state") == "dead" and job.get("reason") == reason}


def test_one_mail_that_is_refused_while_others_are_accepted_dies_with_the_words_of_the_service(bench):
    """Its refusals are its own: they open no breaker, and it is not put off without end."""
    bench.sink.script({"status": 403, "times": -1, "body": {"message": "this domain is not verified"}}, to="order7@example.com")
    worker = bench.worker()
    bench.publish(order(1))
    wait_until(lambda: bench.sink.count() == 1, what="something is accepted")
    bad = bench.publish(order(7))
    published = [2]

    def keep_publishing():
        bench.publish(*[order(n) for n in range(100 + published[0], 103 + published[0])])
        published[0] += 3
        return bench.state(bad) == "dead"

    wait_until(keep_publishing, within=60, every=0.3, what=lambda: f"its death: {bench.job(bad)}")
    job = bench.job(bad)
    assert job["reason"] == "attempts_exhausted" and "this domain is not verified" in job["error"], job
    assert int(job["attempt"]) == bench.attempts - 1 and int(job["deferrals"]) <= 3, job
    assert not openings(worker), "nobody else waited"
    bench.wait_empty()
    assert len(deaths(bench, "attempts_exhausted")) == 1


@pytest.mark.parametrize("answer", [
    {"status": 422, "body": {"message": "Your daily quota is used up"}},
    {"status": 404, "headers": {}, "body": "<html><h1>404 Not Found</h1></html>"},
    {"status": 200, "body": "<html>Welcome</html>", "accept": False},
])
def test_when_everybody_is_refused_it_is_the_account_and_hardly_anybody_dies(bench, answer):
    """An outage of the account: not all die in a second, and none is completed because a captive portal answered."""
    bench.sink.script({**answer, "times": -1})
    worker = bench.worker(mail={"http": {"connections": 4}})
    bench.publish_many([order(n) for n in range(1, 41)])
    wait_until(lambda: openings(worker), what="the breaker")
    wait_until(lambda: len(bench.sink.attempts()) >= 8, within=30, what="some probes")
    dead = deaths(bench, "permanent_failure")
    assert len(dead) < 5 if answer["status"] == 422 else not dead, dead
    assert sum("different jobs in a row refused alike" in job["error"] for job in dead.values()) == max(0, len(dead) - 1)
    bench.sink.mode("healthy")
    bench.sink._ask("DELETE", "/mails")
    wait_until(lambda: bench.sink.count() == 40 - len(dead), within=60, what=lambda: f"the rest: {bench.sink.count()}")
    bench.wait_empty(within=60)
    assert len(deaths(bench, "permanent_failure")) == len(dead)
    assert all(int(job["attempt"]) == 0 for job in bench.redis.jobs().values())


def test_a_policy_refusal_of_one_recipient_is_no_refused_log_in(bench):
    """5.7.9 at the end of the data is no refused log-in, which would be put off without end."""
    bench.sink.script({"stage": "dot", "reply": "554 5.7.9 Message not accepted for policy reasons", "times": -1}, to="order7@example.com")
    worker = bench.worker(bench.smtp_config())
    bad = bench.publish(order(7))
    bench.wait_state(bad, "dead")
    assert bench.job(bad)["reason"] == "permanent_failure" and "5.7.9" in bench.job(bad)["error"]
    assert not openings(worker)


def test_greylisting_with_an_enhanced_code_of_the_wrong_class_is_tried_again(bench):
    """RFC 5321 section 4.2.1: the first digit of the reply decides, the enhanced code refines within its class."""
    bench.sink.script({"stage": "rcpt", "reply": "451 5.7.1 Greylisting in action"})
    bench.worker(bench.smtp_config())
    job = bench.publish(order(1))
    bench.wait_state(job, "completed")
    assert int(bench.job(job)["attempt"]) == 1


def test_every_line_of_a_refusal_is_kept(bench):
    """Not only the last line, often a link."""
    bench.sink.script({"stage": "dot", "reply": "550-5.7.26 Your email has been blocked because the sender is\r\n"
                       "550 5.7.26 unauthenticated. https://example.com/faq"})
    bench.worker(bench.smtp_config())
    job = bench.publish(order(1))
    bench.wait_state(job, "dead")
    assert "blocked because the sender is unauthenticated. https://example.com/faq" in bench.job(job)["error"], bench.job(job)


def test_a_retry_after_of_a_century_is_bounded_and_told(bench):
    """It must not stop all mail of the worker for an hour."""
    bench.sink.script({"status": 429, "headers": {"Retry-After": "1700000000"}})
    worker = bench.worker(mail={"retry_after_max": "1s"})
    job = bench.publish(order(1))
    bench.wait_state(job, "completed")
    assert "mail.retry_after_max" in worker.logged(event="send_failed")[0]["error"]
