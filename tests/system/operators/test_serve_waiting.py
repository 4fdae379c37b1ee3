"""Requests that wait for the end of a job, and those that listen to what changes: they cost no thread each."""
import json
import socket
import threading
import time

from harness.api import TOKENS
from harness.letters import broken, fill
from harness.publish import order
from harness.wait import wait_until


def threads_of(api):
    status = open(f"/proc/{api.process.pid}/status", encoding="ascii").read()
    return int(status.split("Threads:")[1].split()[0]), int(status.split("VmRSS:")[1].split()[0])


def ask_to_wait(api, path):
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=90)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKENS['operate']}\r\nConnection: close\r\n\r\n".encode())
    return connection


def rest(connection):
    text = b""
    while piece := connection.recv(65536):
        text += piece
    connection.close()
    return text


def test_a_request_waits_for_the_end_of_a_job(bench, serve):
    leveret = bench.leveret(name="serve")
    assert leveret.run("topology", "apply").returncode == 0
    api = serve(leveret)
    made = api.post("/v1/messages", {"type": "order.created.v1", "data": {"order_id": 1, "customer_email": "a@example.com", "title": "T"}}).json()
    path = f"/v1/jobs/{made['id']}"
    began = time.monotonic()
    assert api.get(path, wait="300ms").json()["state"] == "queued" and time.monotonic() - began >= 0.3
    assert api.get("/v1/jobs/nobody", wait="100ms").status == 404
    for wait in ("61s", "soon", "-1s"):
        assert api.get(path, wait=wait).status == 400
    waiting = [ask_to_wait(api, path + "?wait=60s") for _ in range(20)]
    wait_until(lambda: threads_of(api)[0], what="it goes on")
    bench.worker()
    for connection in waiting:
        head, _, body = rest(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and json.loads(body)["state"] == "completed"
    assert api.get(path, wait="30s").json()["state"] == "completed"  # at once
    (letter,) = [fill(bench, [broken(3)])] and api.items(f"/v1/dead/{bench.queue}")
    assert api.get(f"/v1/jobs/{letter['dead_id']}", wait="30s").json()["state"] == "dead"


def test_who_waits_is_not_answered_what_was_true_before(bench, serve):
    """A job that ends between two looks: most of these are over within milliseconds."""
    bench.worker()
    api = serve(bench.last)
    data = {"to": "ada@example.com", "subject": "Hello", "text": "Hello"}
    for _ in range(100):
        made = api.post("/v1/messages", {"type": "email.send.v1", "data": data}).json()
        assert api.get(f"/v1/jobs/{made['id']}", wait="20s").json()["state"] == "completed"


def test_those_who_wait_cost_no_thread_and_do_not_keep_it_from_ending(bench, serve):
    api = serve()
    before = threads_of(api)
    waiting = [ask_to_wait(api, f"/v1/jobs/nobody-{n}?wait=60s") for n in range(300)]
    listening = ask_to_wait(api, "/v1/stream")
    assert b"event-stream" in listening.recv(4096)
    assert api.get("/v1/jobs").status == 200
    threads, resident = threads_of(api)
    assert threads < 40, (before, threads)
    waiting[0].close()
    began = time.monotonic()
    api.stop()
    assert time.monotonic() - began < 5
    answers = [rest(connection) for connection in waiting[1:]]
    assert all(answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 503")) for answer in answers), {answer[:40] for answer in answers}
    api.stop = lambda: None
    del resident


def test_what_changes_is_streamed(bench, serve):
    bench.worker()
    api = serve(bench.last)
    stream = ask_to_wait(api, "/v1/stream")
    seen = []

    def listen():
        text = b""
        while piece := stream.recv(65536):
            text += piece
            seen.append(text.decode())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    wait_until(lambda: seen and "event: overview" in seen[-1], what="figures")
    bench.wait_state(bench.publish(order(1, id="order/1", headers={"subject": "order/1"})), "completed")
    wait_until(lambda: '"id":"order/1","state":"completed","type":"order.created.v1","subject":"order/1"' in seen[-1], what="the job")
    began = api.post(f"/v1/dead/{bench.queue}/redrive", {"all": True}).json()
    wait_until(lambda: "event: operation" in seen[-1] and began["id"] in seen[-1], what="the operation")
    assert api.get("/v1/stream", role="publish").status == 403
    api.stop()
    api.stop = lambda: None
    thread.join(10)
    assert not thread.is_alive()


def test_a_job_that_waits_is_cancelled_by_its_publisher(bench, serve):
    leveret = bench.leveret(name="serve")
    assert leveret.run("topology", "apply").returncode == 0
    api = serve(leveret, role="publish")
    made = [api.post("/v1/messages", {"type": "order.created.v1", "data": {"order_id": n, "customer_email": "a@example.com", "title": "T"}}).json()["id"]
            for n in (1, 2)]
    assert api.ask("DELETE", f"/v1/jobs/{made[0]}", role="read").status == 403
    cancelled = api.ask("DELETE", f"/v1/jobs/{made[0]}")
    assert cancelled.status == 200 and cancelled.json() == {"id": made[0], "state": "cancelled", "was": "queued", "sent": []}
    assert api.ask("DELETE", f"/v1/jobs/{made[0]}").status == 409 and api.ask("DELETE", "/v1/jobs/none").status == 404
    assert api.get(f"/v1/jobs/{made[0]}", wait="30s").json()["state"] == "cancelled"  # at once
    bench.worker()
    bench.wait_state(made[1], "completed")
    over = api.ask("DELETE", f"/v1/jobs/{made[1]}")
    assert over.status == 409 and "completed" in over.json()["detail"]
    foreign = bench.publish(order(5, id="foreign"))
    bench.wait_state(foreign, "completed")
    assert api.ask("DELETE", "/v1/jobs/foreign").status == 403 and api.ask("DELETE", "/v1/jobs/foreign", role="operate").status == 409
    assert bench.job(made[0])["state"] == "cancelled"
