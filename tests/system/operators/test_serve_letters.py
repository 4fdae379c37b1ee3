"""Dead letters over HTTP: redriven, dropped, restored, mended; each an operation that any process can tell of."""
import json
import signal

from harness.letters import PAST, broken, expired, fill, rows
from harness.publish import order
from harness.wait import wait_until


def ended(api, reply):
    """The operation that the reply began, once it is over."""
    assert reply.status == 202, reply
    path = f"/v1/operations/{reply.json()['id']}"
    wait_until(lambda: api.get(path).json()["state"] != "running", what="the operation ends", within=60)
    return api.get(path).json()


def letters(api, bench, **query):
    return api.items(f"/v1/dead/{bench.queue}", limit=1000, **query)


def test_letters_are_redriven_as_an_operation(bench, serve):
    fill(bench, [*(broken(n) for n in range(4)), *(expired(n) for n in range(3))])
    api, other = serve(bench.leveret(name="serve")), serve(bench.leveret(name="other"))
    path = f"/v1/dead/{bench.queue}/redrive"
    dry = api.post(path, {"all": True, "dry_run": True})
    assert dry.status == 200 and (dry.json()["total"], dry.json()["expired"], dry.json()["dry_run"]) == (7, 3, True)
    assert sorted(group["count"] for group in dry.json()["groups"]) == [3, 4] and len(letters(api, bench)) == 7
    some = letters(api, bench, reason="bad_payload")[:2]
    began = api.post(path, {"ids": [letter["dead_id"] for letter in some]})
    assert began.json()["state"] == "running" and began.json()["kind"] == "redrive" and began.json()["total"] == 2
    over = ended(other, began)  # the other process tells it, too
    assert (over["state"], over["done"], over["total"], over["error"], over["token"]) == ("done", 2, 2, None, "operateer")
    assert bench.depth(bench.queue) == 2 and len(letters(api, bench)) == 5
    over = ended(api, api.post(path, {"all": True}))
    assert (over["state"], over["done"], over["expired"]) == ("done", 2, 3) and len(letters(api, bench)) == 3
    over = ended(api, api.post(path, {"reason": "expired", "expired": True, "rate": 100}))
    assert (over["state"], over["done"]) == ("done", 3) and not letters(api, bench)
    over = ended(api, api.post(path, {"type": "no.such.v1"}))
    assert (over["state"], over["total"]) == ("done", 0)
    assert {operation["kind"] for operation in api.items("/v1/operations")} == {"redrive"} and len(api.items("/v1/operations")) == 4
    assert [entry["action"] for entry in api.items("/v1/audit")] == ["redrive"] * 4


def test_what_is_no_choice_is_refused(bench, serve):
    fill(bench, [broken(1)])
    api = serve(bench.leveret(name="serve"))
    for verb in ("redrive", "drop"):
        path = f"/v1/dead/{bench.queue}/{verb}"
        for body in ({}, {"dry_run": True}, {"all": False}, {"all": True, "ids": ["x"]}, {"all": True, "reason": "expired"}, {"ids": []}, {"ids": [1]},
                     {"all": 1}, {"all": True, "colour": 1}, {"reason": "no_such"}, {"since": "soon"}, [], "x", {"type": ""}):
            reply = api.post(path, body)
            assert reply.status == 400 and reply.json()["errors"], (verb, body, reply)
        assert api.post(path, {"ids": ["nobody"]}).status == 404
        assert api.post(path, {"all": True}, role="read").status == 403 and api.post(path, {"all": True}, role="publish").status == 403
        assert api.post(f"/v1/dead/no.such/{verb}", {"all": True}).status == 404
    for body in ({"all": True, "rate": 0}, {"all": True, "to": "no.such"}, {"all": True, "expired": "yes"}):
        assert api.post(f"/v1/dead/{bench.queue}/redrive", body).status == 400, body
    assert api.post(f"/v1/dead/{bench.queue}/drop", {"all": True, "rate": 5}).status == 400
    assert len(letters(api, bench)) == 1 and api.items("/v1/operations") == [] and api.get("/v1/operations/none").status == 404


