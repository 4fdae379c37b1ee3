"""on_ambiguous: lookup. A service that may have accepted a mail is asked for it before anything is sent again: answers that are slow, refused,
wrong, late or absent. The stand-ins are harness/servers/mail_services.py."""
import json
import threading

import pytest

from harness.publish import email
from harness.servers.mail_services import LOOKS, Cut, Service
from harness.wait import wait_until


def lookup_config(service, **mail):
    return {"mail": {**service.config(), "timeout": "2s", "breaker": {"failures": 50}, **mail}}


def timeline(bench, message):
    return [json.loads(event) for event in bench.redis.client.lrange(f"leveret:events:{{{message.id}}}", 0, -1)]


def looks_of(bench, message):
    return [event["look"] for event in timeline(bench, message) if "look" in event]


def once(fate):
    """The first mail meets `fate`, all others nothing."""
    fates = [fate]
    return lambda token: fates.pop() if fates else None


def mail(bench):
    return bench.publish(email("ann@example.com"))


@pytest.mark.parametrize("fate, looked", [("after", "found"), ("before", "not_found")])
def test_a_mail_whose_answer_was_lost_is_asked_for(bench, fate, looked):
    with Service("mailpit", once(fate)) as service:
        worker = bench.worker(**lookup_config(service))
        message = mail(bench)
        job = bench.wait_state(message, "completed")
        assert len(service.taken) == 1 and not service.faults
        assert looks_of(bench, message) == [looked]
        assert timeline(bench, message)[-1]["provider_id"] == "id-1" and job["state"] == "completed"
        assert worker.metric("leveret_mail_lookups_total", outlet="mail", answer=looked) == 1
        (outlet,) = [each for each in worker.status()["outlets"] if each["name"] == "mail"]
        assert outlet["on_ambiguous"] == "lookup" and outlet["lookup_refused"] is False


@pytest.mark.parametrize("fate, state, reason, mails", [("after", "completed", None, 1), ("before", "dead", "attempts_exhausted", 0)])
def test_after_the_last_attempt_the_service_is_asked_before_the_job_dies(bench, fate, state, reason, mails):
    with Service("mailpit", lambda token: fate) as service:
        bench.worker(**lookup_config(service), handlers={"email.send.v1": {"attempts": 1}})
        message = mail(bench)
        job = bench.wait_state(message, state)
        assert len(service.taken) == mails and job.get("reason") == reason and int(job["attempt"]) == 0, job
        assert looks_of(bench, message) == ["found" if mails else "not_found"]
        decisions = [(event["decision"], event.get("error", "")) for event in timeline(bench, message) if event["event"] == "decide"]
        assert [decision.split()[0] for decision, _ in decisions] == ["defer"] + ["dead"] * (mails == 0), decisions


def test_after_the_last_attempt_an_answer_is_waited_for_and_then_it_is_parked(bench):
    with Service("mailpit", lambda token: "after") as service:
        worker = bench.worker(**lookup_config(service, lookup_for="3s"), handlers={"email.send.v1": {"attempts": 1}})
        wait_until(lambda: service.asked)
        service.find = lambda token: (503, {"Error": "down"}, {})
        message = mail(bench)
        assert bench.wait_state(message, "dead")["reason"] == "ambiguous_send"
        assert len(service.taken) == 1 and set(looks_of(bench, message)) == {"unknown"} and worker.logged(event="look_unknown")


@pytest.mark.parametrize("fate, looked", [("after", "found"), ("before", "not_found")])
def test_the_timeline_of_job_show_tells_of_the_look_up(bench, fate, looked):
    with Service("mailpit", once(fate)) as service:
        bench.worker(**lookup_config(service))
        message = mail(bench)
        bench.wait_state(message, "completed")
        assert f"look={looked}" in bench.last.run("job", "show", message.id).stdout


@pytest.mark.parametrize("preset", sorted(LOOKS))
def test_each_service_that_can_be_asked_is_asked_in_its_own_words(bench, preset):
    """The lag of all but mailpit is a minute: what is shown here is what it asks, at the start."""
    with Service(preset) as service:
        worker = bench.worker(**lookup_config(service, on_ambiguous="lookup"))
        wait_until(lambda: service.asked)
        assert not service.faults and not worker.logged(event="lookup_refused")
        answer = bench.last.run("check")
        assert answer.returncode == 0 and "what may have been sent is asked for" in answer.stdout, answer


