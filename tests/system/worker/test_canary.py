"""The look for secrets, addresses and bodies in all that a run shows can fail."""
import json
import shutil

import pika
import pytest

from harness import canary

LINE = {"ts": "2026-01-02T03:04:05.678Z", "level": "warn", "event": "send_failed", "worker": "host-1", "id": "order-1", "attempt": 0,
        "error": "to j***@example.com: refused"}
PAGE = "# HELP leveret_ready 1 if /readyz says so.\n# TYPE leveret_ready gauge\nleveret_ready 1\n"


@pytest.fixture(autouse=True)
def uncounted():
    """What is looked at here is not what workers showed."""
    seen, shapes = canary.seen.copy(), set(canary._shapes)
    yield
    canary.seen.clear(), canary.seen.update(seen)
    canary._shapes.clear(), canary._shapes.update(shapes)


def properties(**headers):
    return pika.BasicProperties(message_id="order-1", headers=headers)


def test_what_is_as_it_should_be_is_accepted():
    canary.check_log_line(json.dumps(LINE), "a log")
    canary.check_metrics(PAGE, "a page")
    canary.check_status('{"ready": true}', "a page")
    canary.check_dead_letter(properties(**{"x-leveret-error": "/customer_email: expected an e-mail address", "x": canary.BODY}), "it")


@pytest.mark.parametrize("change", [
    {"error": f"the server said {canary.API_KEY}"}, {"msg": "sent to ada@example.com"}, {"error": canary.BODY},
    {"error": f"amqp://tests:{canary.BROKER_PASSWORD}@127.0.0.1"}, {"attempt": "0"}, {"to": "j***@example.com"}, {"level": "fatal"},
    {"ts": "2026-01-02 03:04:05"}, {"event": ""},
], ids=str)
def test_a_log_line_that_shows_too_much_or_is_none_is_found(change):
    with pytest.raises(AssertionError):
        canary.check_log_line(json.dumps({**LINE, **change}), "a log")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (package prometheus)")
@pytest.mark.parametrize("page", [PAGE + f'leveret_info{{token="{canary.ADMIN_TOKEN}"}} 1\n', PAGE + PAGE, "leveret_ready one\n",
                                  PAGE.replace("leveret_ready", "leveret_total")], ids=["secret", "twice", "no number", "lint"])
def test_a_bad_page_of_metrics_is_found(page):
    with pytest.raises(AssertionError):
        canary.check_metrics(page, "a page")


@pytest.mark.parametrize("headers", [{"x-leveret-error": "no such user ada@example.com"}, {"x-leveret-error": f"title: {canary.BODY}"},
                                     {"x-other": canary.REDIS_PASSWORD}], ids=str)
def test_a_dead_letter_that_shows_too_much_is_found(headers):
    with pytest.raises(AssertionError):
        canary.check_dead_letter(properties(**headers), "a dead letter")
