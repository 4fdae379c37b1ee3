"""What a job sent and a letter would send, planned anew; and a type's mails in each language."""
import json

from harness.letters import broken, expired, fill
from harness.publish import Message, email, order
from harness.worker import ROOT


def test_the_mails_of_a_job_are_shown_while_its_payload_is_kept(bench, serve):
    bench.worker(claim={"keep_payload": "1d"})
    kept = bench.publish(email("ada@example.com", subject="Kept", id="mail/1"))
    large = bench.publish(Message("email.send.v1", {"to": "a@example.com", "subject": "S", "text": bench_noise(200000)}, id="large"))
    bench.wait_state(kept, "completed")
    bench.wait_state(large, "completed")
    api = serve(bench.last)
    shown = api.get("/v1/jobs/mail%2F1/mails").json()
    planned = api.post("/v1/types/email.send.v1/plan", {"data": json.loads(kept.body)}).json()
    assert shown == {"from": "payload", "data": json.loads(kept.body), **planned} and shown["effects"][0]["subject"] == "Kept"
    assert api.get("/v1/jobs/mail%2F1").json()["payload"] is True and api.get("/v1/jobs/large").json()["payload"] is False
    ttl = bench.redis.client.pttl("leveret:payload:{mail/1}")
    assert 86000000 < ttl <= 86400000
    missing = api.get("/v1/jobs/large/mails")
    assert missing.status == 404 and "claim.keep_payload" in missing.json()["detail"]
    assert api.get("/v1/jobs/nobody/mails").status == 404 and api.get("/v1/jobs/mail%2F1/mails", role="publish").status == 403
    assert bench.last.run("job", "forget", "mail/1").returncode == 0 and not bench.redis.client.exists("leveret:payload:{mail/1}")


def bench_noise(count):
    """What gzip makes no smaller than 64 KiB."""
    return "".join(chr(0x4e00 + (n * n * 7919 >> 3) % 20000) for n in range(count // 3))


def test_payloads_are_not_kept_unless_asked_for(bench, serve):
    bench.worker()
    bench.wait_state(bench.publish(order(1, id="one")), "completed")
    assert not bench.redis.client.keys("leveret:payload:*")
    assert serve(bench.last).get("/v1/jobs/one/mails").status == 404


def test_a_letter_shows_what_it_would_send_or_why_it_cannot(bench, serve):
    leveret = fill(bench, [expired(1, id="late"), broken(2), Message("no.such.type.v1", {}, id="unknown"), Message("order.created.v1", body="{", id="torn")])
    api = serve(leveret)
    letters = {row["id"]: row for row in api.items(f"/v1/dead/{bench.queue}")}
    mails = {id: api.get(f"/v1/dead/{bench.queue}/{row['dead_id']}/mails") for id, row in letters.items()}
    late = mails.pop("late").json()
    assert late["from"] == "letter" and late["effects"][0]["to"] == "order2@example.com"
    assert api.get("/v1/jobs/late/mails").json() == late
    assert "no handler" in mails.pop("unknown").json()["detail"] and "bad_payload" in mails.pop("torn").json()["detail"]
    (bad,) = mails.values()
    assert bad.status == 400 and bad.json()["errors"][0]["pointer"] == "/data/customer_email"
    assert api.get(f"/v1/dead/{bench.queue}/{'0' * 32}/mails").status == 404


def test_a_type_is_planned_in_each_of_its_languages(bench, serve):
    api = serve(bench.leveret(types={"path": [str(ROOT / "handlers")]}))
    shown = api.get("/v1/types/order.shipped.v1").json()
    assert shown["locales"] == ["", "de"] and api.get("/v1/types/order.created.v1").json()["locales"] == []
    path, data = "/v1/types/order.shipped.v1/plan", shown["example"]
    subjects = [api.post(path, {"data": data, "locale": locale}).json()["effects"][0]["subject"] for locale in ("", "de")]
    assert subjects[0] != subjects[1] and "unterwegs" in subjects[1]
    assert api.post("/v1/types/order.created.v1/plan", {"data": {}, "locale": "de"}).status == 400
    assert api.post(path, {"data": data, "locale": 1}).status == 400 and api.post(path, {"locale": "de"}).status == 400