def test_an_answer_that_does_not_come_costs_no_attempt(bench):
    """Unreachable, slow and wrong in turn, then an answer; asked again through the tiers."""
    slow = threading.Event()
    # What is cut on a kept connection libcurl asks again by itself: hence two.
    answers = [None, Cut, Cut, (200, "<html>a captive portal</html>", {}), (503, {"Error": "down"}, {}), (200, {"messages_count": 7, "messages": []}, {}),
               (200, {"messages_count": 1, "messages": [{"ID": "other", "MessageID": "other@example.com"}]}, {}), "slow"]

    def find(token):
        answer = answers.pop(0) if answers else None
        if answer == "slow":
            slow.wait(20)
        return None if answer == "slow" else answer

    with Service("mailpit", once("after")) as service:
        service.find = find
        worker = bench.worker(**lookup_config(service))
        message = mail(bench)
        job = bench.wait_state(message, "completed", within=60)
        slow.set()
        assert len(service.taken) == 1 and int(job["attempt"]) == 1 and not answers
        assert looks_of(bench, message) == ["unknown"] * 6 + ["found"]
        assert worker.metric("leveret_mail_lookups_total", outlet="mail", answer="unknown") == 6
        assert {line["error"].split(":")[0] for line in worker.logged(event="look_unknown")} == {"looked up"}


def test_what_nobody_answers_is_parked_when_its_time_is_over(bench):
    with Service("mailpit", once("after")) as service:
        worker = bench.worker(**lookup_config(service, lookup_for="3s"))
        wait_until(lambda: service.asked)
        service.find = lambda token: (401, {"Error": "who are you?"}, {})
        message = mail(bench)
        job = bench.wait_state(message, "dead")
        assert job["reason"] == "ambiguous_send" and "looked up: HTTP 401: who are you?" in job["error"]
        assert len(service.taken) == 1 and set(looks_of(bench, message)) == {"unknown"}
        # The one who has it sent again knows of the doubt; the service is asked all the same.
        service.find = lambda token: None
        wait_until(lambda: bench.depth(bench.dlq) == 1)
        assert bench.last.run("dlq", "redrive", bench.queue, "--all", "--yes").returncode == 0
        assert bench.wait_state(message, "completed") and len(service.taken) == 1
        assert worker.logged(event="look_unknown")


def test_a_pause_that_the_service_asks_for_is_kept(bench):
    with Service("mailpit", once("after")) as service:
        answers = [None, (429, {"Error": "slowly"}, {"Retry-After": 2})]
        service.find = lambda token: answers.pop(0) if answers else None
        bench.worker(**lookup_config(service))
        message = mail(bench)
        bench.wait_state(message, "completed")
        (first, again) = [at for token, at in service.asked if message.id and token][1:]
        assert again - first >= 2 and [event["tier"] for event in timeline(bench, message) if event["event"] == "decide"][1:] == ["2s"]


def test_what_is_found_twice_is_found(bench):
    with Service("mailpit", once("after")) as service:
        bench.worker(**lookup_config(service))
        wait_until(lambda: service.asked)
        service.find = lambda token: (200, {"messages_count": 2, "messages": [{"ID": "id-2", "MessageID": token}, {"ID": "id-1", "MessageID": token}]}, {})
        message = mail(bench)
        bench.wait_state(message, "completed")
        assert timeline(bench, message)[-1]["provider_id"] == "id-2" and len(service.taken) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_service_that_refuses_to_be_asked_makes_the_default_resend(bench, status):
    with Service("mailpit", once("after")) as service:
        service.find = lambda token: (status, {"Error": "no"}, {})
        worker = bench.worker(**lookup_config(service))
        (line,) = wait_until(lambda: worker.logged(event="lookup_refused"))
        assert line["outlet"] == "mail" and "on_ambiguous is resend" in line["msg"] and str(status) in line["error"]
        answer = bench.last.run("check")
        assert answer.returncode == 0 and "refused: on_ambiguous is resend" in answer.stdout, answer
        (outlet,) = [each for each in worker.status()["outlets"] if each["name"] == "mail"]
        assert outlet["on_ambiguous"] == "resend" and outlet["lookup_refused"] is True
        message = mail(bench)
        bench.wait_state(message, "completed")
        assert len(service.taken) == 2, "that is the window which a look-up would close"


