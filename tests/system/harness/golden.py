"""What earlier versions left behind (tests/golden, written by capture.py there), put back into real services."""
import json
import pathlib

import pika

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"
VERSIONS = sorted(path.name.removesuffix(".json") for path in GOLDEN.glob("*.json"))


class Golden:
    """One case: a record with its timeline, the message as its publisher gave it, and the copies that were made of it."""

    def __init__(self, version, name):
        self.case = json.loads((GOLDEN / f"{version}.json").read_text())[name]
        self.id, self.record, self.keys = self.case["id"], self.case["record"], self.case["keys"]
        self.copies = [Copy(copy) for copy in self.case["copies"]]

    def restore(self, bench):
        """Record, timeline and index as they were; whoever owned the job is gone since long."""
        client = bench.redis.client
        client.hset(f"{bench.prefix}:job:{{{self.id}}}", mapping=self.record)
        if self.case["events"]:
            client.rpush(f"{bench.prefix}:events:{{{self.id}}}", *self.case["events"])
        for dead_id, letter in self.case["letters"].items():
            client.zadd(f"{bench.prefix}:dead:{bench.queue}", {dead_id: int(letter["failed_ms"])})
            client.hset(f"{bench.prefix}:deadletter:{{{dead_id}}}", mapping=letter)
        return self

    def original(self, bench):
        """The message comes once more as it first came."""
        original = self.case["original"] or {"type": self.copies[0].properties.type, "body": self.copies[0].body}
        self._publish(bench, "leveret.in", original["type"], pika.BasicProperties(
            message_id=self.id, type=original["type"], content_type="application/json", delivery_mode=2), original["body"])

    def copy(self, bench, exchange):
        """The copy that was given to `exchange` comes to where that leads."""
        (copy,) = [copy for copy in self.copies if copy.exchange == exchange]
        back = "leveret.dlx" if exchange == "leveret.dlx" else "leveret.return"
        self._publish(bench, back, bench.queue, copy.properties, copy.body)

    @staticmethod
    def _publish(bench, exchange, routing_key, properties, body):
        bench.publisher.channel.basic_publish(exchange, routing_key, body.encode(), properties, mandatory=True)


class Copy:
    def __init__(self, copy):
        self.exchange, self.body = copy["exchange"], copy["body"]
        self.properties = pika.BasicProperties()
        self.properties.decode(bytes.fromhex(copy["header"])[12:])
