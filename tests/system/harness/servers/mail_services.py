"""Stand-ins for the HTTP mail services of the presets: each checks method, path, log-in, content type, the members that the vendor
requires and its limits, and answers in the vendor's shapes. `FACTS` and `LOOKS` are the vendors' (their reference pages); the limits are
those of the table that the presets work by, as docs/mail-services.md has it."""
import base64
import email
import email.utils
import hashlib
import hmac
import http.server
import json
import pathlib
import threading
import time
import urllib.parse

from ..ports import free_port

KEY, USER, SECRET = "k-7f3", "user-1", "secret-2"
JSON = "application/json"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# preset -> (path, header of the log-in, its value, settings, required members, status and body of a success, headers of it)
FACTS = {
    "resend": ("/emails", "Authorization", f"Bearer {KEY}", {"api_key": KEY}, ["from", "to", "subject"], 200, {"id": "id-1"}, {}),
    "postmark": ("/email", "X-Postmark-Server-Token", KEY, {"api_key": KEY}, ["From", "To", "Subject"], 200,
                 {"ErrorCode": 0, "MessageID": "id-1", "To": "x"}, {}),
    "sendgrid": ("/v3/mail/send", "Authorization", f"Bearer {KEY}", {"api_key": KEY}, ["personalizations", "from", "subject", "content"], 202,
                 None, {"X-Message-Id": "id-1"}),
    "mailgun": ("/v3/mg.example.com/messages", "Authorization", basic("api", KEY), {"api_key": KEY, "domain": "mg.example.com"},
                ["from", "to", "subject"], 200, {"id": "id-1", "message": "Queued. Thank you."}, {}),
    "ses": ("/v2/email/outbound-emails", None, None, {"username": USER, "password": SECRET, "region": "eu-west-1"}, ["Content", "Destination"],
            200, {"MessageId": "id-1"}, {}),
    "brevo": ("/v3/smtp/email", "api-key", KEY, {"api_key": KEY}, ["sender", "to", "subject", "htmlContent"], 201, {"messageId": "id-1"}, {}),
    "mailjet": ("/v3.1/send", "Authorization", basic(USER, SECRET), {"username": USER, "password": SECRET}, ["Messages"], 200,
                {"Messages": [{"Status": "success", "To": [{"MessageID": 1, "MessageUUID": "u"}]}]}, {}),
    "sparkpost": ("/api/v1/transmissions", "Authorization", KEY, {"api_key": KEY}, ["recipients", "content"], 200,
                  {"results": {"id": "id-1", "total_accepted_recipients": 1, "total_rejected_recipients": 0}}, {}),
    "scaleway": ("/transactional-email/v1alpha1/regions/fr-par/emails", "X-Auth-Token", KEY, {"api_key": KEY, "region": "fr-par", "project": "p-1"},
                 ["from", "to", "subject", "project_id"], 200, {"emails": [{"id": "id-1", "status": "new"}]}, {}),
    "mailpit": ("/api/v1/send", "Authorization", basic(USER, SECRET), {"username": USER, "password": SECRET}, ["From", "To"], 200, {"ID": "id-1"}, {}),
    "custom": ("/own/send", "X-Key", f"Token {KEY}",
               {"api_key": KEY, "custom": {"path": "/own/send", "auth_header": "X-Key", "auth_prefix": "Token ", "id_member": "data/0/ref",
                                           "error_member": "why"}}, ["from", "to", "subject"], 200, {"data": [{"ref": "id-1"}]}, {}),
}


