"""The HTTP API: the same answers as the commands, to those who may have them, whatever else happens on its port."""
import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import npm
from harness.api import TOKENS
from harness.letters import broken, expired, fill, rows
from harness.proxy import Proxy
from harness.publish import order
from harness.wait import wait_until
from harness.worker import ROOT, sanitizer_reports


def resident_kib(process):
    status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
    return int(status.split("VmRSS:")[1].split()[0])


# ---- the same answers


def test_a_job_is_told_as_the_command_tells_it(bench, serve):
    bench.worker()
    message = bench.publish(order(1, id="order/1:a"))
    bench.wait_state(message, "completed")
    api = serve(bench.last)
    reply = api.get("/v1/jobs/order%2F1:a")
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    assert reply.json() == bench.last.run("job", "show", "order/1:a", "-o", "json").json()
    missing = api.get("/v1/jobs/nobody")
    assert missing.status == 404 and missing.headers["Content-Type"] == "application/problem+json"
    assert missing.json()["status"] == 404 and "not seen by a worker yet" in missing.json()["detail"]


def test_jobs_come_in_pages(bench, serve):
    bench.worker()
    bench.publish_many([order(n, headers={"subject": f"order/{n % 2}"}) for n in range(1, 26)])
    bench.wait_completed(25)
    api = serve(bench.last)
    wait_until(lambda: len(api.items("/v1/jobs", state="completed", limit=100)) == 25, what="the index follows")
    seen, cursor = [], None
    while True:
        page = api.get("/v1/jobs", limit=10, **({"cursor": cursor} if cursor else {})).json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    listed = [row["id"] for row in rows(bench.last.run("job", "list", "--limit", 1000, "-o", "json"))]
    assert sorted(seen) == sorted(listed) and len(set(seen)) == 25 and page["complete"] is True
    assert len(api.items("/v1/jobs", subject="order/1", limit=100)) == 13
    assert [job["id"] for job in api.items("/v1/jobs", id=seen[0])] == [seen[0]] and api.items("/v1/jobs", id="nobody") == []
    assert api.items("/v1/jobs", state="dead") == [] and len(api.items("/v1/jobs", since="1h", type="order.created.v1", limit=30)) == 25
    for query in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"since": "soon"}, {"cursor": "x"}, {"state": "happy"}, {"colour": "red"}):
        reply = api.get("/v1/jobs", **query)
        assert reply.status == 400 and next(iter(query)) in reply.json()["detail"], (query, reply)


def test_queues_workers_outlets_and_types_are_told(bench, serve):
    bench.worker()
    api = serve(bench.last)
    wait_until(lambda: api.items("/v1/workers"), what="the worker tells of itself")
    (worker,) = api.items("/v1/workers")
    assert worker["queues"] == bench.queue and worker["worker"]
    queues = {queue["queue"]: queue for queue in api.items("/v1/queues")}
    assert queues[bench.queue]["state"] == "open" and queues[bench.queue]["ready"] == 0 and queues[bench.queue]["retry"] == {"1s": 0, "2s": 0}
    assert api.items("/v1/outlets") == [{"outlet": "mail", "kind": "mail", "breaker": "closed"}]
    bench.redis.client.hset("leveret:worker:another", mapping={"outlets": "email open mail half_open"})
    assert api.items("/v1/outlets")[0]["breaker"] == "half_open"  # the worst of all workers
    bench.redis.client.delete("leveret:worker:another")
    assert {kind["type"] for kind in api.items("/v1/types")} >= {"email.send.v1", "order.created.v1"}
    shown = api.get("/v1/types/order.created.v1").json()
    schema = json.loads(bench.last.run("type", "schema", "order.created.v1").stdout)
    assert shown["schema"] == schema == api.get("/v1/types/order.created.v1/schema").json() and shown["example"]["order_id"]
    assert api.get("/v1/types/no.such.v1").status == 404


