"""Alerts: by mail and webhook, digested, and never in the way of the work."""
import http.server
import json
import threading

import pytest

from harness.publish import Message, order
from harness.servers.mail_services import Service
from harness.wait import wait_until

TO = "night@example.com"


class Hook:
    """Takes alerts; answers `status`."""

    def __init__(self):
        self.posts, self.status = [], 200
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/secret-hook-path"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self, kind=None):
        return [a for post in self.posts for a in post["alerts"] if kind in (None, a["kind"])]


@pytest.fixture
def hook():
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def mails(bench):
    return [m for m in bench.sink.mails(to=TO)]


def test_deaths_are_told_in_one_digest_an_interval_with_counts(bench, hook):
    worker = bench.worker(alerts={"mail_to": TO, "webhook": hook.url, "interval": "3s"})
    bench.publish(*[Message("order.created.v1", {"order_id": n}) for n in range(20)])
    wait_until(lambda: sum(a["count"] for a in hook.alerts("dead")) == 20, what=lambda: f"{hook.posts}")
    wait_until(lambda: mails(bench), what="a mail")
    assert len(hook.alerts("dead")) <= 2 and hook.alerts("dead")[0]["type"] == "order.created.v1"
    assert f"leveret dlq groups {bench.queue}" in hook.posts[0]["text"]
    mail = mails(bench)[0]
    assert mail["subject"].startswith("[leveret] 1 alert") and "bad_payload" in mail["text"]
    bench.publish(order(1))
    wait_until(lambda: bench.sink.mails(to="order1@example.com"), what="the work goes on")
    assert worker.stop() == 0
    assert len(mails(bench)) <= 2


def test_alerts_link_to_the_page(bench, hook):
    base = "https://mails.example.com"
    bench.worker(alerts={"mail_to": TO, "webhook": hook.url}, serve={"base_url": base})
    bench.publish(Message("order.created.v1", {}))
    wait_until(lambda: mails(bench) and hook.posts, what="both")
    for text in (mails(bench)[0]["text"], hook.posts[0]["text"]):
        assert f"{base}/#/dead/{bench.queue}\n" in text
    assert hook.posts[0]["link"] == base and f"The page: {base}\n" in mails(bench)[0]["text"]


def test_a_service_that_takes_no_mail_without_html_takes_an_alert(bench):
    with Service("brevo") as service:
        bench.worker(mail=service.config(), alerts={"mail_to": TO, "interval": "1s"})
        bench.publish(Message("order.created.v1", {"order_id": "1"}))
        wait_until(lambda: service.taken, what="the alert")
        assert not service.faults, service.faults


def test_an_alert_gives_the_connection_back_that_it_was_mailed_on(bench):
    bench.worker(alerts={"mail_to": TO, "interval": "1s"}, mail={"http": {"connections": 1}})
    for told in (1, 2):
        bench.publish(Message("order.created.v1", {}))
        wait_until(lambda: len(mails(bench)) == told, what=f"alert {told}")
    bench.wait_state(bench.publish(order(1)), "completed")


@pytest.mark.parametrize("refusal", [503, 401, 422])
def test_an_alert_that_the_mail_service_refuses_is_told_an_interval_later(bench, refusal):
    worker = bench.worker(alerts={"mail_to": TO, "interval": "1s"})
    bench.sink.script(refusal, to=TO)
    bench.publish(Message("order.created.v1", {}))
    wait_until(lambda: worker.logged(event="alert_failed"), what="the refusal")
    wait_until(lambda: mails(bench), what="the same alert")
    assert "dead: 1 of order.created.v1" in mails(bench)[0]["text"]


def test_an_open_breaker_is_told_by_webhook_at_once_and_by_mail_when_it_is_closed_again(bench, hook):
    bench.worker(alerts={"mail_to": TO, "webhook": hook.url, "interval": "5m"})
    bench.sink.mode("refuse")
    bench.publish(*[order(n + 1) for n in range(12)])
    wait_until(lambda: hook.alerts("breaker_open"), what="the webhook")
    assert not mails(bench)
    bench.sink.mode("healthy")
    wait_until(lambda: mails(bench), within=40, what="the mail")
    assert "breaker_open" in mails(bench)[0]["text"]
    bench.wait_completed(12)
    assert len(hook.alerts("breaker_open")) == 1 and len(mails(bench)) == 1


def test_refused_credentials_are_told(bench, hook):
    worker = bench.worker(alerts={"webhook": hook.url})
    bench.sink.script(401)
    bench.publish(order(1))
    wait_until(lambda: hook.alerts("mail_refused"), what="the webhook")
    bench.wait_completed(1)
    assert worker.stop() == 0


