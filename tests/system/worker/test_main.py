"""Messages go in, exactly their mails come out, and Redis tells what became of each."""
import signal
import time
from email.utils import parsedate_to_datetime

import pytest

from harness.canary import API_KEY, BODY
from harness.ledger import mail_key
from harness.publish import Message, email, invoice, order
from harness.wait import wait_until


def a_thousand():
    """1,000 messages of three types and what each must bring about: (message, the keys of its effects)."""
    made = [(order(n), ["customer"]) for n in range(1, 401)]
    made += [(email(f"reader{n}@example.com", f"Issue {n}"), ["mail"]) for n in range(300)]
    made += [(invoice(n, 5000, f"payer{n}@example.com", manager="boss@example.com"), ["customer"]) for n in range(150)]
    made += [(invoice(n, 100000, f"payer{n}@example.com", manager="boss@example.com"), ["customer", "manager"])
             for n in range(150, 300)]
    return made


def check_everything(bench, expected, provider_ids):
    mails = bench.sink.mails()
    by_key = {mail["key"]: mail for mail in mails}
    assert len(by_key) == len(mails), "a mail went out twice"
    assert set(by_key) == {mail_key(message.id, effect) for message, effects in expected for effect in effects}
    jobs = bench.redis.jobs()
    for message, effects in expected:
        job = jobs[message.id]
        assert job["state"] == "completed" and job["attempt"] == "0", job
        assert job["effects_total"] == job["effects_done"] == str(len(effects)), job
        assert {name for name in job if name.startswith("effect.")} == {f"effect.{effect}" for effect in effects}
        if provider_ids:
            assert all(job[f"effect.{e}"] == by_key[mail_key(message.id, e)]["id"] for e in effects), job
    bench.account().check()


@pytest.mark.parametrize("over", ["http", "smtp"])
def test_a_thousand_messages_and_a_hundred_duplicates_give_each_mail_once(bench, node_publisher, over):
    bench.worker(bench.config() if over == "http" else bench.smtp_config())
    expected = a_thousand()
    messages = [message for message, _ in expected]

    bench.publish_many(messages[::2] + messages[:100:2])  # 50 duplicates hard behind their originals
    node_publisher.publish(bench.url, messages[1::2], ledger=bench.ledger)
    bench.wait_completed(1000, within=90)
    bench.publish_many(messages[-50:])  # and 50 of jobs that are done
    bench.wait_empty()

    assert bench.sink.stats()[f"{over}_mails"] == 1150
    check_everything(bench, expected, provider_ids=over == "http")


def test_a_mail_carries_what_the_handler_wrote(bench):
    bench.worker()
    message = bench.publish(order(42, "ada@example.com"))
    (mail,) = bench.sink.wait_for(1)
    assert mail["to"] == "ada@example.com" and mail["recipients"] == ["ada@example.com"]
    assert mail["from"] == "Shop <shop@example.com>"
    assert mail["subject"] == f"Order created: Order 42 {BODY}" and mail["text"] == "Order 42 was created.\n"
    assert mail["key"] == mail_key(message.id, "customer")
    assert mail["message_id"] == f"<{mail['key']}@example.com>"
    assert mail["authorization"] == f"Bearer {API_KEY}"


def test_a_mail_over_smtp_reads_the_same_with_umlauts_and_dots(bench):
    bench.worker(bench.smtp_config())
    text = "Grüße,\n.\n..zwei Punkte\nEnde\n"
    bench.publish(email("ada@example.com", "Grüße aus Köln 🐇", text))
    (mail,) = bench.sink.wait_for(1)
    assert mail["recipients"] == ["ada@example.com"] and mail["from"] == "shop@example.com"
    assert mail["subject"] == "Grüße aus Köln 🐇" and mail["text"].replace("\r\n", "\n") == text
    names = [name.lower() for name, _ in mail["header_lines"]]
    assert names.count("date") == 1 and names.count("message-id") == 1 and names.count("from") == 1


def test_more_connections_than_share_one_multi_handle_are_used_and_kept(bench):
    """64 share one (CURL_LOOP_SHARE)."""
    queues = [{"name": bench.queue, "bindings": ["#"], "prefetch": 300, "retry": {"attempts": 4, "tiers": ["1s", "2s"]}}]
    bench.worker(bench.smtp_config(queues=queues, mail={"smtp": {"connections": 150}, "timeout": "15s"}))
    bench.sink.mode("healthy", delay_ms=1500)
    before = bench.sink.stats()["smtp_connections"]
    for round in range(2):
        bench.publish_many([order(300 * round + n) for n in range(1, 301)])
        bench.sink.wait_for(300 * (round + 1), within=60)
    assert 140 <= bench.sink.stats()["smtp_connections"] - before <= 150


