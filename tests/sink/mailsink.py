#!/usr/bin/python3
"""A mail service for tests and demonstrations: takes mails over SMTP and over HTTP, keeps them, and answers as told.

One asyncio process, Python's standard library only. Three listeners:

  HTTP     POST /emails (Resend; with --dedupe or mode dedupe it honours Idempotency-Key) and POST /api/v1/send (Mailpit)
  SMTP     RFC 5321 with AUTH PLAIN and LOGIN, and STARTTLS when --tls-cert and --tls-key are given
  control  GET    /mails?to=ADDRESS&key=KEY&count=1&limit=N   what was accepted, oldest first
           GET    /attempts                                   every try, also refused ones, with its answer
           GET    /stats                                      counters: connections, tries, mails, both protocols
           POST   /script  {"answers": [ANSWER...], "to": ADDRESS, "key": KEY}    queued; to and key are optional filters
           POST   /mode    {"mode": "healthy" | "refuse" | "503" ..., "dedupe": bool, "delay_ms": N}
           DELETE /mails   forgets mails, tries, scripts and keys; the mode stays
           POST   /reset   the same, and mode healthy

An ANSWER is an object: {"stage", "status" or "reply", "headers", "body", "delay_ms", "cut", "times", "accept"}.
  stage    http (default), or of SMTP: banner ehlo auth mail rcpt data dot
  status   of HTTP; reply: the whole line of SMTP, for example "550 5.1.1 no such user"
  cut      "before": the connection ends instead of the answer; "after": behind it; "reset": as before, by RST
  times    how often it is given, default 1, -1 for ever
  accept   is the mail kept although the answer says otherwise? Default: only if the answer is positive
The mode "refuse" closes the listeners of HTTP and SMTP, so that connections are refused; a number answers every try with
that status, over SMTP with 421 for 503, 535 for 401, else 451.
Every accepted mail is one line of JSON in the ledger (--ledger FILE), flushed before it is answered.
"""
import argparse
import asyncio
import base64
import collections
import email
import email.header
import email.policy
import hashlib
import json
import re
import signal
import ssl
import sys
import time
import urllib.parse

BODY_MAX = 32 * 1024 * 1024
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^@>\s]*)", re.IGNORECASE | re.MULTILINE)


class Store:
    """What was accepted, what was tried, and what is to be answered."""

    def __init__(self, ledger_path):
        self.ledger = open(ledger_path, "a", encoding="utf-8") if ledger_path else None
        self.mode, self.dedupe, self.delay_ms = "healthy", False, 0
        self.stats = collections.Counter()
        self.forget()

    def forget(self):
        self.mails, self.attempts, self.scripts, self.by_key = [], [], [], {}
        self.stats.clear()

    def next_answer(self, stage, to=None, key=None):
        """The first queued answer that fits; one for a recipient or key wins over a general one."""
        fitting = [s for s in self.scripts if s["stage"] == stage and s["to"] in (None, to) and s["key"] in (None, key)]
        if not fitting:
            return None
        chosen = max(fitting, key=lambda s: (s["to"] is not None) + (s["key"] is not None))  # the first of equals
        if chosen["times"] > 0:
            chosen["times"] -= 1
            if chosen["times"] == 0:
                self.scripts.remove(chosen)
        return chosen

    def add_script(self, order):
        for answer in order["answers"]:
            answer = {"stage": "http", "times": 1, "to": order.get("to"), "key": order.get("key"), **answer}
            if answer["times"] != 0:
                self.scripts.append(answer)

    def note_attempt(self, via, to, key, answer, delay_ms=0):
        self.stats[f"{via}_attempts"] += 1
        self.attempts.append({"at": time.time(), "via": via, "to": to, "key": key, "answer": answer, "delay_ms": delay_ms})

    def accept(self, mail):
        number = len(self.mails) + 1
        mail = {"n": number, "at": time.time(), "id": f"sink-{number}-{mail['key'][:12]}", **mail}
        self.mails.append(mail)
        self.stats[f"{mail['via']}_mails"] += 1
        if self.ledger:
            self.ledger.write(json.dumps(mail) + "\n")
            self.ledger.flush()
        return mail["id"]


# ---------------------------------------------------------------------------------------------------------------- HTTP


