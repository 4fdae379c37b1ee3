"""Spans by OTLP: one message's trace as a collector has it, and collectors that are no help."""
import json
import subprocess

import pytest

from harness import canary
from harness.npm import installed
from harness.ports import free_port
from harness.publish import Message, order
from harness.servers.collector import TAKEN, Collector, Scripted
from harness.sink import Hooks
from harness.wait import wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STATE = "rojo=00f067aa0ba902b7,ot=th:8"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.stop()
    for span in made.spans:
        canary.check(json.dumps(span), "a span")


@pytest.fixture
def scripted():
    made = []

    def make(*answers):
        made.append(Scripted(*answers))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def by_name(spans, name):
    return [span for span in spans if span["name"] == name]


def publish_traced(bench, message):
    """By amqplib under OpenTelemetry's own library: its spans, by name."""
    text = json.dumps({"body": json.loads(message.body), "messageId": message.id, "type": message.type})
    done = subprocess.run(["node", "publish.js", bench.url, message.exchange, message.routing_key, text],
                          cwd=installed("traces"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {span["name"]: span for span in map(json.loads, done.stdout.splitlines())}


def test_one_trace_from_its_publisher_through_a_retry_to_the_send(bench, collector):
    bench.worker(otlp={"url": collector.url, "headers": {"x-key": "canary-otlp-key"}, "service_name": "mails"})
    canary.add("canary-otlp-key")
    bench.sink.script(503)
    message = order(1)
    published = publish_traced(bench, message)["publish leveret.in"]
    bench.wait_state(message, "completed")
    spans = collector.wait(6)
    assert {span["traceId"] for span in spans} == {published["trace"]} and len({span["spanId"] for span in spans}) == 6
    receives, plans, sends = (by_name(spans, name) for name in ("receive leveret.work", "plan order.created.v1", "send mail"))
    assert [span["parentSpanId"] for span in receives] == [published["id"]] * 2
    assert [span["kind"] for span in (receives[0], plans[0], sends[0])] == [5, 1, 3]
    assert [span["flags"] for span in (receives[0], sends[0])] == [0x301, 0x101]
    for receive, plan, send in zip(receives, plans, sends, strict=True):
        assert plan["parentSpanId"] == send["parentSpanId"] == receive["spanId"]
        times = [int(span[f"{end}TimeUnixNano"]) for span, end in
                 ((receive, "start"), (plan, "start"), (plan, "end"), (send, "start"), (send, "end"), (receive, "end"))]
        assert times == sorted(times)
    (mail,) = bench.sink.mails()
    assert mail["traceparent"] == f"00-{published['trace']}-{sends[1]['spanId']}-01"
    first, second = receives
    assert first["attributes"].items() >= {
        "messaging.system": "rabbitmq", "messaging.destination.name": "leveret.work", "messaging.message.id": message.id,
        "messaging.operation.type": "process", "leveret.type": "order.created.v1", "leveret.attempt": 0,
        "leveret.outcome": "retry", "error.type": "retry"}.items()
    assert (second["attributes"]["leveret.attempt"], second["attributes"]["leveret.outcome"]) == (1, "completed")
    assert first["status"]["code"] == sends[0]["status"]["code"] == 2 and "503" in sends[0]["status"]["message"]
    assert "status" not in second and "status" not in sends[1]
    assert (sends[0]["attributes"]["leveret.outcome"], sends[1]["attributes"]["leveret.outcome"]) == ("transient", "sent")
    assert first["scope"] == {"name": "leveret", "version": first["resource"]["service.version"]}
    assert first["resource"]["service.name"] == "mails" and first["resource"]["service.instance.id"]
    assert collector.requests[0]["headers"]["x-key"] == "canary-otlp-key"


def test_the_flag_of_the_publisher_decides(bench, collector):
    worker = bench.worker(otlp={"url": collector.url, "roots": 0})
    untraced, unsampled, sampled = order(1), order(2, headers={"traceparent": UNSAMPLED}), order(3, headers={"traceparent": SAMPLED})
    bench.publish(untraced, unsampled, sampled)
    bench.wait_completed(3)
    spans = collector.wait(3)
    assert {span["traceId"] for span in spans} == {TRACE}
    assert by_name(spans, "receive leveret.work")[0]["attributes"]["messaging.message.id"] == sampled.id
    told = {mail["traceparent"] for mail in bench.sink.mails()}
    assert told == {None, UNSAMPLED, f"00-{TRACE}-{by_name(spans, 'send mail')[0]['spanId']}-01"}
    wait_until(lambda: worker.metric("leveret_otlp_spans_sent_total") == 3, what="they are counted")
    assert worker.metric("leveret_otlp_spans_dropped_total") == worker.metric("leveret_otlp_spans_waiting") == 0


def test_a_state_without_its_parent_goes_nowhere(bench):
    bench.worker()
    bench.publish(order(1, headers={"traceparent": UNSAMPLED, "tracestate": STATE}), order(2, headers={"tracestate": STATE}),
                  order(3, headers={"traceparent": UNSAMPLED, "tracestate": "no list of members"}))
    bench.wait_completed(3)
    told = {(mail["traceparent"], mail["tracestate"]) for mail in bench.sink.mails()}
    assert told == {(UNSAMPLED, STATE), (None, None), (UNSAMPLED, None)}


def test_what_is_published_by_the_api_goes_on_in_the_trace_of_its_request(bench, serve):
    bench.worker()
    api = serve(bench.leveret(name="serve"))
    body = json.dumps({"type": "order.created.v1", "data": json.loads(order(1).body)}).encode()
    reply = api.ask("POST", "/v1/messages", body=body, headers={"Content-Type": "application/json", "traceparent": UNSAMPLED, "tracestate": STATE})
    assert reply.status == 202, reply
    bench.wait_completed(1)
    (mail,) = bench.sink.mails()
    assert (mail["traceparent"], mail["tracestate"]) == (UNSAMPLED, STATE)


def test_what_a_command_publishes_goes_on_in_the_trace_that_it_names(bench):
    bench.worker()
    words = ("publish", "order.created.v1", "--data", order(1).body.decode())
    for wrong in (("--tracestate", STATE), ("--traceparent", UNSAMPLED, "--tracestate", "no list of members")):
        refused = bench.last.run(*words, *wrong)
        assert refused.returncode == 2 and "--tracestate takes" in refused.stderr, refused
    assert bench.last.run(*words, "--traceparent", UNSAMPLED, "--tracestate", STATE).returncode == 0
    bench.wait_completed(1)
    (mail,) = bench.sink.mails()
    assert (mail["traceparent"], mail["tracestate"]) == (UNSAMPLED, STATE)


def test_all_tries_of_a_message_without_a_trace_are_one_trace(bench, collector):
    worker = bench.worker(otlp={"url": collector.url})
    bench.sink.script(503)
    message = order(1, headers={"traceparent": "00-nonsense"})
    bench.publish(message)
    bench.wait_state(message, "completed")
    spans = collector.wait(6)
    assert len({span["traceId"] for span in spans}) == 1 and not any(span.get("parentSpanId") for span in by_name(spans, "receive leveret.work"))
    assert worker.logged(event="job_end", outcome="completed")[0]["trace_id"] == spans[0]["traceId"]


def test_what_leaves_goes_on_in_the_trace(bench, collector, tmp_path):
    """A webhook, and a message whose own spans are below those of the send."""
    types = tmp_path / "types"
    types.mkdir()
    (types / "begin.v1.yaml").write_text("""
type: begin.v1
summary: Begins what a service and a message go on with.
example: {to: ada@example.com}
payload: {type: object, properties: {to: {type: string}}}
effects:
  - post: {key: crm, url: "http://127.0.0.1:%d/begun", data: ""}
  - publish: {key: next, type: email.send.v1, data: {to: ada@example.com, subject: Hello, text: Hello}}
""" % (hooks := Hooks()).port)
    bench.worker(types={"path": [str(types)]}, otlp={"url": collector.url},
                 outlets={"hooks": {"kind": "post", "allow": [f"http://127.0.0.1:{hooks.port}"]}})
    message = Message("begin.v1", {"to": "ada@example.com"}, headers={"traceparent": SAMPLED, "tracestate": STATE})
    bench.publish(message)
    bench.wait_completed(2)
    hooks.wait_for(1)
    spans = collector.wait(7)
    (post,), (publish,) = by_name(spans, "send hooks"), by_name(spans, "send publish")
    (child,) = [span for span in by_name(spans, "receive leveret.work") if span["attributes"]["messaging.message.id"] != message.id]
    assert {span["traceId"] for span in spans} == {TRACE} and child["parentSpanId"] == publish["spanId"]
    assert (post["kind"], publish["kind"]) == (3, 4) and publish["attributes"]["messaging.batch.message_count"] == 1
    assert publish["attributes"]["messaging.operation.name"] == publish["attributes"]["messaging.operation.type"] == "send"
    assert hooks.requests[0]["headers"]["traceparent"] == f"00-{TRACE}-{post['spanId']}-01"
    (mail,) = bench.sink.mails()
    assert hooks.requests[0]["headers"]["tracestate"] == mail["tracestate"] == STATE
    assert {span["traceState"] for span in spans} == {STATE}
    hooks.stop()


def test_what_is_put_off_is_a_failure_and_what_ends_well_is_none(bench, collector):
    bench.worker(otlp={"url": collector.url})
    bench.sink.script({"status": 429, "headers": {"Retry-After": "1"}})
    message = bench.publish(order(1, headers={"traceparent": SAMPLED}))
    bench.wait_state(message, "completed")
    first, second = sorted(collector.wait(2, "receive"), key=lambda span: int(span["startTimeUnixNano"]))
    assert first["attributes"]["leveret.outcome"] == first["attributes"]["error.type"] == "defer"
    assert first["status"]["code"] == 2 and "429" in first["status"]["message"]
    assert second["attributes"]["leveret.outcome"] == "completed" and "status" not in second


def test_a_dead_letter_says_why(bench, collector):
    bench.worker(otlp={"url": collector.url})
    bench.publish(Message("order.created.v1", {"order_id": "x"}, headers={"traceparent": SAMPLED}))
    receive, plan = collector.wait(1, "receive")[0], collector.wait(1, "plan")[0]
    assert receive["attributes"]["error.type"] == plan["attributes"]["error.type"] == "bad_payload"
    assert receive["status"]["code"] == plan["status"]["code"] == 2 and "/order_id" in receive["status"]["message"]


def test_the_variables_of_opentelemetry(bench, collector):
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url + "/", "OTEL_SERVICE_NAME": "from-env",
           "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20canary-otlp-token, x-tenant=shop",
           "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=not-this"}
    canary.add("canary-otlp-token")
    leveret = bench.leveret(env=env)
    worker = leveret.start()
    bench.publish(order(1))
    span = collector.wait(3)[0]
    assert span["resource"].items() >= {"service.name": "from-env", "deployment.environment.name": "test"}.items()
    headers = collector.requests[0]["headers"]
    assert (collector.requests[0]["request"], headers["authorization"], headers["x-tenant"]) == ("/v1/traces", "Bearer canary-otlp-token", "shop")
    assert "the collector takes them" in leveret.run("check").stdout
    worker.stop()
    off = bench.leveret(name="off", env={**env, "OTEL_SDK_DISABLED": "true"}).start()
    assert off.metric("leveret_otlp_spans_sent_total") is None


# ---- collectors that are no help


def test_a_dead_collector_costs_a_line_and_what_it_would_have_had(bench):
    url = f"http://127.0.0.1:{free_port()}"
    leveret = bench.leveret(otlp={"url": url})
    worker = leveret.start()
    bench.publish_many([order(n) for n in range(1, 301)])
    bench.wait_completed(300)
    wait_until(lambda: worker.logged(event="otlp_down"), what="it is told")
    wait_until(lambda: worker.metric("leveret_otlp_spans_dropped_total", reason="unreachable") == 900, within=60, what="they are dropped")
    assert len(worker.logged(event="otlp_down")) == 1 and worker.metric("leveret_otlp_spans_sent_total") == 0
    assert json.loads(worker.get("/status")[1])["otlp"]["state"] == "down" and worker.is_ready()
    checked = leveret.run("check")
    assert checked.returncode == 0 and "warning" in checked.stdout


def test_a_collector_that_hangs_holds_up_neither_mails_nor_the_end(bench, scripted):
    collector = scripted(60)
    worker = bench.worker(otlp={"url": collector.url, "timeout": "30s"})
    bench.publish_many([order(n) for n in range(1, 101)])
    bench.wait_completed(100)
    wait_until(lambda: collector.bodies, what="it has a request")
    worker.terminate()
    assert worker.wait(within=8) == 0
    (closed,) = worker.logged(event="otlp_closed")
    assert closed["msg"] == "sent 0 spans, dropped 300"


def test_a_collector_that_is_back_gets_what_waited(bench, scripted):
    """Users of other exporters tell of ones that never send again after a time-out."""
    collector = scripted(60, TAKEN)
    worker = bench.worker(otlp={"url": collector.url, "timeout": "1s"})
    bench.publish_many([order(n) for n in range(1, 101)])
    wait_until(lambda: worker.metric("leveret_otlp_spans_sent_total") == 300, within=30, what="all are there")
    assert worker.metric("leveret_otlp_spans_dropped_total") == 0
    wait_until(lambda: worker.logged(event="otlp_up"), what="it is told")
    assert len({span["spanId"] for span in collector.spans()}) == 300


@pytest.mark.parametrize("status, again", [(429, True), (502, True), (503, True), (504, True), (400, False), (404, False), (500, False), (302, False)])
def test_what_is_sent_again_and_what_is_not(bench, scripted, status, again):
    """As the specification of OTLP has it; 500 is for good."""
    collector = scripted((status, {"Retry-After": "1", "Location": "/v1/elsewhere"}, '{"code": 13, "message": "no room for\\u001b[2J you"}'), TAKEN)
    worker = bench.worker(otlp={"url": collector.url})
    bench.publish(order(1))
    if again:
        wait_until(lambda: worker.metric("leveret_otlp_spans_sent_total") == 3, within=20, what="sent again")
        assert collector.bodies[0] == collector.bodies[1]
        return
    wait_until(lambda: worker.metric("leveret_otlp_spans_dropped_total", reason="refused") == 3, what="dropped")
    wait_until(lambda: worker.logged(event="otlp_refused"), what="it is told")
    (told,) = worker.logged(event="otlp_refused")
    assert told["error"] == f"the collector answered {status}: no room for?[2J you"
    bench.publish(order(2))
    wait_until(lambda: worker.metric("leveret_otlp_spans_sent_total") == 3, what="the next are taken")


def test_a_collector_that_takes_a_part(bench, scripted):
    collector = scripted((200, {}, '{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}'), TAKEN)
    worker = bench.worker(otlp={"url": collector.url})
    bench.publish(order(1))
    wait_until(lambda: worker.metric("leveret_otlp_spans_sent_total") == 1, what="one was taken")
    assert worker.metric("leveret_otlp_spans_dropped_total", reason="refused") == 2
    wait_until(lambda: worker.logged(event="otlp_refused", error="the collector took all but 2 spans: too old"), what="it is told")
