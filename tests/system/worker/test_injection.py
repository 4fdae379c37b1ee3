"""Nothing in a message adds a recipient, a header or a command."""
import pytest

from harness.publish import Message, email

EVIL = "evil@example.com"
BREAKS = {"CR LF": "\r\n", "LF": "\n", "CR": "\r", "NEL": "\u0085", "LS": "\u2028", "NUL": "\x00"}


def config_over(bench, over):
    return bench.config() if over == "http" else bench.smtp_config()


def check_only_ada(bench):
    for mail in bench.sink.mails():
        assert mail["recipients"] == ["ada@example.com"], mail
        assert not any(c in mail["subject"] for c in "\r\n\0"), mail
        names = [name.lower() for name, _ in mail.get("header_lines") or []] + [name.lower() for name in mail.get("headers", {})]
        assert "bcc" not in names and "cc" not in names, mail
    assert not any(attempt["to"] == EVIL for attempt in bench.sink.attempts())


@pytest.mark.parametrize("over", ["http", "smtp"])
def test_line_breaks_in_addresses_and_headers_inject_nothing(bench, over):
    bench.worker(config_over(bench, over))
    messages = []
    for brk in BREAKS.values():
        messages += [
            email(f"ada@example.com{brk}RCPT TO:<{EVIL}>"),
            email(f"ada@example.com>{brk}Bcc: {EVIL}"),
            email("ada@example.com", subject=f"Hello{brk}Bcc: {EVIL}"),
            email("ada@example.com", subject=f"Hello{brk}{brk}<b>body</b>"),
            Message("email.send.v1", {"to": "ada@example.com", "subject": "s", "text": "t", "reply_to": f"a@example.com{brk}Cc: {EVIL}"}),
            Message("order.created.v1", {"order_id": 1, "customer_email": "ada@example.com", "title": f"x{brk}Bcc: {EVIL}"}),
        ]
    bench.publish_many(messages)
    bench.wait_empty()
    check_only_ada(bench)
    states = [bench.state(message) for message in messages]
    assert set(states) <= {"completed", "dead"}
    assert states.count("completed") == bench.sink.count()


@pytest.mark.parametrize("to", [
    "ada@example.com,evil@example.com", "ada@example.com evil@example.com", "<ada@example.com>, <evil@example.com>",
    "Ada <ada@example.com> <evil@example.com>", "Ada <ada@example.com>, Eve <evil@example.com>", "Ada: ada@example.com;",
    "ada@example.com;evil@example.com", "@evil.example.com:ada@example.com", "ada@example.com\t", "",
])
def test_what_is_not_one_mailbox_is_no_address(bench, to):
    bench.worker()
    bench.publish(email(to))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "bad_payload" and dead.error.startswith("/to")
    assert bench.sink.attempts() == []


def test_a_name_beside_the_address_is_no_other_recipient(bench):
    bench.worker(bench.smtp_config())
    names = ["<ada@example.com>", "Ada <ada@example.com>", '"evil@example.com, Eve" <ada@example.com>',
             {"email": "ada@example.com", "name": f"<{EVIL}>, \"Eve\""}]
    bench.publish_many([email(to) for to in names])
    bench.sink.wait_for(len(names))
    check_only_ada(bench)


def test_a_body_that_speaks_smtp_stays_a_body(bench):
    bench.worker(bench.smtp_config())
    texts = ["Hi\n.\nMAIL FROM:<evil@example.com>\nRCPT TO:<evil@example.com>\n", "Hi\r\n.\r\nQUIT\r\n", "..\n.\n", "."]
    messages = [email("ada@example.com", f"Text {n}", text) for n, text in enumerate(texts)]
    bench.publish_many(messages)
    mails = bench.sink.wait_for(len(texts))
    check_only_ada(bench)
    arrived = {mail["subject"]: mail["text"].replace("\r\n", "\n").rstrip("\n") for mail in mails}
    for number, text in enumerate(texts):
        assert arrived[f"Text {number}"] == text.replace("\r\n", "\n").rstrip("\n")
