"""The presets against stand-ins that check what the vendors check (harness/servers/mail_services.py), and the traps of each."""
import base64
import email
import json
import subprocess

import pytest

from harness.servers.mail_services import FACTS, LIMITS, MEASURES, Service, beyond_limits
from harness.publish import Message
from harness.worker import ROOT, binary

LONG = "At least ten characters"
FULL = {"to": "Ada <ada@example.com>", "cc": "bob@example.com", "bcc": "cid@example.com", "reply_to": "help@example.com", "subject": LONG,
        "text": f"{LONG} of text", "html": f"<p>{LONG} of HTML</p>", "headers": {"X-Campaign": "7"}, "in_reply_to": "<m1@example.com>",
        "list_unsubscribe": {"url": "https://example.com/u", "one_click": True}}
MORE = {  # beyond that
    "resend": {"tags": ["receipt"], "attachments": True}, "postmark": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True},
    "sendgrid": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True},
    "mailgun": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True},
    "ses": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True}, "brevo": {"tags": ["receipt"], "attachments": False},
    "mailjet": {"tags": ["receipt"], "attachments": True}, "sparkpost": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True},
    "scaleway": {"attachments": False}, "mailpit": {"tags": ["receipt"], "attachments": True},
    "custom": {"tags": ["receipt"], "metadata": {"order": "42"}, "attachments": True},
}
BYTES = bytes(range(256))


def full(preset, **changes):
    files = [{"name": "bill.pdf", "type": "application/pdf", "content": base64.b64encode(BYTES).decode()}]
    if MORE[preset]["attachments"]:
        files.append({"name": "logo.png", "type": "image/png", "content": base64.b64encode(b"PNG").decode(), "inline_id": "logo"})
    return Message("email.send.v1", {**FULL, **MORE[preset], "attachments": files, **changes}, id=True)


def everything(body):
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("preset", FACTS)
def test_a_mail_with_everything_that_a_service_carries_arrives_whole(bench, preset):
    with Service(preset) as service:
        bench.worker(mail=service.config())
        message = bench.publish(full(preset))
        job = bench.wait_state(message, "completed")
        assert not service.faults and len(service.taken) == 1, service.faults
        body = service.taken[0][1]
        if preset == "ses":
            sent = email.message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]))
            assert body["Destination"]["BccAddresses"] == ["cid@example.com"] and "cid@" not in sent.as_string()
            assert sent["Cc"] == "bob@example.com" and {"Name": "order", "Value": "42"} in body["EmailTags"]
            assert [part.get_payload(decode=True) for part in sent.walk() if part.get_filename() == "bill.pdf"] == [BYTES]
            texts = {part.get_content_type(): part.get_payload(decode=True).strip() for part in sent.walk() if part.get_content_maintype() == "text"}
            assert texts == {"text/plain": FULL["text"].encode(), "text/html": FULL["html"].encode()}
        elif preset == "mailgun":
            fields = {name: content for name, file, content in body if not file}
            assert fields["to"] == b"Ada <ada@example.com>" and fields["bcc"] == b"cid@example.com" and fields["v:order"] == b"42"
            assert [fields[name] for name in ("subject", "text", "html")] == [FULL[name].encode() for name in ("subject", "text", "html")]
            assert fields["h:X-Campaign"] == b"7" and fields["h:Message-ID"].startswith(b"<")
            assert {(name, file): content for name, file, content in body if file} == {
                ("attachment", "bill.pdf"): BYTES, ("inline", "logo"): b"PNG"}
        else:
            text = everything(body)
            for part in ("ada@example.com", "bob@example.com", "cid@example.com", "help@example.com", f'"{LONG}"', FULL["text"], FULL["html"], "X-Campaign", "<m1@example.com>",
                         "List-Unsubscribe-Post", base64.b64encode(BYTES).decode(), *MORE[preset].get("tags", []), *MORE[preset].get("metadata", [])):
                assert part in text, (part, text)
        kept = [value for name, value in job.items() if name.startswith("effect.")]
        assert kept == ["1" if preset == "mailjet" else "id-1"], job


