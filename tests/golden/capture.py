#!/usr/bin/python3
"""Writes down what a version of leveret leaves for the next one to read: its copies as they go over the wire, its records
and its index of dead letters.

usage: capture.py PROGRAM > VERSION.json    PROGRAM: that version's build of the preset crash; root, for a neutral host name

Every case is done by the program itself, to real services; nothing in the file is typed by hand.
"""
import json
import pathlib
import signal
import struct
import sys
import tempfile

import pika

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from harness.bench import Bench  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.publish import Message, email, invoice, order  # noqa: E402
from harness.rabbitmq import RabbitMQ  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.wait import wait_until  # noqa: E402

FRAME_METHOD, FRAME_HEADER, FRAME_BODY = 1, 2, 3
BASIC_PUBLISH = (60, 40)
FOREIGN = {"subject": "order/42", "x-tenant": {"name": "north", "numbers": [1, -2, 3000000000], "new": True}}


class Wiretap(Proxy):
    """Keeps what clients say, connection by connection."""

    def __init__(self, port):
        super().__init__(port)
        self.said = {}

    def _carry_chunk(self, pair, source, sink, direction):
        if direction is self.up:
            sink = Tee(sink, self.said.setdefault(id(pair), bytearray()))
        return super()._carry_chunk(pair, source, sink, direction)

    def published(self):
        """(exchange, routing key, content header, body) of all that was published."""
        for said in list(self.said.values()):
            frames = list(frames_of(bytes(said)))
            for number, (kind, payload) in enumerate(frames):
                if kind == FRAME_METHOD and struct.unpack("!HH", payload[:4]) == BASIC_PUBLISH:
                    header = frames[number + 1][1]
                    size, body = struct.unpack("!Q", header[4:12])[0], b""
                    for _, part in frames[number + 2:]:
                        if len(body) >= size:
                            break
                        body += part
                    exchange, rest = short_string(payload[6:])
                    yield exchange, short_string(rest)[0], header, body


class Tee:
    def __init__(self, sink, copy):
        self.sink, self.copy = sink, copy

    def sendall(self, data):
        self.copy += data
        self.sink.sendall(data)

    def __getattr__(self, name):
        return getattr(self.sink, name)


def frames_of(said):
    at = 8  # behind "AMQP" and the version
    while at + 7 <= len(said):
        kind, _, size = struct.unpack("!BHI", said[at:at + 7])
        yield kind, said[at + 7:at + 7 + size]
        at += 8 + size


def short_string(data):
    return data[1:1 + data[0]].decode(), data[1 + data[0]:]


def readable(header):
    """The properties by another library's decoder, for the tests to compare with."""
    properties = pika.BasicProperties()
    properties.decode(header[12:])
    return {name: value for name, value in vars(properties).items() if value is not None}


class Capture:
    def __init__(self, bench, tap, program):
        self.bench, self.tap, self.cases = bench, tap, {}
        config = bench.config(
            amqp={"url": bench.broker.url(bench.vhost, port=tap.port)}, claim={"lease": "5s"},
            mail={"timeout": "3s", "http": {"connections": 1}, "breaker": {"failures": 50}}, handlers={"email.send.v1": {"on_ambiguous": "park"}})
        config["queues"][0]["retry"]["tiers"] = ["10m", "1h"]  # none comes back while we look
        self.leveret = bench.leveret(config)
        self.leveret.program = program
        self.leveret.run("topology", "apply")

    def note(self, name, message):
        """Everything that is known about the message of the case `name`."""
        client, bench = self.bench.redis.client, self.bench
        record = bench.job(message)
        letters = {id: letter for id, letter in bench.redis.dead(bench.queue).items() if letter["id"] == message.id}
        original = {"type": message.type, "body": message.body.decode()} if message.type else None
        self.cases[name] = {
            "id": message.id, "original": original, "record": record, "events": client.lrange(f"leveret:events:{{{message.id}}}", 0, -1),
            "letters": letters, "keys": [mail["key"] for mail in bench.sink.attempts() if mail["key"]], "copies": [
                {"exchange": exchange, "routing_key": key, "header": header.hex(), "body": body.decode(),
                 "properties": readable(header)}
                for exchange, key, header, body in self.tap.published() if readable(header).get("message_id") == message.id]}
        bench.sink.clear()

    def alive(self, name, message, state, *answers):
        """A worker that lives on and brings the message into `state`."""
        worker = self.leveret.start()
        if answers:
            self.bench.sink.script(*answers)
        self.bench.publish(message)
        self.bench.wait_state(message, state)
        worker.stop()
        self.note(name, message)

    def killed(self, name, message, point, *answers):
        if answers:
            self.bench.sink.script(*answers)
        self.bench.publish(message)
        worker = self.leveret.start(ready=False, env={"LEVERET_CRASHPOINT": point})
        assert worker.wait(within=30) == -signal.SIGKILL
        wait_until(lambda: self.bench.depth(self.bench.queue) == 1, within=20, what="the message is back")
        self.bench.ids_in(self.bench.queue)
        self.note(name, message)

    def run(self):
        bad = Message("order.created.v1", {"order_id": "x"}, id="golden-bad", headers=FOREIGN)
        self.alive("completed", invoice(1, 200000, manager="m@example.com", id="golden-completed"), "completed")
        self.alive("retrying", order(2, id="golden-retrying", headers=FOREIGN, correlation_id="c-2"), "retrying", 503)
        self.alive("deferred", order(3, id="golden-deferred", headers=FOREIGN), "retrying", {"status": 429})
        self.alive("dead", order(4, id="golden-dead", headers=FOREIGN), "dead", 422)
        self.alive("bad", bad, "dead")
        self.alive("redriven", order(5, id="golden-redriven"), "dead", 422)
        self.operator("redriven", "redrive", "golden-redriven")
        self.alive("dropped", order(6, id="golden-dropped"), "dead", 422)
        self.operator("dropped", "drop", "golden-dropped")
        self.queued("golden-queued")
        self.killed("running", order(8, id="golden-running"), "pre_send:1")
        self.killed("half", invoice(9, 200000, manager="m@example.com", id="golden-half"), "pre_send:2")
        self.killed("decided", order(10, id="golden-decided"), "pre_publish:1", 503)
        self.killed("intended", email("ada@example.com", id="golden-intended"), "sent:1")
        return self.cases

    def operator(self, name, word, id):
        answer = self.leveret.run("dlq", word, self.bench.queue, id, "--yes")
        assert answer.returncode == 0, answer
        self.bench.ids_in(self.bench.queue)
        self.note(name, Message(id=id))

    def queued(self, id):
        answer = self.leveret.run("publish", "order.created.v1", "--id", id, "--data",
                                  '{"order_id": 7, "customer_email": "ada@example.com", "title": "Tea"}')
        assert answer.returncode == 0, answer
        self.bench.ids_in(self.bench.queue)
        self.note("queued", Message(id=id))


def neutral(program, directory):
    """The program on a host that is called "golden"."""
    path = pathlib.Path(directory) / "neutral"
    path.write_text(f"#!/bin/sh\nexec unshare --uts sh -c 'hostname golden && exec \"$0\" \"$@\"' {program} \"$@\"\n")
    path.chmod(0o755)
    return path


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory, RabbitMQ() as broker, Redis() as redis, Sink() as sink:
        bench = Bench(broker, redis, sink, pathlib.Path(directory))
        with Wiretap(broker.port) as tap:
            cases = Capture(bench, tap, neutral(program, directory)).run()
        bench.close()
    print(json.dumps(cases, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
