"""Files that a payload names by a URL are fetched, checked, and sent; what cannot be is refused or tried again."""
import base64
import email
import email.policy
import hashlib
import os
import re

import pytest

from harness import mails
from harness.mails.origin import Origin
from harness.publish import Message
from harness.wait import wait_until


@pytest.fixture
def origin():
    with Origin() as made:
        yield made


def file_at(origin, path, content, **changes):
    given = {"name": path.strip("/") or "file", "url": origin.url + path, "sha256": hashlib.sha256(content).hexdigest(), **changes}
    return {name: value for name, value in given.items() if value is not None}


def mail(*files, **more):
    return Message("email.send.v1", {"to": "ada@example.com", "subject": "S", "text": "T", "attachments": list(files), **more})


def config(bench, origin, **changes):
    return bench.smtp_config(attachments={"allow": [origin.url], **changes})


def files_of(arrived):
    message = email.message_from_bytes(base64.b64decode(arrived["raw"]), policy=email.policy.default)
    return {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}


def open_files(worker, directory):
    """Those without a name that the worker holds there."""
    found = []
    for fd in os.listdir(f"/proc/{worker.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{worker.pid}/fd/{fd}")
        except OSError:
            continue
        found += [target] if target.startswith(str(directory)) and "deleted" in target else []
    return found


def test_files_arrive_byte_for_byte(bench, origin, tmp_path):
    big = mails.noise(8 << 20)
    origin.files = {"/big": big, "/empty": b"", "/text": b"one\rtwo\nthree\r\n.\r\n"}
    worker = bench.worker(config(bench, origin, dir=str(tmp_path)))
    bench.publish(mail(file_at(origin, "/big", big, size=len(big)), file_at(origin, "/empty", b""), file_at(origin, "/text", origin.files["/text"]),
                       mails.file("inline", b"beside")))
    (arrived,) = bench.sink.wait_for(1, within=60)
    assert files_of(arrived) == {"big": big, "empty": b"", "text": origin.files["/text"], "inline": b"beside"}
    wait_until(lambda: not open_files(worker, tmp_path), what=lambda: open_files(worker, tmp_path))
    assert os.listdir(tmp_path) == [entry for entry in os.listdir(tmp_path) if not entry.startswith("leveret-")]


@pytest.mark.parametrize("how, error", [
    ("missing", "HTTP status 404"), ("gone", "HTTP status 410"), ("hash", "its sha256 is another"), ("smaller", "smaller than its size"),
    ("larger", "larger than its size"), ("endless", "larger than attachments.max allows"),
])
def test_what_never_will_be_the_file_is_permanent(bench, origin, how, error):
    origin.files = {"/gone": 410, "/hash": b"other", "/smaller": b"file", "/larger": b"file", "/endless": lambda request: request.endless()}
    size = {"smaller": 5, "larger": 3}.get(how)
    bench.worker(config(bench, origin, max="1MiB"))
    bench.publish(mail(file_at(origin, f"/{how}", b"file", size=size)))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "permanent_failure" and error in dead.error and dead.error.startswith(f"attachment 0 from {origin.url}: "), dead
    assert origin.asked[f"/{how}"] == 1 and bench.sink.count() == 0


@pytest.mark.parametrize("status", [500, 503, 401, 301, 204])
def test_what_may_heal_is_tried_again_and_a_redirect_is_not_followed(bench, origin, status):
    answers = [status]
    origin.files = {"/moved": b"file", "/file": lambda request: request.reply(answers.pop(), b"", Location="/moved") if answers else b"file"}
    bench.worker(config(bench, origin))
    message = bench.publish(mail(file_at(origin, "/file", b"file")))
    job = bench.wait_state(message, "completed", within=30)
    assert job["attempt"] == "1" and origin.asked == {"/file": 2}
    assert files_of(bench.sink.wait_for(1)[0]) == {"file": b"file"}


def test_a_file_that_changed_between_two_tries_is_not_sent(bench, origin):
    origin.files = {"/file": b"file"}
    bench.worker(config(bench, origin))
    bench.sink.script("dot 451 4.3.0 later")

    def changed():
        return bench.sink.attempts() and origin.files.update({"/file": b"else"}) is None

    bench.publish(mail(file_at(origin, "/file", b"file")))
    wait_until(changed, what="the first try")
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "permanent_failure" and "its sha256 is another" in dead.error
    assert bench.sink.count() == 0


