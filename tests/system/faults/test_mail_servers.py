"""Real mail servers, private ones: mails with copies, blind copies and files go out exactly once, whatever the server refuses."""
import base64
import collections
import email
import email.policy
import subprocess

import pytest

from harness.publish import Message
from harness.servers.mta import Exim, OpenSMTPD, Postfix
from harness.wait import wait_until

FILE = bytes(range(256)) * 8


def smtp(server, connections=4):
    return {"transport": "smtp", "http": None, "timeout": "20s",
            "smtp": {"url": server.url, "starttls": "off", "username": None, "password": None, "connections": connections}}


def mail(number, **changes):
    return Message("email.send.v1", {
        "to": f"to{number}@example.com", "cc": f"Cy <cc{number}@example.com>", "bcc": f"bcc{number}@example.com", "subject": f"number {number}",
        "text": "Hello.\n", "attachments": [{"name": f"{number}.bin", "content": base64.b64encode(FILE).decode()}], **changes}, id=True)


def completed(bench):
    return bench.redis.client.zcard(f"{bench.prefix}:jobs:completed")


class KeptByExim(Exim):
    """What it took, from its spool: -D is the body, -H the envelope and the headers, each behind its length and a letter."""

    def mails(self):
        for head in sorted((self.directory / "spool/input").rglob("*-H")):
            lines = head.read_text(errors="replace").split("\n")
            at = next(i for i, line in enumerate(lines) if line.isdigit() and i > 3)
            first = at + 1 + int(lines[at])
            headers = "".join(line[5:] + "\n" if line[:3].isdigit() else line + "\n" for line in lines[first + 1:])
            body = head.with_name(head.name[:-1] + "D").read_text(errors="replace").split("\n", 1)[1]
            yield sorted(lines[at + 1:first]), email.message_from_string(headers + "\n" + body, policy=email.policy.default)


class KeptByPostfix(Postfix):
    """What it took, from its queue."""
    fate = "HOLD"

    def mails(self):
        for path in sorted((self.directory / "queue/hold").rglob("*")):
            if not path.is_file():
                continue
            postcat = ["postcat", "-c", self.directory / "conf"]
            envelope = subprocess.run([*postcat, "-e", path], text=True, capture_output=True, check=True).stdout
            text = subprocess.run([*postcat, "-hb", path], text=True, capture_output=True, check=True).stdout
            yield (sorted(line.split()[1] for line in envelope.split("\n") if line.startswith("recipient:")),
                   email.message_from_string(text, policy=email.policy.default))


class KeptByOpenSMTPD(OpenSMTPD):
    """What it took, from its queue: a file for each recipient, and the message."""

    def mails(self):
        for path in sorted((self.directory / "spool/smtpd/queue").rglob("message")):
            envelopes = [file.read_text() for file in path.parent.iterdir() if file.name != "message"]
            yield (sorted(line.split()[1] for text in envelopes for line in text.split("\n") if line.startswith("rcpt:")),
                   email.message_from_string(path.read_text(), policy=email.policy.default))


def three(number):
    return [f"{who}{number}@example.com" for who in ("bcc", "cc", "to")]


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.faults)])
@pytest.mark.parametrize("kind", [KeptByExim, KeptByPostfix, KeptByOpenSMTPD])
def test_each_mail_is_there_once_with_its_copies_and_its_file(bench, kind, count):
    with kind(50) as server:
        bench.worker(bench.smtp_config(), mail=smtp(server))
        bench.publish_many([mail(number) for number in range(count)])
        wait_until(lambda: completed(bench) == count, within=240, every=0.2, what=lambda: server.log()[-2000:])
        seen = collections.Counter()
        for recipients, arrived in server.mails():
            number = arrived["Subject"].split()[1]
            seen[number] += 1
            assert recipients == three(number) and f"bcc{number}@" not in arrived.as_string()
            (file,) = arrived.iter_attachments()
            assert file.get_filename() == f"{number}.bin" and file.get_payload(decode=True) == FILE
        assert len(seen) == count and set(seen.values()) == {1}
        assert all(job["attempt"] == "0" for job in bench.redis.jobs().values())


@pytest.mark.parametrize("kind, most", [(KeptByPostfix, {"message_size_limit": 50000, "mailbox_size_limit": 50000}),
                                        (KeptByOpenSMTPD, {"max-message-size": 50000})])
def test_a_mail_that_is_too_large_is_refused_by_size_before_it_is_sent(bench, kind, most):
    """The server says what it takes in its answer to EHLO (RFC 1870)."""
    with kind(50, **most) as server:
        bench.worker(bench.smtp_config(), mail=smtp(server))
        large = bench.publish(mail(1, attachments=[{"name": "a.bin", "content": base64.b64encode(bytes(60000)).decode()}]))
        small = bench.publish(mail(2))
        assert bench.wait_state(small, "completed")
        job = bench.wait_state(large, "dead")
        assert job["attempt"] == "0" and [recipients for recipients, _ in server.mails()] == [three(2)], job


def access(action):
    return {"smtpd_recipient_restrictions": f"check_recipient_access regexp:{{{{/^cc/ {action}}}}}, permit_mynetworks, reject"}


def test_recipients_whom_postfix_refuses_are_named_and_the_others_get_it(bench):
    with KeptByPostfix(50, **access("550 5.1.1 no such user")) as server:
        bench.worker(bench.smtp_config(), mail=smtp(server))
        for message in [bench.publish(mail(number)) for number in range(10)]:
            job = bench.wait_state(message, "completed")
            assert job["partial"] == "1" and "5.1.1" in job["refused.mail"] and job["attempt"] == "0", job
        assert sorted(recipients for recipients, _ in server.mails()) == sorted([f"bcc{n}@example.com", f"to{n}@example.com"] for n in range(10))


def test_one_of_three_who_is_greylisted_holds_the_mail_back_for_all_but_the_last_try(bench):
    with KeptByPostfix(50, **access("450 4.2.0 greylisted")) as server:
        bench.attempts = 2
        bench.worker(bench.smtp_config(), mail=smtp(server))
        job = bench.wait_state(bench.publish(mail(1)), "completed")
        assert job["partial"] == "1" and job["attempt"] == "1" and "4.2.0" in job["refused.mail"], job
        assert [recipients for recipients, _ in server.mails()] == [["bcc1@example.com", "to1@example.com"]]


def test_a_server_that_closes_after_every_few_mails_burns_no_attempt(bench):
    with KeptByExim(50, smtp_accept_max_per_connection=3) as server:
        bench.worker(bench.smtp_config(), mail=smtp(server, 2))
        bench.publish_many([mail(number) for number in range(30)])
        wait_until(lambda: completed(bench) == 30, within=120, every=0.2, what=lambda: server.log()[-2000:])
        assert sorted(recipients for recipients, _ in server.mails()) == sorted(three(n) for n in range(30))
        assert all(job["attempt"] == "0" for job in bench.redis.jobs().values())
