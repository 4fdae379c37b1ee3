"""What operators do with dead letters: look at them, redrive and drop them."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from harness.letters import PAST, background, broken, expired, fill, five_shapes, rows
from harness.publish import Message, email, invoice, order
from harness.wait import wait_until
from harness.worker import ROOT, environment

CANARY = "canary-7f3a9c"


def peek_ids(bench):
    """The ids in the dead-letter queue in their order; looking leaves them there."""
    return [line["id"] for line in rows(bench.last_leveret.run("dlq", "export", bench.queue, within=120))]


def wait_redriven(bench, count):
    """Until every one that was dead is completed, each with one mail."""
    bench.sink.wait_for(count, within=90)
    wait_until(lambda: all(job.get("state") == "completed" for job in bench.redis.jobs().values()), within=30, what="records")
    bench.wait_empty()


def index_size(bench):
    return bench.redis.client.zcard(f"leveret:dead:{bench.queue}")


# ---- looking


def test_groups_put_like_deaths_together_fast_and_looking_changes_nothing(bench):
    leveret = bench.last_leveret = fill(bench, five_shapes(3000))
    before = peek_ids(bench)
    began = time.monotonic()
    groups = rows(leveret.run("dlq", "groups", bench.queue, "-o", "json"))
    spent = time.monotonic() - began
    assert spent < 1.0, f"{spent:.2f} s"
    assert sum(g["count"] for g in groups) == 3000 and len(groups) == 6
    assert {(g["reason"], g["count"]) for g in groups} == {("expired", 600), ("bad_payload", 600), ("unknown_type", 300)}
    assert all(g["first_seen"] <= g["last_seen"] for g in groups)
    example = groups[0]["example"]
    for _ in range(10):
        assert len(rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))) == 50
        assert leveret.run("dlq", "show", bench.queue, example).returncode == 0
    assert leveret.run("dlq", "show", bench.queue, example, "--full").returncode == 0
    assert bench.depth(bench.dlq) == 3000 and peek_ids(bench) == before


def test_show_tells_reason_error_timeline_headers_and_body(bench):
    leveret = fill(bench, [broken(7)])
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    for word in (letter["id"], letter["dead_id"]):
        text = leveret.run("dlq", "show", bench.queue, word, "--full").stdout
        for part in (letter["id"], "bad_payload", "/customer_email", "timeline", "claim", "x-leveret-reason", '"no address"'):
            assert part in text, part
    shown = leveret.run("dlq", "show", f"{bench.queue}.dlq", letter["id"], "--full", "-o", "json").json()
    assert shown["reason"] == "bad_payload" and shown["message"]["headers"]["x-leveret-dead-id"] == letter["dead_id"]
    assert [e["event"] for e in shown["events"]][0] == "claim"


def facts(text):
    """Name -> value of the lines before the first empty one."""
    lines = text.split("\n\n")[0].splitlines()
    return {line[:16].strip(): line[17:].strip() for line in lines}


def test_show_has_a_line_for_each_fact_of_the_index(bench):
    message = broken(7)
    message.properties.correlation_id, message.properties.headers = "c-1", {"subject": "order/2"}
    leveret = fill(bench, [message, Message("order.created.v1", {}, id=None)])
    nameless, named = sorted(rows(leveret.run("dlq", "list", bench.queue, "-o", "json")), key=lambda row: bool(row["id"]))
    shown = facts(leveret.run("dlq", "show", bench.queue, named["dead_id"]).stdout)
    expected = {"dead id": named["dead_id"], "id": message.id, "type": "order.created.v1", "queue": bench.queue,
                "reason": "bad_payload", "error": named["error"], "attempt": "0", "deferrals": "0", "redrives": "0",
                "subject": "order/2", "correlation id": "c-1"}
    assert {name: shown.get(name) for name in expected} == expected, shown
    for name in ("failed", "first seen"):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown[name]), shown
    assert shown["worker"]
    shown = facts(leveret.run("dlq", "show", bench.queue, nameless["dead_id"]).stdout)
    assert (shown["id"], shown["dead id"], shown["reason"]) == ("none that can be used", nameless["dead_id"], "missing_id")


def test_what_is_unknown_is_said_to_be(bench):
    leveret = fill(bench, [broken(1)])
    for words in (("list", "no.such.queue"), ("show", bench.queue, "no-such-id"), ("redrive", bench.queue, "--expired", "no-such-id"),
                  ("list", bench.queue, "--reason", "no_such_reason"), ("drop", bench.queue, "--type", "no.such.v1", "--yes"),
                  ("redrive", bench.queue, "--expired", "--reason", "expired")):
        answer = leveret.run("dlq", *words)
        assert answer.returncode == 3 and answer.stderr.strip(), (words, answer)
    assert leveret.run("queue", "pause", "no.such.queue").returncode == 3
    assert leveret.run("dlq", "redrive", bench.queue, "--expired").returncode == 2
    assert leveret.run("dlq", "no-such-verb", bench.queue).returncode == 2
    assert bench.depth(bench.dlq) == 1


def test_a_search_looks_into_error_id_and_type(bench):
    leveret = fill(bench, [expired(1, id="cart-77"), Message("no.such.type.v1", {}, id="x-1"), broken(3)])
    for word, ids in (("it has passed", ["cart-77"]), ("cart-7", ["cart-77"]), ("no.such", ["x-1"]), ("cart-78", [])):
        assert [row["id"] for row in rows(leveret.run("dlq", "list", bench.queue, "--search", word, "-o", "json"))] == ids, word


def test_no_control_character_reaches_the_terminal(bench):
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m"
    message = Message("order.created.v1", body=f'{{"order_id": "{evil}"', headers={"evil": evil, evil: "name"})
    leveret = fill(bench, [message])
    for words in (("list",), ("groups",), ("show", message.id), ("show", message.id, "--full")):
        answer = leveret.run("dlq", words[0], bench.queue, *words[1:])
        assert answer.returncode == 0
        json_answer = leveret.run("dlq", words[0], bench.queue, *words[1:], "-o", "json")
        for text in (answer.stdout + answer.stderr, json_answer.stdout):
            assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in text), words
    exported = leveret.run("dlq", "export", bench.queue)
    assert "\x9b" not in exported.stdout and evil in rows(exported)[0]["body"]


# ---- redriving


def test_redrive_of_all_completes_every_one_in_order(bench):
    messages = [expired(n) for n in range(2000)]
    leveret = fill(bench, messages)
    assert bench.redis.client.zcard("leveret:jobs:dead") == 2000
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "-o", "json")
    assert answer.returncode == 0 and answer.json()["redriven"] == 2000, answer
    assert bench.depth(bench.dlq) == 0 and index_size(bench) == 0
    assert not bench.redis.client.keys("leveret:deadletter:*")
    leveret.start()
    wait_redriven(bench, 2000)
    assert not bench.redis.client.exists("leveret:jobs:dead"), "they are listed as dead no more"
    events = [json.loads(e)["event"] for e in bench.redis.client.lrange(f"leveret:events:{{{messages[0].id}}}", 0, -1)]
    assert "redrive" in events
    assert bench.redis.client.pttl(f"leveret:events:{{{messages[0].id}}}") > 0, "it is kept for ever only while its job is dead"


def test_a_filtered_redrive_leaves_exactly_the_others_in_their_order(bench):
    leveret = bench.last_leveret = fill(bench, five_shapes(500))
    before = peek_ids(bench)
    chosen = {e["id"] for e in rows(leveret.run("dlq", "list", bench.queue, "--reason", "expired", "--limit", 1000, "-o", "json"))}
    assert len(chosen) == 100
    dry = leveret.run("dlq", "redrive", bench.queue, "--expired", "--reason", "expired", "--dry-run")
    assert dry.returncode == 0 and "100" in dry.stderr and bench.depth(bench.dlq) == 500
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "--reason", "expired", "-o", "json")
    assert answer.returncode == 0 and answer.json()["redriven"] == 100, answer
    assert peek_ids(bench) == [id for id in before if id not in chosen]
    assert index_size(bench) == 400
    one = peek_ids(bench)[250]
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", one).returncode == 0
    assert len(peek_ids(bench)) == 399 and one not in peek_ids(bench)


@pytest.mark.parametrize("moved", [150, 500])
def test_a_redrive_killed_in_the_middle_and_run_again_loses_and_doubles_nothing(bench, moved):
    leveret = fill(bench, [expired(n) for n in range(1000)])
    leveret.start()
    redrive = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "150")
    wait_until(lambda: bench.sink.count() >= moved, within=30, every=0.02, what="the middle")
    redrive.kill()
    assert 0 < bench.total(bench.dlq) < 1000
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all")
    assert answer.returncode == 0, answer
    wait_redriven(bench, 1000)
    assert bench.total(bench.dlq) == 0
    sync = leveret.run("dlq", "sync", bench.queue)
    assert sync.returncode == 0 and index_size(bench) == 0


def test_a_redrive_killed_before_any_confirm_leaves_every_dead_letter(bench):
    leveret = fill(bench, [expired(n) for n in range(100)])
    bench.broker.memory_alarm()  # no copy is taken
    try:
        redrive = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all")
        wait_until(lambda: "blocked" in bench.broker.erl("rabbit_networking:connection_info_all([state])"), what="a copy is on its way")
        redrive.kill()
        wait_until(lambda: bench.depth(bench.dlq) == bench.total(bench.dlq), what="those without an ack come back")
        assert bench.depth(bench.dlq) == 100, "acknowledged before the copy was confirmed"
    finally:
        bench.broker.memory_alarm(False)


def test_a_second_operator_is_refused_while_one_works_and_ctrl_c_stops_in_order(bench):
    leveret = bench.last_leveret = fill(bench, [expired(n) for n in range(600)])
    before = peek_ids(bench)
    first = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "50")
    wait_until(lambda: bench.redis.client.exists(f"leveret:lock:dlq:{bench.queue}"), within=20, what="the first one works")
    second = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all")
    assert second.returncode == 4 and "pid" in second.stderr, second
    first.signal(signal.SIGINT)
    assert first.wait(20) == 1 and "Ctrl-C" in first.stderr() and "redriven" in first.stderr()
    left = peek_ids(bench)
    assert 0 < len(left) < 600 and left == before[600 - len(left):] and index_size(bench) == len(left)
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--all").returncode == 0


def test_a_redrive_that_loses_the_broker_says_so_and_counts_what_is_left(bench):
    leveret = fill(bench, [expired(n) for n in range(1500)])
    redrive = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "100", "-o", "json")
    wait_until(lambda: bench.total(bench.dlq) < 1480, within=20, what="it works")
    bench.broker.close_all_connections()
    assert redrive.wait(60) == 1
    report = json.loads(redrive.stdout())
    assert 0 < report["redriven"] < 1500 and report["left"] == 1500 - report["redriven"]
    assert "leveret dlq: ;" not in redrive.stderr() and "put back" in redrive.stderr(), redrive.stderr()


def test_a_redrive_to_a_queue_that_is_gone_moves_nothing(bench):
    leveret = fill(bench, [expired(1), expired(2)])
    bench.broker.delete_queue(bench.queue, bench.vhost)
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all")
    assert answer.returncode == 3 and f"the work queue {bench.queue} does not exist; see leveret topology apply" in answer.stderr, answer
    assert bench.depth(bench.dlq) == index_size(bench) == 2 and bench.total("leveret.unrouted") == 0


def test_a_redrive_to_a_full_queue_stops_and_keeps_what_was_not_taken(bench):
    leveret = fill(bench, [expired(n) for n in range(200)])
    bench.broker.max_length(bench.queue, 5, bench.vhost)
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "100", "-o", "json")  # the broker says a little later that it is full
    assert answer.returncode == 1 and "did not take a copy: nacked" in answer.stderr, answer
    moved = answer.json()["redriven"]
    assert 0 < moved < 200 and answer.json()["left"] == 200 - moved
    assert bench.depth(bench.queue) == moved and bench.total(bench.dlq) == index_size(bench) == 200 - moved


def test_a_redrive_that_lasts_keeps_others_away(bench):
    leveret = fill(bench, [expired(n) for n in range(200)])
    redrive = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "10")
    lock = f"leveret:lock:dlq:{bench.queue}"
    wait_until(lambda: bench.redis.client.pexpire(lock, 6000), within=20, what="it works")
    wait_until(lambda: bench.redis.client.pttl(lock) > 6000, what="its lock is made to last")
    redrive.signal(signal.SIGINT)
    assert redrive.wait(20) == 1 and not bench.redis.client.exists(lock)


def test_a_copy_whose_end_nobody_knows_leaves_its_original_where_it_is(bench):
    leveret = fill(bench, [expired(n) for n in range(100)])
    bench.broker.memory_alarm()
    try:
        redrive = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "-o", "json")
        wait_until(lambda: "blocked" in bench.broker.erl("rabbit_networking:connection_info_all([state])"), what="copies are on their way")
        bench.broker.close_connections("leveret publisher")
        assert redrive.wait(30) == 1
    finally:
        bench.broker.memory_alarm(False)
    report = json.loads(redrive.stdout())
    assert "did not take a copy: unknown" in redrive.stderr() and report["redriven"] < 100
    assert bench.depth(bench.queue) >= report["redriven"] and bench.total(bench.dlq) == 100 - report["redriven"]


def test_a_terminal_sees_a_bar_with_rate_and_time_left(bench):
    leveret = fill(bench, [expired(n) for n in range(100)])
    text = on_terminal(leveret, "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "100")[1]
    assert "100/100 redriven" in text and "/s" in text and "left" in text


def two_deaths_of_one_id(bench):
    """One death made the record `dead`; the other is that of a message with the same id and other content."""
    leveret = fill(bench, [expired(1, id="twice"), order(7, id="twice")])
    deaths = {d["reason"]: d["dead_id"] for d in rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))}
    assert set(deaths) == {"expired", "id_conflict"} and bench.state("twice") == "dead"
    return leveret, deaths


def test_an_edited_body_goes_out_under_its_new_id(bench):
    leveret = fill(bench, [broken(1)])
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    bad = leveret.run("dlq", "redrive", bench.queue, "--expired", letter["id"], "--edit", env={"EDITOR": "sed -i s/no.address/neither/"})
    assert bad.returncode == 1 and "/customer_email" in bad.stderr and bench.depth(bench.dlq) == 1
    good = leveret.run("dlq", "redrive", bench.queue, "--expired", letter["id"], "--edit", env={"EDITOR": "sed -i s/no.address/a@example.com/"})
    assert good.returncode == 0 and good.stdout.strip() == letter["id"] + ":e1", good
    leveret.start()
    bench.wait_state(letter["id"] + ":e1", "completed")
    assert bench.state(letter["id"]) == "dropped" and bench.depth(bench.dlq) == 0
    assert [m["to"] for m in bench.sink.wait_for(1)] == ["a@example.com"]


def test_each_edit_for_one_id_gets_an_id_of_its_own(bench):
    leveret, deaths = two_deaths_of_one_id(bench)
    for reason, number, new in (("expired", 2, "twice:e1"), ("id_conflict", 7, "twice:e2")):
        answer = leveret.run("dlq", "redrive", bench.queue, "--expired", deaths[reason], "--edit", env={"EDITOR": f"sed -i s/order{number}@/other{number}@/"})
        assert answer.returncode == 0 and answer.stdout.strip() == new, answer
    leveret.start()
    for new in ("twice:e1", "twice:e2"):
        bench.wait_state(new, "completed")
    assert sorted(m["to"] for m in bench.sink.wait_for(2)) == ["other2@example.com", "other7@example.com"] and bench.total(bench.dlq) == 0


def test_an_id_that_is_too_long_to_be_edited_is_said_to_be(bench):
    leveret = fill(bench, [expired(1, id="x" * 198)])
    answer = leveret.run("dlq", "redrive", bench.queue, "--expired", "x" * 198, "--edit", env={"EDITOR": "sed -i s/order2@/other@/"})
    assert answer.returncode == 1 and "more than 200 characters" in answer.stderr and bench.depth(bench.dlq) == 1, answer


def expire(bench):
    bench.publish(order(1, id="broken", expiration="1"))
    return "broker_expired"


def wear_out(bench):
    bench.publish(order(1, id="broken"))
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        for method, _, _ in channel.consume(bench.queue, inactivity_timeout=2):
            if method is None:
                break
            channel.basic_nack(method.delivery_tag)
    return "delivery_limit"


@pytest.mark.parametrize("kill", [expire, wear_out])
def test_the_broker_s_own_reasons_are_told(bench, kill):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    reason = kill(bench)
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="dead letter")
    assert leveret.run("dlq", "sync", bench.queue, "-o", "json").json()["added"] == 1
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "--reason", reason, "-o", "json"))
    assert letter["id"] == "broken"
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--reason", reason).returncode == 0
    leveret.start()
    bench.wait_state("broken", "completed")
    bench.sink.wait_for(1)


def test_an_original_that_the_broker_moved_because_no_copy_was_possible_keeps_its_entry(bench):
    nested = {}
    for _ in range(40):
        nested = {"n": nested}
    leveret = fill(bench, [order(1, headers={"deep": nested})])
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    synced = leveret.run("dlq", "sync", bench.queue, "-o", "json").json()
    assert (synced["looked"], synced["added"], synced["removed"]) == (1, 0, 0)
    refused = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all")
    assert refused.returncode == 1 and "stay" in refused.stderr and bench.depth(bench.dlq) == 1
    assert leveret.run("dlq", "drop", bench.queue, letter["id"], "--yes").returncode == 0
    assert bench.total(bench.dlq) == 0 and bench.state(letter["id"]) == "dropped"


def test_what_the_broker_rejected_is_indexed_and_redriven(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    message = order(1)
    bench.publish(message)
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        method, _, _ = channel.basic_get(bench.queue)
        channel.basic_nack(method.delivery_tag, requeue=False)
        wait_until(lambda: bench.depth(bench.dlq) == 1, what="dead letter")
    assert "sync" in leveret.run("dlq", "list", bench.queue).stderr
    assert leveret.run("dlq", "sync", bench.queue, "-o", "json").json()["added"] == 1
    assert leveret.run("dlq", "sync", bench.queue, "-o", "json").json()["added"] == 0
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    assert letter["id"] == message.id and letter["type"] == "order.created.v1"
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", message.id).returncode == 0
    leveret.start()
    bench.wait_state(message, "completed")
    bench.sink.wait_for(1)


def test_unrouted_messages_are_brought_to_a_work_queue(bench):
    leveret = bench.leveret(queues=[{"name": bench.queue, "bindings": ["order.#"]}])
    assert leveret.run("topology", "apply").returncode == 0
    message, other = order(1, routing_key="nowhere"), order(2, routing_key="nowhere")
    bench.publish(other, message)
    wait_until(lambda: bench.depth("leveret.unrouted") == 2, what="unrouted")
    assert leveret.run("dlq", "sync", "leveret.unrouted", "-o", "json").json()["added"] == 2
    assert leveret.run("dlq", "sync", "leveret.unrouted", "-o", "json").json()["added"] == 0
    assert rows(leveret.run("dlq", "list", "leveret.unrouted", "--newest", "-o", "json"))[0]["id"] == message.id
    shown = leveret.run("dlq", "show", "leveret.unrouted", message.id, "--full", "-o", "json")
    assert shown.returncode == 0 and shown.json()["message"]["routing_key"] == "nowhere", shown
    one = leveret.run("dlq", "redrive", "leveret.unrouted", other.id, "--to", bench.queue)
    assert one.returncode == 0 and bench.depth("leveret.unrouted") == 1, one
    answer = leveret.run("dlq", "redrive", "leveret.unrouted", "--all", "--to", bench.queue)
    assert answer.returncode == 0, answer
    leveret.start()
    bench.wait_state(message, "completed")


def test_sync_writes_what_a_worker_writes(bench):
    message = broken(1)
    message.properties.correlation_id, message.properties.headers = "c-1", {"subject": "order/2"}
    leveret = fill(bench, [message])
    (dead_id,) = bench.redis.dead(bench.queue)
    written = bench.redis.dead(bench.queue)[dead_id]
    bench.redis.client.delete(f"leveret:deadletter:{{{dead_id}}}", f"leveret:dead:{bench.queue}")
    assert leveret.run("dlq", "sync", bench.queue, "-o", "json").json()["added"] == 1
    again = bench.redis.dead(bench.queue)[dead_id]
    assert {**again, "failed_ms": ""} == {**written, "failed_ms": ""} and again["subject"] == "order/2" and again["correlation_id"] == "c-1"


def test_sync_removes_nothing_while_somebody_else_holds_dead_letters(bench):
    leveret = fill(bench, [broken(n) for n in range(5)])
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=2)
        for method, _, _ in channel.consume(bench.dlq, inactivity_timeout=5):
            if method.delivery_tag == 2:
                break
        refused = leveret.run("dlq", "sync", bench.queue)
        assert refused.returncode == 1 and "other consumers (1)" in refused.stderr and index_size(bench) == 5, refused
        channel.cancel()
    wait_until(lambda: bench.depth(bench.dlq) == 5, what="they are back")
    synced = leveret.run("dlq", "sync", bench.queue, "-o", "json")
    assert synced.returncode == 0 and synced.json()["removed"] == 0 and index_size(bench) == 5


def test_messages_that_cannot_be_told_apart_are_one_entry_that_counts_them(bench):
    leveret = bench.leveret(queues=[{"name": bench.queue, "bindings": ["order.#"]}])
    assert leveret.run("topology", "apply").returncode == 0
    same, other = order(1, id="same", routing_key="nowhere"), order(2, id="other", routing_key="nowhere")
    bench.publish(same, other, same)
    wait_until(lambda: bench.depth("leveret.unrouted") == 3, what="unrouted")
    synced = leveret.run("dlq", "sync", "leveret.unrouted", "-o", "json").json()
    assert (synced["looked"], synced["added"], synced["identical"]) == (3, 2, 1)
    listed = leveret.run("dlq", "list", "leveret.unrouted", "-o", "json")
    assert len(rows(listed)) == 2 and not listed.stderr, listed
    assert leveret.run("dlq", "show", "leveret.unrouted", "same", "-o", "json").json()["copies"] == "2"
    dropped = leveret.run("dlq", "drop", "leveret.unrouted", "same", "--yes", "-o", "json").json()
    assert (dropped["dropped"], dropped["of"]) == (2, 2)
    assert bench.total("leveret.unrouted") == 1 and not leveret.run("dlq", "list", "leveret.unrouted").stderr


def test_sync_counts_the_identical_anew_when_somebody_has_taken_one_away(bench):
    leveret = bench.leveret(queues=[{"name": bench.queue, "bindings": ["order.#"]}])
    assert leveret.run("topology", "apply").returncode == 0
    same = order(1, id="same", routing_key="nowhere")
    bench.publish(same, same, same)
    wait_until(lambda: bench.depth("leveret.unrouted") == 3, what="unrouted")
    assert leveret.run("dlq", "sync", "leveret.unrouted").returncode == 0
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().basic_get("leveret.unrouted", auto_ack=True)
    assert leveret.run("dlq", "sync", "leveret.unrouted").returncode == 0
    dropped = leveret.run("dlq", "drop", "leveret.unrouted", "same", "--yes", "-o", "json")
    assert dropped.returncode == 0 and (dropped.json()["dropped"], dropped.json()["of"]) == (2, 2), dropped


def test_a_hint_says_that_the_queue_is_missing_or_who_works_on_it(bench):
    leveret = fill(bench, [expired(n) for n in range(600)])
    first = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "50")
    wait_until(lambda: bench.total(bench.dlq) < 600, within=20, what="the first one works")
    for verb in ("list", "groups"):
        hint = leveret.run("dlq", verb, bench.queue).stderr
        assert "works on it" in hint and f"pid {first.pid}" in hint and "sync" not in hint, hint
    (listed,) = [q for q in rows(leveret.run("queue", "list", "-o", "json")) if q["queue"] == bench.queue]
    assert 0 < listed["dead"] <= 600, "those in the hands of an operator are dead letters too"
    first.signal(signal.SIGINT)
    assert first.wait(20) == 1
    bench.broker.delete_queue(bench.dlq, bench.vhost)
    for verb in ("list", "groups"):
        assert f"no queue {bench.dlq}" in leveret.run("dlq", verb, bench.queue).stderr
    (listed,) = [q for q in rows(leveret.run("queue", "list", "-o", "json")) if q["queue"] == bench.queue]
    assert listed["dead"] is None


# ---- dropping


def on_terminal(leveret, *words, typed="", interrupted_at=None, answer=None):
    """Runs a command on a pseudo terminal: (exit status, what it wrote). Ctrl-C is pressed when it writes `interrupted_at`.
    `answer`: (what it asks, a function that then says what is typed)."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([leveret.program, *[str(w) for w in words], "-c", leveret.config_path], stdin=follower,
                               stdout=follower, stderr=follower, cwd=leveret.directory, env=environment(leveret.directory))
    os.close(follower)
    os.write(leader, typed.encode())
    text, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                text += os.read(leader, 65536)
            except OSError:
                break
            if interrupted_at and interrupted_at.encode() in text:
                process.send_signal(signal.SIGINT)
                interrupted_at = None
            if answer and answer[0].encode() in text:
                os.write(leader, answer[1]().encode())
                answer = None
        elif process.poll() is not None:
            break
    os.close(leader)
    return process.wait(10), text.decode(errors="replace")


