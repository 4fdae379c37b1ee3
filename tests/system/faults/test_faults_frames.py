"""A broker that is none, or has lost its mind. The worker says so, waits, connects again and works on; it never crashes."""
import concurrent.futures
import random
import struct

import pika
import pytest

from harness import fake_broker as amqp
from harness.fake_broker import BODY, HEADER, HEARTBEAT, METHOD, FakeBroker, Harm, frame
from harness.publish import order
from harness.wait import wait_until

LANES = 4
RSS_KIB_MAX = 600_000  # the sanitizers' shadow included


def properties(flags, rest=b""):
    return frame(HEADER, 1, struct.pack(">HHQH", 60, 0, 4, flags) + rest)


NEXT = 1  # the delivery tag of a session's first delivery, which all of these are
DELIVER = amqp.deliver(1, NEXT)

# What a consumer that works well is sent. All of it must end the connection ...
FATAL = {
    "a wrong frame end": frame(METHOD, 0, struct.pack(">HH", 10, 61), end=0),
    "a length of 0xffffffff": frame(METHOD, 1, b"x" * 64, size=0xFFFFFFFF),
    "a length of 2^31 - 1": frame(BODY, 1, b"x" * 64, size=0x7FFFFFFF),
    "a frame one byte too long": frame(BODY, 1, b"x" * (131072 - 7)),
    "a method of no length": frame(METHOD, 1),
    "a method of three bytes": frame(METHOD, 1, b"\x00\x3c\x00"),
    "a method without arguments": frame(METHOD, 1, struct.pack(">HH", 60, 60)),
    "a method that is cut short": amqp.method(1, "Basic.Deliver", cut=9, consumer_tag="leveret.0", delivery_tag=1,
                                              redelivered=False, exchange="", routing_key="x"),
    "an unknown class": frame(METHOD, 1, struct.pack(">HH", 999, 1)),
    "an unknown method": frame(METHOD, 1, struct.pack(">HH", 60, 999)),
    "a body without a delivery": frame(BODY, 1, b"hello"),
    "a body without a header": DELIVER + frame(BODY, 1, b"hello"),
    "a header without a delivery": amqp.header(1, 5),
    "a header after a header": DELIVER + amqp.header(1, 5) + amqp.header(1, 5),
    "a header of another class": DELIVER + amqp.header(1, 5, class_id=10),
    "a header of an unknown class": DELIVER + amqp.header(1, 5, class_id=999),
    "a header of no length": DELIVER + frame(HEADER, 1),
    "a header of two bytes": DELIVER + frame(HEADER, 1, struct.pack(">H", 60)),
    "a header of eleven bytes": DELIVER + frame(HEADER, 1, struct.pack(">HHQ", 60, 0, 0)[:11]),
    "a header without properties": DELIVER + frame(HEADER, 1, struct.pack(">HHQ", 60, 0, 4)),
    "a body of 2^63 bytes": DELIVER + amqp.header(1, 1 << 63) + frame(BODY, 1, b"x" * 100000),
    "a body of 2^64 - 1 bytes": DELIVER + amqp.header(1, (1 << 64) - 1),
    "a body longer than announced": DELIVER + amqp.header(1, 3) + frame(BODY, 1, b"hello"),
    "a method inside of a message": DELIVER + amqp.header(1, 5) + DELIVER,
    "properties that are not there": DELIVER + properties(0xFFFC),
    "endless property flags": DELIVER + properties(0xFFFF, b"\xff" * 1000),
    "a header table longer than its frame": DELIVER + properties(0x2000, struct.pack(">I", 0xFFFFFFF0) + b"\x01aS"),
    "a header string longer than its table": DELIVER + properties(0x2000, struct.pack(">I", 8) + b"\x01aS\xff\xff\xff\xff!"),
    "a header of no known type": DELIVER + properties(0x2000, struct.pack(">I", 3) + b"\x01a\x07"),
    "a delivery on a channel that is not open": amqp.deliver(7, 1) + amqp.header(7, 0),
    "a delivery on the last channel": amqp.deliver(65535, 1) + amqp.header(65535, 0),
    "a delivery tag of 0": amqp.deliver(1, 0),
    "a delivery tag of 2^63": amqp.deliver(1, 1 << 63),
    "the channel closed for nothing": amqp.method(1, "Channel.Close", reply_code=504, reply_text="x" * 255, class_id=0, method_id=0),
    "the connection closed for nothing": amqp.method(0, "Connection.Close", reply_code=65535, reply_text="\x1b[2J\n",
                                                     class_id=65535, method_id=65535),
    "text": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "zeros": bytes(4096),
}

