"""Three workers, a stream of messages, and a nemesis that harms everything they need; then the ledger.

The nemesis draws from a seed, so a run can be repeated as far as the machine's own timing lets it. Every fault that can
explain a duplicate goes into the windows' books when it strikes (windows.py).
"""
import itertools
import logging
import random
import threading
import time

from .. import publish
from ..fleet import Fleet
from ..proxy import Proxy
from ..wait import wait_until

LEASE_S = 6
SPARE = "leveret.spare"  # a queue that is empty whenever it is deleted


class Chaos:
    def __init__(self, bench, messages, seed, program=None, rate=0, over="http", **more):
        """`more` goes into the workers' configuration."""
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # a publisher that meets a dead broker is no news here
        self.bench, self.count, self.seed, self.rate = bench, messages, seed, rate
        self.random = random.Random(seed)
        self.amqp, self.redis = Proxy(bench.broker.port), Proxy(bench.redis.port)
        work, spare = dict(bench.config()["queues"][0]), dict(bench.config()["queues"][0])
        spare.update(name=SPARE, bindings=["spare.#"])
        config = bench.smtp_config if over == "smtp" else bench.config
        self.fleet = Fleet(bench, 3, config(
            amqp={"url": bench.broker.url(bench.vhost, port=self.amqp.port), "heartbeat": "2s"},
            redis={"url": bench.redis.url_at(self.redis.port), "timeout": "1s"}, queues=[work, spare],
            # Deaths and freezes are nobody's fault here: no message may be suspected for good.
            claim={"lease": f"{LEASE_S}s", "max_crashes": 100}, mail={"timeout": "3s"}), program=program, **more)
        self.windows = self.fleet.windows
        self.published, self.stopped, self.log = False, False, []
        self.pause_s = (0.2, 1.5)  # between two faults
        self.faults = [self.kill, self.kill, self.freeze_short, self.freeze_long, self.close_connections, self.cut_amqp,
                       self.cut_redis, self.blackhole_amqp, self.blackhole_redis, self.mail_off, self.memory_alarm,
                       self.redis_kill, self.broker_kill, self.recreate_queue, self.terminate]

    # ---- the publisher: goes on through everything, and publishes again what was not confirmed

    def publish(self):
        fresh, again = self.messages(), []
        while not self.stopped:
            chunk = again or list(itertools.islice(fresh, 500))
            if not chunk:
                break
            again = []
            try:
                publish.publish_many(self.bench.url, chunk, window=200, ledger=self.bench.ledger, rate=self.rate, within=30)
            except Exception:  # the broker died under it; what was confirmed is in the ledger
                confirmed = self.bench.ledger.confirmed_ids()
                again = [message for message in chunk if message.id not in confirmed]
                time.sleep(0.2)
        self.published = True

    def messages(self):
        return (self.message(n) for n in range(1, self.count + 1))

    def message(self, number):
        kind = number % 20
        if kind == 1:
            return publish.invoice(number, 200000, f"c{number}@example.com", f"m{number}@example.com")
        if kind == 2:
            return publish.Message("order.created.v1", {"order_id": "bad"})
        return publish.order(number)

    # ---- the nemesis

    def torment(self):
        """One fault after the other, each healed before the next, as long as messages are published."""
        order = []
        while not self.published:
            order = order or self.random.sample(self.faults, len(self.faults))
            fault = order.pop()
            began = time.monotonic()
            told = fault()
            self.log.append(f"{time.strftime('%H:%M:%S')} {fault.__name__} {told or ''} {time.monotonic() - began:.1f} s")
            self.wait(self.random.uniform(*self.pause_s))

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.02)

    def victim(self):
        return self.random.choice(self.fleet.workers)

    def kill(self):
        worker = self.victim()
        self.fleet.kill(worker)
        self.fleet.replace(worker)
        return worker.name

    def terminate(self):
        worker = self.victim()
        worker.terminate()
        status = worker.wait(within=20)
        if status != 0:  # the grace ran out because something else was down: its sends were cut off like by a death
            self.windows.killed(worker)
        self.fleet.replace(worker)
        return f"{worker.name} status {status}"

    def freeze(self, seconds):
        worker = self.victim()
        with self.windows.span("B", worker):
            worker.freeze()
            self.wait(seconds)
            worker.thaw()
        return worker.name

    def freeze_short(self):
        return self.freeze(self.random.uniform(0.5, LEASE_S / 3))

    def freeze_long(self):
        return self.freeze(LEASE_S * 1.5)

    def close_connections(self):
        try:
            self.bench.broker.close_all_connections()
        except RuntimeError:
            return "(some had gone by themselves)"

    def cut_amqp(self):
        self.amqp.cut(reset=self.random.random() < 0.5)

    def cut_redis(self):
        with self.windows.span("B"):
            self.redis.cut(reset=self.random.random() < 0.5)

    def blackhole_amqp(self):
        self.amqp.blackhole = True
        self.wait(self.random.uniform(1, 6))
        self.amqp.pass_all()
        self.amqp.cut()

    def blackhole_redis(self):
        with self.windows.span("B"):
            self.redis.blackhole = True
            self.wait(self.random.uniform(1, 4))
            self.redis.pass_all()
            self.redis.cut()

    def mail_off(self):
        mode = self.random.choice(["503", "401", "refuse"])
        self.bench.sink.mode(mode)
        self.wait(self.random.uniform(1, 4))
        self.bench.sink.mode("healthy")
        return mode

    def memory_alarm(self):
        self.bench.broker.memory_alarm()
        self.wait(self.random.uniform(1, 3))
        self.bench.broker.memory_alarm(False)

    def redis_kill(self):
        with self.windows.span("B"):
            self.bench.redis.kill()
            self.wait(self.random.uniform(0.2, 2))
            self.bench.redis.start()

    def broker_kill(self):
        self.bench.broker.kill()
        self.bench.broker.boot()

    def recreate_queue(self):
        """Deleted and made again; its messages, of which there are none, would be destroyed by it and not lost by us."""
        self.bench.broker.delete_queue(SPARE, self.bench.vhost)
        self.wait(0.5)
        answer = self.bench.leveret(name=f"apply{len(self.bench._leverets)}", config=merged_url(self)).run("topology", "apply")
        return f"apply {answer.returncode}"

    # ---- the run

    def run(self, within):
        """Publishes and torments at once, then lets the workers finish. Returns the seconds of both."""
        began = time.monotonic()
        publisher = threading.Thread(target=self.publish)
        publisher.start()
        try:  # on this thread, the main one: what it starts must not end with it
            self.torment()
        except Exception as error:
            raise AssertionError(f"seed {self.seed}: {error!r}\n" + "\n".join(self.log)) from error
        finally:
            self.stopped = True
            publisher.join()
        published_s = time.monotonic() - began
        wait_until(self.nothing_left, within=within, every=0.2, what=self.state)
        return published_s, time.monotonic() - began

    def ended(self):
        states = [job.get("state") for job in self.bench.redis.jobs().values()]
        return sum(state in ("completed", "dead") for state in states)

    def nothing_left(self):
        return not any(self.bench.total(q) for q in (self.bench.queue, *self.bench.tiers)) and self.ended() >= self.count

    def state(self):
        return f"seed {self.seed}: {self.ended()} of {self.count} ended, {self.bench._counts()}\n" + "\n".join(self.log)

    def check(self):
        """The ledger. Returns it with the windows that explain the duplicates."""
        self.fleet.check_alive()
        explained, by_window = self.windows.explained()
        account = self.bench.account()
        for key in list(account.unexplained(explained))[:5]:
            print(self.windows.story(key))
        account.check(explained=explained)
        bad = {message for message, job in self.bench.redis.jobs().items() if job.get("reason") == "bad_payload"}
        assert set(account.dead) == bad, "only what was bad may be dead"
        return account, by_window

    def close(self):
        """Leaves everything whole, also when the nemesis fell over its own feet."""
        if not self.bench.broker.process.is_alive():
            self.bench.broker.boot()
        if not self.bench.redis.process.is_alive():
            self.bench.redis.start()
        self.bench.broker.memory_alarm(False)
        for proxy in (self.amqp, self.redis):
            proxy.pass_all()
            proxy.close()


def merged_url(chaos):
    """The configuration without the proxies between."""
    config = dict(chaos.fleet.leveret.config)
    config["amqp"] = {**config["amqp"], "url": chaos.bench.url}
    config["redis"] = {"url": chaos.bench.redis.url}
    return config
