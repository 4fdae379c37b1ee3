"""TLS to all four services: a good certificate is taken, every bad one is refused with an error that says so."""
import json
import re
import ssl
import subprocess

import pytest

from harness import canary
from harness.publish import Message
from harness.sink import Hooks, Sink
from harness.tls import Authority, TlsFront
from harness.worker import binary

# What must be said. librabbitmq tells no more than that the peer is not verified.
PEER = {"amqps": "SSL peer cert verification failed"}
CLEAR = {
    "expired": lambda name: PEER.get(name, "certificate has expired"),
    "wrong host": lambda name: {"amqps": "SSL hostname verification failed", "rediss": "hostname mismatch"}.get(
        name, "no alternative certificate subject name matches target host ?name 'localhost"),
    "self-signed": lambda name: PEER.get(name, "self.signed certificate"),
    "wrong authority": lambda name: PEER.get(name, "unable to get local issuer certificate"),
    "TLS 1.1": lambda name: {"amqps": "SSL"}.get(name, "protocol version|unsupported protocol"),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.certificate("good")


@pytest.fixture(scope="module")
def bad(authority, tmp_path_factory):
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "stranger")
    return {
        "expired": {"certificate": authority.certificate("expired", days=-1)},
        "wrong host": {"certificate": authority.certificate("other", hosts="DNS:other.example")},
        "self-signed": {"certificate": authority.self_signed()},
        "wrong authority": {"certificate": stranger.certificate("strange")},
        "TLS 1.1": {"certificate": authority.certificate("old"), "version": ssl.TLSVersion.TLSv1_1},
    }


class Service:
    """One of the four: where it listens in plain, how leveret is told of it and asked for it."""

    def __init__(self, name, bench, ca, client=None):
        self.name, self.bench = name, bench
        tls = {"ca_file": str(ca)}
        if client:
            tls |= {"cert_file": str(client[0]), "key_file": str(client[1])}
        self.tls = tls

    @property
    def behind(self):
        bench = self.bench
        return {"amqps": bench.broker.port, "rediss": bench.redis.port, "https": bench.sink.http_port,
                "smtps": bench.sink.smtp_port}[self.name]

    def config(self, port):
        at = f"localhost:{port}"
        return {
            "amqps": lambda: {"amqp": {"url": f"amqps://guest:guest@{at}/{self.bench.vhost}", "tls": self.tls}},
            "rediss": lambda: {"redis": {"url": f"rediss://:{canary.REDIS_PASSWORD}@{at}/0", "tls": self.tls}},
            "https": lambda: {"mail": {"http": {"url": f"https://{at}", "tls": self.tls}}},
            "smtps": lambda: {"mail": {"transport": "smtp", "http": None, "smtp": {"url": f"smtps://{at}", "tls": self.tls}}},
        }[self.name]()

    def ask(self, port):
        """Runs the command that uses this service; (did it work, what was said)."""
        leveret = self.bench.leveret(**self.config(port))
        rows = {row["service"]: row for row in map(_row, leveret.run("check", "-o", "json").stdout.splitlines())}
        row = rows[{"amqps": "amqp", "rediss": "redis"}.get(self.name, "mail")]
        ok, said = row["state"] == "ok", row["detail"]
        if self.name not in ("https", "smtps"):
            return ok, said
        # A mail fails as the check does; a server that misses a certificate of ours may say so after the handshake.
        answer = leveret.run("mail", "test", "--to", "ada@example.com")
        assert ok or (answer.returncode != 0 and said in answer.stderr), (row, answer)
        return answer.returncode == 0, answer.stderr


def _row(line):
    return json.loads(line)


def speaks_rediss():
    return b"libhiredis_ssl" in binary().read_bytes()


@pytest.fixture(params=["amqps", "rediss", "https", "smtps"])
def service(request, bench, authority):
    if request.param == "rediss" and not speaks_rediss():
        pytest.skip("this hiredis has no TLS (it has from 1.0 on)")
    bench.leveret().run("topology", "apply")
    return Service(request.param, bench, authority.ca)


def test_a_good_certificate_is_accepted(service, good):
    with TlsFront(service.behind, good) as front:
        worked, said = service.ask(front.port)
        assert worked, said
        assert front.opened > 0
        assert set(front.names) == {"localhost"}, "servers of several names choose their certificate by it (SNI)"


@pytest.mark.parametrize("fault", CLEAR)
def test_a_bad_certificate_is_refused_with_a_clear_error(service, bad, fault):
    with TlsFront(service.behind, **bad[fault]) as front:
        worked, said = service.ask(front.port)
        assert not worked
        assert re.search(CLEAR[fault](service.name), said, re.IGNORECASE), said


def test_the_fronts_of_the_bad_certificates_do_speak_to_a_careless_client(bench, bad):
    for fault, options in bad.items():
        with TlsFront(bench.sink.http_port, **options) as front:
            words = ["curl", "-sk", "--ciphers", "ALL:@SECLEVEL=0", "--tls-max", "1.1" if fault == "TLS 1.1" else "1.3",
                     "--tlsv1.1", "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost:{front.port}/"]
            done = subprocess.run(words, text=True, capture_output=True, timeout=20)
            assert done.stdout not in ("", "000"), f"{fault}: {done}"