@pytest.mark.parametrize("preset, field, changes", [
    ("brevo", "/html", {"html": None, "text": LONG}), ("brevo", "/attachments", {"attachments": [{"name": "README", "content": "eA=="}]}),
    ("brevo", "/metadata", {"metadata": {"a": "b"}}), ("brevo", "/reply_to", {"reply_to": ["a@example.com", "b@example.com"]}),
    ("mailjet", "/reply_to", {"reply_to": ["a@example.com", "b@example.com"]}), ("mailjet", "/tags", {"tags": ["a", "b"]}),
    ("postmark", "/tags", {"tags": ["a", "b"]}), ("sparkpost", "/tags", {"tags": ["a", "b"]}), ("resend", "/metadata", {"metadata": {"a": "b"}}),
    ("resend", "/attachments", {"attachments": [{"name": "README", "content": "eA=="}]}), ("scaleway", "/subject", {"subject": "Short"}),
    ("sendgrid", "/attachments", {"attachments": [{"name": "a.txt", "type": "text/plain; charset=utf-8", "content": "eA=="}]}),
    ("scaleway", "/tags", {"tags": ["a"]}), ("ses", "/tags", {"tags": ["a b"]}), ("mailpit", "/metadata", {"metadata": {"a": "b"}}),
    ("scaleway", "/attachments", {"attachments": [{"name": "a.exe", "content": "eA=="}]}),
    ("scaleway", "/attachments", {"attachments": [{"name": f"{i}.pdf", "content": "eA=="} for i in range(11)]}),
    ("scaleway", "/to", {"cc": [f"c{i}@example.com" for i in range(9)]}), ("ses", "/metadata", {"metadata": {"m": "x" * 257}}),
    ("sparkpost", "/tags", {"tags": ["x" * 65]}), ("sparkpost", "/metadata", {"metadata": {f"m{i}": "x" * 500 for i in range(20)}}),
    ("sendgrid", "/metadata", {"metadata": {f"m{i}": "x" * 500 for i in range(20)}}),
    ("mailgun", "/headers", {"metadata": {f"m{i}": "x" * 500 for i in range(20)}, "headers": {f"X-H{i}": "x" * 900 for i in range(7)}}),
])
def test_what_a_service_lacks_is_rejected_and_nothing_leaves(bench, preset, field, changes):
    with Service(preset) as service:
        bench.worker(mail=service.config())
        message = full(preset, **changes)
        bench.publish(message)
        (dead,) = bench.dead_letters(1)
        assert dead.reason == "rejected" and field in dead.error and preset in dead.error, dead.error
        assert not service.taken and not service.faults


PEOPLE = [f"someone{i}@example.com" for i in range(50)]


@pytest.mark.parametrize("preset", FACTS)
def test_the_most_that_a_service_takes_of_each_arrives(bench, preset):
    """As much of each as the table allows and leveret takes: recipients, reply-to, tags and their length, metadata, files, bytes, subject."""
    most = LIMITS[preset]
    count = min(50, most["recipients"])
    files = [{"name": f"f{i}.pdf", "content": "eA=="} for i in range(min(20, most.get("files", 20)) - 1)]
    # Content is at most 4 MiB in all; the last file fills what is left for them, in base64 and beside the texts.
    size = min(most.get("in all", 4 << 20) - 64, 4 << 20) // 4 * 3 - 3 * (len(files) + 1) - 60
    changes = {"to": PEOPLE[:count], "cc": None, "bcc": None, "reply_to": PEOPLE[:min(10, most["reply-to"])], "text": LONG, "html": f"<p>{LONG}</p>",
               "subject": "s" * 200, "attachments": [*files, {"name": "last.pdf", "content": base64.b64encode(b"x" * size).decode()}]}
    if "tags" in most:
        changes["tags"] = [f"{i}" + "t" * (min(128, most.get("a tag", 100)) - 1) for i in range(min(10, most["tags"]))]
    if MORE[preset].get("metadata"):
        changes["metadata"] = {f"m{i}": "v" * min(440, most.get("a tag", 440)) for i in range(20)}
    with Service(preset) as service:
        bench.worker(mail=service.config(), max_body="8MiB")
        message = bench.publish(full(preset, **changes))
        bench.wait_state(message, "completed", within=40)
        assert not service.faults and len(service.taken) == 1, service.faults
        found = MEASURES[preset](service.taken[0][1])
        assert found["recipients"] == count and found["files"] >= len(files) + 1 and found["in all"] > size