def test_drop_and_purge_refuse_without_a_terminal_and_keep_a_backup(bench):
    leveret = fill(bench, five_shapes(50))
    refused = leveret.run("dlq", "purge", bench.queue)
    assert refused.returncode == 4 and "--yes" in refused.stderr
    assert on_terminal(leveret, "dlq", "purge", bench.queue, typed="wrong\n")[0] == 4
    assert bench.depth(bench.dlq) == 50
    backup = leveret.directory / "backup.jsonl"
    dropped = leveret.run("dlq", "drop", bench.queue, "--reason", "unknown_type", "--yes", "--backup", backup)
    assert dropped.returncode == 0, dropped
    kept = [json.loads(line) for line in backup.read_text().splitlines()]
    assert len(kept) == 10 and {k["reason"] for k in kept} == {"unknown_type"} and backup.stat().st_mode & 0o777 == 0o600
    assert bench.depth(bench.dlq) == 40 and index_size(bench) == 40
    assert all(bench.state(k["id"]) == "dropped" for k in kept)
    assert bench.redis.client.pttl(f"leveret:job:{{{kept[0]['id']}}}") > 0
    assert on_terminal(leveret, "dlq", "purge", bench.queue, typed=f"{bench.queue}\n")[0] == 0
    assert bench.total(bench.dlq) == 0 and index_size(bench) == 0
    (whole,) = [p for p in leveret.directory.glob("*.jsonl") if p != backup]
    assert len(whole.read_text().splitlines()) == 40
    nothing = leveret.run("dlq", "purge", bench.queue, "--yes", "-o", "json")
    assert nothing.returncode == 0 and nothing.json() == {"queue": bench.dlq, "dropped": 0, "of": 0, "backup": None}
    assert "kept" not in nothing.stderr and len(list(leveret.directory.glob("*.jsonl"))) == 2


