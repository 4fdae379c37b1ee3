"""Several recipients of one mail over SMTP: who gets it when the server refuses some of them."""
import pytest

from harness.publish import Message

MAIL = {"to": ["ada@example.com", "bob@example.com"], "cc": "cy@example.com", "bcc": "dan@example.com", "subject": "S", "text": "T"}
ALL = ["ada@example.com", "bob@example.com", "cy@example.com", "dan@example.com"]


def mail(**changes):
    return Message("email.send.v1", {**MAIL, **changes})


def test_each_recipient_gets_it_once_and_nobody_sees_the_blind_one(bench):
    bench.worker(bench.smtp_config())
    bench.publish(mail(cc=["cy@example.com", "Ada <ada@example.com>"]))
    (arrived,) = bench.sink.wait_for(1)
    assert sorted(arrived["recipients"]) == ALL
    assert all("dan@example.com" not in value for _, value in arrived["header_lines"])


@pytest.mark.parametrize("refused", [["bob@example.com"], ["ada@example.com", "dan@example.com"]])
def test_some_refused_for_good_the_others_get_it(bench, refused):
    worker = bench.worker(bench.smtp_config())
    for address in refused:
        bench.sink.script("rcpt 550 5.1.1 no such user", to=address)
    message = bench.publish(mail())
    (arrived,) = bench.sink.wait_for(1)
    assert arrived["recipients"] == [address for address in ALL if address not in refused]
    job = bench.wait_state(message, "completed")
    assert job["partial"] == "1" and job["attempt"] == "0" and job["effect.mail"]
    for address in refused:
        assert f"{address[0]}***@example.com: " in job["refused.mail"] and "5.1.1 no such user" in job["refused.mail"], job
    shown = bench.last.run("job", "show", message.id)
    assert "no such user" in shown.stdout, shown
    assert worker.logged(event="recipients_refused")


def test_all_refused_for_good_is_permanent(bench):
    bench.worker(bench.smtp_config())
    bench.sink.script(*["rcpt 550 5.1.1 no such user"] * 4)
    message = bench.publish(mail())
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "permanent_failure" and "5.1.1" in dead.error and bench.sink.count() == 0
    assert "partial" not in bench.job(message)


def test_one_refused_for_now_nobody_gets_it_until_all_do(bench):
    """Else those who got it would get it again with the next try."""
    bench.worker(bench.smtp_config())
    bench.sink.script("rcpt 450 4.2.0 greylisted", to="bob@example.com")
    bench.sink.script("rcpt 550 5.1.1 no such user", to="cy@example.com")
    message = bench.publish(mail())
    job = bench.wait_state(message, "completed")
    (arrived,) = bench.sink.wait_for(1)
    assert arrived["recipients"] == ALL and job["attempt"] == "1" and "partial" not in job


def test_on_the_last_try_one_refused_for_now_counts_as_refused_for_good(bench):
    bench.attempts = 2
    bench.worker(bench.smtp_config())
    bench.sink.script(*["rcpt 450 4.2.0 greylisted"] * 2, to="bob@example.com")
    message = bench.publish(mail())
    job = bench.wait_state(message, "completed")
    (arrived,) = bench.sink.wait_for(1)
    assert arrived["recipients"] == [address for address in ALL if address != "bob@example.com"]
    assert job["attempt"] == "1" and job["partial"] == "1" and "b***@example.com" in job["refused.mail"]
