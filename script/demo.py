#!/usr/bin/python3
"""leveret at work: samples go in; every job's end, the mails and the dead letters are shown, and a web page to look at them. Run it by script/demo."""
import json
import pathlib
import secrets
import shutil
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness import canary  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.publish import Message, Publisher, email, invoice  # noqa: E402
from harness.rabbitmq import RabbitMQ  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.wait import Overdue, wait_until  # noqa: E402
from harness.worker import Leveret  # noqa: E402

QUEUE = "leveret.work"


class Sample:
    """A message and how it must end: state, attempt, reason, mails."""

    def __init__(self, what, message, state="completed", mails=1, attempt=0, reason=""):
        self.what, self.message, self.state, self.mails, self.attempt, self.reason = what, message, state, mails, attempt, reason

    def has_ended(self, redis):
        return redis.job(self.message.id).get("state") in ("completed", "dead")

    def is_as_expected(self, redis, mails):
        job = redis.job(self.message.id)
        return (job.get("state") == self.state and job.get("reason", "") == self.reason
                and (self.state != "completed" or int(job.get("attempt", -1)) == self.attempt)
                and sum(job.get(name) == mail["id"] for mail in mails for name in job if name.startswith("effect.")) == self.mails)


def order(number, address, title, id):
    return Message("order.created.v1", {"order_id": number, "customer_email": address, "title": title}, id=id)


def samples():
    return [
        Sample("good", order(42, "ada@example.com", "A teapot", "demo-good")),
        Sample("good, two mails", invoice("2026-0042", 129900, "ada@example.com", "grace@example.com", id="demo-invoice"), mails=2),
        Sample("a type from files, in German", Message("order.shipped.v1", {
            "order_id": 42, "customer": {"email": "ada@example.com", "name": "Ada", "locale": "de"},
            "lines": [{"title": "A teapot", "count": 1}]}, id="demo-from-files")),
        Sample("duplicate: published three times", order(43, "bob@example.com", "Two cups", "demo-duplicate")),
        Sample("the mail service fails once", email("carol@example.com", "Hello", "Hello, Carol.\n", id="demo-failing-once"),
               attempt=1),
        Sample("refused by the mail service", order(44, "refused@example.com", "A spoon", "demo-refused"), "dead", 0,
               reason="permanent_failure"),
        Sample("poison: a bad address", order(45, "nobody", "A hat", "demo-bad-address"), "dead", 0, reason="bad_payload"),
        Sample("poison: broken JSON", Message("order.created.v1", body='{"order_id": 46,', id="demo-broken-json"), "dead", 0,
               reason="bad_payload"),
        Sample("nobody handles its type", Message("order.vanished.v1", {}, id="demo-unknown-type"), "dead", 0,
               reason="unknown_type"),
    ]


def config(broker, redis, sink):
    return {
        "amqp": {"url": broker.url()},
        "redis": {"url": redis.url},
        "queues": [{"name": QUEUE, "bindings": ["#"], "retry": {"attempts": 4, "tiers": ["1s", "5s"]}}],
        "mail": {"transport": "http", "from": "Shop <shop@example.com>",
                 "http": {"preset": "resend", "url": sink.http_url, "api_key": "re_demo"}},
        "claim": {"keep_payload": "1d"},
        "types": {"path": [str(ROOT / "handlers")]},
        "log": {"format": "json"},
    }


