"""Webhooks and messages as effects: signed as receivers check it, only to where they may, and each once."""
import collections
import hashlib
import json
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from harness import canary
from harness.publish import Message
from harness.sink import Hooks
from harness.wait import wait_until
from harness.worker import crash_binary, merged

WEBHOOKS = pathlib.Path(__file__).resolve().parents[2] / "webhooks"
SECRET, OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
for secret in (SECRET, OLD_SECRET):
    canary.add(secret)


@pytest.fixture
def hooks():
    receiver = Hooks()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def receivers_library(tmp_path_factory):
    """What npm's standardwebhooks says of posts: a function of (secret, post), one after the other."""
    directory = tmp_path_factory.mktemp("webhooks")
    for path in WEBHOOKS.iterdir():
        if path.is_file():
            shutil.copy(path, directory)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, text=True,
                          capture_output=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr

    def verify(*pairs):
        lines = [json.dumps({"secret": secret, "headers": post["headers"], "body": post["body"].decode()}) for secret, post in pairs]
        done = subprocess.run(["node", "verify.js"], input="\n".join(lines) + "\n", text=True, cwd=directory, capture_output=True,
                              timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return verify


def config(bench, hooks, **post):
    outlet = {"kind": "post", "secret": SECRET, "allow": [hooks.origin], "timeout": "2s",
              "breaker": {"failures": 20, "open": "1s", "open_max": "2s"}, **post}
    return bench.config(outlets={"hooks": outlet})


def start(bench, config, **more):
    bench.last = bench.leveret(config, name=f"leveret{len(bench._leverets) + 1}", program=crash_binary(), **more)
    return bench.last.start()


def first(number, url="", **more):
    return Message("test.chain.first.v1", {"number": number, "url": url}, **more)


def last(number, url, **more):
    return Message("test.chain.last.v1", {"number": number, "url": url}, **more)


def key_of(id, effect):
    return hashlib.sha256(b"\0".join(text.encode() for text in ("leveret", id, effect))).hexdigest()


def test_a_post_is_signed_as_the_library_of_its_receivers_checks_it(bench, hooks, receivers_library):
    start(bench, config(bench, hooks, secret_old=OLD_SECRET))
    message = last(1, f"{hooks.origin}/in?token=canary-query", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    bench.publish(message)
    bench.wait_state(message, "completed")
    (post,) = hooks.requests
    assert receivers_library((SECRET, post), (OLD_SECRET, post), ("whsec_" + "A" * 32, post)) == ["ok", "ok", "No matching signature found"]
    headers = post["headers"]
    assert headers["webhook-id"] == headers["idempotency-key"] == key_of(message.id, "hook")
    assert headers["content-type"] == "application/json" and headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert post["path"] == "/in?token=canary-query"
    body = json.loads(post["body"])
    assert body["type"] == "test.chain.last.v1" and body["data"]["number"] == 1
    assert body["timestamp"] == time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(message.properties.timestamp))
    assert "canary-query" not in json.dumps(bench.job(message)), "no query is shown"


def test_a_post_is_tried_again_with_the_same_bytes_until_it_is_taken(bench, hooks, receivers_library):
    start(bench, config(bench, hooks))
    hooks.script(503, "cut", (429, {"Retry-After": "1"}), 409)
    message = last(2, hooks.origin)
    bench.publish(message)
    bench.wait_state(message, "completed", within=40)
    assert len(hooks.requests) == 5
    assert len({post["body"] for post in hooks.requests}) == 1 and len(hooks.by_id()) == 1
    assert receivers_library(*((SECRET, post) for post in hooks.requests)) == ["ok"] * 5
    assert len(bench.sink.mails(to="chain2@example.com")) == 1


def test_what_a_receiver_refuses_for_good_dies(bench, hooks):
    start(bench, config(bench, hooks))
    hooks.script(410)
    message = last(3, hooks.origin)
    bench.publish(message)
    job = bench.wait_state(message, "dead")
    assert job["reason"] == "permanent_failure" and "410" in job["error"], job
    assert len(hooks.requests) == 1


def test_a_redirect_is_not_followed(bench, hooks):
    elsewhere = Hooks()
    start(bench, config(bench, hooks))
    hooks.script((307, {"Location": elsewhere.origin + "/"}))
    message = last(4, hooks.origin)
    bench.publish(message)
    bench.wait_state(message, "completed")  # the message is innocent, and the next try is answered 204
    assert elsewhere.connections == 0 and len(hooks.requests) == 2
    elsewhere.stop()


@pytest.mark.parametrize("allow, url, words", [
    (["https://hooks.example.com"], "{origin}/x", "does not list http://127.0.0.1:"),
    (["{origin}"], "{origin}.example.com/x", "is no URL"),
    (["{origin}"], "http://u:p@127.0.0.1:{port}/", "a user or a password in a URL is refused"),
    (["{origin}"], "https://127.0.0.1:{port}/", "does not list https://127.0.0.1:"),
])
def test_a_post_to_where_it_may_not_is_rejected(bench, hooks, allow, url, words):
    def filled(text):
        return text.format(origin=hooks.origin, port=hooks.port)

    start(bench, config(bench, hooks, allow=[filled(entry) for entry in allow]))
    message = last(5, filled(url))
    bench.publish(message)
    job = bench.wait_state(message, "dead")
    assert job["reason"] == "rejected" and words in job["error"], job
    assert hooks.connections == 0 and bench.sink.count() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"])
def test_a_private_address_is_not_connected_to_though_every_host_is_allowed(bench, hooks, host):
    start(bench, config(bench, hooks, allow=[f"http://*:{hooks.port}"]))
    message = last(6, f"http://{host}:{hooks.port}/")
    bench.publish(message)
    job = bench.wait_state(message, "dead")
    assert job["reason"] == "permanent_failure" and "not public" in job["error"], job
    assert hooks.connections == 0


def test_private_addresses_may_be_allowed(bench, hooks):
    start(bench, config(bench, hooks, allow=[f"http://*:{hooks.port}"], allow_private=True))
    message = last(7, f"http://localhost:{hooks.port}/")
    bench.publish(message)
    bench.wait_state(message, "completed")
    assert len(hooks.requests) == 1


def test_a_receiver_that_is_down_holds_back_no_other_receiver_and_no_mail(bench, hooks):
    down = Hooks()
    down.usual = 503
    start(bench, config(bench, hooks, allow=[hooks.origin, down.origin], breaker={"failures": 2, "open": "1s", "open_max": "2s"}))
    stuck = [last(n, down.origin) for n in range(1, 21)]
    bench.publish_many(stuck)
    down.wait_for(2)
    good = [last(n, hooks.origin) for n in range(101, 151)]
    bench.publish_many(good)
    wait_until(lambda: all(bench.state(m) == "completed" for m in good), within=10, what="the posts to the other")
    down.usual = 204
    wait_until(lambda: all(bench.state(m) == "completed" for m in stuck), within=40, what="the posts to the first")
    assert all(int(bench.job(m)["attempt"]) <= 1 for m in stuck), "an outage burns no attempts"
    assert max(map(len, hooks.by_id().values())) == 1
    down.stop()


# ---- publish


def chain_ids(message, children=1):
    second = f"{message.id}/next"
    return [second] + ([f"{second}/last"] if children == 1 else [f"{second}/last.{n}" for n in range(children)])


def test_a_chain_hands_on_subject_correlation_and_trace(bench, hooks):
    start(bench, config(bench, hooks))
    message = first(1, correlation_id="corr-1", headers={"subject": "order/1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    bench.publish(message)
    second, third = chain_ids(message)
    job = bench.wait_state(third, "completed")
    assert job["subject"] == "chain/1" and job["correlation_id"] == "corr-1", job
    assert bench.job(second)["subject"] == "order/1" and bench.job(second)["app_id"] == "leveret"
    assert bench.sink.mails(to="chain1@example.com")[0]["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_a_batch_is_confirmed_before_its_job_is_completed(bench, hooks):
    start(bench, config(bench, hooks))
    message = Message("test.chain.second.v1", {"number": 9, "children": 300})
    bench.publish(message)
    bench.wait_state(message, "completed", within=40)
    ids = [f"{message.id}/last.{n}" for n in range(300)]
    wait_until(lambda: all(bench.state(id) == "completed" for id in ids), within=60, what="all children")
    assert len(bench.sink.mails(to="chain9@example.com")) == 300


def test_a_child_id_that_would_be_too_long_is_rejected(bench, hooks):
    start(bench, config(bench, hooks))
    message = first(1, id="a" * 196)
    bench.publish(message)
    job = bench.wait_state(message, "dead")
    assert job["reason"] == "rejected" and "200 bytes" in job["error"], job


def test_chains_are_finished_once_though_their_workers_are_killed_at_random(bench, hooks):
    """Each step is one job, whatever died when; a post or a mail comes twice only if its worker was killed just then."""
    chains, children = 40, 3
    settings = merged(config(bench, hooks), {"claim": {"lease": "3s", "max_crashes": 50}, "mail": {"timeout": "2s"}})
    leveret = bench.leveret(settings, name="killed", program=crash_binary())
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    print(f"\nseed {seed}")
    leveret.start().stop()
    messages = [Message("test.chain.first.v1", {"number": n, "url": hooks.origin}) for n in range(chains)]
    batches = [Message("test.chain.second.v1", {"number": 1000 + n, "children": children, "url": hooks.origin}) for n in range(chains)]
    bench.publish_many(messages + batches)
    expected = [m.id for m in messages + batches] + [id for m in messages for id in chain_ids(m)]
    expected += [f"{m.id}/last.{n}" for m in batches for n in range(children)]
    kills = 0
    points = ["planned", "pre_send", "sent", "record_sent", "complete_sent", "completed", "pre_ack"]
    while kills < 15 and not all(bench.state(id) == "completed" for id in expected):
        worker = leveret.start(ready=False, env={"LEVERET_CRASHPOINT": f"{chance.choice(points)}:{chance.randrange(1, 30)}"})
        wait_until(lambda: not worker.process.is_alive() or all(bench.state(id) == "completed" for id in expected), within=60,
                   what="a kill, or the end")
        if not worker.process.is_alive():
            assert worker.wait() == -signal.SIGKILL
            kills += 1
        else:
            worker.stop()
    leveret.start()
    wait_until(lambda: all(bench.state(id) == "completed" for id in expected), within=90, every=0.2,
               what=lambda: {id: bench.state(id) for id in expected if bench.state(id) != "completed"})
    jobs = bench.redis.jobs(bench.prefix)
    assert set(jobs) == set(expected), "each step is a job, and there is no other"
    posts = hooks.by_id()
    posting = [m.id for m in messages] + [chain_ids(m)[1] for m in messages] + [f"{m.id}/last.{n}" for m in batches for n in range(children)]
    wanted = {key_of(id, "hook") for id in posting}
    assert set(posts) == wanted, "no post is lost"
    twice = sum(len(seen) - 1 for seen in posts.values()) + sum(
        count - 1 for count in collections.Counter(mail["key"] for mail in bench.sink.mails()).values())
    print(f"{kills} kills, {len(expected)} jobs, {twice} effects twice")
    assert kills >= 5 and twice <= kills * 32, "only what was under way at a kill"