def test_dead_letters_are_listed_grouped_and_shown(bench, serve):
    leveret = fill(bench, [*(expired(n) for n in range(12)), broken(1, value="x" * 300 + "needle"),
                           order(7, id=None, app_id="shop-7")])
    api = serve(leveret)
    listed = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    seen, cursor = [], None
    while True:
        page = api.get(f"/v1/dead/{bench.queue}", limit=5, **({"cursor": cursor} if cursor else {})).json()
        seen += page["items"]
        cursor = page["next"]
        if not cursor:
            break
    assert [letter["dead_id"] for letter in seen] == [letter["dead_id"] for letter in listed] and len(seen) == 14
    assert seen[0]["failed_ms"] > 0 and {letter["reason"] for letter in seen} == {"expired", "bad_payload", "missing_id"}
    (nameless,) = api.items(f"/v1/dead/{bench.queue}", reason="missing_id")
    assert nameless["id"] is None and nameless["app_id"] == "shop-7"
    (found,) = api.items(f"/v1/dead/{bench.queue}", search="needle")
    groups = api.items(f"/v1/dead/{bench.queue}/groups")
    told = rows(leveret.run("dlq", "groups", bench.queue, "-o", "json"))
    assert [(group["count"], group["reason"], group["example"]) for group in groups] == [(g["count"], g["reason"], g["example"]) for g in told]
    one = api.get(f"/v1/dead/{bench.queue}/{found['dead_id']}").json()
    assert one == leveret.run("dlq", "show", bench.queue, found["dead_id"], "-o", "json").json() and "needle" in one["head"]
    for path, status in ((f"/v1/dead/{bench.queue}/none", 404), ("/v1/dead/no.such.queue", 404), ("/v1/dead/leveret.unrouted", 200),
                         (f"/v1/dead/{bench.queue}?since=soon", 400), (f"/v1/dead/{bench.queue}?since=1h", 200)):
        assert api.get(path).status == status, path