def test_origins_that_are_not_listed_are_rejected_unasked(bench, origin):
    bench.worker(config(bench, origin, allow=["https://files.example.com", f"http://localhost:{origin.port}"], max="1KiB"))
    for url in (origin.url, f"http://localhost:{origin.port + 1}", "https://files.example.com.evil.test", f"http://user@localhost:{origin.port}"):
        bench.publish(mail({"name": "a", "url": url + "/a", "sha256": "0" * 64}))
        (dead,) = bench.dead_letters(1)
        assert dead.reason == "rejected" and dead.error == "mail mail: /attachments/0/url: not in attachments.allow", (url, dead)
    bench.publish(mail({"name": "a", "url": "https://files.example.com/a", "sha256": "0" * 64, "size": 1025}))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "rejected" and dead.error == "mail mail: /attachments/0/size: over attachments.max"
    for url in ("file:///etc/passwd", "ftp://files.example.com/a", "http:///a"):
        bench.publish(mail({"name": "a", "url": url, "sha256": "0" * 64}))
        (dead,) = bench.dead_letters(1)
        assert dead.reason == "rejected" and "/attachments/0/url: " in dead.error, (url, dead)
    assert not origin.asked and bench.sink.attempts() == []


def test_a_name_that_leads_to_a_private_address_connects_nowhere(bench, origin):
    """A star lists names, not addresses: what it leads to is judged where the connection is opened."""
    leveret = config(bench, origin, allow=[f"https://*:{origin.port}"])
    worker = bench.worker(leveret)
    message = bench.publish(mail({"name": "a", "url": f"https://localhost:{origin.port}/a", "sha256": "0" * 64}))
    wait_until(lambda: worker.logged(event="attachment_failed"), within=20, what=worker.log)
    assert bench.job(message)["error"].endswith("leads to an address that is not public")
    assert not origin.asked


def test_no_query_is_shown(bench, origin):
    worker = bench.worker(config(bench, origin))
    message = bench.publish(mail(file_at(origin, "/file", b"file", url=f"{origin.url}/file?token=s3cr3t")))
    (dead,) = bench.dead_letters(1)
    assert "s3cr3t" not in dead.error and "s3cr3t" not in str(bench.job(message)) and "s3cr3t" not in worker.process.stderr()
    assert "s3cr3t" not in bench.last.run("job", "show", message.id).stdout


def test_a_slow_origin_holds_up_nobody_else(bench, origin):
    """Nor the end of the process."""
    origin.files = {"/slow": lambda request: request.endless(pause=0.2)}
    worker = bench.worker(config(bench, origin), mail={"smtp": {"connections": 1}})
    slow = bench.publish(mail(file_at(origin, "/slow", b"file")))
    wait_until(lambda: origin.asked, what="the slow one")
    bench.publish_many([Message("email.send.v1", {"to": "ada@example.com", "subject": "S", "text": "T"}) for _ in range(20)])
    bench.sink.wait_for(20, within=10)
    assert worker.stop(within=30) == 0
    assert bench.state(slow) == "retrying" and bench.job(slow)["attempt"] == "0"


def test_fetches_wait_for_room_on_the_disk(bench, origin, tmp_path):
    content = mails.noise(1 << 20)
    origin.files = {"/file": content}
    bench.worker(config(bench, origin, dir=str(tmp_path), max="1MiB", disk="2MiB"), mail={"smtp": {"connections": 2}})
    bench.publish_many([mail(file_at(origin, "/file", content)) for _ in range(12)])
    for arrived in bench.sink.wait_for(12, within=60):
        assert files_of(arrived) == {"file": content}


@pytest.mark.parametrize("wrong, told", [
    ({"allow": ["files.example.com"]}, "attachments.allow: entry 1: "), ({"allow": ["https://a.example.com/path"]}, "attachments.allow: entry 1: "),
    ({"disk": "1MiB"}, "attachments.disk: must not be smaller than attachments.max"),
])
def test_bad_settings_are_told(bench, wrong, told):
    answer = bench.leveret(bench.config(attachments=wrong)).run("check", "--offline")
    assert answer.returncode == 78 and told in answer.stderr, answer
    assert not re.search("Traceback|Sanitizer", answer.stderr)
