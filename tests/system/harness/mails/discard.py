"""A mail server that counts and forgets: for more bytes than the sink could keep."""
import asyncio
import collections
import re
import threading


class Discard:
    """`keys`: how often each Message-ID came; `bytes`: of all messages."""

    def __init__(self):
        self.keys, self.bytes, self.url = collections.Counter(), 0, None
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        assert started.wait(10)

    def _run(self, started):
        async def open_server():
            server = await asyncio.start_server(self._session, "127.0.0.1", 0, limit=1 << 20)
            self.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            started.set()

        self.loop.run_until_complete(open_server())
        self.loop.run_forever()

    async def _session(self, reader, writer):
        writer.write(b"220 discard ESMTP\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go ahead\r\n")
                    await self._message(reader)
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250-discard\r\n250 SIZE 33554432\r\n" if verb == b"EHLO" else b"250 2.0.0 ok\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _message(self, reader):
        """No line of a message that leveret writes begins with a dot but the last."""
        last, key = b"", None
        while not last.endswith(b"\r\n.\r\n"):
            chunk = await reader.read(1 << 18)
            if not chunk:
                raise ConnectionResetError
            self.bytes += len(chunk)
            last = last[-5:] + chunk
            if key is None and (found := re.search(rb"Message-ID: <(\w+)", last)):
                key = found[1]
        self.keys[key] += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
