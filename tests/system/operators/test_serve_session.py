"""Log-in by a browser, and the page's own files."""
import http.cookies
import re

from harness.api import TOKENS
from harness.worker import ROOT


def log_in(api, role="operate"):
    reply = api.ask("POST", "/v1/session", {"token": TOKENS[role]}, role="")
    assert reply.status == 200, reply
    return reply, reply.headers["Set-Cookie"].split(";")[0]


def test_a_session_does_what_its_token_may_and_no_more(bench, serve):
    api = serve()
    reply, cookie = log_in(api, "read")
    said = reply.json()
    assert said["token"] == "reader" and said["role"] == "read" and said["open"] is False and said["expires_ms"] > 0
    flags = reply.headers["Set-Cookie"]
    assert "HttpOnly" in flags and "SameSite=Strict" in flags and "Max-Age=43200" in flags and "Secure" not in flags
    assert TOKENS["read"] not in flags
    asked = {"Cookie": cookie}
    assert api.ask("GET", "/v1/jobs", role="", headers=asked).status == 200
    assert api.ask("GET", "/v1/session", role="", headers=asked).json() == said
    assert api.ask("POST", f"/v1/queues/{bench.queue}/pause", {}, role="", headers=asked).status == 403
    _, cookie = log_in(api)
    path = f"/v1/queues/{bench.queue}/pause"
    assert api.ask("POST", path, {}, role="", headers={"Cookie": cookie, "Origin": "https://evil.example"}).status == 403
    assert api.ask("POST", path, {}, role="", headers={"Cookie": cookie, "Origin": f"http://127.0.0.1:{api.port}"}).status == 200
    assert api.items("/v1/audit")[0]["token"] == "operateer"
    forged = cookie[:-5] + ("AAAA=" if not cookie.endswith("AAAA=") else "BBBB=")
    reply = api.ask("GET", "/v1/jobs", role="", headers={"Cookie": forged})
    assert reply.status == 401 and "log in again" in reply.json()["detail"]
    nobody = api.get("/v1/session", role="")
    assert nobody.status == 200 and nobody.json() == {"token": None, "role": None, "expires_ms": None, "open": False}
    assert api.ask("GET", "/v1/session", role="", headers={"Authorization": "Bearer wrong"}).status == 401
    ended = api.ask("DELETE", "/v1/session", role="", headers={"Cookie": cookie})
    assert ended.status == 200 and http.cookies.SimpleCookie(ended.headers["Set-Cookie"])["leveret"]["max-age"] == "0"


def test_who_guesses_tokens_has_to_wait(bench, serve):
    api = serve()
    for body in ({}, {"token": 1}, {"token": TOKENS["read"], "more": 1}, []):
        assert api.ask("POST", "/v1/session", body, role="").status == 400
    statuses = [api.ask("POST", "/v1/session", {"token": f"wrong{n}"}, role="").status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    shut = api.ask("POST", "/v1/session", {"token": TOKENS["read"]}, role="")
    assert shut.status == 429 and 1 <= int(shut.headers["Retry-After"]) <= 6
    assert api.ask("GET", "/v1/jobs", role="", headers={"Authorization": "Bearer wrong"}).status == 429
    assert api.get("/v1/jobs").status == 200  # a right token is let in
    assert "wrong" not in api.process.stderr() and "log_in_failed" in api.process.stderr()


def test_without_tokens_nobody_logs_in(bench, serve):
    api = serve(tokens=[])
    assert api.get("/v1/session", role="").json() == {"token": None, "role": "read", "expires_ms": None, "open": True}


def test_the_page_comes_with_a_policy_that_lets_nothing_in(bench, serve):
    api = serve()
    page = api.get("/", role="")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8" and page.body == (ROOT / "web" / "index.html").read_bytes()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff" and page.headers["Cache-Control"] == "no-cache"
    again = api.ask("GET", "/index.html", role="", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status == 304 and again.body == b""
    for path in sorted((ROOT / "web").rglob("*")):
        if path.is_file():
            reply = api.get("/" + str(path.relative_to(ROOT / "web")), role="")
            assert reply.status == 200 and reply.body == path.read_bytes() and reply.headers["Content-Security-Policy"], path
    for path in ("/../config/leveret.yaml", "/%2e%2e/x", "/assets/", "/assets/../index.html", "//index.html", "/etc/passwd", "/index.html%00"):
        assert api.get(path, role="").status == 404, path
    assert api.ask("POST", "/", {}, role="").status == 404 and api.ask("HEAD", "/", role="").body == b""
    assert api.ask("GET", "/", role="", headers={"Host": "evil.example"}).status == 421
    text = page.body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
