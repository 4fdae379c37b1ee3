"""Secrets and words that must be seen nowhere, and the look for them in all that workers show.

Every worker of every test runs with these secrets and gets messages with these words. At the end of each test everything that it
logged, every page of metrics and status, and the headers of all dead letters are looked through; see Bench.close.
"""
import collections
import os
import hashlib
import json
import re
import secrets
import shutil
import subprocess

# The processes of one run have it in common: the names of tests hold it.
_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", secrets.token_hex(6))[:12]
BROKER_USER = "tests"
BROKER_PASSWORD = f"canary-broker-{_run}"
REDIS_PASSWORD = f"canary-redis-{_run}"
POSTGRES_PASSWORD = f"canary-postgres-{_run}"
API_KEY = f"re_canary_{_run}"
SMTP_PASSWORD = f"canary-smtp-{_run}"
ADMIN_TOKEN = f"canary-token-{_run}-0123456789"
BODY = f"canary-body-{_run}"  # in the payload of every message of publish.py
_words = {BROKER_PASSWORD, REDIS_PASSWORD, POSTGRES_PASSWORD, API_KEY, SMTP_PASSWORD, ADMIN_TOKEN, BODY}

# A masked address is j***@example.com: nothing but the mask stands before the @. No message of a test has another one.
ADDRESS = re.compile(r"[^\s*@:/\"\\]@[A-Za-z0-9]")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = {"debug", "info", "warn", "error"}
TEXTS = {"msg", "event", "worker", "queue", "outlet", "type", "id", "correlation_id", "app_id", "message_id", "subject",
         "outcome", "reason", "error", "trace_id"}
NUMBERS = {"attempt", "duration_ms", "repeated"}

seen = collections.Counter()  # what was looked at in this run, for the summary
_shapes = set()  # of pages of metrics that promtool has accepted


def add(word):
    """One more secret."""
    _words.add(word)


def check(text, where):
    for word in _words:
        assert word not in text, f"{word} in {where}: {_around(text, text.index(word))}"
    found = ADDRESS.search(text)
    assert not found, f"an address in {where}: {_around(text, found.start())}"


def _around(text, at):
    return text[max(0, at - 200):at + 100]


def check_log_line(line, where):
    """One JSON object of known fields, each of its kind."""
    entry = json.loads(line)
    assert TIME.fullmatch(entry["ts"]) and entry["level"] in LEVELS and entry["event"], f"{where}: {line}"
    for name in entry.keys() - {"ts", "level"}:
        kind = str if name in TEXTS else int if name in NUMBERS else None
        assert kind and isinstance(entry[name], kind), f"{where}: {name}: {line}"
    check(line, where)
    seen["log lines"] += 1


def check_metrics(page, where):
    check(page, where)
    seen["pages of metrics"] += 1
    shape = hashlib.sha256(re.sub(r" \S+$", "", page, flags=re.MULTILINE).encode()).digest()
    if shape in _shapes or not shutil.which("promtool"):
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{where}: promtool: {done.stdout}{done.stderr}"
    _shapes.add(shape)
    seen["of them by promtool"] += 1


def check_status(page, where):
    check(page, where)
    json.loads(page)
    seen["pages of status"] += 1


def check_dead_letter(properties, where):
    """What leveret wrote shows nothing; what the publisher wrote is the publisher's, but holds no secret of ours."""
    for name, value in (properties.headers or {}).items():
        if name.startswith("x-leveret-"):
            check(f"{name}: {value}", where)
        assert not any(word in str(value) for word in _words - {BODY}), f"{where}: {name}: {value}"
    seen["dead letters"] += 1