@pytest.mark.parametrize("preset", FACTS)
def test_the_stand_in_itself_refuses_what_is_beyond_the_table(preset):
    """Else the test above proves nothing: each limit of the row, one more than it, as the stand-in measures it."""
    measure = MEASURES[preset]
    try:
        for name, most in LIMITS[preset].items():
            if name == "key":
                continue
            least = {column: max(LIMITS[preset].get("at least", 0), 1) if column in ("subject", "shortest") else 0 for column in
                     ("recipients", "reply-to", "tags", "a tag", "labels", "files", "in all", "a text", "subject", "shortest")}
            at, above = ({"shortest": most}, {"shortest": most - 1}) if name == "at least" else ({name: most}, {name: most + 1})
            MEASURES[preset] = lambda mail: {**least, **mail}
            assert beyond_limits(preset, at) == [] and beyond_limits(preset, above) == [name]
    finally:
        MEASURES[preset] = measure


@pytest.mark.parametrize("preset, answer, outcome", [
    ("postmark", (422, {"ErrorCode": 406, "Message": "inactive recipient"}, {}), "permanent_failure"),
    ("postmark", (422, {"ErrorCode": 300, "Message": "bad address"}, {}), "permanent_failure"),
    ("postmark", (422, {"ErrorCode": 10, "Message": "bad token"}, {}), "waits"),
    ("postmark", (422, {"ErrorCode": 405, "Message": "no credits"}, {}), "waits"),
    ("mailgun", (200, "Mailgun Magnificent API", {}), "waits"),
    ("mailgun", (404, {"message": "Domain not found: mg.example.com"}, {}), "waits"),
    ("ses", (400, {"message": "Rate exceeded"}, {"x-amzn-ErrorType": "ThrottlingException:http://x"}), "waits"),
    ("ses", (400, {"message": "no"}, {"x-amzn-ErrorType": "MessageRejected"}), "permanent_failure"),
    ("ses", (400, {"message": "no"}, {"x-amzn-ErrorType": "SendingPausedException"}), "waits"),
    ("brevo", (400, {"code": "duplicate_parameter", "message": "used"}, {}), "sent"),
    ("brevo", (402, {"code": "not_enough_credits", "message": "no"}, {}), "waits"),
    ("sparkpost", (420, {"errors": [{"message": "limit", "code": "1905"}]}, {}), "waits"),
    ("sparkpost", (409, {"errors": [{"message": "runs", "code": "1601"}]}, {}), "retry"),
    ("mailjet", (400, {"Messages": [{"Status": "error", "Errors": [{"ErrorMessage": "bad address", "ErrorCode": "mj-0013"}]}]}, {}),
     "permanent_failure"),
    ("sendgrid", (413, {"errors": [{"message": "too large"}]}, {}), "permanent_failure"),
    ("scaleway", (403, {"type": "permissions_denied", "message": "no"}, {}), "waits"),
    ("custom", (422, {"why": "no such template"}, {}), "permanent_failure"),
])
def test_what_the_status_alone_would_get_wrong(bench, preset, answer, outcome):
    with Service(preset) as service:
        service.answers.append(answer)
        bench.worker(mail=service.config())
        message = bench.publish(full(preset))
        if outcome == "permanent_failure":
            (dead,) = bench.dead_letters(1)
            assert dead.reason == outcome, dead.error
            words = json.dumps(answer[1])
            assert any(word in words and word in dead.error for word in ("inactive", "bad address", "no", "large")), dead.error
            return
        job = bench.wait_state(message, "completed")
        assert (int(job["attempt"]), len(service.taken)) == {"waits": (0, 2), "retry": (1, 2), "sent": (0, 1)}[outcome], job