def test_a_client_certificate_is_shown_where_it_is_asked_for(service, authority, good):
    client = authority.certificate("client", usage="clientAuth")
    with TlsFront(service.behind, good, clients_of=authority.ca) as front:
        assert not service.ask(front.port)[0]
        service.tls |= {"cert_file": str(client[0]), "key_file": str(client[1])}
        worked, said = service.ask(front.port)
        assert worked, said


def test_a_file_that_is_no_certificate_is_named(service, good, tmp_path):
    (tmp_path / "nothing.pem").write_text("nothing\n")
    service.tls = {"ca_file": str(tmp_path / "nothing.pem")}
    with TlsFront(service.behind, good) as front:
        worked, said = service.ask(front.port)
        assert not worked
        assert re.search("certificate authorit|CA cert|nothing.pem", said), said


# ---- receivers of posts


PING = """\
type: ping.v1
summary: Tells the CRM that somebody pinged.
payload: {type: object}
example: {}
effects:
  - post: {key: crm, url: "https://localhost:PORT/ping", data: ""}
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_a_receiver_of_posts_is_known_by_its_own_authority(bench, authority, good, tmp_path, trusted):
    hooks, client = Hooks(), authority.certificate("poster", usage="clientAuth")
    with TlsFront(hooks.port, good, clients_of=authority.ca) as front:
        (tmp_path / "ping.v1.yaml").write_text(PING.replace("PORT", str(front.port)))
        tls = {"ca_file": str(authority.ca), "cert_file": str(client[0]), "key_file": str(client[1])}
        bench.worker(types={"path": [str(tmp_path)]}, outlets={"hooks": {
            "kind": "post", "allow": [f"https://localhost:{front.port}"], **({"tls": tls} if trusted else {})}})
        message = bench.publish(Message("ping.v1", {}))
        job = bench.wait_state(message, "completed" if trusted else "retrying")
        assert trusted or "SSL certificate problem: " in job["error"], job
    hooks.stop()
    assert len(hooks.requests) == trusted


# ---- SMTP with STARTTLS


@pytest.fixture
def smtp(bench, authority, tmp_path):
    """Asks with the given sink: (did it work, what was said)."""
    def ask(sink, **changes):
        smtp = {"url": f"smtp://localhost:{sink.smtp_port}", "tls": {"ca_file": str(authority.ca)}, **changes}
        answer = bench.leveret(mail={"transport": "smtp", "http": None, "smtp": smtp}).run("mail", "test", "--to", "ada@example.com")
        return answer.returncode == 0, answer.stderr

    return ask


def test_starttls_is_used_when_it_is_offered(smtp, good):
    with Sink(tls=good) as sink:
        worked, said = smtp(sink)
        assert worked, said
        assert sink.count() == 1


def test_starttls_that_was_stripped_is_missed_before_anything_is_said(smtp, bench):
    worked, said = smtp(bench.sink, username="shop", password="smtp-password-1234")
    assert not worked
    assert "SSL" in said or "TLS" in said, said
    assert bench.sink.attempts() == []


@pytest.mark.parametrize("fault", [fault for fault in CLEAR if fault != "TLS 1.1"])
def test_a_bad_certificate_behind_starttls_is_refused(smtp, bad, fault):
    with Sink(tls=bad[fault]["certificate"]) as sink:
        worked, said = smtp(sink)
        assert not worked
        assert re.search(CLEAR[fault]("smtp"), said, re.IGNORECASE), said
        assert sink.count() == 0


def test_rediss_is_refused_clearly_where_hiredis_has_no_tls(bench):
    if speaks_rediss():
        pytest.skip("this hiredis has TLS")
    answer = bench.leveret(redis={"url": "rediss://localhost:1/0"}).run("job", "show", "x")
    assert answer.returncode == 1
    assert "rediss:// needs hiredis 1.0 or later" in answer.stderr


@pytest.mark.parametrize("setting, url", [("amqp", "amqp://broker.example/"), ("redis", "redis://redis.example/0"),
                                          ("mail.http", "http://mail.example"), ("mail.smtp", "smtp://mail.example")])
def test_plain_text_to_another_host_is_refused_unless_the_configuration_says_so(bench, setting, url):
    changes = {"amqp": {"amqp": {"url": url}}, "redis": {"redis": {"url": url}}, "mail.http": {"mail": {"http": {"url": url}}},
               "mail.smtp": {"mail": {"transport": "smtp", "http": None, "smtp": {"url": url, "starttls": "off"}}}}[setting]
    leveret = bench.leveret(**changes)
    refused = leveret.run("check", "--offline")
    assert refused.returncode == 78
    switch = f"{setting.split('.')[0]}.allow_plaintext"
    assert f"is not encrypted and leaves this machine; use TLS or set {switch}: true" in refused.stderr
    assert leveret.run("check", "--offline", "--set", f"{switch}=true").returncode == 0