class Http(asyncio.Protocol):
    """A small HTTP/1.1 server: keep-alive, Content-Length and chunked bodies, 100-continue, one request at a time."""

    def __init__(self, handle, stats):
        self.handle, self.stats = handle, stats
        self.buffer, self.head, self.busy = bytearray(), None, False

    def connection_made(self, transport):
        self.transport = transport
        self.stats["http_connections"] += 1

    def data_received(self, data):
        self.buffer += data
        self.advance()

    def advance(self):
        while not self.busy and not self.transport.is_closing():
            if self.head is None and not self.read_head():
                return
            body = self.read_body()
            if body is None:
                return
            method, target, headers = self.head
            self.head, self.busy = None, True
            answer = self.handle(method, target, headers, body)
            if answer.get("delay_ms"):
                asyncio.get_running_loop().call_later(answer["delay_ms"] / 1000, self.answer, answer)
            else:
                self.answer(answer)

    def read_head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[:end + 4]
        method, target, _ = (first.split(" ") + ["", ""])[:3]
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        self.head = method, target, headers
        if headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def read_body(self):
        """The whole body, or None as long as it is not complete."""
        headers = self.head[2]
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self.read_chunks()
        length = int(headers.get("content-length") or 0)
        if length > BODY_MAX:
            self.transport.abort()
        if len(self.buffer) < length:
            return None
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return body

    def read_chunks(self):
        body, at = bytearray(), 0
        while True:
            line = self.buffer.find(b"\r\n", at)
            if line < 0:
                return None
            size = int(bytes(self.buffer[at:line]).split(b";")[0], 16)
            end = line + 2 + size + 2
            if len(self.buffer) < end:
                return None
            body += self.buffer[line + 2:end - 2]
            at = end
            if size == 0:
                del self.buffer[:at]
                return bytes(body)

    def answer(self, answer):
        self.busy = False
        if self.transport.is_closing():
            return
        if answer.get("cut") in ("before", "reset"):
            self.transport.abort() if answer["cut"] == "reset" else self.transport.close()
            return
        status, body = answer["status"], answer.get("body", {})
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", "Content-Type: application/json",
                 f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in answer.get("headers", {}).items())]
        self.transport.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        if answer.get("cut") == "after":
            self.transport.close()
        self.advance()


class MailApi:
    """POST /emails and POST /api/v1/send."""

    def __init__(self, store):
        self.store = store

    def __call__(self, method, target, headers, body):
        try:
            mail = self.read(method, target, headers, json.loads(body) if body else None)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            self.store.note_attempt("http", None, headers.get("idempotency-key"), 422)
            return {"status": 422, "body": {"name": "validation_error", "message": repr(error)}}
        if mail is None:
            return {"status": 404, "body": {"message": f"no {method} {target} here"}}
        answer = self.decide(mail, headers.get("idempotency-key"), hashlib.sha256(body).hexdigest())
        told = f"cut {answer['cut']}" if answer.get("cut") else answer["status"]
        answer["delay_ms"] = answer.get("delay_ms") or self.store.delay_ms
        self.store.note_attempt("http", mail["to"], mail["key"], told, answer["delay_ms"])
        return answer

    def read(self, method, target, headers, data):
        path = urllib.parse.urlsplit(target).path
        if method != "POST" or path not in ("/emails", "/api/v1/send"):
            return None
        if path == "/emails":
            mail_headers = data.get("headers") or {}
            mail = {"from": data["from"], "to": data["to"][0], "recipients": data["to"], "subject": data["subject"],
                    "text": data.get("text"), "html": data.get("html"), "reply_to": data.get("reply_to")}
        else:
            mail_headers = data.get("Headers") or {}
            mail = {"from": data["From"]["Email"], "to": data["To"][0]["Email"],
                    "recipients": [to["Email"] for to in data["To"]], "subject": data["Subject"],
                    "text": data.get("Text"), "html": data.get("HTML"), "reply_to": data.get("ReplyTo")}
        message_id = next((v for k, v in mail_headers.items() if k.lower() == "message-id"), "")
        key = headers.get("idempotency-key") or message_id.strip("<>").partition("@")[0]
        return {"via": "http", "path": path, "key": key, "message_id": message_id, **mail, "headers": mail_headers,
                "authorization": headers.get("authorization"), "traceparent": headers.get("traceparent"),
                "tracestate": headers.get("tracestate")}

    def decide(self, mail, key, digest):
        store = self.store
        scripted = store.next_answer("http", mail["to"], mail["key"])
        if scripted is None and store.mode.isdigit():
            scripted = {"status": int(store.mode)}
        answer = {"status": 200, **(scripted or {})}
        positive = answer["status"] < 300 and answer.get("cut") not in ("before", "reset")
        if not answer.get("accept", positive):
            return {"body": {"message": f"scripted {answer['status']}"}, **answer}
        if store.dedupe and key in store.by_key:
            seen, id = store.by_key[key]
            if seen != digest:
                return {"status": 409, "body": {"name": "invalid_idempotent_request"}}
        else:
            id = store.accept(mail)
            store.by_key[key] = digest, id
        return {"body": {"ID" if mail["path"].startswith("/api") else "id": id}, **answer}


