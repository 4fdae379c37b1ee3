"""The web page in a real browser, on a real worker, broker, Redis and API."""
import json
import math
import os
import shutil
import time

import pytest

from harness.browser import Browser
from harness.letters import PAST, broken, expired, fill
from harness.publish import Message, order
from harness.wait import wait_until
from harness.worker import ROOT

HOSTILE = """<!doctype html><html><head><style>p.greeting{color:rgb(10,20,30)} body{background:url(http://evil.invalid/a.png)}
@import "http://evil.invalid/x.css";</style><link rel="stylesheet" href="http://evil.invalid/l.css">
<script>parent.pwned = top.pwned = 1; parent.document.title = "pwned"</script></head>
<body style="margin:4px" onload="parent.pwned=1"><p class="greeting" onclick="parent.pwned=1">Hello from the mail</p>
<img src="http://evil.invalid/pixel.png" alt="logo"><img src="x" onerror="parent.document.title='pwned'">
<svg onload="parent.pwned=1"><image href="http://evil.invalid/s.png"/></svg><a href="javascript:parent.pwned=1">pay</a>
<iframe src="http://evil.invalid/"></iframe><form action="http://evil.invalid/"><button>go</button></form>
<meta http-equiv="refresh" content="0;url=http://evil.invalid/"></body></html>"""


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.stop()


def hostile(to="ada@example.com"):
    return {"to": to, "subject": "A mail that tries", "text": "only text\n", "html": HOSTILE}


def busy(bench, clean=True):
    """A worker, and some jobs that are done; `clean`: and none that is dead."""
    bench.worker(claim={"keep_payload": "1d"}, types={"path": [str(ROOT / "handlers")]})
    bench.publish_many([order(n, id=f"order-{n}", headers={"subject": f"customer/{n % 5}"}) for n in range(1, 21)] + [Message("email.send.v1", hostile(), id="mail/42:a")])
    if clean:
        bench.wait_completed(21)
    else:
        wait_until(lambda: sum(job.get("state") == "completed" for job in bench.redis.jobs().values()) >= 21, what="21 completed")


def settled(api):
    wait_until(lambda: len(api.items("/v1/jobs", limit=100)) >= 21 and api.items("/v1/workers"), what="the index and the presence follow")


def test_people_log_in_and_find_a_job_and_its_timeline(bench, serve, browser):
    busy(bench)
    api = serve(bench.last)
    settled(api)
    browser.play(api, ("door", {}), ("overview", {"queue": bench.queue}),
                 ("find", {"id": "order-7", "subject": "customer/3", "others": ["order-3", "order-8", "order-13", "order-18"]}),
                 ("timeline", {"id": "mail/42:a"}), ("readers", {"queue": bench.queue}))


def test_a_type_is_previewed_and_its_mail_does_nothing(bench, serve, browser):
    api = serve(bench.leveret(types={"path": [str(ROOT / "handlers")]}))
    browser.play(api, ("locales", {"type": "order.shipped.v1"}), ("preview", {"type": "email.send.v1", "payload": hostile(), "wrong": hostile("no address")}))


def test_queues_are_paused_and_resumed_and_the_audit_says_by_whom(bench, serve, browser):
    bench.worker()
    api = serve(bench.last)
    wait_until(lambda: api.items("/v1/workers"), what="the worker tells of itself")
    browser.play(api, ("pause", {"queue": bench.queue}))
    assert api.items("/v1/queues")[0]["paused"] is False


