"""Stand-ins for the HTTP mail services of the presets: each checks method, path, log-in, content type and the members that the vendor
requires, and answers in the vendor's shapes. `facts` are the vendors' (their reference pages)."""
import base64
import email
import hashlib
import hmac
import http.server
import json
import threading

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
    def __init__(self, preset):
        self.preset = preset
        self.path, self.header, self.value, self.settings, self.required, self.status, self.body, self.headers = FACTS[preset]
        self.port = free_port()
        self.taken, self.faults, self.answers = [], [], []

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
        self.taken.append((handler.headers, form(handler.headers, body) if self.preset == "mailgun" else json.loads(body)))
        return self.answers.pop(0) if self.answers else (self.status, self.body, self.headers)

    def __enter__(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                status, body, headers = service.answer(self, self.rfile.read(int(self.headers["Content-Length"])))
                text = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": JSON if not isinstance(body, str) else "text/plain", "Content-Length": len(text), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
