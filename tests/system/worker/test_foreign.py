"""Messages of others, on queues of others: what nine frameworks put on the wire becomes a mail, once; what is wrong with it is told
to its author; and a redrive keeps the very bytes and properties."""
import json
import pathlib
import shutil
import subprocess
import urllib.parse
import uuid

import pika
import pytest

from harness.publish import order as our_order
from harness.wait import wait_until
from harness.worker import ROOT

PUBLISHERS = ROOT / "tests" / "publishers"
JAVA_CLIENT = [pathlib.Path("/usr/share/java") / name for name in ("amqp-client.jar", "slf4j-api.jar", "slf4j-nop.jar")]
QUEUE = "shop.orders"
OURS = "order.created.v1"


def need(there, what, part="examples"):
    if not there:
        pytest.skip(f"{what} is not here; script/bootstrap {part} installs it")


def run(words, directory, **more):
    done = subprocess.run([*map(str, words)], cwd=directory, text=True, capture_output=True, timeout=120, **more)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"


def by_pika(properties, body):
    def send(bench, data, directory):
        text = body(data)
        with bench.broker.connect(bench.vhost) as connection:
            connection.channel().basic_publish("", QUEUE, text if isinstance(text, bytes) else json.dumps(text).encode(),
                                               pika.BasicProperties(**{"delivery_mode": 2, **properties()}))
    return send


def by_php(properties, headers, body):
    def send(bench, data, directory):
        need(shutil.which("php") and pathlib.Path("/usr/share/php/PhpAmqpLib/autoload.php").exists(), "php-amqplib")
        url = urllib.parse.urlparse(bench.url)
        run(["php", PUBLISHERS / "php" / "publish.php", url.hostname, url.port, url.username, url.password, bench.vhost, QUEUE],
            directory, input=json.dumps({"properties": properties(), "headers": headers, "body": json.dumps(body(data))}))
    return send


def by_celery(bench, data, directory, **options):
    run(["/usr/bin/python3", PUBLISHERS / "celery" / "send.py", bench.url, QUEUE, "shop.tasks.order_created", json.dumps(data),
         json.dumps(options)], directory)


def by_nest(bench, data, directory):
    need(shutil.which("npm") and shutil.which("node"), "npm", "test")
    place = ROOT / "build" / "nest"  # kept, for it is large
    place.mkdir(parents=True, exist_ok=True)
    for name in ("emit.js", "package.json", "package-lock.json"):
        shutil.copy(PUBLISHERS / "nest" / name, place)
    if not (place / "node_modules").exists():
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], place)
    run(["node", "emit.js", bench.url, QUEUE, "order.created", json.dumps(data)], place)


def by_java(bench, data, directory):
    need(shutil.which("javac"), "Java")
    need(all(jar.exists() for jar in JAVA_CLIENT), "librabbitmq-client-java")
    path = ":".join(map(str, JAVA_CLIENT))
    run(["javac", "-cp", path, "-d", directory, PUBLISHERS / "spring" / "Send.java"], directory)
    run(["java", "-cp", f"{path}:{directory}", "Send", bench.url, QUEUE, "com.shop.OrderCreated", json.dumps(data)], directory)


def some_id():
    return str(uuid.uuid4())


def masstransit(data):
    return {"messageId": some_id(), "requestId": None, "correlationId": None, "conversationId": some_id(),
            "sourceAddress": "rabbitmq://localhost/shop", "destinationAddress": "rabbitmq://localhost/Shop:OrderCreated",
            "messageType": ["urn:message:Shop:OrderCreated"], "message": data, "expirationTime": None,
            "sentTime": "2026-01-01T00:00:00.1234567Z", "headers": {}, "host": {"machineName": "shop", "massTransitVersion": "8.2"}}


def laravel(data):
    return {"uuid": some_id(), "displayName": OURS, "job": OURS, "maxTries": None, "maxExceptions": None, "failOnTimeout": False,
            "backoff": None, "timeout": None, "data": data, "id": "Q3UzH1y"}


def dapr(data):
    return {"id": some_id(), "source": "checkout", "type": "com.dapr.event.sent", "specversion": "1.0", "topic": "orders",
            "datacontenttype": "application/json", "data": data, "pubsubname": "pubsub", "time": "2026-01-01T00:00:00Z",
            "traceid": "", "traceparent": "", "tracestate": ""}


def nservicebus():
    id = some_id()
    return {"message_id": id, "content_type": "application/json", "type": "Shop.OrderCreated",
            "headers": {"NServiceBus.MessageId": id, "NServiceBus.MessageIntent": "Publish",
                        "NServiceBus.EnclosedMessageTypes": "Shop.OrderCreated, Shop.Messages, Version=1.0.0.0, Culture=neutral",
                        "NServiceBus.ContentType": "application/json"}}


