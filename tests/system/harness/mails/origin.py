"""An origin that files are fetched from, and that misbehaves as told."""
import collections
import http.server
import threading
import time


class Origin:
    """`files`: path -> bytes, or a function that takes the request's handler and answers it."""

    def __init__(self):
        self.files, self.asked = {}, collections.Counter()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                origin.asked[self.path.partition("?")[0]] += 1
                answer = origin.files.get(self.path.partition("?")[0], 404)
                if callable(answer):
                    answer = answer(self)
                if isinstance(answer, int):
                    self.reply(answer, b"")
                elif answer is not None:
                    self.reply(200, answer)

            def reply(self, status, body, **headers):
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def endless(self, pause=0.0):
                """Bytes without end, until the other side goes."""
                self.close_connection = True
                self.send_response(200)
                self.end_headers()
                try:
                    while not origin.stopped.is_set():
                        self.wfile.write(b"x" * 65536 if not pause else b"x")
                        time.sleep(pause)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, *_):
                pass  # a client that goes away

        self.stopped = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
