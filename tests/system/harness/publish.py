"""Publishing with confirms and mandatory, one at a time or pipelined, and building messages as publishers do."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

import pika

from .canary import BODY


EXCHANGE = "leveret.in"


class Message:
    """What a publisher hands over. Every property may be left away or spoiled."""

    def __init__(self, type=None, data=None, id=True, body=None, routing_key=None, headers=None, exchange=EXCHANGE, **properties):
        """`id`: True makes one, None leaves it away. `body` (bytes or str) replaces the JSON of `data`."""
        self.id = str(uuid.uuid4()) if id is True else id
        self.type = type
        self.exchange = exchange
        self.routing_key = routing_key if routing_key is not None else (type or "no.type")
        self.body = json.dumps(data).encode() if body is None else body.encode() if isinstance(body, str) else body
        properties = {"content_type": "application/json", "delivery_mode": 2, "timestamp": int(time.time()), **properties}
        self.properties = pika.BasicProperties(message_id=self.id, type=type, headers=headers, **properties)


def order(number, email=None, id=True, **more):
    data = {"order_id": number, "customer_email": email or f"order{number}@example.com", "title": f"Order {number} {BODY}"}
    return Message("order.created.v1", data, id=id, **more)


def email(to, subject="Hello", text=f"Hello. {BODY}\n", id=True, **more):
    return Message("email.send.v1", {"to": to, "subject": subject, "text": text}, id=id, **more)


def invoice(number, amount_cents=5000, customer="customer@example.com", manager=None, id=True, **more):
    data = {"number": str(number), "amount_cents": amount_cents, "customer": {"email": customer}}
    if manager:
        data["manager"] = {"email": manager}
    return Message("invoice.overdue.v1", data, id=id, **more)


class Publisher:
    """Blocking: every publish waits for its confirm. `ledger` (ledger.Ledger) is told before and after."""

    def __init__(self, url, ledger=None):
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0
        self.connection = pika.BlockingConnection(parameters)
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.ledger = ledger

    def publish(self, *messages):
        for message in messages:
            if self.ledger:
                self.ledger.attempted(message.id)
            self.channel.basic_publish(message.exchange, message.routing_key, message.body, message.properties, mandatory=True)
            if self.ledger:
                self.ledger.confirmed(message.id)
        return messages[0] if len(messages) == 1 else messages

    def close(self):
        if self.connection.is_open:
            self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def publish_many(url, messages, window=500, ledger=None, rate=0, within=300):
    """Pipelined: up to `window` messages wait for their confirm at once; `rate` a second, 0: as fast as it goes.

    Returns the ids that were confirmed; raises when a message was nacked or returned.
    """
    return _Pipeline(url, messages, window, ledger, rate, within).run()


class _Pipeline:
    def __init__(self, url, messages, window, ledger, rate, within):
        self.messages, self.window, self.ledger, self.rate = iter(messages), window, ledger, rate
        self.unconfirmed, self.sequence, self.confirmed, self.error, self.all_sent = {}, 0, [], None, False
        self.began = None
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0
        self.connection = pika.SelectConnection(parameters, on_open_callback=lambda c: c.channel(on_open_callback=self.ready),
                                                on_open_error_callback=self.failed, on_close_callback=self.closed)
        self.connection.ioloop.call_later(within, lambda: self.fail(f"publishing took over {within} s"))

    def run(self):
        self.connection.ioloop.start()
        if self.error:
            raise RuntimeError(self.error)
        return self.confirmed

    def ready(self, channel):
        self.channel = channel
        channel.add_on_return_callback(lambda c, m, p, b: self.fail(f"returned: {p.message_id} {m.reply_text}"))
        channel.confirm_delivery(self.on_confirm)
        self.began = time.monotonic()
        self.fill()

    def fill(self):
        due = self.rate * (time.monotonic() - self.began) if self.rate else float("inf")
        while not self.all_sent and len(self.unconfirmed) < self.window and self.sequence < due:
            message = next(self.messages, None)
            if message is None:
                self.all_sent = True
                break
            self.sequence += 1
            self.unconfirmed[self.sequence] = message.id
            if self.ledger:
                self.ledger.attempted(message.id)
            self.channel.basic_publish(message.exchange, message.routing_key, message.body, message.properties, mandatory=True)
        if self.all_sent and not self.unconfirmed:
            self.connection.close()
        elif self.rate and not self.all_sent:
            self.connection.ioloop.call_later(0.005, self.fill)

    def on_confirm(self, frame):
        method = frame.method
        tags = [t for t in self.unconfirmed if t <= method.delivery_tag] if method.multiple else [method.delivery_tag]
        for tag in tags:
            id = self.unconfirmed.pop(tag)
            if isinstance(method, pika.spec.Basic.Nack):
                return self.fail(f"nacked: {id}")
            self.confirmed.append(id)
            if self.ledger:
                self.ledger.confirmed(id)
        if not self.rate or self.all_sent:
            self.fill()

    def fail(self, error):
        self.error = self.error or error
        self.connection.ioloop.stop()

    def failed(self, _, error):
        self.fail(repr(error))

    def closed(self, _, reason):
        if not (self.all_sent and not self.unconfirmed):
            self.error = self.error or repr(reason)
        self.connection.ioloop.stop()


class NodePublisher:
    """The same with npm's amqplib (tests/publishers/node), installed once into a temporary directory."""

    SOURCE = pathlib.Path(__file__).resolve().parents[2] / "publishers" / "node"

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leveret-node-"))
        for path in self.SOURCE.iterdir():
            if path.is_file():
                shutil.copy(path, self.directory)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=self.directory, text=True,
                              capture_output=True, timeout=180)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci\n{done.stdout}{done.stderr}")

    def publish(self, url, messages, ledger=None, within=120):
        """Messages go in as JSON lines; the ids that were confirmed come back, one a line."""
        lines = [json.dumps({"id": m.id, "type": m.type, "routingKey": m.routing_key, "body": m.body.decode(),
                             "headers": m.properties.headers or {}}) for m in messages]
        if ledger:
            for message in messages:
                ledger.attempted(message.id)
        done = subprocess.run(["node", "publish.js", url, EXCHANGE], input="\n".join(lines) + "\n", text=True,
                              cwd=self.directory, capture_output=True, timeout=within)
        confirmed = done.stdout.split()
        if ledger:
            for id in confirmed:
                ledger.confirmed(id)
        assert done.returncode == 0, done.stderr
        return confirmed

    def stop(self):
        shutil.rmtree(self.directory, ignore_errors=True)