# preset -> (path of the search, its parameter, the token in what was asked, the token in a mail, the answer to what was found as
# [(id, token)], what else is asked)
LOOKS = {
    "postmark": ("/messages/outbound", "metadata_leveret", str, lambda body: body["Metadata"]["leveret"],
                 lambda hits: {"TotalCount": len(hits), "Messages": [{"Tag": "", "MessageID": id, "Metadata": {"leveret": token}, "Status": "Sent"}
                                                                     for id, token in hits]}, {"count": "1", "offset": "0"}),
    "mailgun": ("/v3/mg.example.com/events", "message-id", str,
                lambda fields: next(text for name, _, text in fields if name == "h:Message-ID").decode().strip("<>"),
                lambda hits: {"items": [{"event": "accepted", "id": "ev-1", "message": {"headers": {"message-id": token}}} for _, token in hits],
                              "paging": {"next": "https://api.mailgun.net/v3/mg.example.com/events/Wzxy"}}, {"limit": "1"}),
    "mailjet": ("/v3/REST/message", "CustomID", str, lambda body: body["Messages"][0]["CustomID"],
                lambda hits: {"Count": len(hits), "Data": [{"ID": 1, "Status": "sent", "UUID": id} for id, _ in hits], "Total": len(hits)},
                {"Limit": "1"}),
    "mailpit": ("/api/v1/search", "query", lambda query: query.removeprefix("message-id:"), lambda body: body["Headers"]["Message-ID"].strip("<>"),
                lambda hits: {"total": 9, "unread": 9, "count": len(hits), "messages_count": len(hits), "start": 0, "tags": [],
                              "messages": [{"ID": id, "MessageID": token, "Subject": "x"} for id, token in hits]}, {"limit": "1"}),
    # It finds by recipient alone.
    "brevo": ("/v3/smtp/emails", "email", lambda email: None, lambda body: body["tags"][0],
              lambda hits: {"count": len(hits), "transactionalEmails": [{"email": "x", "messageId": id, "tags": [token]} for id, token in hits]},
              {"limit": "100", "sort": "desc"}),
    "sendgrid": ("/v3/messages", "query", lambda query: query.removeprefix("unique_args['leveret']=\"").removesuffix('"'),
                 lambda body: body["custom_args"]["leveret"],
                 lambda hits: {"messages": [{"msg_id": id, "status": "delivered", "to_email": "x"} for id, _ in hits]}, {"limit": "1"}),
}


# ---- limits


def limits_of_the_page():
    """{preset: {column: number}}: the table of docs/mail-services.md, which is made by the program itself."""
    page = (pathlib.Path(__file__).resolve().parents[4] / "docs/mail-services.md").read_text()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    return {row[0]: {name: int(cell.split()[0]) for name, cell in zip(head, row) if cell.split()[0].isdigit()} for row in rows}


LIMITS = limits_of_the_page()


def listed(value):
    """How many mailboxes: of a string with commas, a list, an object, or nothing."""
    if isinstance(value, str):
        return len(email.utils.getaddresses([value])) if value else 0
    return sum(map(listed, value)) if isinstance(value, list) else int(bool(value))


def in_base64(content):
    return 4 * ((len(content) + 2) // 3)


def measured(to, reply_to=None, subject="", texts=(), files=(), tags=(), labels=None):
    """files: their contents in base64, or how long that is."""
    texts = [text.encode() for text in texts if text]
    sizes = [file if isinstance(file, int) else len(file) for file in files]
    return {"recipients": sum(map(listed, to)), "reply-to": listed(reply_to), "tags": len(tags), "a tag": max([len(tag.encode()) for tag in tags], default=0),
            "labels": len("".join(map(str, [*(labels or {}).keys(), *(labels or {}).values()])).encode()), "files": len(sizes),
            "in all": sum(sizes) + sum(map(len, texts)), "a text": max(map(len, texts), default=0), "subject": len(subject),
            "shortest": min([len(subject), *(len(text.decode()) for text in texts)])}


def measured_form(fields):
    values = {name: [content for each, _, content in fields if each == name] for name, _, _ in fields}
    texts = {name: b"".join(values.get(name, [])).decode() for name in ("to", "cc", "bcc", "subject", "text", "html", "h:Reply-To")}
    return measured([texts["to"], texts["cc"], texts["bcc"]], texts["h:Reply-To"], texts["subject"], [texts["text"], texts["html"]],
                    [in_base64(content) for _, file, content in fields if file], [tag.decode() for tag in values.get("o:tag", [])],
                    {name: b"".join(content).decode() for name, content in values.items() if name[:2] in ("h:", "o:", "v:")})


def measured_mime(body):
    to, mime = body["Destination"], email.message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]))
    tags = [tag["Value"] for tag in body.get("EmailTags", [])]
    return {**measured([to.get(name, []) for name in ("ToAddresses", "CcAddresses", "BccAddresses")], mime["Reply-To"] or "",
                       files=[in_base64(part.get_payload(decode=True)) for part in mime.walk() if not part.is_multipart()]),
            "a tag": max(map(len, tags), default=0)}


