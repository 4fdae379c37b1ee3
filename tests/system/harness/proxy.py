"""A TCP proxy on loopback that can be told to misbehave while connections run through it."""
import selectors
import socket
import struct
import threading
import time

_CHUNK = 65536


class Proxy:
    """Threads: one that accepts, two a connection. Settings are read at every chunk, so they change running connections.

    up is the direction client to server, down is server to client. For each:
      delay_ms     added to every chunk
      rate         bytes a second, 0: unlimited
      drop         bytes are read and thrown away (one direction dies, the connection stays open)
      cut_after    after so many more bytes the connection ends, in the middle of a frame; None: never
    `blackhole` stops reading on both sides, as a cable that was pulled: no byte, no FIN, no RST.
    `refuse` makes new connections end at once.
    """

    def __init__(self, port, host="127.0.0.1", listen=("127.0.0.1", 0)):
        self.target = (host, port)
        self.up, self.down = Direction(), Direction()
        self.blackhole = self.refuse = False
        self.connections = []
        self.accepted = 0
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self._listener = socket.create_server(listen, family=family)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def pass_all(self):
        """Back to honest work, for old and new connections."""
        for direction in (self.up, self.down):
            direction.__init__()
        self.blackhole = self.refuse = False

    def cut(self, reset=True):
        """Ends all connections now, by RST or else by FIN."""
        with self._lock:
            pairs, self.connections = self.connections, []
        for pair in pairs:
            for side in pair:
                _end(side, reset)

    def close(self):
        self._closed = True
        self._listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refuse:
                _end(client, reset=True)
                continue
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                _end(client, reset=True)
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self._lock:
                self.connections.append(pair)
            for source, sink, direction in ((client, server, self.up), (server, client, self.down)):
                threading.Thread(target=self._carry, args=(pair, source, sink, direction), daemon=True).start()

    def _carry(self, pair, source, sink, direction):
        selector = selectors.DefaultSelector()
        try:
            selector.register(source, selectors.EVENT_READ)
            while not self._closed and source.fileno() >= 0:
                if self.blackhole:
                    time.sleep(0.02)
                elif selector.select(timeout=0.1) and not self.blackhole:
                    if not self._carry_chunk(pair, source, sink, direction):
                        return
        except (OSError, ValueError):  # ValueError: the other thread or cut() has closed it
            _end(sink, reset=True)
        finally:
            selector.close()

    def _carry_chunk(self, pair, source, sink, direction):
        data = source.recv(min(_CHUNK, max(1, direction.rate // 10)) if direction.rate else _CHUNK)
        if not data:
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return False
        if direction.delay_ms:
            time.sleep(direction.delay_ms / 1000)
        if direction.rate:
            time.sleep(len(data) / direction.rate)
        if direction.drop:
            return True
        if direction.cut_after is not None and len(data) >= direction.cut_after:
            sink.sendall(data[:direction.cut_after])
            direction.cut_after = None
            for side in pair:
                _end(side, reset=False)
            return False
        if direction.cut_after is not None:
            direction.cut_after -= len(data)
        sink.sendall(data)
        direction.bytes += len(data)
        return True


class Direction:
    def __init__(self):
        self.delay_ms, self.rate, self.drop, self.cut_after, self.bytes = 0, 0, False, None, 0


def _end(side, reset):
    try:
        if reset:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            side.shutdown(socket.SHUT_RDWR)
        side.close()
    except OSError:
        pass