def table(title, head, rows):
    """Columns as wide as their content; the last one is cut at what a terminal shows."""
    print(f"\n{title}")
    rows = [[str(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    room = max(20, shutil.get_terminal_size((120, 24)).columns - sum(widths[:-1]) - 2 * len(widths))
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  " + "  ".join([*cells[:-1], row[-1][:room]]).rstrip())


def show(samples, redis, sink):
    """Prints what became of everything; is it all as expected?"""
    mails = sink.mails()
    rows, fine = [], True
    for sample in samples:
        job = redis.job(sample.message.id)
        as_expected = sample.is_as_expected(redis, mails)
        fine = fine and as_expected
        rows.append([sample.message.id, sample.what, job.get("state", "-"), int(job.get("attempt", 0)) + 1 if job else "-",
                     job.get("reason") or "-", "yes" if as_expected else f"NO: wanted {sample.state} {sample.reason}"])
    table("Jobs (HGETALL leveret:job:{ID})", ["id", "what", "state", "tries", "reason", "as expected"], rows)
    table("Mails that went out", ["to", "subject", "id of the mail service", "idempotency key"],
          [[mail["to"], mail["subject"], mail["id"], mail["key"][:16] + "..."] for mail in mails])
    dead = redis.dead(QUEUE)
    table(f"Dead letters in {QUEUE}.dlq", ["id", "type", "reason", "error"],
          [[entry.get("id", "-"), entry.get("type", "-"), entry.get("reason", "-"), entry.get("error", "-")]
           for entry in dead.values()])
    expected_mails = sum(sample.mails for sample in samples)
    expected_dead = sum(sample.state == "dead" for sample in samples)
    if (len(mails), len(dead)) != (expected_mails, expected_dead):
        print(f"\nwanted {expected_mails} mails and {expected_dead} dead letters")
        fine = False
    print("\nEvery job ended as expected." if fine else "\nNOT everything ended as expected.")
    return fine


def publish(broker, samples):
    with Publisher(broker.url()) as publisher:
        for sample in samples:
            for _ in range(3 if sample.what.startswith("duplicate") else 1):
                publisher.publish(sample.message)


def with_record(samples, redis):
    return sum(bool(redis.job(sample.message.id)) for sample in samples)


def page_knows(api, token, count):
    """Does the page's source answer who has the token, and only who has it? A worker adds to the list of jobs within a second."""
    def listed():
        answer = api.ask("GET", "/v1/jobs?limit=100", role="", headers={"Authorization": f"Bearer {token}"})
        return answer.status == 200 and len(answer.json()["items"]) == count

    try:
        wait_until(listed, within=10, what="every job on the page")
    except Overdue as overdue:
        print(overdue)
        return False
    return api.ask("GET", "/v1/jobs", role="").status == 401


def show_page(api, token):
    print(f"""
The page, with all of this, is at http://127.0.0.1:{api.port}/ and the token to log in with is {token}""", flush=True)


def instructions(leveret, worker, sink, redis, broker):
    data = json.dumps({"order_id": 47, "customer_email": "dave@example.com", "title": "Another hare"})
    print(f"""
All stays up until Ctrl-C. In another terminal first this line, which the commands and publishers of README.md need too:

  export PATH={leveret.program.parent}:$PATH LEVERET_CONFIG={leveret.config_path} LEVERET_ADMIN_LISTEN=127.0.0.1:{worker.admin_port} \\
    AMQP_URL={broker.url()} REDIS_URL={redis.url}

  publish one more      leveret publish order.created.v1 --data '{data}' --wait 30s
  look at a job         leveret job show demo-failing-once
  list dead letters     leveret dlq list {QUEUE}
  look at one           leveret dlq show {QUEUE} demo-refused
  try it again          leveret dlq redrive {QUEUE} demo-refused
  the mails as JSON     curl -s http://127.0.0.1:{sink.control_port}/mails
  the worker's metrics  curl -s http://127.0.0.1:{worker.admin_port}/metrics
  a record in Redis     redis-cli -p {redis.port} -a {canary.REDIS_PASSWORD} --no-auth-warning HGETALL 'leveret:job:{{demo-good}}'
  the worker's log      {worker.process.stderr_path}
""", flush=True)


def wait_for_ctrl_c():
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        print("\nending ...", flush=True)


def demo(stay, directory):
    print("starting a private RabbitMQ, Redis and mail catcher ...", flush=True)
    with Redis() as redis, Sink() as sink, RabbitMQ("leveret-demo") as broker:
        leveret = Leveret(directory, config(broker, redis, sink), program=ROOT / "build" / "release" / "leveret")
        worker = leveret.start()
        token = secrets.token_urlsafe(18)
        api = Api(leveret, tokens=[{"name": "demo", "role": "operate", "token": token}])
        try:
            all_samples = samples()
            sink.script(503, to="carol@example.com")
            sink.script({"status": 422, "body": {"message": "this address bounces"}}, to="refused@example.com")
            print(f"publishing {len(all_samples)} samples ...", flush=True)
            publish(broker, all_samples)
            try:
                wait_until(lambda: all(sample.has_ended(redis) for sample in all_samples), within=30, what="every job's end")
            except Overdue as overdue:
                print(overdue)
            fine = show(all_samples, redis, sink) and page_knows(api, token, with_record(all_samples, redis))
            show_page(api, token)
            if stay:
                instructions(leveret, worker, sink, redis, broker)
                wait_for_ctrl_c()
        finally:
            status = worker.stop() if worker.process.is_alive() else worker.wait()
            api.stop()
        if status != 0:
            print(f"the worker ended with {status}\n{worker.process.stderr()[-2000:]}")
        return fine and status == 0


def main(words):
    if set(words) - {"--exit"}:
        print("usage: script/demo [--exit]", file=sys.stderr)
        return 2
    directory = tempfile.mkdtemp(prefix="leveret-demo-")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also when a shell started it in the background
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return 0 if demo("--exit" not in words, directory) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