# preset: how it is sent, and what its types are called
FRAMEWORKS = {
    "celery": (by_celery, {"shop.tasks.order_created": OURS}),
    "masstransit": (by_pika(lambda: {"content_type": "application/vnd.masstransit+json", "message_id": some_id(),
                                     "headers": {"Content-Type": "application/vnd.masstransit+json"}}, masstransit),
                    {"Shop:OrderCreated": OURS}),
    "nservicebus": (by_pika(nservicebus, lambda data: b"\xef\xbb\xbf" + json.dumps(data).encode()), {"Shop.OrderCreated": OURS}),
    "spring": (by_java, {"com.shop.OrderCreated": OURS}),
    "laravel": (by_php(lambda: {"content_type": "application/json", "correlation_id": some_id()}, {"laravel": {"attempts": 0}}, laravel),
                {}),
    "symfony": (by_php(lambda: {"content_type": "application/json"},
                       {"type": "App\\Message\\OrderCreated", "X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\BusNameStamp":
                        "[{\"busName\":\"messenger.bus.default\"}]"}, lambda data: data), {"App\\Message\\OrderCreated": OURS}),
    "nestjs": (by_nest, {"order.created": OURS}),
    "dapr": (by_pika(lambda: {"content_type": "text/plain"}, dapr), {"orders": OURS}),
    "easynetq": (by_pika(lambda: {"type": "Shop.OrderCreated, Shop.Messages", "correlation_id": some_id()}, lambda data: data),
                 {"Shop.OrderCreated": OURS}),
}


def order(number, **more):
    return {"order_id": number, "customer_email": f"order{number}@example.com", "title": "Tea", **more}


@pytest.fixture
def foreign(bench):
    """A queue that belongs to somebody else: a classic one, declared as most clients do."""
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_declare(QUEUE, durable=True)
    bench.queue = QUEUE
    return bench


def worker_of(bench, preset=None, types=None, ready=True, **message):
    message = {"preset": preset, "types": types or None, **message}
    queue = {"name": QUEUE, "declare": False, "message": {name: value for name, value in message.items() if value},
             "retry": {"attempts": 3, "tiers": ["1s", "2s"]}}
    bench.last = bench.leveret(queues=[queue], name="foreign")
    return bench.last.start(ready=ready)


class Raw:
    """A message as it lies in the queue."""

    def __init__(self, bench):
        self.bench = bench
        with bench.broker.connect(bench.vhost) as connection:
            channel = connection.channel()
            got = []
            wait_until(lambda: got.append(channel.basic_get(QUEUE)) or got[-1][0], what="the client's message")
            method, self.properties, self.body = got[-1]
            channel.basic_ack(method.delivery_tag)

    def publish(self, times=1, body=None):
        with self.bench.broker.connect(self.bench.vhost) as connection:
            for _ in range(times):
                connection.channel().basic_publish("", QUEUE, self.body if body is None else body, self.properties)


def look_at_letter(bench):
    """The one dead letter, which stays where it is."""
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="a dead letter")
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        method, properties, body = channel.basic_get(bench.dlq)
        channel.basic_nack(method.delivery_tag, requeue=True)
    return Letter(properties, body)


class Letter:
    def __init__(self, properties, body):
        self.properties, self.body = properties, body


def jobs(bench):
    return bench.redis.jobs(bench.prefix)


def wait_for_job(bench, state, count=1):
    wait_until(lambda: sum(job.get("state") == state for job in jobs(bench).values()) >= count, what=lambda: jobs(bench))
    return [job for job in jobs(bench).values() if job.get("state") == state]


def all_is_quiet(bench):
    def counts():
        queues = bench.broker.queues(bench.vhost)
        return sum(queues.get(name, {}).get("messages", 0) for name in (QUEUE, QUEUE + ".again"))
    wait_until(lambda: counts() == 0, what=lambda: bench.broker.queues(bench.vhost))


@pytest.mark.parametrize("preset", FRAMEWORKS)
def test_a_message_as_the_framework_writes_it_becomes_one_mail_and_its_repetition_none(foreign, preset, tmp_path):
    send, types = FRAMEWORKS[preset]
    send(foreign, order(7), tmp_path)
    raw = Raw(foreign)
    worker = worker_of(foreign, preset, types)
    raw.publish(times=2)
    wait_until(lambda: worker.metric("leveret_claims_total", answer="done") == 1, what=lambda: jobs(foreign))
    assert [mail["subject"] for mail in foreign.sink.mails()] == ["Order created: Tea"]
    assert [job["state"] for job in jobs(foreign).values()] == ["completed"]
    assert all(id.startswith(QUEUE + "/") for id in jobs(foreign))
    all_is_quiet(foreign)