@pytest.mark.parametrize("preset, answer, refused", [
    ("postmark", {"ErrorCode": 0, "MessageID": "id-1", "To": "ada@example.com,bob@example.com",
                  "Message": "Message OK, but will not deliver to these inactive addresses: bob@example.com"}, "b***@example.com: inactive"),
    ("sparkpost", {"results": {"id": "id-1", "total_accepted_recipients": 2, "total_rejected_recipients": 1, "rcpt_to_errors": [
        {"message": "invalid data format/type", "description": "bad domain", "code": "1300"}]}}, "bad domain"),
    ("scaleway", {"emails": [{"id": "id-1", "mail_rcpt": "ada@example.com", "status": "new"},
                             {"id": "id-2", "mail_rcpt": "bob@example.com", "status": "failed", "status_details": "blocklisted"}]},
     "b***@example.com: blocklisted"),
])
def test_a_mail_that_a_service_sends_to_some_is_sent_and_the_record_says_to_whom_it_is_not(bench, preset, answer, refused):
    with Service(preset) as service:
        service.answers.append((200, answer, {}))
        worker = bench.worker(mail=service.config())
        message = bench.publish(full(preset))
        job = bench.wait_state(message, "completed")
        (key,) = [name.removeprefix("effect.") for name in job if name.startswith("effect.")]
        assert job["partial"] == "1" and job[f"refused.{key}"] == refused and job[f"effect.{key}"] == "id-1", job
        assert len(service.taken) == 1 and not service.faults
        assert refused in bench.last.run("job", "show", message.id).stdout
        assert [line["error"] for line in worker.logged(event="recipients_refused")] == [refused]
        assert worker.metric("leveret_mail_refused_recipients_total", outlet="mail") == 1


@pytest.mark.parametrize("preset, answer, words", [
    ("sparkpost", {"results": {"id": "id-1", "total_accepted_recipients": 0, "total_rejected_recipients": 3}}, "no recipient is taken"),
    ("scaleway", {"emails": [{"id": "id-1", "mail_rcpt": "ada@example.com", "status": "failed", "status_details": "blocklisted"}]}, "blocklisted"),
    ("mailjet", {"Messages": [{"Status": "error", "Errors": [{"ErrorMessage": "bad address", "ErrorCode": "mj-0013", "StatusCode": 400}]}]}, "bad address"),
])
def test_a_success_by_which_nobody_gets_the_mail_is_none(bench, preset, answer, words):
    with Service(preset) as service:
        service.answers.append((200, answer, {}))
        bench.worker(mail=service.config())
        bench.publish(full(preset))
        (dead,) = bench.dead_letters(1)
        assert dead.reason == "permanent_failure" and words in dead.error and len(service.taken) == 1, dead.error


@pytest.mark.parametrize("preset", ["sendgrid", "sparkpost", "scaleway"])
def test_one_who_is_named_twice_is_told_to_the_service_once(bench, preset):
    """A report of many users of sendgrid: "Each email address in the personalization block should be unique"."""
    with Service(preset) as service:
        bench.worker(mail={**service.config(), "bcc_all": "ada@example.com"})
        bench.wait_state(bench.publish(full(preset, cc=["ADA@example.com", "bob@example.com"])), "completed")
        found = MEASURES[preset](service.taken[0][1])
        assert found["recipients"] == 3 and not service.faults, service.taken  # ada, bob and the blind cid


@pytest.mark.parametrize("preset", FACTS)
def test_mail_test_sends_what_every_service_takes(bench, preset):
    with Service(preset) as service:
        answer = bench.leveret(mail=service.config()).run("mail", "test", "--to", "ada@example.com")
        assert answer.returncode == 0 and len(service.taken) == 1, answer


def test_the_page_is_made_of_the_tables():
    """Mended by: build/dev/leveret --manual-of-mail-services >docs/mail-services.md"""
    page = subprocess.run([binary(), "--manual-of-mail-services"], text=True, capture_output=True, timeout=60, check=True).stdout
    assert (ROOT / "docs/mail-services.md").read_text() == page
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == list(FACTS)
