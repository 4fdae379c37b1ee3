"""The harness itself: the services, the sink, the proxy and the publishers do what the other tests rely on."""
import http.client
import json
import smtplib
import socket

import pytest

from harness.proxy import Proxy
from harness.publish import Message, order, publish_many
from harness.wait import Overdue, wait_until
from harness.worker import merged, yaml


@pytest.fixture
def work_queue(bench):
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.exchange_declare("leveret.in", "topic", durable=True)
        channel.queue_declare(bench.queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(bench.queue, "leveret.in", "#")
    return bench.queue


def post(sink, to="a@example.com", key="k" * 64, port=None, timeout=5):
    connection = http.client.HTTPConnection("127.0.0.1", port or sink.http_port, timeout=timeout)
    body = {"from": "Shop <shop@example.com>", "to": [to], "subject": "S", "text": "T", "headers": {"Message-ID": f"<{key}@d>"}}
    try:
        connection.request("POST", "/emails", json.dumps(body), {"Idempotency-Key": key})
        response = connection.getresponse()
        return response.status, response.getheader("Retry-After"), json.loads(response.read())
    finally:
        connection.close()


def send_smtp(sink, number=1):
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as client:
        client.sendmail("shop@example.com", ["a@example.com"],
                        f"Message-ID: <{number:064d}@d>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHi\r\n..dot\r\n")


def test_a_virtual_host_has_its_own_queues_and_a_delivered_message_counts_as_there(bench, work_queue):
    bench.publish(order(1), order(2))
    assert bench.depth(work_queue) == 2
    connection = bench.broker.connect(bench.vhost)
    connection.channel().basic_get(work_queue)
    assert (bench.depth(work_queue), bench.total(work_queue)) == (1, 2)
    connection.close()
    assert bench.broker.queues(bench.vhost)[work_queue]["arguments"] == {"x-queue-type": "quorum"}
    assert ("leveret.in", "#", work_queue) in bench.broker.bindings(bench.vhost)


def test_pipelined_publishing_confirms_each_message_and_tells_the_ledger(bench, work_queue):
    messages = [order(n) for n in range(1, 701)]
    assert sorted(bench.publish_many(messages)) == sorted(m.id for m in messages)
    assert bench.ledger.confirmed_ids() == {m.id for m in messages}
    assert bench.depth(work_queue) == 700


def test_a_message_that_no_queue_takes_is_an_error_for_the_publisher(bench, work_queue):
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_unbind(work_queue, "leveret.in", "#")
    with pytest.raises(RuntimeError, match="returned"):
        publish_many(bench.url, [order(1)])


def test_node_publishes_with_confirms(bench, work_queue, node_publisher):
    messages = [order(n) for n in range(1, 51)]
    assert sorted(node_publisher.publish(bench.url, messages, ledger=bench.ledger)) == sorted(m.id for m in messages)
    taken = bench.dead_letters(50, queue=work_queue)
    assert {d.id for d in taken} == {m.id for m in messages}
    assert taken[0].properties.type == "order.created.v1" and taken[0].properties.delivery_mode == 2


def test_a_lost_message_shows_in_the_account(bench, work_queue):
    kept, lost = bench.publish(order(1), order(2))
    bench.ids_in(work_queue)
    bench.redis.client.hset(f"leveret:job:{{{kept.id}}}", "state", "completed")
    account = bench.account()
    assert account.ok == {kept.id} and account.lost == {lost.id}
    with pytest.raises(AssertionError):
        account.check()


def test_the_sink_answers_as_scripted_and_keeps_only_what_it_accepted(sink):
    sink.reset()
    sink.script(503, 503)
    sink.script({"status": 429, "headers": {"Retry-After": "2"}}, to="slow@example.com")
    assert [post(sink)[0] for _ in range(3)] == [503, 503, 200]
    assert post(sink, to="slow@example.com")[:2] == (429, "2")
    assert [m["to"] for m in sink.mails()] == ["a@example.com"]
    assert [a["answer"] for a in sink.attempts()] == [503, 503, 200, 429]
    assert json.loads(sink.ledger_path.read_text().splitlines()[-1])["key"] == "k" * 64


def test_the_sink_can_cut_before_its_answer_though_it_took_the_mail(sink):
    sink.reset()
    sink.script({"cut": "reset", "accept": True}, "cut before")
    for _ in range(2):
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(sink)
    assert sink.count() == 1


def test_the_sink_honours_idempotency_keys_on_demand(sink):
    sink.reset()
    sink.mode("healthy", dedupe=True)
    assert post(sink)[2] == post(sink)[2]
    assert post(sink, to="other@example.com")[0] == 409
    assert sink.count() == 1


def test_the_sink_can_refuse_connections_and_come_back(sink):
    sink.reset()
    sink.mode("refuse")
    with pytest.raises(ConnectionRefusedError):
        post(sink)
    sink.mode("healthy")
    assert post(sink)[0] == 200


def test_the_sink_takes_mails_over_smtp_and_refuses_at_each_stage(sink):
    sink.reset()
    send_smtp(sink)
    for stage in ("banner 421 4.3.2 no", "mail 451 4.0.0 no", "rcpt 550 5.1.1 no", "data 452 4.3.1 full", "dot 554 5.6.0 no",
                  "dot cut before"):
        sink.script(stage)
        with pytest.raises(smtplib.SMTPException):
            send_smtp(sink)
    (mail,) = sink.mails()
    assert mail["subject"] == "Grüße" and mail["text"].replace("\r\n", "\n") == "Hi\n..dot\n" and mail["key"] == f"{1:064d}"
    assert len(sink.attempts()) == 7


def test_the_proxy_passes_cuts_and_swallows(sink):
    sink.reset()
    with Proxy(sink.http_port) as proxy:
        assert post(sink, port=proxy.port)[0] == 200
        proxy.up.cut_after = 40
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(sink, port=proxy.port)
        proxy.down.drop = True
        with pytest.raises(socket.timeout):
            post(sink, port=proxy.port, timeout=0.5)
        proxy.pass_all()
        proxy.blackhole = True
        with pytest.raises(socket.timeout):
            post(sink, port=proxy.port, timeout=0.5)
        assert sink.count() == 2, "what went into the black hole did not arrive, what came after the drop did"
        proxy.refuse = True
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(sink, port=proxy.port)


def test_redis_keeps_what_it_acknowledged_over_a_kill(redis):
    redis.client.set("kept", "1")
    redis.kill()
    redis.restart()
    assert redis.client.get("kept") == "1"


def test_waiting_gives_up_and_says_what_for():
    with pytest.raises(Overdue, match="never"):
        wait_until(lambda: False, within=0.05, what="never")


def test_configuration_is_written_as_yaml():
    tree = {"a": {"url": "x", "b": True}, "queues": [{"name": "q", "tiers": ["1s", "2s"], "retry": {"attempts": 2}}]}
    assert yaml(merged(tree, {"a": {"b": None, "c": 3}})) == (
        'a:\n  url: "x"\n  c: 3\nqueues:\n  - name: "q"\n    tiers: ["1s", "2s"]\n    retry:\n      attempts: 2')


def test_messages_can_be_spoiled():
    assert Message(id=None, type="x", body="{").properties.message_id is None