def test_schedules_show_their_next_runs_and_lead_to_the_last(bench, serve, browser):
    now_ms = int(time.time() * 1000)
    minute = (now_ms // 60_000 - 5) % 60  # nothing is due while the page is looked at
    schedules = [{"name": "digest", "cron": f"{minute} * * * *", "timezone": "Asia/Kolkata", "type": "email.send.v1",
                  "data": {"to": "ada@example.com", "subject": "Digest", "text": "Hello"}}]
    bench.worker(schedules=schedules).process.stop()
    (key,) = bench.redis.client.keys("leveret:schedule:*")
    bench.redis.client.hset(key, "last_ms", now_ms - 2 * 3_600_000)
    bench.worker(schedules=schedules)
    api = serve(bench.last)
    wait_until(lambda: api.items("/v1/schedules")[0]["last_state"] == "completed", what="the missed tick is made up for")
    (row,) = api.items("/v1/schedules")
    assert row["next"][0] > now_ms and row["next"][1] - row["next"][0] == 3_600_000
    browser.play(api, ("schedules", {"schedule": "digest", "next": row["next"], "lastId": row["last_id"]}))


@pytest.mark.parametrize("scheme, width", [("light", 375), ("dark", 1280)])
def test_every_view_is_legible_everywhere_and_goes_by_keyboard(bench, serve, browser, scheme, width):
    busy(bench)
    api = serve(bench.last)
    settled(api)
    browser.play(api, ("tour", {"id": "order-7", "type": "email.send.v1"}), ("keyboard", {"id": "order-7", "queue": bench.queue}), scheme=scheme, width=width)


def letters(api, queue):
    return {row["id"]: row["dead_id"] for row in api.items(f"/v1/dead/{queue}", limit=100)}


def test_dead_letters_are_redriven_edited_dropped_and_restored(bench, serve, browser):
    late = Message("email.send.v1", hostile(), id="late", headers={"deadline": PAST})
    long = Message("email.send.v1", {**hostile("no address"), "text": "more than the index of dead letters keeps\n" * 1000})
    fill(bench, [late, long, Message("no.such.type.v1", {}), Message("no.such.type.v1", {"n": 1})])
    bench.worker()
    api = serve(bench.last)
    dead = letters(api, bench.queue)
    (wrong,) = [id for id in dead if id and id != "late" and api.items("/v1/jobs", id=id)[0]["reason"] == "bad_payload"]
    browser.play(api, ("letterMail", {"queue": bench.queue, "dead": dead["late"]}),
                 ("edit", {"queue": bench.queue, "dead": dead[wrong], "id": wrong, "wrong": "no address", "right": "ada@example.com"}),
                 ("drop", {"queue": bench.queue, "reason": "unknown_type", "count": 2}),
                 ("redrive", {"error": "deadline: it has passed", "id": "late"}))
    assert bench.state("late") == bench.state(f"{wrong}:e1") == "completed" and len(letters(api, bench.queue)) == 2
    assert {mail["to"] for mail in bench.sink.mails()} == {"ada@example.com"}
    assert [entry["action"] for entry in api.items("/v1/audit")] == ["redrive", "restore", "drop", "edit"]


def test_a_job_that_waits_is_cancelled(bench, serve, browser):
    leveret = bench.leveret(name="serve")
    assert leveret.run("topology", "apply").returncode == 0
    api = serve(leveret)
    made = api.post("/v1/messages", {"type": "email.send.v1", "data": hostile()}, role="publish").json()["id"]
    browser.play(api, ("cancel", {"id": made}))
    bench.worker()
    bench.publish(order(1, id="after"))
    bench.wait_state("after", "completed")
    assert bench.state(made) == "cancelled" and len(bench.sink.mails()) == 1
    assert [(entry["action"], entry["target"]) for entry in api.items("/v1/audit")] == [("cancel", made), ("publish", made)]


@pytest.mark.parametrize("scheme, width", [("light", 1280), pytest.param("dark", 375, marks=pytest.mark.faults)])
def test_support_sees_what_a_customer_was_sent_and_sends_it_again(bench, serve, browser, scheme, width, tmp_path):
    bench.worker(claim={"keep_payload": "1d"}, types={"path": [str(ROOT / "handlers")]})
    parcel = {"order_id": 1042, "customer": {"email": "ada@example.com", "name": "Ada", "locale": "de"}, "lines": [{"title": "A teapot", "count": 1}]}
    bench.publish(Message("order.shipped.v1", parcel, id="shipped/1042", headers={"subject": "customer/42"}),
                  Message("order.created.v1", {"order_id": 1043, "customer_email": "grace at example.com", "title": "A hat"}, id="order/1043", headers={"subject": "customer/43"}))
    bench.wait_state("shipped/1042", "completed")
    bench.wait_state("order/1043", "dead")
    api = serve(bench.last)
    wait_until(lambda: letters(api, bench.queue), what="the letter is listed")
    browser.play(api, ("support", {"sent": {"id": "shipped/1042", "subject": "customer/42", "says": "Hallo Ada"},
                                   "unsent": {"id": "order/1043", "subject": "customer/43", "wrong": "grace at example.com", "right": "grace@example.com"}}),
                 scheme=scheme, width=width, shots=tmp_path)
    assert [mail["to"].partition("<")[2].strip(">") or mail["to"] for mail in bench.sink.mails()] == ["ada@example.com", "ada@example.com", "grace@example.com"]
    again, = (job for job in api.items("/v1/jobs", subject="customer/42") if job["id"] != "shipped/1042")
    assert again["id"].startswith("shipped/1042:again-") and again["publisher"] == "operateer"


def last_hour(bench, dead):
    """An hour of what the API keeps for its charts, as it would have been."""
    now = int(time.time() * 1000)
    bench.redis.client.delete("leveret:samples")
    for step in range(239, -1, -1):
        wave = 24 + 16 * math.sin(step / 19) + 5 * math.sin(step / 3)
        sample = {"at_ms": now - step * 15000, "complete": True, "rate": round(wave, 1), "ready": round(max(0, 260 - 7 * abs(step - 70)) + wave / 9),
                  "retrying": max(0, 40 - abs(step - 60)), "in_flight": 12, "dead": max(0, dead - step // 14), "workers": 2}
        bench.redis.client.lpush("leveret:samples", json.dumps(sample, separators=(",", ":")))


@pytest.mark.faults
def test_pictures_are_taken_for_the_docs(bench, serve, browser, tmp_path):
    """LEVERET_PICTURES=1 puts them into docs/."""
    letters = [*(broken(n) for n in range(7)), *(expired(n) for n in range(5)), *(broken(n, "order_id", "x") for n in range(2)), Message("order.vanished.v1", {})]
    fill(bench, letters)
    busy(bench, clean=False)
    api = serve(bench.last)
    settled(api)
    last_hour(bench, len(letters))
    browser.play(api, ("pictures", {"queue": bench.queue}), shots=tmp_path)
    for name in ("page-overview", "page-dead"):
        picture = tmp_path / f"{name}-light-1280.png"
        assert 10000 < picture.stat().st_size < 200000
        if os.environ.get("LEVERET_PICTURES"):
            shutil.copy(picture, ROOT / "docs" / f"{name}.png")