def test_what_is_dropped_can_be_restored(bench, serve):
    leveret = fill(bench, [broken(n) for n in range(5)])
    api = serve(bench.leveret(name="serve"))
    before = letters(api, bench)
    dropped = ended(api, api.post(f"/v1/dead/{bench.queue}/drop", {"ids": [letter["dead_id"] for letter in before[:3]]}))
    assert (dropped["state"], dropped["done"], dropped["restorable"]) == ("done", 3, True)
    assert [letter["dead_id"] for letter in letters(api, bench)] == [letter["dead_id"] for letter in before[3:]]
    restore = f"/v1/operations/{dropped['id']}/restore"
    assert api.post(restore, {}, role="read").status == 403
    restored = ended(api, api.post(restore, {}))
    assert (restored["kind"], restored["state"], restored["done"]) == ("restore", "done", 3)
    assert sorted(letter["dead_id"] for letter in letters(api, bench)) == sorted(letter["dead_id"] for letter in before)
    assert api.get(f"/v1/operations/{dropped['id']}").json()["restorable"] is False and api.post(restore, {}).status == 409
    over = ended(api, api.post(f"/v1/dead/{bench.queue}/redrive", {"all": True}))
    assert over["done"] == 5
    assert len(rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))) == 0


def test_a_letter_is_mended_and_sent_as_a_new_job(bench, serve):
    fill(bench, [order(1, id="order/1", headers={"deadline": PAST})])
    bench.worker()
    api = serve(bench.leveret(name="serve"))
    (letter,) = letters(api, bench)
    path = f"/v1/dead/{bench.queue}/{letter['dead_id']}/redrive"
    for body in ({}, {"data": 1, "body": "x"}, {"colour": 1}, {"headers": 1}, {"id": "a b"}, {"headers": {"x-leveret-attempt": 3}}):
        reply = api.post(path, body)
        assert reply.status == 400 and reply.json()["errors"], (body, reply)
    assert api.post(f"/v1/dead/{bench.queue}/none/redrive", {"data": {}}).status == 404
    still = ended(api, api.post(path, {"data": {"order_id": "x"}, "headers": {"deadline": None}}))
    assert still["state"] == "failed" and "bad_payload" in still["error"] and len(letters(api, bench)) == 1
    good = {"order_id": 1, "customer_email": "ada@example.com", "title": "T"}
    over = ended(api, api.post(path, {"data": good, "headers": {"subject": "order/1", "deadline": None}}))
    assert (over["state"], over["new_id"], over["done"]) == ("done", "order/1:e1", 1) and not letters(api, bench)
    assert bench.wait_state("order/1:e1", "completed")["subject"] == "order/1"
    assert json.loads(json.dumps(over))["kind"] == "edit"


def test_an_operation_is_stopped_and_one_of_a_dead_process_reads_stopped(bench, serve):
    fill(bench, [broken(n) for n in range(40)])
    api, other = serve(bench.leveret(name="serve")), serve(bench.leveret(name="other"))
    began = api.post(f"/v1/dead/{bench.queue}/redrive", {"all": True, "rate": 2}).json()
    busy = api.post(f"/v1/dead/{bench.queue}/drop", {"all": True})
    if busy.status == 202:  # it came before the lock
        assert ended(api, busy)["state"] == "failed"
    else:
        assert busy.status == 409 and "somebody works" in busy.json()["detail"]
    wait_until(lambda: other.get(f"/v1/operations/{began['id']}").json()["done"] > 0, what="progress is told")
    assert other.ask("POST", f"/v1/operations/{began['id']}/stop").status == 200
    wait_until(lambda: other.get(f"/v1/operations/{began['id']}").json()["state"] == "stopped", what="it stops", within=30)
    left = len(letters(api, bench))
    over = other.get(f"/v1/operations/{began['id']}").json()
    assert 0 < left < 40 and over["done"] == 40 - left and "as it was" in over["error"]
    again = api.post(f"/v1/dead/{bench.queue}/redrive", {"all": True, "rate": 1}).json()
    wait_until(lambda: other.get(f"/v1/operations/{again['id']}").json()["done"] > 0, what="progress is told")
    api.process.popen.kill()
    api.process.popen.wait()
    api.stop = lambda: None
    wait_until(lambda: other.get(f"/v1/operations/{again['id']}").json()["state"] == "stopped", what="it reads stopped", within=40)
    assert "process" in other.get(f"/v1/operations/{again['id']}").json()["error"]