def measured_sparkpost(body):
    content = body["content"]
    return measured([[each["address"]["email"] for each in body["recipients"]]], content.get("reply_to"), content["subject"],
                    [content.get("text"), content.get("html")], [file["data"] for name in ("attachments", "inline_images") for file in content.get(name, [])],
                    [body["campaign_id"]] if "campaign_id" in body else [], body.get("metadata"))


MEASURES = {
    "resend": lambda body: measured([body["to"], body.get("cc", []), body.get("bcc", [])], body.get("reply_to"), body["subject"],
                                    [body.get("text"), body.get("html")], [file["content"] for file in body.get("attachments", [])],
                                    [tag["name"] for tag in body.get("tags", [])]),
    "postmark": lambda body: measured([body["To"], body.get("Cc", []), body.get("Bcc", [])], body.get("ReplyTo"), body["Subject"],
                                      [body.get("TextBody"), body.get("HtmlBody")], [file["Content"] for file in body.get("Attachments", [])],
                                      [body["Tag"]] if "Tag" in body else [], body.get("Metadata")),
    "sendgrid": lambda body: measured([body["personalizations"][0].get(name, []) for name in ("to", "cc", "bcc")],
                                      body.get("reply_to_list") or body.get("reply_to"), body["subject"], [each["value"] for each in body["content"]],
                                      [file["content"] for file in body.get("attachments", [])], body.get("categories", []), body.get("custom_args")),
    "mailgun": measured_form,
    "ses": measured_mime,
    # One tag is leveret's own.
    "brevo": lambda body: measured([body[name] for name in ("to", "cc", "bcc") if name in body], body.get("replyTo"), body["subject"],
                                   [body.get("textContent"), body.get("htmlContent")], [file["content"] for file in body.get("attachment", [])],
                                   body.get("tags", [])[1:]),
    "mailjet": lambda body: (lambda mail: measured(
        [mail.get(name, []) for name in ("To", "Cc", "Bcc")], mail.get("ReplyTo"), mail["Subject"], [mail.get("TextPart"), mail.get("HTMLPart")],
        [file["Base64Content"] for name in ("Attachments", "InlinedAttachments") for file in mail.get(name, [])],
        [mail["CustomCampaign"]] if "CustomCampaign" in mail else []))(body["Messages"][0]),
    "sparkpost": measured_sparkpost,
    "scaleway": lambda body: measured([body.get(name, []) for name in ("to", "cc", "bcc")], [], body["subject"], [body.get("text"), body.get("html")],
                                      [file["content"] for file in body.get("attachments", [])]),
    "mailpit": lambda body: measured([body.get(name, []) for name in ("To", "Cc", "Bcc")], body.get("ReplyTo"), body["Subject"],
                                     [body.get("Text"), body.get("HTML")], [file["Content"] for file in body.get("Attachments", [])], body.get("Tags", [])),
    "custom": lambda body: measured([body.get(name, []) for name in ("to", "cc", "bcc")], body.get("reply_to"), body["subject"],
                                    [body.get("text"), body.get("html")], [file["content"] for file in body.get("attachments", [])], body.get("tags", []),
                                    body.get("metadata")),
}


def beyond_limits(preset, mail):
    """What of the mail is more than the service takes, as [column]."""
    limits, found = LIMITS[preset], MEASURES[preset](mail)
    return ([name for name, most in limits.items() if name in found and found[name] > most] +
            (["at least"] if found["shortest"] < limits.get("at least", 0) else []))


class Cut(Exception):
    """The connection ends without an answer."""


def form(headers, body):
    """multipart/form-data as [(name, filename, content)], read by the standard library's parser of mails."""
    whole = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    return [(part.get_param("name", header="Content-Disposition"), part.get_filename(), part.get_payload(decode=True)) for part in whole.get_payload()]