def test_what_dies_while_the_question_stands_is_not_dropped(bench):
    leveret = fill(bench, [broken(n) for n in range(5)])
    late = Message("order.created.v1", body=b"{}", exchange="", routing_key=bench.dlq)

    def answer():
        bench.publish(late)
        wait_until(lambda: bench.depth(bench.dlq) == 6, what="one more")
        return f"{bench.queue}\n"

    status, text = on_terminal(leveret, "dlq", "purge", bench.queue, answer=("go on: ", answer))
    assert status == 0 and "This drops 5 messages" in text, text
    assert [left.id for left in bench.dead_letters(1)] == [late.id]


def test_nothing_is_dropped_whose_backup_the_disk_does_not_take(bench):
    leveret = fill(bench, [broken(n) for n in range(30)])
    small = ["sh", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$@"', "sh"]  # no file may grow beyond a block
    done = subprocess.run([*small, leveret.program, "dlq", "purge", bench.queue, "--yes", "-c", leveret.config_path], text=True,
                          capture_output=True, timeout=60, cwd=leveret.directory, env=environment(leveret.directory))
    assert done.returncode == 1 and "File too large" in done.stderr and "dropped 0 of 30" in done.stderr, done
    wait_until(lambda: bench.depth(bench.dlq) == 30, what="all are back in the queue")
    assert index_size(bench) == 30


PEAK = "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"


def peak_of(bench, *words):
    """32 dead letters of 8 MiB are 256 MiB: what a command did with them, and the MiB that it took at most."""
    leveret = bench.leveret(bench.config(max_body="16MiB"))
    leveret.start().stop()
    with bench.broker.connect(bench.vhost) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for n in range(32):
            channel.basic_publish("leveret.dlx", bench.queue, b"%d" % n + b"x" * (8 << 20))
    bench.broker.memory_alarm("redrive" in words)
    env = environment(leveret.directory)
    env["ASAN_OPTIONS"] += ":quarantine_size_mb=1"
    done = subprocess.run([sys.executable, "-c", PEAK, leveret.program, "dlq", *words, "-c", leveret.config_path],
                          capture_output=True, text=True, timeout=120, env=env, cwd=leveret.directory)
    bench.broker.memory_alarm(False)
    return done, int(done.stdout.split()[-1]) >> 10


@pytest.mark.faults
def test_large_dead_letters_are_dropped_a_few_at_a_time(bench):
    done, peak_mib = peak_of(bench, "purge", bench.queue, "--yes")
    assert done.returncode == 0, done
    assert bench.total(bench.dlq) == 0
    assert peak_mib < 250, f"{peak_mib} MiB"


@pytest.mark.faults
def test_large_dead_letters_wait_in_the_queue_while_the_broker_takes_no_copies(bench):
    done, peak_mib = peak_of(bench, "redrive", bench.queue, "--expired", "--all")
    assert done.returncode == 1 and "the broker did not take a copy" in done.stderr, done
    assert bench.total(bench.dlq) == 32
    assert peak_mib < 130, f"{peak_mib} MiB"


def test_an_existing_backup_is_not_written_over_and_ctrl_c_ends_the_question(bench):
    leveret = bench.last_leveret = fill(bench, [broken(n) for n in range(3)])
    before = peek_ids(bench)
    backup = leveret.directory / "backup.jsonl"
    backup.write_text("precious")
    again = leveret.run("dlq", "purge", bench.queue, "--yes", "--backup", backup)
    assert again.returncode == 1 and "nothing was dropped" in again.stderr and backup.read_text() == "precious"
    for words in (("purge",), ("drop", "--type", "order.created.v1")):
        status, text = on_terminal(leveret, "dlq", words[0], bench.queue, *words[1:], interrupted_at="go on: ")
        assert status == -signal.SIGINT and f"3 messages of {bench.dlq}" in text, text
    assert peek_ids(bench) == before and len(list(leveret.directory.glob("*.jsonl"))) == 1
    bench.dead_letters(3)
    gone = leveret.run("dlq", "drop", bench.queue, "--reason", "bad_payload", "--yes")
    assert gone.returncode == 1 and "sync" in gone.stderr and "kept" not in gone.stderr and len(list(leveret.directory.glob("*.jsonl"))) == 1


def test_a_queue_may_have_any_name(bench):
    bench.queue = 'bestellungen/größe'
    leveret = fill(bench, [expired(1), expired(2)])
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--dry-run", "-o", "json").json()["to"] == bench.queue
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--limit", 1, "-o", "json").json()["queue"] == bench.dlq
    assert leveret.run("dlq", "sync", bench.queue, "-o", "json").json()["queue"] == bench.dlq
    dropped = leveret.run("dlq", "purge", bench.queue, "--yes", "-o", "json")
    assert dropped.returncode == 0 and dropped.json()["queue"] == bench.dlq and (leveret.directory / dropped.json()["backup"]).exists(), dropped
    refused = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--to", "leveret.unrouted")
    assert refused.returncode == 3 and refused.stderr.endswith(f"there are {bench.queue}\n"), refused


def test_a_dry_run_says_what_would_be_done_and_does_nothing(bench):
    leveret = fill(bench, five_shapes(30))
    bench.redis.client.zremrangebyrank(f"leveret:dead:{bench.queue}", 0, 0)  # what counts is the queue
    for words, told in ((("purge",), {"would_drop": 30}), (("drop", "--all"), {"would_drop": 30}),
                        (("drop", "--all", "--limit", 4), {"would_drop": 4}),
                        (("drop", "--reason", "bad_payload", "--limit", 5), {"would_drop": 5}),
                        (("redrive", "--all", "--expired"), {"would_redrive": 30, "to": bench.queue}),
                        (("redrive", "--type", "order.created.v1", "--limit", 3, "--expired"), {"would_redrive": 3, "to": bench.queue})):
        words = ("dlq", words[0], bench.queue, *words[1:], "--dry-run", "--yes")
        assert leveret.run(*words, "-o", "json").json() == {"queue": bench.dlq, "dry_run": True, **told}
        answer = leveret.run(*words)
        assert answer.returncode == 0 and "would" in answer.stderr and "nothing was done" in answer.stderr, answer
    assert bench.depth(bench.dlq) == 30 and index_size(bench) == 29 and not list(leveret.directory.glob("*.jsonl"))


def test_a_limit_takes_the_oldest_and_leaves_the_others_in_their_order(bench):
    leveret = bench.last_leveret = fill(bench, [*(expired(n) for n in range(10)), *(broken(n) for n in range(5))])
    before = peek_ids(bench)
    limited = rows(leveret.run("dlq", "export", bench.queue, "--limit", 4))
    assert [line["id"] for line in limited] == before[:4]
    assert leveret.run("dlq", "drop", bench.queue, "--all", "--limit", 2, "--yes", "-o", "json").json()["dropped"] == 2
    assert peek_ids(bench) == before[2:]
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--reason", "expired", "--limit", 3, "-o", "json").json()["redriven"] == 3
    assert leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--limit", 1, "-o", "json").json()["redriven"] == 1
    assert peek_ids(bench) == before[6:] and bench.total(bench.dlq) == index_size(bench) == 9
    assert bench.depth(bench.queue) == 4


def test_all_is_all_for_the_verbs_that_look_too(bench):
    leveret = fill(bench, [broken(n) for n in range(60)])
    listed = [len(rows(leveret.run("dlq", "list", bench.queue, *words, "-o", "json"))) for words in ((), ("--all",), ("--all", "--limit", 7))]
    assert listed == [50, 60, 7]
    assert leveret.run("dlq", "groups", bench.queue, "--all").stdout == leveret.run("dlq", "groups", bench.queue).stdout
    assert leveret.run("dlq", "purge", bench.queue, "--all", "--dry-run", "-o", "json").json()["would_drop"] == 60


def test_an_option_that_a_verb_does_not_know_is_refused_and_nothing_done(bench):
    leveret = fill(bench, [broken(1)])
    for words in (("purge", "--limit", "1", "--yes"), ("drop", "--all", "--full", "--yes"), ("sync", "--dry-run"),
                  ("list", "--dry-run"), ("groups", "--limit", "1"), ("redrive", "--all", "--backup", "x"), ("drop", "--all", "--rate", "1"),
                  ("export", "--dry-run"), ("redrive", "--all", "--limit", "0"), ("drop", "--all", "--yes", "--limit", "none")):
        answer = leveret.run("dlq", words[0], bench.queue, *words[1:])
        assert answer.returncode == 2 and "--" in answer.stderr.splitlines()[0], (words, answer)
    assert bench.depth(bench.dlq) == index_size(bench) == 1


def test_an_empty_word_chooses_nothing(bench):
    leveret = fill(bench, [broken(1), order(2, id=None)])
    for words in (("drop", "", "--yes"), ("redrive", ""), ("drop", "--search", "", "--yes"), ("drop", "--search=", "--yes"), ("list", "--type", ""),
                  ("redrive", "--reason", ""), ("export", ""), ("show", ""), ("drop", "--all", "--yes", "--backup", ""), ("redrive", "--all", "--to", "")):
        answer = leveret.run("dlq", words[0], bench.queue, *words[1:])
        assert answer.returncode == 2 and "is empty" in answer.stderr, (words, answer)
    assert bench.depth(bench.dlq) == index_size(bench) == 2


@pytest.mark.parametrize("way", ["drop", "edit"])
def test_only_the_death_that_made_a_record_dead_drops_it(bench, way):
    leveret, deaths = two_deaths_of_one_id(bench)
    if way == "drop":
        words, env = ("drop", bench.queue, deaths["id_conflict"], "--yes"), {}
    else:
        words, env = ("redrive", bench.queue, "--expired", deaths["id_conflict"], "--edit"), {"EDITOR": "sed -i s/order7@/other@/"}
    assert leveret.run("dlq", *words, env=env).returncode == 0
    assert bench.state("twice") == "dead" and bench.depth(bench.dlq) == 1
    assert bench.redis.client.pttl("leveret:events:{twice}") == -1, "the timeline stays as long as the record"
    assert leveret.run("dlq", "drop", bench.queue, "twice", "--yes").returncode == 0
    assert bench.state("twice") == "dropped"


def test_dropping_a_message_that_was_never_routed_leaves_the_record_of_its_id(bench):
    first = expired(1, id="twice")
    leveret = fill(bench, [first])
    leveret.change(queues=[{"name": bench.queue, "bindings": ["order.#"]}])
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_unbind(bench.queue, "leveret.in", "#")
    first.routing_key = "nowhere"
    bench.publish(first)
    wait_until(lambda: bench.depth("leveret.unrouted") == 1, what="unrouted")
    assert leveret.run("dlq", "sync", "leveret.unrouted").returncode == 0
    assert leveret.run("dlq", "drop", "leveret.unrouted", "twice", "--yes").returncode == 0
    assert bench.state("twice") == "dead" and bench.total("leveret.unrouted") == 0
    assert leveret.run("dlq", "purge", bench.queue, "--yes").returncode == 0
    assert bench.state("twice") == "dropped"


# ---- secrets


def test_secrets_and_bodies_are_nowhere_but_in_the_body(bench):
    leveret = bench.leveret(mail={"http": {"api_key": CANARY}}, admin={"listen": "off"})
    worker = leveret.start()
    message = broken(1, "title", 5)
    message.body = message.body.replace(b'"o1@example.com"', b'"%s@example.com"' % CANARY.encode())
    bench.publish(message)
    wait_until(lambda: index_size(bench) == 1, what="dead letter")
    worker.stop()
    for words in (("list", bench.queue), ("groups", bench.queue)):
        assert CANARY not in leveret.run("dlq", *words).stdout
    (letter,) = rows(leveret.run("dlq", "export", bench.queue))
    assert CANARY in letter["body"] and CANARY not in json.dumps(letter["headers"])
    assert CANARY not in worker.process.stderr()
    assert CANARY not in leveret.run("worker", "list").stdout + leveret.run("top").stdout


# ---- many


def healing(number):
    """One of five shapes of death, every one of which a redrive heals: the deadline is cleared, the mail service well again."""
    late = {"headers": {"deadline": PAST}}
    makers = (lambda: order(number + 1), lambda: email(f"e{number}@example.com"), lambda: order(number + 1, **late),
              lambda: email(f"e{number}@example.com", **late), lambda: invoice(number, **late))
    return makers[number % 5]()


@pytest.mark.faults
def test_ten_thousand_dead_letters_of_five_shapes_are_looked_at_redriven_twice_and_completed_once(bench):
    bench.sink.mode("422")
    leveret = bench.last_leveret = fill(bench, [healing(n) for n in range(10000)])
    bench.sink.mode("healthy")
    bench.sink.clear()
    before = peek_ids(bench)
    began = time.monotonic()
    groups = rows(leveret.run("dlq", "groups", bench.queue, "-o", "json"))
    spent = time.monotonic() - began
    assert sorted(g["count"] for g in groups) == [2000] * 5 and spent < 1.0, f"{spent:.2f} s: {groups}"
    for _ in range(10):
        assert len(rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))) == 50
        assert leveret.run("dlq", "show", bench.queue, groups[0]["example"]).returncode == 0
    assert bench.depth(bench.dlq) == 10000 and peek_ids(bench) == before

    killed = background(leveret, "redrive", "dlq", "redrive", bench.queue, "--expired", "--all", "--rate", "2000")
    wait_until(lambda: bench.redis.client.zcard(f"leveret:dead:{bench.queue}") < 8000, within=60, what="the middle")
    killed.kill()
    left = bench.total(bench.dlq)
    assert 0 < left < 9000
    began = time.monotonic()
    status, text = on_terminal(leveret, "dlq", "redrive", bench.queue, "--expired", "--all")
    rate = left / (time.monotonic() - began)
    wanted = 500 if "dev" in leveret.program.parts else 2000  # sanitizers cost most of it, a busy machine the rest
    print(f"groups {spent:.2f} s, redrive of {left} {rate:.0f}/s")
    assert status == 0 and rate >= wanted and re.search(r"/s", text) and "left" in text, f"{rate:.0f}/s {text[-500:]}"
    assert bench.total(bench.dlq) == 0
    assert leveret.run("dlq", "sync", bench.queue).returncode == 0  # what the killed one had moved but not yet forgotten
    assert index_size(bench) == 0
    leveret.start()
    wait_redriven(bench, 10000)