@pytest.mark.parametrize("preset", FRAMEWORKS)
def test_what_is_wrong_with_the_data_is_told_with_its_place(foreign, preset, tmp_path):
    send, types = FRAMEWORKS[preset]
    send(foreign, order("seven"), tmp_path)
    worker_of(foreign, preset, types)
    job, = wait_for_job(foreign, "dead")
    assert (job["reason"], job["error"]) == ("bad_payload", "/order_id: expected an integer")


@pytest.mark.parametrize("preset", FRAMEWORKS)
def test_a_redrive_keeps_the_very_bytes_and_properties(foreign, preset, tmp_path):
    send, types = FRAMEWORKS[preset]
    send(foreign, order(8), tmp_path)
    raw = Raw(foreign)
    foreign.sink.script(422, to="order8@example.com")
    worker_of(foreign, preset, types)
    raw.publish()
    wait_for_job(foreign, "dead")
    letter = look_at_letter(foreign)
    assert letter.body == raw.body
    for name in ("content_type", "content_encoding", "correlation_id", "reply_to", "message_id", "type", "app_id", "timestamp",
                 "priority"):
        assert getattr(letter.properties, name) == getattr(raw.properties, name), name
    kept = {name: value for name, value in (letter.properties.headers or {}).items() if not name.startswith("x-leveret-") and name != "x-delivery-count"}  # the last is the broker's
    assert kept == (raw.properties.headers or {})
    answer = foreign.last.run("dlq", "redrive", QUEUE, "--all")
    assert answer.returncode == 0, answer
    wait_for_job(foreign, "completed")
    assert len(foreign.sink.mails(to="order8@example.com")) == 1
    all_is_quiet(foreign)


POISON = [
    ("celery", lambda bench, at: by_celery(bench, order(1), at, serializer="pickle"),
     "body: expected JSON, found application/x-python-serialize", "set task_serializer = 'json'"),
    ("celery", lambda bench, at: by_celery(bench, {}, at, args=[1]),
     "/0: positional arguments have no names", "task.delay(order_id=42)"),
    ("celery", lambda bench, at: by_celery(bench, order(1), at, countdown=60), "header:eta: a message for later", "is not taken"),
    ("spring", by_pika(lambda: {"content_type": "application/x-java-serialized-object"}, lambda data: b"\xac\xed\x00\x05sr"),
     "found application/x-java-serialized-object", "use the Jackson2JsonMessageConverter"),
    ("laravel", by_pika(lambda: {}, lambda data: {"uuid": "u", "displayName": "App\\Jobs\\Mail", "data": {
        "commandName": "App\\Jobs\\Mail", "command": "O:13:\"App\\Jobs\\Mail\":0:{}"}}),
     "/data/commandName: App\\Jobs\\Mail is not in message.types", "{App\\Jobs\\Mail: NAME.v1}"),
    ("laravel", by_pika(lambda: {}, lambda data: {"uuid": "u", "displayName": OURS, "data": {"command": "O:13:\"App\\Jobs\\Mail\":0:{}"}}),
     "/data/command: a job class is a serialized PHP object", "Queue::push("),
    ("symfony", by_pika(lambda: {}, lambda data: b"O:36:\\\"Symfony\\\\Component\\\\Messenger\\\\Envelope\\\":2:{"),
     "body: expected JSON, found no content type", "messenger.transport.symfony_serializer"),
    ("nestjs", by_pika(lambda: {}, lambda data: {"pattern": OURS}), "/data: missing", "emit(pattern, data)"),
    ("nestjs", by_pika(lambda: {}, lambda data: {"data": {}}), "type: missing; looked at /pattern", ""),
    ("masstransit", by_pika(lambda: {"message_id": "m"}, lambda data: {"order_id": 1}),
     "type: missing; looked at /messageType", "/message: missing; the envelope of UseJsonSerializer"),
    ("dapr", by_pika(lambda: {}, lambda data: {"order_id": 1}), "id: missing; looked at /id; publish without rawPayload", ""),
    ("nservicebus", by_pika(lambda: {"message_id": "m", "content_type": "text/xml"}, lambda data: b"<OrderCreated/>"),
     "body: expected JSON, found text/xml", "UseSerialization<SystemJsonSerializer>()"),
    ("easynetq", by_pika(lambda: {"type": "Shop.OrderLost, Shop"}, lambda data: {}), "id: missing; looked at message_id, correlation_id",
     "type: Shop.OrderLost is not in message.types"),
]