def test_a_look_up_that_was_ordered_and_is_refused_sends_nothing_twice(bench):
    with Service("mailpit", once("after")) as service:
        service.find = lambda token: (403, {"Error": "no"}, {})
        worker = bench.worker(**lookup_config(service, on_ambiguous="lookup", lookup_for="0s"))
        (line,) = wait_until(lambda: worker.logged(event="lookup_refused"))
        assert "will be parked" in line["msg"]
        answer = bench.last.run("check")
        assert answer.returncode == 1 and "refused: what may have been sent will be parked" in answer.stdout, answer
        mail(bench)
        (dead,) = bench.dead_letters(1)
        assert dead.reason == "ambiguous_send" and len(service.taken) == 1


def test_one_that_cannot_be_asked_now_may_be_later(bench):
    """Unreachable at the start is no refusal."""
    with Service("mailpit", once("after")) as service:
        answers = [Cut]
        service.find = lambda token: answers.pop() if answers else None
        worker = bench.worker(**lookup_config(service))
        wait_until(lambda: service.asked)
        message = mail(bench)
        bench.wait_state(message, "completed")
        assert len(service.taken) == 1 and not worker.logged(event="lookup_refused")


@pytest.mark.parametrize("policy, letters", [("resend", 0), ("park", 1)])
def test_the_old_ways_are_there_for_those_who_set_them(bench, policy, letters):
    with Service("mailpit", once("after")) as service:
        bench.worker(**lookup_config(service, on_ambiguous=policy))
        message = mail(bench)
        bench.wait_state(message, "dead" if letters else "completed")
        assert len(service.taken) == 2 - letters and not service.asked


def test_a_type_may_choose_for_itself(bench):
    with Service("mailpit", lambda token: "after") as service:
        bench.worker(**lookup_config(service, on_ambiguous="park"), handlers={"email.send.v1": {"on_ambiguous": "lookup"}})
        message = mail(bench)
        bench.wait_state(message, "completed")
        assert looks_of(bench, message) == ["found"] and len(service.taken) == 1


@pytest.mark.parametrize("changes, fault", [
    ({"mail": {"on_ambiguous": "lookup"}}, "mail.on_ambiguous: lookup: this service cannot be asked"),
    ({"mail": {"lookup_for": "-1s"}}, "mail.lookup_for: expected a duration"),
    ({"outlets": {"sms": {"kind": "mail", "transport": "smtp", "from": "a@example.com", "smtp": {"url": "smtp://127.0.0.1:1", "starttls": "off"},
                          "on_ambiguous": "lookup"}}}, "lookup: this service cannot be asked for a mail; docs/mail-services.md says which can")])
def test_a_look_up_where_none_is_possible_is_an_error_of_the_configuration(bench, changes, fault):
    answer = bench.leveret(bench.config(**changes)).run("check", "--offline")
    assert answer.returncode == 78 and fault in answer.stderr, answer


def test_a_worker_that_died_after_its_send_leaves_nothing_to_guess(bench):
    """Each of the points between the send and its record, and those of the look-up itself."""
    with Service("mailpit") as service:
        config = bench.config(claim={"lease": "3s", "max_crashes": 50}, **lookup_config(service))
        leveret, messages = bench.leveret(config), []
        bench.worker(config).stop()  # the queues exist
        for point in ("pre_send", "sent", "complete_sent", "pre_look", "looked"):
            if not point.endswith("k") and point != "looked":
                messages.append(mail(bench))
            leveret.start(ready=False, env={"LEVERET_CRASHPOINT": f"{point}:1"}).wait(within=30)
        leveret.start()
        for message in messages:
            bench.wait_state(message, "completed", within=40)
        assert len(service.taken) == len(messages) == len({headers["traceparent"] or id(headers) for headers, _ in service.taken})
        tokens = [body["Headers"]["Message-ID"] for _, body in service.taken]
        assert len(set(tokens)) == len(messages), tokens
