"""Dead letters of several kinds, made by a real worker, and the words that read a command's JSON lines."""
import json

from .process import Process
from .publish import Message, order
from .wait import wait_until
from .worker import environment

PAST = "2020-01-01T00:00:00Z"


def rows(answer):
    return [json.loads(line) for line in answer.stdout.splitlines()]


def expired(number, **more):
    """Dies `expired`, and completes once it was redriven, which clears the deadline."""
    return order(number + 1, headers={"deadline": PAST}, **more)


def broken(number, field="customer_email", value="no address"):
    data = {"order_id": number + 1, "customer_email": f"o{number}@example.com", "title": "T", field: value}
    return Message("order.created.v1", data)


def five_shapes(count):
    makers = (expired, broken, lambda n: broken(n, "order_id", "x"), lambda n: Message(f"no.such.type.v{n % 2 + 1}", {}),
              lambda n: Message("order.created.v1", body="{"))
    return [makers[n % 5](n) for n in range(count)]


def fill(bench, messages, **changes):
    """Lets a worker with `changes` of its settings kill them all; it is gone afterwards."""
    leveret = bench.leveret(**changes)
    worker = leveret.start()
    bench.publish_many(messages)
    wait_until(lambda: bench.depth(bench.dlq) == len(messages), within=90, every=0.1,
               what=lambda: f"{bench.depth(bench.dlq)} dead letters of {len(messages)}")
    wait_until(lambda: bench.redis.client.zcard(f"leveret:dead:{bench.queue}") == len(messages), what="index")
    worker.stop()
    return leveret


def background(leveret, name, *words):
    return Process([leveret.program, *words, "-c", leveret.config_path], directory=leveret.directory, name=name,
                   cwd=leveret.directory, env=environment(leveret.directory))