@pytest.mark.parametrize("preset,send,said,advised", POISON, ids=[f"{case[0]}-{number}" for number, case in enumerate(POISON)])
def test_poison_dies_with_a_reason_that_its_author_understands(foreign, preset, send, said, advised, tmp_path):
    if getattr(send, "__name__", "") == "<lambda>":
        send(foreign, tmp_path)
    else:
        send(foreign, order(1), tmp_path)
    worker_of(foreign, preset, FRAMEWORKS[preset][1])
    letter, = foreign.dead_letters(1)
    assert said in letter.error and advised in letter.error, letter.error


def test_a_mapping_by_hand_takes_the_first_source_that_is_there(foreign):
    worker = worker_of(foreign, id=["header:messageId", "/id", "content"], type=["header:kind", "/pattern", f"={OURS}"],
                       types={"com.shop.OrderCreated": OURS}, data="/data", id_prefix="shop:")
    def send(number, headers=None, **more):
        by_pika(lambda: {"headers": headers or {}}, lambda data: {"data": data, **more})(foreign, order(number), None)
    send(1, {"messageId": 4711, "kind": "com.shop.OrderCreated"})
    send(2, id=42, pattern=OURS)
    send(3)
    send(4, id="an id with spaces é")
    wait_until(lambda: [job["state"] for job in jobs(foreign).values()] == ["completed"] * 4,
               what=lambda: [(id, job["state"], job.get("error")) for id, job in jobs(foreign).items()])
    ids = jobs(foreign)
    assert "shop:4711" in ids and "shop:42" in ids
    assert {job.get("source_id") for job in ids.values()} == {None, "an id with spaces é"}
    assert sorted(len(id) for id in ids) == [7, 9, len("shop:") + 64, len("shop:h:") + 64]
    assert worker.is_ready()


def test_retries_and_deferrals_come_back_by_the_queue_beside_it(foreign):
    foreign.sink.script(503, 503, to="order9@example.com")
    worker_of(foreign, "easynetq", {"Shop.OrderCreated": OURS})
    FRAMEWORKS["easynetq"][0](foreign, order(9), None)
    job, = wait_for_job(foreign, "completed")
    assert job["attempt"] == "2"
    bindings = foreign.broker.bindings(foreign.vhost)
    assert ("leveret.return", QUEUE, QUEUE + ".again") in bindings, bindings
    assert not any(one[0].startswith("leveret.") for one in bindings if one[2] == QUEUE), bindings


def test_other_exchanges_are_bound_as_they_are_written(foreign):
    with foreign.broker.connect(foreign.vhost) as connection:
        connection.channel().exchange_declare("shop", "topic", durable=True)
    foreign.worker(queues=[{"name": QUEUE, "declare": False, "bindings": [{"exchange": "shop", "key": "order.*"}],
                            "message": {"id": ["message_id"], "type": [f"={OURS}"]}}])
    with foreign.broker.connect(foreign.vhost) as connection:
        connection.channel().basic_publish("shop", "order.created", json.dumps(order(5)).encode(), pika.BasicProperties(message_id="five"))
    wait_for_job(foreign, "completed")
    assert set(jobs(foreign)) == {QUEUE + "/five"}


def test_what_can_neither_be_processed_nor_copied_stays_and_is_told(foreign):
    nested = {"deep": 1}
    for _ in range(40):
        nested = {"deep": nested}
    by_pika(lambda: {"headers": nested}, lambda data: {})(foreign, {}, None)
    worker = worker_of(foreign, id=["content"], type=[f"={OURS}"], ready=False)
    wait_until(lambda: worker.logged(event="kept_unacknowledged"), what="the log line")
    assert "can neither be processed nor copied" in worker.get("/readyz?verbose")[1]
    worker.stop()
    assert foreign.total(QUEUE) == 1


def test_an_owner_who_consumes_alone_or_deletes_his_queue_disturbs_no_other(foreign):
    with foreign.broker.connect(foreign.vhost) as owner:
        owner.channel().basic_consume(QUEUE, lambda *_: None, exclusive=True)
        worker = foreign.leveret(queues=[{"name": QUEUE, "declare": False, "message": {"preset": "easynetq"}},
                                         {"name": "leveret.work", "bindings": ["#"]}]).start(ready=False)
        wait_until(lambda: worker.logged(event="queue_lost"), what="the log line")
        message = foreign.publish(our_order(3))
        foreign.wait_state(message, "completed")
    worker.wait_ready()
    foreign.broker.delete_queue(QUEUE, foreign.vhost)
    wait_until(lambda: len(worker.logged(event="queue_lost")) >= 2, what="the second log line")
    message = foreign.publish(our_order(4))
    foreign.wait_state(message, "completed")