def test_a_webhook_that_fails_delays_nothing_is_logged_without_its_url_and_tells_later(bench, hook):
    hook.status = 500
    worker = bench.worker(alerts={"webhook": hook.url, "interval": "2s"})
    bench.publish(Message("order.created.v1", {}), *[order(n + 1) for n in range(10)])
    wait_until(lambda: worker.logged(event="alert_failed"), what="the log")
    bench.sink.wait_for(10)
    hook.status = 200
    count = len(hook.posts)
    wait_until(lambda: len(hook.posts) > count, what="told later")
    assert hook.posts[-1]["alerts"][0]["count"] == 1
    assert "secret-hook-path" not in worker.process.stderr()
    assert worker.stop() == 0


def test_a_queue_that_is_deleted_is_told(bench, hook):
    bench.worker(alerts={"webhook": hook.url})
    bench.broker.delete_queue(bench.queue, bench.vhost)
    wait_until(lambda: hook.alerts("queue_lost"), what="the webhook")
    assert bench.queue in hook.alerts("queue_lost")[0]["text"]


def test_a_schedule_that_is_late_is_told(bench, hook):
    """Its ticks are known to Redis, and there is no broker that would take one."""
    changes = {"schedules": [{"name": "nightly", "cron": "* * * * *", "type": "email.send.v1", "missed": "all",
                              "data": {"to": TO, "subject": "Digest", "text": "Hello"}}], "alerts": {"webhook": hook.url}}
    bench.worker(**changes).process.stop()
    (key,) = bench.redis.client.keys("leveret:schedule:*")
    bench.redis.client.hincrby(key, "last_ms", -5 * 60_000)
    bench.leveret(bench.config(amqp={"url": "amqp://guest:guest@127.0.0.1:1/"}, **changes)).start(ready=False)
    wait_until(lambda: hook.alerts("schedule_late"), what="the webhook")
    assert [alert["text"] for alert in hook.alerts("schedule_late")] == ["nightly"]


def test_another_webhook_and_another_limit_hold_from_the_reload_on(bench, hook):
    worker = bench.worker(mail={"breaker": {"failures": 50}})
    bench.last.change(alerts={"webhook": hook.url, "interval": "1s"}, mail={"breaker": {"failures": 1}})
    worker.hang_up()
    wait_until(lambda: worker.logged(event="reloaded"), what="the file is read again")
    bench.sink.script(503)
    bench.publish(order(1))
    wait_until(lambda: hook.alerts("breaker_open"), what="one failure opens it, and the webhook is told")
    bench.wait_completed(1)
    bench.last.change(alerts={"webhook": None})
    told = len(worker.logged(event="reloaded"))
    worker.hang_up()
    wait_until(lambda: len(worker.logged(event="reloaded")) > told, what="the file is read once more")
    posts = len(hook.posts)
    bench.publish(Message("order.created.v1", {}))
    bench.dead_letters(1)
    assert worker.stop() == 0 and len(hook.posts) == posts


def test_a_pause_that_was_forgotten_is_told(bench, hook):
    bench.worker(alerts={"webhook": hook.url, "interval": "2s", "idle": "2s"})
    assert bench.last.run("queue", "pause", bench.queue).returncode == 0
    bench.publish(order(1))
    wait_until(lambda: hook.alerts("idle"), within=40, what="idle")
    assert f"paused, see leveret queue resume: {bench.queue}" in hook.posts[-1]["text"]
    assert bench.last.run("queue", "resume", bench.queue).returncode == 0
    bench.wait_completed(1)


def test_a_queue_in_which_nothing_waits_is_not_named_though_it_is_paused(bench, hook):
    """The empty one stands first in the configuration."""
    queues = bench.config()["queues"]
    empty = {**queues[0], "name": f"{bench.queue}.empty", "bindings": ["nothing.of.this"]}
    bench.worker(queues=[empty, *queues], alerts={"webhook": hook.url, "interval": "2s", "idle": "2s"})
    for queue in (empty["name"], bench.queue):
        assert bench.last.run("queue", "pause", queue).returncode == 0
    bench.publish(order(1))
    wait_until(lambda: hook.alerts("idle"), within=40, what="idle")
    assert all(f"queue resume: {bench.queue}" in alert["text"] and empty["name"] not in alert["text"] for alert in hook.alerts("idle"))


def test_nothing_succeeding_though_work_waits_is_told(bench, hook):
    bench.worker(alerts={"webhook": hook.url, "interval": "2s", "idle": "2s"},
                 mail={"breaker": {"failures": 64}})
    bench.sink.mode("refuse")
    bench.publish(*[order(n + 1) for n in range(3)])
    wait_until(lambda: hook.alerts("idle"), within=30, what="idle")
    bench.sink.mode("healthy")
    bench.wait_completed(3, within=40)