@pytest.mark.parametrize("over", ["http", "smtp"])
def test_a_mail_says_where_answers_go_and_carries_text_and_html(bench, over):
    bench.worker(bench.smtp_config() if over == "smtp" else bench.config())
    bench.publish(Message("email.send.v1", {"to": "ada@example.com", "subject": "Hello", "text": "Hello.\n", "html": "<p>Hello.</p>\n",
                                            "reply_to": "desk@example.com"}))
    (mail,) = bench.sink.wait_for(1)
    assert "desk@example.com" in mail["reply_to"]
    assert mail["text"].strip() == "Hello." and mail["html"].strip() == "<p>Hello.</p>"


@pytest.mark.parametrize("timestamp", [1700000000, 253402300799, None])
def test_a_mail_is_the_same_to_the_byte_on_every_try_and_as_old_as_its_message(bench, timestamp):
    bench.worker(bench.smtp_config())
    bench.sink.script({"stage": "dot", "cut": "before", "accept": True})
    before = int(time.time())
    message = bench.publish(order(1, timestamp=timestamp))
    bench.wait_state(message, "completed")
    first, second = bench.sink.mails()
    assert first["raw"] == second["raw"]
    timestamp = None if timestamp == 253402300799 else timestamp  # the last second of the year 9999
    dated = parsedate_to_datetime(dict(first["header_lines"])["Date"]).timestamp()
    assert dated == timestamp if timestamp else before <= dated <= time.time()


def test_a_mail_is_the_same_to_the_byte_when_another_worker_has_to_send_it_again(bench):
    """It has no date of its own, and the first worker dies before it could tell that the mail was taken."""
    leveret = bench.leveret(bench.smtp_config(claim={"lease": "3s"}, mail={"timeout": "2s"}), env={"LEVERET_CRASHPOINT": "sent:1"})
    leveret.start().stop()
    message = bench.publish(order(1, timestamp=None))
    assert leveret.start(ready=False).wait() == -signal.SIGKILL
    leveret.env = {}
    leveret.start()
    bench.wait_state(message, "completed")
    first, second = bench.sink.mails()
    assert first["raw"] == second["raw"]


def test_the_preset_mailpit_posts_to_its_own_address(bench):
    bench.worker(mail={"http": {"preset": "mailpit", "api_key": None}})
    message = bench.publish(order(1, "ada@example.com"))
    bench.wait_state(message, "completed")
    (mail,) = bench.sink.mails()
    assert mail["path"] == "/api/v1/send" and mail["to"] == "ada@example.com"
    assert bench.job(message)["effect.customer"] == mail["id"]


def test_a_worker_says_at_its_start_what_it_does_and_that_it_sends_no_mail_if_it_sends_none(bench):
    worker = bench.worker()
    assert f"queue {bench.queue}, mails over HTTP" in worker.logged(event="started")[0]["msg"]
    assert not worker.logged(event="mail_not_sent")
    worker = bench.worker(mail={"transport": "log", "http": None})
    assert "mails to the log" in worker.logged(event="started")[0]["msg"]
    assert worker.logged(event="mail_not_sent")[0]["level"] == "warn"


def test_the_list_of_what_is_completed_keeps_the_latest_thousand(bench):
    bench.redis.client.zadd("leveret:jobs:completed", {f"old-{n}": n for n in range(1500)})
    bench.worker()
    message = bench.publish(order(1))
    wait_until(lambda: bench.redis.client.zcard("leveret:jobs:completed") == 1000, what="the oldest are forgotten")
    assert bench.redis.client.zrange("leveret:jobs:completed", -2, -1) == ["old-1499", message.id]


def test_the_same_message_in_several_workers_gives_one_mail(bench):
    leveret = bench.leveret()
    for _ in range(2):
        leveret.start()
    message = order(7)
    bench.publish_many([message] * 100)
    bench.wait_completed(1)
    assert bench.sink.count() == 1
    assert all(bench.depth(queue) == 0 for queue in (bench.dlq, "leveret.unrouted"))
