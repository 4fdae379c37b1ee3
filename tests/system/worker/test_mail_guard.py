"""A system under test mails nobody that it should not, and says so everywhere."""
import json

import pytest

from harness.publish import Message
from harness.wait import wait_until

MAIL = {"to": ["Ada <ada@example.com>", "bob@other.test"], "cc": "cy@example.com", "bcc": "dan@example.com", "subject": "S", "text": "T"}


def mail(**changes):
    return Message("email.send.v1", {**MAIL, **changes})


def headers(arrived, name):
    return [value for header, value in arrived["header_lines"] if header.lower() == name.lower()]


def test_redirected_mails_reach_one_address_alone(bench):
    config = bench.smtp_config(mail={"redirect_to": "dev@example.net", "bcc_all": "archive@example.net", "allow_to": ["@nobody.test"]})
    worker = bench.worker(config)
    bench.publish(mail())
    (arrived,) = bench.sink.wait_for(1)
    assert arrived["recipients"] == ["dev@example.net"]
    (told,) = headers(arrived, "X-Leveret-To")
    assert told.split() == ["ada@example.com", "bob@other.test", "cy@example.com", "dan@example.com"]
    assert any(line.get("event") == "mail_guard" and "d***@example.net alone" in line["msg"] for line in worker.log())
    assert worker.status()["mail_guard"] == "every mail goes to d***@example.net alone (mail.redirect_to)"
    tested = bench.last.run("mail", "test", "--to", "ada@example.com")
    assert tested.returncode == 0, tested
    assert [m["recipients"] for m in bench.sink.wait_for(2)][1] == ["dev@example.net"]
    shown = bench.last.run("check")
    assert "every mail goes to d***@example.net alone (mail.redirect_to)" in shown.stdout, shown


def test_an_alert_is_redirected_too(bench):
    bench.worker(bench.smtp_config(mail={"redirect_to": "dev@example.net"}, alerts={"mail_to": "ops@example.com"}))
    bench.publish(Message("email.send.v1", {"to": "nobody"}))
    (alert,) = bench.sink.wait_for(1)
    assert alert["recipients"] == ["dev@example.net"] and "[leveret]" in alert["subject"]


@pytest.mark.parametrize("member", ["to", "cc", "bcc"])
def test_a_recipient_that_is_not_allowed_rejects_the_whole_mail(bench, member):
    bench.worker(bench.smtp_config(mail={"allow_to": ["@example.com", "bob@other.test"]}))
    bench.publish(mail())
    bench.sink.wait_for(1)
    bench.publish(mail(**{member: ["ada@example.com", "eve@other.test"]}))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "rejected" and dead.error == f"mail mail: /{member}: not in mail.allow_to"
    assert bench.sink.count() == 1
    tested = bench.last.run("mail", "test", "--to", "eve@other.test")
    assert tested.returncode == 4 and "not in mail.allow_to" in tested.stderr, tested


def test_an_alert_to_somebody_who_is_not_allowed_is_but_logged(bench):
    worker = bench.worker(bench.smtp_config(mail={"allow_to": ["@example.com"]}, alerts={"mail_to": "ops@other.test"}))
    bench.publish(Message("email.send.v1", {"to": "nobody"}))
    wait_until(lambda: worker.logged(event="alert_failed", error="/to: not in mail.allow_to"), within=20, what=worker.log)
    assert bench.sink.attempts() == []


def test_everything_is_copied_to_the_archive_and_nobody_sees_it(bench):
    bench.worker(bench.smtp_config(mail={"bcc_all": "archive@example.net"}))
    bench.publish(mail())
    (arrived,) = bench.sink.wait_for(1)
    assert arrived["recipients"] == ["ada@example.com", "bob@other.test", "cy@example.com", "dan@example.com", "archive@example.net"]
    assert not headers(arrived, "Bcc") and "archive" not in json.dumps(arrived["header_lines"])


def test_a_sender_must_be_listed(bench):
    bench.worker(bench.smtp_config(mail={"from_allowed": ["@brand.test"]}))
    bench.publish(mail(**{"from": "Brand <hello@brand.test>"}))
    (arrived,) = bench.sink.wait_for(1)
    assert headers(arrived, "From") == ["Brand <hello@brand.test>"] and arrived["from"] == "hello@brand.test"
    bench.publish(mail(**{"from": "ceo@bank.test"}))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "rejected" and dead.error == "mail mail: /from: not in mail.from_allowed"


def test_the_guard_stands_under_mail_alone(bench):
    config = bench.config(outlets={"backup": {"kind": "mail", "transport": "log", "redirect_to": "dev@example.net"}},
                          mail={"allow_to": ["example.com", "a@b.c"]})
    answer = bench.leveret(config).run("check", "--offline")
    assert answer.returncode == 78
    assert "outlets.backup.redirect_to: stands under mail alone, and holds for every mail outlet" in answer.stderr, answer
    assert "mail.allow_to: expected addresses and domains such as @example.com; entry 1 is neither" in answer.stderr, answer