# ... or may be passed over, as librabbitmq or the loop do. The work goes on either way.
ODD = {
    "a frame of an unknown type": frame(9, 1, b"hello"),
    "a body of no length between messages": frame(HEARTBEAT, 5, b"hello"),
    "answers to nothing": (amqp.method(1, "Basic.ConsumeOk", consumer_tag="x") + amqp.method(1, "Basic.CancelOk", consumer_tag="x") +
                           amqp.method(1, "Basic.QosOk") + amqp.method(1, "Channel.OpenOk") + amqp.method(1, "Basic.Ack")),
    "a delivery on channel 0": amqp.deliver(0, 1) + amqp.header(0, 5) + frame(BODY, 0, b"hello"),
    "the connection blocked and unblocked": amqp.method(0, "Connection.Blocked", reason="") + amqp.method(0, "Connection.Unblocked"),
}

# What the next connection gets in place of a handshake that ends well.
HANDSHAKE = {
    "another protocol": Harm("start", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "an answer of HTTP": Harm("start", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", close=True),
    "another version": Harm("start", b"AMQP\x01\x01\x00\x0a", close=True),
    "AMQP 1.0": Harm("start", b"AMQP\x00\x01\x00\x00", close=True),
    "an older start": Harm("start", amqp.start(major=8, minor=0)),
    "a start that is cut short": Harm("start", amqp.start(cut=20)),
    "half a start": Harm("start", amqp.start()[:40], close=True),
    "nothing": Harm("start", b"", close=True),
    "zeros": Harm("start", bytes(4096)),
    "no credentials of ours": Harm("start", amqp.start(mechanisms="XPLAIN PLAINX EXTERNAL")),
    "an opening in place of a start": Harm("start", amqp.method(0, "Connection.OpenOk")),
    "a start on channel 1": Harm("start", frame(METHOD, 1, amqp.start()[7:-1])),
    "a start twice": Harm("start", amqp.start() * 2, goes_on=True),
    "frames of 1 byte": Harm("tune", amqp.tune(frame_max=1), goes_on=True),
    "frames of 8 bytes": Harm("tune", amqp.tune(frame_max=8), goes_on=True),
    "frames of 4095 bytes": Harm("tune", amqp.tune(frame_max=4095), goes_on=True),
    "text in place of a tuning": Harm("tune", b"garbage" * 100),
    "a cut in place of a tuning": Harm("tune", b"", close=True),
    "a body in place of an opening": Harm("open", frame(BODY, 0, b"x")),
    "a refusal": Harm("open", amqp.method(0, "Connection.Close", reply_code=530, reply_text="no", class_id=10, method_id=40)),
}

# Unusual, and to be lived with.
TUNINGS = {
    "frames without a limit": amqp.tune(frame_max=0),
    "frames of 4096 bytes": amqp.tune(frame_max=4096),
    "frames of 2^32 - 1 bytes": amqp.tune(frame_max=0xFFFFFFFF),
    "no heartbeat": amqp.tune(heartbeat=0),
    "a heartbeat of 65535 s": amqp.tune(heartbeat=65535),
    "no limit of channels": amqp.tune(channel_max=0),
    "two channels": amqp.tune(channel_max=2),
}


class Lane:
    """A worker with a broker of its own, through whose hands one case after another goes."""

    def __init__(self, bench, number):
        self.bench = bench
        self.broker = FakeBroker()
        self.leveret = bench.leveret(name=f"lane{number}", amqp={"url": self.broker.url, "heartbeat": "1s"})
        self.worker = self.leveret.start(ready=False)
        self.number, self.cases = number, 0
        self.session = None  # the one that works, after each case

    def failures(self):
        return [entry for entry in self.worker.log() if entry.get("event") in ("amqp_down", "amqp_unreachable")]

    def works(self, name):
        """It consumes, a job that comes now is done and acknowledged, and it holds long enough to be a success."""
        session = wait_until(lambda: self.alive(name) and self.broker.consumer, within=20, what=lambda: self.told(name))
        self.cases += 1
        message = order(self.cases, f"lane{self.number}.{self.cases}@example.com")
        tag = session.deliver(message)
        wait_until(lambda: self.alive(name) and tag in session.acked, within=10, what=lambda: self.told(name))
        assert self.bench.state(message) == "completed"
        beats = session.heartbeats
        wait_until(lambda: session.heartbeats >= beats + 2 or session.over.is_set(), within=10, what=lambda: self.told(name))
        assert not session.over.is_set(), self.told(name)
        self.session = session
        return session

    def alive(self, name):
        assert self.worker.process.is_alive(), self.told(name)
        return True

    def told(self, name):
        return f"{name}: exit {self.worker.process.popen.poll()}\n{self.worker.process.stderr()[-2000:]}"

    def one_error_more(self, name, before):
        new = self.failures()[before:]
        assert len(new) == 1, f"{name}: {new}"
        assert len(new[0]["error"]) > 10, f"{name}: {new}"
        return f"{name}: {new[0]['error']}"

    def sends(self, name, data):
        """A consumer that works is sent `data`."""
        session = self.session or self.works(name)
        before = len(self.failures())
        session.send(data)
        if name in FATAL:
            wait_until(lambda: self.alive(name) and session.over.is_set(), within=10, what=lambda: self.told(name))
        self.works(name)
        return self.one_error_more(name, before) if name in FATAL else f"{name}: {self.failures()[before:]}"

    def meets(self, name, harm):
        """The next connection is met by `harm`; the one after it is served well."""
        session = self.session or self.works(name)
        before = len(self.failures()) + 1  # its end is one
        self.broker.harm = harm
        session.hang_up()
        session.over.wait(10)
        wait_until(lambda: self.alive(name) and len(self.failures()) > before, within=20, what=lambda: self.told(name))
        self.works(name)
        return self.one_error_more(name, before)

    def tunes(self, name, data):
        session = self.works(name)
        self.broker.harm = Harm("tune", data, goes_on=True)
        session.hang_up()
        session.over.wait(10)
        before = len(self.failures())
        session = wait_until(lambda: self.alive(name) and self.broker.consumer, within=20, what=lambda: self.told(name))
        message = order(1, f"lane{self.number}.tuned{self.cases}@example.com")
        tag = session.deliver(message)
        wait_until(lambda: self.alive(name) and tag in session.acked, within=10, what=lambda: self.told(name))
        session.hang_up()
        session.over.wait(10)
        return f"{name}: {self.failures()[before:]}"

    def rss_kib(self):
        return int(next(line.split()[1] for line in open(f"/proc/{self.worker.pid}/status") if line.startswith("VmRSS")))


@pytest.fixture
def lanes(bench):
    made = [Lane(bench, number) for number in range(LANES)]
    yield made
    for lane in made:
        lane.worker.terminate()
        lane.worker.wait()
        lane.broker.close()


def spread(lanes, cases, act):
    """Each case in one of the lanes, all lanes at once; what was logged for it is shown."""
    def run(lane, mine):
        told = [act(lane, name, case) for name, case in mine]
        assert lane.rss_kib() < RSS_KIB_MAX, f"{lane.rss_kib()} KiB after {mine}"
        return told

    items = list(cases.items())
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        runs = [pool.submit(run, lane, items[number::len(lanes)]) for number, lane in enumerate(lanes)]
        print("\n" + "\n".join(line for done in runs for line in done.result()))


def test_frames_that_no_broker_sends_end_the_connection_and_nothing_else(lanes):
    spread(lanes, {**FATAL, **ODD}, Lane.sends)


def test_a_handshake_that_goes_wrong_is_told_and_tried_again(lanes):
    spread(lanes, HANDSHAKE, Lane.meets)


def test_tunings_at_the_limits_are_lived_with(lanes):
    spread(lanes, TUNINGS, Lane.tunes)


def test_a_channel_on_which_all_is_nacked_is_changed_for_another(bench):
    """A queue that had no leader at the first publish of a channel nacks there for ever, while others ack (RabbitMQ 3.10)."""
    with FakeBroker() as broker:
        broker.nacks = "leveret.dlx"
        bench.sink.script({"status": 503, "times": -1})
        worker = bench.leveret(amqp={"url": broker.url}).start(ready=False)
        session = wait_until(lambda: broker.consumer, within=20, what="it consumes")
        dead = order(1)
        dead.body = b"{"
        tag = session.deliver(dead)
        retried = []

        def acked():
            retried.append(session.deliver(order(len(retried) + 2)))  # a copy of each is confirmed meanwhile
            return tag in session.acked and retried[0] in session.acked

        wait_until(acked, within=30, what=lambda: worker.process.stderr()[-2000:])
        (publisher,) = [each for each in broker.sessions if each.published and each is not session]
        assert publisher.opened == 2 and not publisher.over.is_set()
        worker.terminate()
        worker.wait()


@pytest.mark.faults
def test_a_server_that_is_silent_or_slow_in_the_handshake_is_given_up_in_time(lanes):
    spread(lanes, {
        "silence": Harm("start", b""),
        "a byte now and then": Harm("start", amqp.start(), trickle=0.5),
        "silence in place of a tuning": Harm("tune", b""),
        "silence in place of an opening": Harm("open", b""),
    }, Lane.meets)


@pytest.mark.faults
def test_random_bytes_inside_of_honest_frames_never_crash_it(lanes):
    """Honest frames with some bytes changed, and random ones, from a seed that is told."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"\nseed {seed}")
    chance = random.Random(seed)
    honest = [DELIVER, amqp.header(1, 5, pika.BasicProperties(headers={"a": [1, {"b": "c"}]}, message_id="m", type="t")),
              frame(BODY, 1, b"hello"), amqp.method(1, "Basic.ConsumeOk", consumer_tag="x"), amqp.start(), amqp.tune()]

    def spoilt():
        data = bytearray(b"".join(chance.sample(honest, 3)) if chance.random() < 0.8 else chance.randbytes(400))
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data) + frame(METHOD, 1, end=0)  # whatever came of it, the connection ends here

    def act(lane, name, data):
        session = lane.session or lane.works(name)
        session.send(data)
        session.over.wait(3)
        session.hang_up()
        session.over.wait(10)
        lane.works(name)
        return name

    spread(lanes, {f"case {n}": spoilt() for n in range(120)}, act)