def beyond_a_prefetch(bench, count):
    """So many messages that no work queue has seen, straight in the dead-letter queue."""
    leveret = bench.last_leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    bench.publish_many((Message("order.created.v1", body=b"{}", id=f"tiny-{n:06}", exchange="", routing_key=bench.dlq) for n in range(count)),
                       window=5000)
    wait_until(lambda: bench.depth(bench.dlq) == count, within=60, what="dead letters")
    return leveret


@pytest.mark.faults
def test_more_dead_letters_than_one_prefetch_can_hold_are_worked_on_and_keep_their_order(bench):
    count = 66_000  # a prefetch has 16 bits
    leveret = beyond_a_prefetch(bench, count)
    synced = leveret.run("dlq", "sync", bench.queue, "-o", "json", within=300)
    assert synced.returncode == 0 and synced.json()["looked"] == synced.json()["added"] == count, synced
    assert index_size(bench) == count
    last = leveret.run("dlq", "show", bench.queue, f"tiny-{count - 1:06}", "--full", "-o", "json", within=300)
    assert last.returncode == 0 and last.json()["message"]["body"] == "{}", last
    dropped = leveret.run("dlq", "drop", bench.queue, f"tiny-{count - 2:06}", "tiny-000001", "--yes", within=300)
    assert dropped.returncode == 0, dropped
    redriven = leveret.run("dlq", "redrive", bench.queue, "--expired", "--all", "--limit", 1, "-o", "json", within=300)
    assert redriven.returncode == 0 and redriven.json()["redriven"] == 1, redriven
    left = [line["id"] for line in rows(leveret.run("dlq", "export", bench.queue, within=300))]
    assert left == [f"tiny-{n:06}" for n in range(count) if n not in (0, 1, count - 2)]
    assert bench.total(bench.dlq) == count - 3
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().queue_purge(bench.dlq)


# ---- the page for the one who is paged


def documented_commands():
    text = (ROOT / "docs" / "operations.md").read_text()
    commands = [re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines() if re.match(r"\s{4,}leveret ", line)]
    return sorted({*commands, *re.findall(r"`(leveret [a-z]+ [^`]*)`", text)})


def test_every_command_of_the_operators_page_can_be_typed_as_it_stands(bench):
    leveret = fill(bench, [broken(1)])
    (letter,) = rows(leveret.run("dlq", "list", bench.queue, "-o", "json"))
    leveret.change(admin={"listen": "127.0.0.1:1"}, mail={"transport": "log", "http": None})
    commands = [c for c in documented_commands() if " TYPE " not in c]
    assert len(commands) >= 25
    for command in commands:
        words = [letter["id"] if word == "ID" else word for word in command.split()[1:]]
        answer = leveret.run(*words, env={"EDITOR": "true"})
        assert answer.returncode != 2, f"{command}: {answer}"
        assert answer.returncode in (0, 1, 3, 4), f"{command}: {answer}"
