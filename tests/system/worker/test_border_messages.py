"""What publishers and administrators write at the border, and what they are told: issue by issue, by the program alone."""
import json
import socketserver
import threading

import pika
import pytest

from harness.publish import Message, order
from harness.wait import wait_until
from harness.worker import ROOT

ORDER = {"order_id": 1, "customer_email": "ada@example.com", "title": "A title"}
LETTER = {"to": "ada@example.com", "subject": "S", "text": "one\ntwo\n"}


@pytest.mark.parametrize("number", ["18446744073709551615", "1e400", "1234567890123456789012345678901234567890"])
def test_a_number_that_nobody_reads_harms_nobody(bench, number):
    """As an extension of an event: the types that come with leveret take no unknown field."""
    bench.worker()
    event = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.created.v1", "more": "N", "data": ORDER}
    bench.publish(Message(None, body=json.dumps(event).replace('"N"', number), id=None, content_type="application/cloudevents+json",
                          routing_key="order.created"))
    bench.wait_state("e-1", "completed")


def test_a_number_that_is_read_and_too_large_is_told_by_its_field(bench):
    bench.worker()
    bench.publish(Message("order.created.v1", body=json.dumps({**ORDER, "order_id": 0}).replace(" 0", " 18446744073709551615")))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "bad_payload" and "/order_id" in dead.error, dead.error


def test_all_that_is_wrong_with_a_message_is_told_at_once(bench):
    bench.worker()
    bench.publish(Message("order.created.v1", {"order_id": "one", "customer_email": "nobody", "title": 7}))
    (dead,) = bench.dead_letters(1)
    assert all(field in dead.error for field in ("/order_id", "/customer_email", "/title")), dead.error


def test_an_event_under_the_wrong_content_type_is_called_by_its_name(bench):
    bench.worker()
    event = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.created.v1", "data": ORDER}
    bench.publish(Message(None, event, id=None, content_type="text/plain", routing_key="order.created"))
    (dead,) = bench.dead_letters(1)
    assert "CloudEvent" in dead.error and "text/plain" in dead.error, dead.error


def test_a_missing_id_is_told_with_the_property_and_grouped_by_who_sent_it(bench):
    bench.worker()
    for key in ("shop.order", "crm.contact"):
        bench.publish(Message("order.created.v1", ORDER, id=None, routing_key=key, app_id=key.split(".")[0]))
    dead = bench.dead_letters(2)
    assert all("a property of AMQP" in letter.error for letter in dead), dead
    groups = bench.last.run("dlq", "groups", bench.queue, "--wide").stdout
    assert "shop.order" in groups and "crm.contact" in groups, groups


def test_html_alone_gets_a_text(bench):
    bench.worker()
    message = bench.publish(Message("email.send.v1", {"to": "ada@example.com", "subject": "S", "html": "<p>Good &amp; new</p>"}))
    bench.wait_state(message, "completed")
    (mail,) = bench.sink.wait_for(1)
    assert "Good & new" in mail["text"] and "<p>" in mail["html"]


def test_a_mail_says_that_a_program_sent_it_and_keeps_its_last_newline(bench):
    bench.worker(bench.smtp_config())
    bench.wait_state(bench.publish(Message("email.send.v1", {**LETTER, "text": "one\ntwo = 2\n\n", "html": "<p>two = 2</p>\n\n"})), "completed")
    (mail,) = bench.sink.wait_for(1)
    assert dict(mail["header_lines"])["Auto-Submitted"] == "auto-generated"
    assert mail["text"].replace("\r\n", "\n") == "one\ntwo = 2\n\n" and mail["html"].replace("\r\n", "\n") == "<p>two = 2</p>\n\n"


def test_a_prefix_beyond_its_bound_is_a_fault_of_the_configuration(bench):
    answer = bench.leveret(redis={"prefix": "p" * 296}).run("check", "--offline")
    assert answer.returncode == 78 and "redis.prefix" in answer.stderr and "64" in answer.stderr, answer


def test_a_field_that_no_mail_has_is_refused_and_not_dropped(bench):
    bench.worker()
    bench.publish(Message("email.send.v1", {**LETTER, "atachments": [], "replyTo": "x@example.com"}))
    (dead,) = bench.dead_letters(1)
    assert dead.reason == "bad_payload" and "/atachments: unknown field" in dead.error and "/replyTo: unknown field" in dead.error, dead.error


class NoLogIn(socketserver.StreamRequestHandler):
    """An SMTP server that offers no AUTH and takes every mail all the same."""

    def handle(self):
        self.say("220 open.example.com")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-open.example.com\r\n250 SIZE 1000000")
            elif verb == b"DATA":
                self.say("354 go")
                while next(self.rfile) != b".\r\n":
                    pass
                self.server.mails += 1
                self.say("250 2.0.0 queued")
            elif verb == b"QUIT":
                return
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


def test_without_the_log_in_that_was_asked_for_nothing_is_sent(bench):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NoLogIn) as server:
        server.mails, server.daemon_threads = 0, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        worker = bench.worker(bench.smtp_config(mail={"smtp": {"url": f"smtp://127.0.0.1:{server.server_address[1]}"}}))
        bench.publish(order(1))
        (line, *_) = wait_until(lambda: worker.logged(event="send_failed"))
        assert server.mails == 0 and "AUTH" in line["error"], line
        server.shutdown()



def test_a_property_without_effect_is_named_in_the_log_once_a_job(bench):
    worker = bench.worker()
    bench.sink.script(503)
    bad = Message("order.created.v1", ORDER, headers={"traceparent": "4bf92f3577b34da6a3ce929d0e0e4736"})
    bench.publish(bad, order(2, headers={"subject": "order/2"}))
    bench.wait_completed(2)
    told = worker.logged(event="property_ignored")
    assert [(line["id"], line["error"], line["level"]) for line in told] == [(bad.id, "header traceparent: malformed, so it has no effect", "warn")]


def test_the_exchange_is_not_to_be_declared_by_who_publishes_to_it(bench):
    bench.worker()
    page = (ROOT / "docs" / "contract.md").read_text()
    assert "406 PRECONDITION_FAILED" in page and "`alternate-exchange: leveret.unrouted`" in page
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().exchange_declare("leveret.in", "topic", passive=True)
        connection.channel().exchange_declare("leveret.in", "topic", durable=True, arguments={"alternate-exchange": "leveret.unrouted"})
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="alternate-exchange"):
            connection.channel().exchange_declare("leveret.in", "topic", durable=True)