class Control:
    def __init__(self, store, listeners):
        self.store, self.listeners = store, listeners

    def __call__(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        try:
            order = json.loads(body) if body else {}
            result = self.act(f"{method} {url.path}", query, order)
        except (ValueError, KeyError, TypeError) as error:
            return {"status": 400, "body": {"message": repr(error)}}
        return {"status": 404, "body": {}} if result is None else {"status": 200, "body": result}

    def act(self, what, query, order):
        store = self.store
        if what == "GET /mails":
            mails = [whole(m) for m in store.mails if all(m[f] == query[f] for f in ("to", "key") if f in query)] \
                if "count" not in query or "to" in query or "key" in query else store.mails
            return {"count": len(mails), "mails": [] if "count" in query else mails[-int(query.get("limit", 10**9)):]}
        if what == "GET /attempts":
            return {"count": len(store.attempts), "attempts": store.attempts}
        if what == "GET /stats":
            return {**store.stats, "mails": len(store.mails), "attempts": len(store.attempts), "mode": store.mode,
                    "scripts_left": len(store.scripts)}
        if what == "POST /script":
            store.add_script(order)
            return {"scripts_left": len(store.scripts)}
        if what == "POST /mode":
            self.set_mode(order)
            return {"mode": store.mode}
        if what in ("DELETE /mails", "POST /reset"):
            store.forget()
            if what == "POST /reset":
                self.set_mode({"mode": "healthy", "dedupe": False, "delay_ms": 0})
            return {"mode": store.mode}
        return None

    def set_mode(self, order):
        mode = str(order.get("mode", self.store.mode))
        if mode not in ("healthy", "refuse") and not mode.isdigit():
            raise ValueError(f"no such mode: {mode}")
        self.store.mode = mode
        self.store.dedupe = order.get("dedupe", self.store.dedupe)
        self.store.delay_ms = order.get("delay_ms", self.store.delay_ms)
        for listener in self.listeners:
            listener.close() if mode == "refuse" else listener.open()


def whole(mail):
    """A mail as it is shown: one that came over SMTP is parsed when somebody looks."""
    if mail["via"] == "http" or "subject" in mail:
        return mail
    parsed = email.message_from_bytes(base64.b64decode(mail["raw"]), policy=email.policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    mail.update(subject=str(parsed["Subject"]), from_header=str(parsed["From"]), to_header=str(parsed["To"]),
                reply_to=parsed["Reply-To"] and str(parsed["Reply-To"]), message_id=str(parsed["Message-ID"]).strip(),
                header_lines=[[name, str(value)] for name, value in parsed.items()],
                text=text and text.get_content(), html=html and html.get_content())
    return mail


# ---------------------------------------------------------------------------------------------------------------- SMTP


class Smtp(asyncio.Protocol):
    """One SMTP session. Lines are bytes up to CR LF; a bare LF is data, as RFC 5321 section 2.3.8 wants."""

    def __init__(self, store, tls):
        self.store, self.tls = store, tls
        self.buffer, self.busy = bytearray(), False
        self.secure = False

    def connection_made(self, transport):
        self.transport = transport
        if self.secure:  # start_tls calls this again
            return
        self.store.stats["smtp_connections"] += 1
        self.fresh()
        self.say("banner", "220 sink ESMTP")

    user = None  # who logged in on this connection

    def fresh(self):
        self.sender, self.recipients, self.data, self.auth = None, [], None, None

    def data_received(self, data):
        self.buffer += data
        self.advance()

    def advance(self):
        while not self.busy and not self.transport.is_closing():
            if self.data is not None:
                if not self.read_data():
                    return
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                return
            line = bytes(self.buffer[:end]).decode("utf-8", "replace")
            del self.buffer[:end + 2]
            self.command(line)

    def read_data(self):
        if self.buffer.startswith(b".\r\n"):
            end, skip = 0, 3
        else:
            end, skip = self.buffer.find(b"\r\n.\r\n"), 5
            if end < 0:
                return False
        raw = bytes(self.buffer[:end + 2 if skip == 5 else 0])
        del self.buffer[:end + skip]
        self.data = None
        self.finish(raw)
        return True

    def command(self, line):
        if self.auth is not None:
            return self.credentials(line)
        verb = line[:4].upper()
        if verb in ("EHLO", "HELO"):
            return self.greet(verb)
        if verb == "AUTH":
            return self.authenticate(line)
        if verb == "STAR" and self.tls and not self.secure:
            return self.secure_now()
        if verb in ("MAIL", "RCPT"):
            return self.address(verb, line)
        if verb == "DATA":
            return self.say("data", "354 go ahead", then=self.expect_data)
        if verb == "RSET":
            self.fresh()
            return self.write("250 2.0.0 ok")
        if verb == "QUIT":
            self.write("221 2.0.0 bye")
            return self.transport.close()
        return self.write("250 2.0.0 ok" if verb == "NOOP" else "502 5.5.1 not here")

    def greet(self, verb):
        self.fresh()
        words = ["sink", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN", "SIZE 33554432"]
        if self.tls and not self.secure:
            words.append("STARTTLS")
        lines = [f"250{' ' if at == len(words) - 1 else '-'}{word}" for at, word in enumerate(words)]
        self.say("ehlo", "250 sink" if verb == "HELO" else "\r\n".join(lines))

    def authenticate(self, line):
        words = line.split(" ")
        if words[1].upper() == "PLAIN" and len(words) == 3:
            self.learn(words[2])
            return self.say("auth", "235 2.7.0 welcome")
        self.auth = ["Password:"] if words[1].upper() == "LOGIN" and len(words) < 3 else []
        if words[1].upper() == "LOGIN" and len(words) == 3:
            return self.write("334 " + base64.b64encode(b"Password:").decode())
        return self.write("334 " + (base64.b64encode(b"Username:").decode() if self.auth else ""))

    def learn(self, line):
        """PLAIN says `\\0user\\0password`, LOGIN the user alone first."""
        words = base64.b64decode(line, validate=False).decode("utf-8", "replace").split("\0")
        self.user = words[1] if len(words) == 3 else self.user or words[0]

    def credentials(self, line):
        self.learn(line)
        if self.auth:
            return self.write("334 " + base64.b64encode(self.auth.pop().encode()).decode())
        self.auth = None
        return self.say("auth", "235 2.7.0 welcome")

    def secure_now(self):
        self.busy = self.secure = True
        self.write("220 2.0.0 ready")
        asyncio.get_running_loop().create_task(self.upgrade())

    async def upgrade(self):
        try:
            self.transport = await asyncio.get_running_loop().start_tls(self.transport, self, self.tls, server_side=True)
        except (OSError, ssl.SSLError):
            return
        self.store.stats["smtp_tls"] += 1
        self.busy = False
        self.fresh()
        self.advance()

    def address(self, verb, line):
        match = re.match(r"(?:MAIL FROM|RCPT TO):\s*<([^>]*)>", line, re.IGNORECASE)
        if not match:
            return self.write("501 5.5.2 no address")
        if verb == "MAIL":
            self.sender = match[1]
            return self.say("mail", "250 2.1.0 ok")
        return self.say("rcpt", "250 2.1.5 ok", to=match[1], then=lambda: self.recipients.append(match[1]))

    def expect_data(self):
        self.data = True

    def finish(self, raw):
        found = MESSAGE_ID.search(raw)
        mail = {"via": "smtp", "user": self.user, "key": found[1].decode() if found else "", "from": self.sender,
                "to": self.recipients[0] if self.recipients else None, "recipients": self.recipients,
                "raw": base64.b64encode(re.sub(rb"^\.", b"", raw, flags=re.MULTILINE)).decode()}
        id = []
        self.say("dot", lambda: f"250 2.0.0 queued as {id[0]}", to=mail["to"], key=mail["key"],
                 accept=lambda: id.append(self.store.accept(mail)))
        self.sender, self.recipients = None, []

    def say(self, stage, reply, to=None, key=None, then=None, accept=None):
        """Answers one stage as scripted, else with `reply`; a positive answer brings about `accept` and `then`."""
        to = to or (self.recipients[0] if self.recipients else None)
        told = self.store.next_answer(stage, to, key) or {}
        code, cut = told.get("reply") or self.mode_reply(stage), told.get("cut")
        positive = (code is None or code[0] in "23") and cut not in ("before", "reset")
        if accept and told.get("accept", positive):
            accept()
        if stage == "dot" or not positive:
            self.store.note_attempt("smtp", to, key, f"{stage} cut {cut}" if cut else f"{stage} {code or 'ok'}")
        if code is None and cut not in ("before", "reset"):
            code = reply() if callable(reply) else reply
        delay_ms = told.get("delay_ms") or (self.store.delay_ms if stage == "dot" else 0)
        after = then if positive else None
        if delay_ms:
            self.busy = True
            asyncio.get_running_loop().call_later(delay_ms / 1000, self.answer, code, cut, after)
        else:
            self.answer(code, cut, after)

    def answer(self, text, cut, then):
        was_busy, self.busy = self.busy, False
        if self.transport.is_closing():
            return
        if cut in ("before", "reset"):
            self.transport.abort() if cut == "reset" else self.transport.close()
            return
        self.write(text)
        if then is not None:
            then()
        if cut == "after" or text.startswith("421"):
            self.transport.close()
        if was_busy:
            self.advance()

    def mode_reply(self, stage):
        mode = self.store.mode
        if not mode.isdigit():
            return None
        if mode == "401":
            return "535 5.7.8 bad credentials" if stage in ("auth", "mail") else None
        if stage not in ("banner", "mail"):
            return None
        return "421 4.3.0 closing" if mode == "503" else "451 4.3.0 later"

    def write(self, text):
        self.transport.write(text.encode() + b"\r\n")


# ----------------------------------------------------------------------------------------------------------- listeners


class Listener:
    """A listening port that can be closed (connections are then refused) and opened again."""

    def __init__(self, protocol, host, port):
        self.protocol, self.host, self.port = protocol, host, port
        self.server, self.alive = None, set()

    def make(self):
        protocol = self.protocol()
        self.alive.add(protocol)
        lost = protocol.connection_lost

        def connection_lost(error):
            self.alive.discard(protocol)
            lost(error)

        protocol.connection_lost = connection_lost
        return protocol

    async def start(self):
        self.server = await asyncio.get_running_loop().create_server(self.make, self.host, self.port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]

    def open(self):
        if self.server is None:
            self.server = True  # under way
            asyncio.get_running_loop().create_task(self.start())

    def close(self):
        if self.server is not None and self.server is not True:
            self.server.close()
            self.server = None
            for protocol in list(self.alive):
                protocol.transport.abort()


async def serve(options):
    store = Store(options.ledger)
    store.dedupe = options.dedupe
    tls = None
    if options.tls_cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls_cert, options.tls_key)
    api = MailApi(store)
    http = Listener(lambda: Http(api, store.stats), options.host, options.http_port)
    smtp = Listener(lambda: Smtp(store, tls), options.host, options.smtp_port)
    uncounted = collections.Counter()
    control = Control(store, [http, smtp])
    orders = Listener(lambda: Http(control, uncounted), options.host, options.control_port)
    for listener in (http, smtp, orders):
        await listener.start()
    print(json.dumps({"http": http.port, "smtp": smtp.port, "control": orders.port}), flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, default=0, help="0: any free one; all three are printed as JSON")
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--ledger", help="append every accepted mail to this file")
    parser.add_argument("--dedupe", action="store_true", help="honour Idempotency-Key")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    asyncio.run(serve(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
