"""A broker that speaks AMQP 0-9-1 as RabbitMQ does, until it is told to send what no broker would."""
import socket
import struct
import threading

import pika

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END = 0xCE
HEARTBEAT_FRAME = struct.pack(">BHIB", HEARTBEAT, 0, 0, END)


def frame(kind, channel, payload=b"", end=END, size=None):
    """One frame as bytes; `size`: what it says of its length, else the truth."""
    return struct.pack(">BHI", kind, channel, len(payload) if size is None else size) + payload + bytes([end])


def method(channel, name, cut=0, **arguments):
    """A method frame, without its last `cut` bytes of arguments. `name`: "Basic.Deliver"."""
    group, word = name.split(".")
    payload = pika.frame.Method(channel, getattr(getattr(pika.spec, group), word)(**arguments)).marshal()[7:-1]
    return frame(METHOD, channel, payload[:len(payload) - cut])


def header(channel, size, properties=None, class_id=60):
    flags_and_list = b"".join((properties or pika.BasicProperties()).encode())
    return frame(HEADER, channel, struct.pack(">HHQ", class_id, 0, size) + flags_and_list)


def deliver(channel, tag, consumer_tag="leveret.0"):
    return method(channel, "Basic.Deliver", consumer_tag=consumer_tag, delivery_tag=tag, redelivered=False,
                  exchange="leveret.in", routing_key="order.created.v1")


def start(major=0, minor=9, mechanisms="PLAIN AMQPLAIN", cut=0):
    return method(0, "Connection.Start", cut=cut, version_major=major, version_minor=minor, server_properties={"product": "fake"},
                  mechanisms=mechanisms, locales="en_US")


def tune(channel_max=2047, frame_max=131072, heartbeat=1):
    return method(0, "Connection.Tune", channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)


class Harm:
    """What one connection gets. `start` in place of connection.start, `tune` of connection.tune, `open` of open-ok;
    `close`: the connection ends after it, else it stays open and silent. `goes_on`: after it the handshake continues.
    `trickle`: seconds between the bytes."""

    def __init__(self, stage, data, close=False, goes_on=False, trickle=0):
        self.stage, self.data, self.close, self.goes_on, self.trickle = stage, data, close, goes_on, trickle


class FakeBroker:
    """Takes every connection; `harm` goes to the next one. `consumer` is the session that consumes now, or None. `nacks`: what is
    published to this exchange on the first channel of a connection is nacked, as where a quorum queue had no leader."""

    def __init__(self):
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = False
        self.port = self._listener.getsockname()[1]
        self.harm = self.consumer = None
        self.nacks = None
        self.sessions = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def take_harm(self):
        with self._lock:
            harm, self.harm = self.harm, None
        return harm

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            session = Session(self, client)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def close(self):
        self._closed = True
        self._listener.close()
        for session in self.sessions:
            session.hang_up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Session:
    """One connection. Every method is answered by its -ok; publishes are confirmed."""

    def __init__(self, broker, client):
        self.broker, self._client, self._buffer = broker, client, b""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.harm = broker.take_harm()
        self.heartbeats, self.acked, self.published, self.delivered, self.opened = 0, [], 0, 0, 0
        self.over = threading.Event()
        self._writing = threading.Lock()

    def send(self, data):
        with self._writing:
            try:
                self._client.sendall(data)
            except OSError:
                self.over.set()

    def hang_up(self, reset=False):
        try:
            if reset:
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._client.close()
            else:
                self._client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def deliver(self, message):
        """Sends it as the next delivery of channel 1; returns its delivery tag."""
        self.delivered += 1
        self.send(deliver(1, self.delivered) + header(1, len(message.body), message.properties) +
                  frame(BODY, 1, message.body))
        return self.delivered

    def run(self):
        try:
            self._serve()
        except (OSError, EOFError, pika.exceptions.AMQPError):
            pass
        if self.broker.consumer is self:
            self.broker.consumer = None
        self.over.set()
        self._client.close()

    def _read(self):
        data = self._client.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def _frames(self):
        while True:
            used, read = pika.frame.decode_frame(self._buffer)
            if read is None:
                self._read()
                continue
            self._buffer = self._buffer[used:]
            yield read

    def _stage(self, name, honest):
        """Sends what is due at this stage. False: nothing more is to be said."""
        harm = self.harm
        if not harm or harm.stage != name:
            self.send(honest)
            return True
        for part in [harm.data] if not harm.trickle else [bytes([byte]) for byte in harm.data]:
            self.send(part)
            if harm.trickle and self.over.wait(harm.trickle):
                break
        if harm.close:
            self.hang_up()
        return harm.goes_on

    def _serve(self):
        while len(self._buffer) < 8:
            self._read()
        self._buffer = self._buffer[8:]
        talking = self._stage("start", start())
        for read in self._frames():
            if isinstance(read, pika.frame.Heartbeat):
                self.heartbeats += 1
                self.send(HEARTBEAT_FRAME)
            elif isinstance(read, pika.frame.Method) and talking:
                talking = self._answer(read.channel_number, read.method)

    def _answer(self, channel, asked):
        name = type(asked).NAME
        if name == "Connection.StartOk":
            return self._stage("tune", tune())
        if name == "Connection.Open":
            return self._stage("open", method(0, "Connection.OpenOk"))
        if name == "Basic.Consume":
            self.send(method(channel, "Basic.ConsumeOk", consumer_tag=asked.consumer_tag))
            self.broker.consumer = self
        elif name == "Basic.Cancel":
            self.send(method(channel, "Basic.CancelOk", consumer_tag=asked.consumer_tag))
        elif name == "Basic.Ack":
            self.acked.append(asked.delivery_tag)
        elif name == "Basic.Publish":
            self.published += 1
            nacked = asked.exchange == self.broker.nacks and self.opened == 1
            self.send(method(channel, "Basic.Nack" if nacked else "Basic.Ack", delivery_tag=self.published))
        elif name == "Channel.Open":
            self.opened, self.published = self.opened + 1, 0
            self.send(method(channel, "Channel.OpenOk"))
        elif name == "Queue.Declare":
            self.send(method(channel, "Queue.DeclareOk", queue=asked.queue, message_count=0, consumer_count=0))
        elif getattr(asked, "synchronous", False):
            self.send(method(channel, name + "Ok"))
        return True