def test_an_operation_before_a_broker_that_hangs_does_not_keep_serve_from_ending(bench, serve):
    fill(bench, [broken(n) for n in range(40)])
    api, other = serve(bench.leveret(name="serve")), serve(bench.leveret(name="other"))
    began = api.post(f"/v1/dead/{bench.queue}/redrive", {"all": True, "rate": 2}).json()
    wait_until(lambda: other.get(f"/v1/operations/{began['id']}").json()["done"] > 0, what="progress is told")
    bench.broker.freeze()
    try:
        api.process.signal(signal.SIGTERM)
        assert api.process.wait(9) == 0, api.process.stderr()
    finally:
        bench.broker.thaw()
    wait_until(lambda: other.get(f"/v1/operations/{began['id']}").json()["state"] == "stopped", what="it reads stopped", within=40)
    over = other.get(f"/v1/operations/{began['id']}").json()
    wait_until(lambda: bench.depth(bench.dlq) == len(letters(other, bench)), what="queue and index agree")
    assert 40 - over["done"] - 1 <= len(letters(other, bench)) <= 40 - over["done"] + 1


def test_the_overview_tells_numbers_and_the_last_hour(bench, serve):
    bench.worker()
    api = serve(bench.last)
    wait_until(lambda: api.get("/v1/overview").json()["history"]["samples"], what="a sample is taken")
    wait_until(lambda: api.get("/v1/overview").json()["workers"] == 1, what="the worker tells of itself")
    overview = api.get("/v1/overview").json()
    assert overview["ready"] == 0 and overview["dead"] == 0 and overview["complete"] is True and overview["retrying"] == 0
    assert overview["guards"] == {"allow_to": [], "redirect_to": None, "bcc_all": None} and overview["history"]["step_ms"] == 15000
    sample = overview["history"]["samples"][-1]
    assert {"at_ms", "rate", "ready", "retrying", "dead", "in_flight", "workers"} <= set(sample) and sample["at_ms"] <= overview["now_ms"]
    assert api.get("/v1/overview", role="publish").status == 403


def test_a_letter_is_read_whole_and_stays_where_it_is(bench, serve):
    leveret = fill(bench, [order(n, id=f"order/{n}", headers={"deadline": PAST, "tenant": f"t{n}"}) for n in range(5)] + [broken(1, value="x" * 20000)])
    api = serve(bench.leveret(name="serve"))
    known = {row["id"]: row["dead_id"] for row in letters(api, bench)}
    root = f"/v1/dead/{bench.queue}"
    whole = api.get(f"{root}/{known['order/3']}/message", role="read").json()
    assert whole["headers"]["tenant"] == "t3" and whole["properties"]["message_id"] == "order/3" and json.loads(whole["body"])["order_id"] == 3
    (exported,) = [json.loads(line) for line in leveret.run("dlq", "export", bench.queue, "order/3").stdout.splitlines()]
    assert whole["body"] == exported["body"] and whole["headers"]["tenant"] == exported["headers"]["tenant"]
    long = next(dead for id, dead in known.items() if id not in {f"order/{n}" for n in range(5)})
    assert len(api.get(f"{root}/{long}/message").json()["body"]) > 20000 > len(api.get(f"{root}/{long}").json()["head"])
    assert api.get(f"{root}/none/message").status == 404 and api.get(f"/v1/dead/leveret.unrouted/{long}/message").status == 404
    bench.redis.client.set(f"leveret:lock:dlq:{bench.queue}", "somebody", px=3000)
    assert api.get(f"{root}/{long}/message").status == 409
    wait_until(lambda: bench.depth(bench.dlq) == 6, what="all are in their place")
    assert len(letters(api, bench)) == 6 and not api.items("/v1/audit")
