"""One test's bench: a virtual host and an empty Redis of its own, the mail sink, publishers, and leveret configured for all."""
import itertools
import json

from . import canary, publish
from .ledger import Ledger
from .wait import wait_until
from .worker import Leveret, merged

_numbers = itertools.count(1)


class Bench:
    queue = "leveret.work"
    prefix = "leveret"
    attempts = 4

    def __init__(self, broker, redis, sink, directory, node=None):
        self.broker, self.redis, self.sink, self.directory = broker, redis, sink, directory
        self.vhost = f"test{next(_numbers)}"
        self.node = node
        self.ledger = Ledger()
        self._leverets = []
        self._publisher = None
        broker.add_vhost(self.vhost)
        redis.client.flushall()
        sink.reset()

    @property
    def url(self):
        return self.broker.url(self.vhost)

    @property
    def tiers(self):
        return [f"{self.queue}.retry.{tier}" for tier in ("1s", "2s")]

    @property
    def dlq(self):
        return f"{self.queue}.dlq"

    # ---- leveret

    def config(self, **changes):
        """Short tiers and breaker times, so that a test takes seconds; else as an operator would write it."""
        return merged({
            "amqp": {"url": self.url},
            "redis": {"url": self.redis.url},
            "queues": [{"name": self.queue, "bindings": ["#"], "prefetch": 64,
                        "retry": {"attempts": self.attempts, "tiers": ["1s", "2s"]}}],
            "mail": {"transport": "http", "from": "Shop <shop@example.com>", "timeout": "5s",
                     "http": {"preset": "resend", "url": self.sink.http_url, "api_key": canary.API_KEY, "connections": 16},
                     "breaker": {"failures": 5, "open": "1s", "open_max": "2s"}},
            "admin": {"listen": "off", "token": canary.ADMIN_TOKEN},
            "log": {"level": "info", "format": "json"},
            "shutdown": {"grace": "10s"},
        }, changes)

    def smtp_config(self, **changes):
        mail = {"transport": "smtp", "http": None,
                "smtp": {"url": self.sink.smtp_url, "starttls": "off", "connections": 8,
                         "username": "shop", "password": canary.SMTP_PASSWORD}}
        return merged(self.config(mail=mail), changes)

    def leveret(self, config=None, name="leveret", env=None, program=None, **changes):
        """leveret with `config` (default: config()) and `changes` over it."""
        config = config if config is not None else self.config()
        made = Leveret(self.directory / name, merged(config, changes) if changes else config, program, env)  # a whole file may be a string
        self._leverets.append(made)
        return made

    def worker(self, config=None, **changes):
        """A worker that is ready. `self.last` is the Leveret behind it."""
        self.last = self.leveret(config, name=f"leveret{len(self._leverets) + 1}", **changes)
        return self.last.start()

    # ---- publishing

    @property
    def publisher(self):
        if self._publisher is None or not self._publisher.connection.is_open:
            self._publisher = publish.Publisher(self.url, self.ledger)
        return self._publisher

    def publish(self, *messages):
        """Each one confirmed before the next. One message: it is returned."""
        return self.publisher.publish(*messages)

    def publish_many(self, messages, **options):
        return publish.publish_many(self.url, messages, ledger=self.ledger, **options)

    # ---- looking

    def job(self, message):
        return self.redis.job(getattr(message, "id", message), self.prefix)

    def state(self, message):
        return self.job(message).get("state")

    def wait_state(self, message, state, within=20):
        wait_until(lambda: self.state(message) == state, within=within, what=lambda: f"{state}: {self.job(message)}")
        return self.job(message)

    def wait_completed(self, count, within=60):
        """Until exactly so many records are completed and the work queue and tiers are empty; a job that died is an error."""
        def count_completed():
            jobs = self.redis.jobs(self.prefix)
            dead = {id: job for id, job in jobs.items() if job.get("state") == "dead"}
            assert not dead, f"died: {dead}"
            return sum(job.get("state") == "completed" for job in jobs.values())

        wait_until(lambda: count_completed() >= count, within=within, every=0.1,
                   what=lambda: f"{count_completed()} completed of {count}")
        assert count_completed() == count
        self.wait_empty()

    def wait_empty(self, within=20):
        """Until nothing is in the work queue, on its way or in a tier. The queues are asked one after the other, and a message
        moves between them: only one that is missed twice, on its way to a tier and back, could escape."""
        def left():
            counts = self._counts()
            return {queue: counts[queue][1] for queue in (self.queue, *self.tiers) if counts.get(queue, [0, 0])[1]}

        wait_until(lambda: not left() and not left(), within=within, what=lambda: f"left: {left()}")

    def depth(self, queue):
        """Messages that are ready in the queue; 0 if there is no such queue."""
        return self._counts().get(queue, [0, 0])[0]

    def total(self, queue):
        """Ready and unacknowledged."""
        return self._counts().get(queue, [0, 0])[1]

    def _counts(self):
        """queue -> [ready, ready and unacknowledged]. Asked of the queues themselves: the broker's statistics lag by seconds."""
        question = f"""[[element(4, amqqueue:get_name(Q)), element(2, rabbit_amqqueue:stat(Q)),
            case amqqueue:get_type(Q) of
                rabbit_quorum_queue ->
                    {{ok, {{_, N}}, _}} = ra:local_query(amqqueue:get_pid(Q), fun rabbit_fifo:query_messages_total/1), N;
                _ -> element(2, rabbit_amqqueue:stat(Q))
            end] || Q <- rabbit_amqqueue:list(<<"{self.vhost}">>)]"""

        def answer():
            try:
                return [self.broker.erl_json(question)]
            except RuntimeError:  # a queue is coming up or going away
                return None

        (rows,) = wait_until(answer, within=30, every=0.2, what="the queues' state")
        return {name: counts for name, *counts in rows}

    def dead_letters(self, count=None, within=20, queue=None):
        """The messages of the dead-letter queue, as (properties, headers, body); they are taken out."""
        queue = queue or self.dlq
        if count is not None:
            wait_until(lambda: self.depth(queue) >= count, within=within,
                       what=lambda: f"{self.depth(queue)} dead letters of {count}")
        with self.broker.connect(self.vhost) as connection:
            channel = connection.channel()
            found = []
            while True:
                method, properties, body = channel.basic_get(queue, auto_ack=True)
                if method is None:
                    break
                found.append(DeadLetter(properties, body))
        if count is not None:
            assert len(found) == count, f"{len(found)} dead letters, wanted {count}: {found}"
        return found

    def ids_in(self, queue):
        """The message ids in a queue, as a list; the queue is emptied. [] if there is none."""
        return [d.id for d in self.dead_letters(queue=queue)] if queue in self.broker.queues(self.vhost) else []

    def account(self):
        return self.ledger.account(self)

    def _look_at_dead_letters(self):
        """Those that the test left: nothing secret is in their headers. A test may have taken the broker away."""
        try:
            counts = self._counts()
        except (RuntimeError, AssertionError):
            return
        for queue, (ready, _) in counts.items():
            if ready and (queue.endswith(".dlq") or queue == "leveret.unrouted"):
                self.dead_letters(queue=queue)

    def close(self):
        if self._publisher:
            try:
                self._publisher.close()
            except Exception:  # the test may have cut it
                pass
        try:
            for leveret in self._leverets:
                leveret.stop()
            self._look_at_dead_letters()
        finally:
            for leveret in self._leverets:
                for worker in leveret.workers:
                    if worker.process.is_alive():
                        worker.kill()
            self.broker.delete_vhost(self.vhost)


class DeadLetter:
    def __init__(self, properties, body):
        self.properties, self.body = properties, body
        self.headers = properties.headers or {}
        self.id, self.type = properties.message_id, properties.type
        canary.check_dead_letter(properties, f"the dead letter {self.id}")

    @property
    def reason(self):
        return self.headers.get("x-leveret-reason")

    @property
    def error(self):
        return self.headers.get("x-leveret-error")

    def data(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.id} {self.type} {self.reason}: {self.error}>"