def test_a_queue_is_paused_and_resumed_and_the_audit_says_by_whom(bench, serve):
    bench.worker()
    api = serve(bench.last)
    wait_until(lambda: api.items("/v1/workers"), what="the worker tells of itself")
    path = f"/v1/queues/{bench.queue}"
    assert api.post(f"{path}/pause", {}, role="read").status == 403 and api.ask("POST", f"{path}/pause", role="").status == 401
    paused = api.ask("POST", f"{path}/pause")
    assert paused.status == 200 and paused.json() == {"queue": bench.queue, "paused": True, "changed": True, "workers": 1, "late": 0}
    assert {queue["queue"]: queue["state"] for queue in api.items("/v1/queues")}[bench.queue] == "paused"
    message = bench.publish(order(1))
    assert bench.depth(bench.queue) == 1
    assert api.post(f"{path}/resume", {}).json()["paused"] is False
    bench.wait_state(message, "completed")
    assert api.post("/v1/queues/no.such/pause", {}).status == 404
    assert api.ask("POST", f"{path}/pause", body="x=1", headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    audit = api.items("/v1/audit")
    assert [(entry["token"], entry["action"], entry["target"]) for entry in audit] == [
        ("operateer", "resume", bench.queue), ("operateer", "pause", bench.queue)]
    assert '"event":"audit"' in api.process.stderr()


GOOD = {"order_id": 1, "customer_email": "ada@example.com", "title": "T"}


def test_a_message_is_published_once_and_its_publisher_sees_what_became_of_it(bench, serve):
    bench.worker()
    api = serve(bench.last, role="publish")
    message = {"type": "order.created.v1", "data": GOOD, "id": "order/1", "subject": "order/1"}
    taken = api.post("/v1/messages", message)
    assert taken.status == 202 and taken.json() == {"id": "order/1", "duplicate": False}
    record = bench.wait_state("order/1", "completed")
    wait_until(lambda: bench.job("order/1").get("publisher") == "publisher", what="the publisher is noted")
    assert record["subject"] == "order/1"
    assert api.post("/v1/messages", message).json() == {"id": "order/1", "duplicate": True}
    assert api.get("/v1/jobs/order%2F1").json()["state"] == "completed"
    assert api.post("/v1/messages", {**message, "data": {**GOOD, "order_id": 2}}).status == 409
    assert api.post("/v1/messages", message, role="operate").status == 409
    bench.sink.wait_for(1)
    foreign = bench.publish(order(5, id="foreign"))
    bench.wait_state(foreign, "completed")
    assert api.get("/v1/jobs/foreign").status == 403 and api.get("/v1/jobs", role="publish").status == 403
    made = api.post("/v1/messages", {"type": "order.created.v1", "data": {**GOOD, "order_id": 9}, "key": "another.key"}).json()
    bench.wait_state(made["id"], "completed")
    assert [entry["target"] for entry in api.get("/v1/audit", role="read").json()["items"]] == [made["id"], "order/1"]


def test_a_message_that_no_worker_has_reads_queued(bench, serve):
    leveret = bench.leveret(name="serve")
    assert leveret.run("topology", "apply").returncode == 0
    api = serve(leveret)
    made = api.post("/v1/messages", {"type": "order.created.v1", "data": GOOD, "deadline": "2099-01-01T00:00:00Z"})
    assert made.status == 202 and api.get(f"/v1/jobs/{made.json()['id']}").json()["state"] == "queued"
    assert bench.depth(bench.queue) == 1


def test_what_is_no_message_is_refused_with_its_places(bench, serve):
    api = serve()
    for body, pointers in (({}, ["/type", "/data"]),
                           ({"type": "order.created.v1", "data": {}}, ["/data/order_id", "/data/customer_email", "/data/title"]),
                           ({"type": "no.such.v1", "data": {}}, ["/type"]), ({"type": 1, "data": GOOD}, ["/type", "/type"]),
                           ({"type": "order.created.v1", "data": GOOD, "id": "a b", "deadline": "soon", "colour": 1}, ["/colour", "/id", "/deadline"]),
                           ({"type": "order.created.v1", "data": GOOD, "deliver_at": "tomorrow"}, ["/deliver_at"]),
                           ({"type": "order.created.v1", "data": GOOD, "deliver_at": "2099-01-01T00:00:00Z", "deadline": "2030-01-01T00:00:00Z"}, ["/deliver_at", "/deadline"])):
        reply = api.post("/v1/messages", body)
        assert reply.status == 400 and sorted(error["pointer"] for error in reply.json()["errors"]) == sorted(pointers), (body, reply)
    assert api.post("/v1/messages", [1]).status == 400 and api.post("/v1/messages", {}, role="read").status == 403
    limited = serve(bench.leveret(name="limited"),
                    tokens=[{"name": "p", "role": "publish", "token": TOKENS["publish"], "types": ["email.send.v1"]}])
    assert limited.post("/v1/messages", {"type": "order.created.v1", "data": GOOD}, role="publish").status == 403


def test_a_broker_that_does_not_take_it_is_503_and_nothing_is_recorded(bench, serve):
    api = serve()  # no topology: the exchange is missing
    reply = api.post("/v1/messages", {"type": "order.created.v1", "data": GOOD, "id": "lost"}, timeout=40)
    assert reply.status == 503 and "same id" in reply.json()["detail"]
    assert not bench.redis.client.exists("leveret:job:{lost}")


def test_a_message_for_later_is_scheduled(bench, serve):
    bench.worker()
    api = serve(bench.last)
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    made = api.post("/v1/messages", {"type": "order.created.v1", "data": GOOD, "deliver_at": due})
    assert made.status == 202, made
    path = f"/v1/jobs/{made.json()['id']}"
    wait_until(lambda: api.get(path).json()["state"] == "scheduled", what="a worker has put it off")
    assert api.ask("DELETE", path).json()["was"] == "scheduled"


def test_a_broker_that_hangs_does_not_keep_it_from_ending(bench, serve):
    """Nor from answering what needs no broker; whoever waits for a confirm is told that there was none."""
    leveret = bench.leveret(name="serve")
    assert leveret.run("topology", "apply").returncode == 0
    api, answers = serve(leveret), []
    message = {"type": "order.created.v1", "data": GOOD}
    assert api.post("/v1/messages", message).status == 202
    bench.broker.freeze()
    try:
        threads = [threading.Thread(target=lambda: answers.append(api.post("/v1/messages", message, timeout=30))) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert api.get("/v1/jobs").status == 200  # they hold no thread
        wait_until(lambda: len(api.items("/v1/audit")) == 21, what="all are on their way")
        began = time.monotonic()
        api.process.signal(signal.SIGTERM)
        assert api.process.wait(9) == 0, api.process.stderr()
        assert time.monotonic() - began < 8
        for thread in threads:
            thread.join()
    finally:
        bench.broker.thaw()
    assert {answer.status for answer in answers} == {503} and "same id" in answers[0].json()["detail"]


def test_many_publish_at_once_and_each_is_audited(bench, serve):
    bench.worker()
    api = serve(bench.last)
    statuses = []

    def publish(thread):
        for n in range(25):
            reply = api.post("/v1/messages", {"type": "order.created.v1", "data": {**GOOD, "order_id": 1 + thread * 100 + n}})
            statuses.append(reply.status)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 400
    bench.wait_completed(400)
    assert len(api.items("/v1/audit", limit=1000)) == 400


def test_a_plan_is_shown_and_nothing_sent(bench, serve):
    api = serve()
    data = {"order_id": 1, "customer_email": "ada@example.com", "title": "T"}
    reply = api.post("/v1/types/order.created.v1/plan", {"data": data}, role="read")
    assert reply.status == 200 and reply.json()["effects"][0]["to"] == "ada@example.com"
    told = bench.leveret(name="plain").run("plan", "order.created.v1", "--data", json.dumps(data), "-o", "json").json()
    assert reply.json() == told and bench.sink.count() == 0
    bad = api.post("/v1/types/order.created.v1/plan", {"data": {**data, "customer_email": "x", "order_id": 0}})
    assert bad.status == 400 and [error["pointer"] for error in bad.json()["errors"]] == ["/data/order_id", "/data/customer_email"]
    for body in ("{", "[]", "{}", '{"data":1,"more":2}', ""):
        reply = api.ask("POST", "/v1/types/order.created.v1/plan", body=body, headers={"Content-Type": "application/json"})
        assert reply.status == 400 and reply.json()["detail"], (body, reply)


def test_the_description_is_one_that_validators_take(serve):
    document = serve().get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1") and "/v1/jobs/{id}" in document["paths"]
    directory = npm.installed("openapi")

    def wrong(text):
        done = subprocess.run(["node", "validate.js"], cwd=directory, input=text, text=True, capture_output=True, timeout=60)
        assert not done.stderr, done.stderr
        return done.stdout.splitlines()

    assert wrong(json.dumps(document)) == []
    for change in ({"openapi": "3.1.0", "info": {}}, {**document, "paths": {"v1": {}}}, {**document, "servers": "here"}):
        assert wrong(json.dumps(change)), change  # it would have seen it


def test_the_docs_name_every_request(serve):
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    document = serve().get("/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert re.search(re.escape(f"| `{method.upper()} {path}` |") + r"[^|]*\| " + re.escape(operation["summary"]), page), (method, path)


# ---- who may


def test_roles_hosts_and_origins_are_looked_at(bench, serve):
    api = serve()
    assert api.get("/livez", role="").status == 200
    assert api.get("/v1/jobs", role="").status == 401 and api.get("/v1/jobs", role="").headers["WWW-Authenticate"] == "Bearer"
    wrong = api.ask("GET", "/v1/jobs", role="", headers={"Authorization": "Bearer " + TOKENS["read"][:-1]})
    assert wrong.status == 401 and TOKENS["read"][:-1] not in wrong.body.decode()
    assert api.ask("GET", f"/v1/jobs?token={TOKENS['read']}", role="").status == 401
    assert api.get("/v1/jobs", role="publish").status == 403 and api.get("/v1/jobs", role="read").status == 200
    assert api.get("/v1/types", role="publish").status == 200
    assert api.ask("GET", "/v1/jobs", headers={"Host": "evil.example"}).status == 421
    plan = "/v1/types/order.created.v1/plan"
    assert api.post(plan, {"data": {}}, headers={"Origin": "https://evil.example"}).status == 403
    assert api.post(plan, {"data": {}}, headers={"Origin": f"http://127.0.0.1:{api.port}"}).status == 400
    assert api.ask("POST", plan, body="{}", headers={"Content-Type": "text/plain"}).status == 415
    refused = api.ask("DELETE", "/v1/jobs")
    assert refused.status == 405 and refused.headers["Allow"] == "GET"
    assert api.get("/v1/nothing").status == 404 and api.get("/v1/jobs/%00").status == 404


def test_without_tokens_it_reads_on_loopback_and_elsewhere_it_does_not_start(bench, serve):
    api = serve(tokens=[])
    assert api.get("/v1/jobs", role="").status == 200
    for serve_, named in (({"listen": "0.0.0.0:0"}, "serve.tokens"),
                          ({"listen": "0.0.0.0:0", "tokens": [{"name": "a", "token": "x" * 16}]}, "serve.tls"),
                          ({"tokens": [{"name": "a", "token": "short"}]}, "16 to 256"),
                          ({"tokens": [{"name": "a", "token": "x" * 16}, {"name": "a", "token": "y" * 16}]}, "also the name"),
                          ({"tls": {"cert_file": "/x"}}, "key_file")):
        answer = bench.leveret(name=f"wrong{len(named)}", serve=serve_).run("serve")
        assert answer.returncode == 78 and named in answer.stderr, (serve_, answer)


def test_it_speaks_tls(bench, serve, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    api = serve(tls={"cert_file": str(cert), "key_file": str(key)})
    assert api.get("/v1/types").status == 200


def test_a_dead_redis_is_503_and_comes_back(bench, serve):
    api = serve()
    assert api.get("/v1/jobs").status == 200
    bench.redis.stop()
    try:
        assert api.get("/v1/jobs").status == 503 and api.get("/v1/types").status == 200 and api.get("/livez").status == 200
    finally:
        bench.redis.start()
    wait_until(lambda: api.get("/v1/jobs").status == 200, what="it answers again")


# ---- what strangers do


def send(api, data, wait=True):
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        try:
            connection.sendall(data)
            return connection.recv(4096) if wait else b""
        except (ConnectionError, BrokenPipeError):
            return b""


def test_slow_clients_large_bodies_and_headers_disturb_nobody(bench, serve):
    api = serve()
    api.get("/v1/types")
    before = resident_kib(api.process)
    slow = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"POST /v1/types/a.v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Le")
    floods = [threading.Thread(target=send, args=(api, data)) for data in (
        b"POST /v1/types/a.v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52428800\r\n\r\n" + b"x" * 52428800,
        b"GET /v1/types HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n")]
    for flood in floods:
        flood.start()
    began = time.monotonic()
    assert api.get("/v1/types").status == 200 and api.get("/v1/jobs").status == 200
    assert time.monotonic() - began < 1
    for flood in floods:
        flood.join()
    chunked = api.ask("POST", "/v1/types/order.created.v1/plan", body=(b"x" * 65536 for _ in range(80)),
                      headers={"Content-Type": "application/json"})
    assert chunked.status == 413, chunked
    assert api.ask("POST", "/v1/types/a.v1/plan", body=b"x" * (3 << 20), headers={"Content-Type": "application/json"}).status == 413
    grown = resident_kib(api.process) - before
    sanitized = "dev" in api.process.argv[0].split("/")
    assert grown < (128 if sanitized else 32) * 1024, f"{grown} KiB"
    for connection in slow:
        connection.close()


def test_nonsense_is_answered_and_survived(bench, serve):
    api = serve()
    methods = [b"GET", b"get", b"", b"\x00", b"A" * 9000, b"OPTIONS", b"TRACE", b"CONNECT", b"PRI"]
    paths = [b"/v1/jobs/%", b"/v1/jobs/" + b"a" * 20000, b"*", b"http://x/", b"/v1/jobs?%", b"/v1/jobs?limit=%zz", b"/\xff", b""]
    for method in methods:
        for path in paths:
            answer = send(api, method + b" " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert not answer.startswith(b"HTTP/1.1 200") and not answer.startswith(b"HTTP/1.1 5"), (method[:9], path[:20], answer)
    assert api.get("/v1/types").status == 200 and not sanitizer_reports(bench.directory / "serve")


def test_it_ends_in_order_while_a_slow_redis_is_asked(bench, serve):
    """Who looks at Redis beside the requests is still waiting for its first answers."""
    with Proxy(bench.redis.port) as redis:
        leveret = bench.leveret(name="slow", redis={"url": bench.redis.url_at(redis.port)})
        redis.down.delay_ms = 40
        api = serve(leveret)
        api.process.signal(signal.SIGTERM)
        assert api.process.wait(10) == 0