def signature_is_right(method, path, headers, body):
    """AWS Signature Version 4, computed anew from what came."""
    fields = dict(part.strip().split("=", 1) for part in headers["Authorization"].partition(" ")[2].split(","))
    identity, day, region, service, _ = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, path, "", *(f"{name}:{' '.join(headers[name].split())}" for name in names), "", ";".join(names), digest])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["X-Amz-Date"], f"{day}/{region}/{service}/aws4_request",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return identity == USER and service == "ses" and hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == fields["Signature"]


class Service:
    """`fate(token)` says what becomes of a mail: None, "before" or "after" (cut there); `find(token)` what becomes of a question: None,
    or (status, body, headers), or Cut."""

    def __init__(self, preset, fate=None, lag_s=0):
        self.preset = preset
        self.path, self.header, self.value, self.settings, self.required, self.status, self.body, self.headers = FACTS[preset]
        self.port = free_port()
        self.taken, self.faults, self.answers = [], [], []
        self.fate, self.lag_s, self.find = fate or (lambda token: None), lag_s, lambda token: None
        self.asked, self.found, self.lock = [], {}, threading.Lock()  # found: token -> [when it was taken]

    def config(self):
        return {"transport": "http", "http": {"preset": self.preset, "url": f"http://127.0.0.1:{self.port}", "api_key": None, **self.settings}}

    def check(self, handler, body):
        """What is wrong with the request, as the vendor would say; None if nothing is."""
        headers = handler.headers
        if handler.path.partition("?")[0] != self.path:
            return f"path {handler.path}"
        if self.preset == "ses":
            if not signature_is_right("POST", handler.path, headers, body):
                return "signature"
        elif headers[self.header] != self.value:
            return f"{self.header}: {headers[self.header]}"
        if self.preset == "mailgun":
            members = {name for name, _, _ in form(headers, body)}
        else:
            if headers["Content-Type"].split(";")[0] != JSON:
                return f"type {headers['Content-Type']}"
            members = json.loads(body)
        missing = [name for name in self.required if name not in members]
        return f"without {missing}" if missing else None

    def answer(self, handler, body):
        fault = self.check(handler, body)
        if fault:
            self.faults.append(fault)
            return 401, {"message": fault}, {}
        mail = form(handler.headers, body) if self.preset == "mailgun" else json.loads(body)
        beyond = beyond_limits(self.preset, mail)
        if beyond:
            self.faults.append(f"too much: {beyond}")
            return 413, {"message": f"too much: {beyond}"}, {}
        token = LOOKS[self.preset][3](mail) if self.preset in LOOKS else None
        fate = self.fate(token)
        if fate == "before":
            raise Cut
        answer = self.answers.pop(0) if self.answers else (self.status, self.body, self.headers)
        with self.lock:
            self.taken.append((handler.headers, mail))
            if answer[0] < 300:
                self.found.setdefault(token, []).append(time.monotonic())
        if fate == "after":
            raise Cut
        return answer

    def look(self, handler):
        path, _, query = handler.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if self.preset not in LOOKS or path != LOOKS[self.preset][0]:
            return 404, {"message": "no such page"}, {}
        _, parameter, read, _, shape, rest = LOOKS[self.preset]
        if handler.headers[self.header] != self.value:
            return 401, {"message": "who are you?"}, {}
        if {name: asked.get(name) for name in rest} != rest or parameter not in asked:
            self.faults.append(handler.path)
            return 400, {"message": "bad request"}, {}
        token, now = read(asked[parameter]), time.monotonic()
        with self.lock:
            self.asked.append((token, now))
            hits = [("id-1", each) for each, times in self.found.items() for at in times if token in (None, each) and now - at >= self.lag_s]
        other = self.find(token)
        if other is Cut:
            raise Cut
        return other or (200, shape(hits[:int(rest.get("limit") or rest.get("Limit") or rest["count"])]), {})

    def __enter__(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.say(lambda: service.answer(self, body))

            def do_GET(self):
                self.say(lambda: service.look(self))

            def say(self, answer):
                try:
                    status, body, headers = answer()
                except Cut:
                    self.close_connection = True
                    return
                text = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": JSON if not isinstance(body, str) else "text/plain", "Content-Length": len(text), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

            def handle_error(self, request, client_address):
                pass  # a worker that was killed closes its connections

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
