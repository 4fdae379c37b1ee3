"""Redrive as an operator needs it at night: what is late stays, what died again is counted, what is broken is mended, what was
dropped comes back."""
import datetime
import json

import pytest

from harness.letters import broken, expired, fill, rows
from harness.publish import Message, order
from harness.wait import wait_until

FIXED = "ada@example.com"


def hours_ahead(hours):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(bench, messages):
    """They die of the service's 422, each by itself: the breaker takes none for an outage. Afterwards the service takes all."""
    bench.sink.script(*[422] * len(messages))
    return fill(bench, messages, mail={"breaker": {"failures": 64}})


def editor(leveret, *commands):
    """An editor that does what sed does with these."""
    script = leveret.directory / "edit.sed"
    script.write_text("\n".join(commands) + "\n")
    return {"EDITOR": f"sed -i -f {script}"}


def letters(bench, leveret, *words):
    return rows(leveret.run("dlq", "list", bench.queue, "--all", *words, "-o", "json"))


# ---- --expired


def test_what_is_past_its_deadline_stays_whatever_it_died_of(bench):
    late = broken(3, "title", "x" * 100_000)
    late.properties.headers = {"deadline": "2020-01-01T00:00:00Z"}
    timely = broken(5)
    leveret = fill(bench, [expired(1), late, timely])
    before = [letter["dead_id"] for letter in letters(bench, leveret) if letter["id"] != timely.id]
    dry = leveret.run("dlq", "redrive", bench.queue, "--all", "--dry-run", "-o", "json")
    assert dry.json()["would_redrive"] == 1 and "2 would be left alone" in dry.stderr, dry
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "-o", "json")
    assert done.returncode == 0 and "2 left alone: their deadline has passed; --expired" in done.stderr, done
    assert (done.json()["redriven"], done.json()["expired"]) == (1, 2)
    assert [letter["dead_id"] for letter in letters(bench, leveret)] == before
    assert bench.depth(bench.queue) == 1 and bench.depth(bench.dlq) == 2
    named = leveret.run("dlq", "redrive", bench.queue, before[0], "-o", "json")
    assert named.json()["redriven"] == 0 and bench.depth(bench.dlq) == 2, "named ones too"
    assert leveret.run("dlq", "redrive", bench.queue, "--all", "--expired", "-o", "json").json()["redriven"] == 2


def test_more_late_letters_than_the_prefetch_holds_do_not_keep_the_others(bench):
    leveret = fill(bench, [*(expired(n) for n in range(1500)), broken(1)])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "-o", "json")
    assert (done.json()["redriven"], done.json()["expired"]) == (1, 1500), done
    limited = leveret.run("dlq", "redrive", bench.queue, "--all", "--limit", 2, "-o", "json")
    assert (limited.json()["redriven"], limited.json()["expired"]) == (0, 1500), limited
    assert bench.depth(bench.dlq) == 1500


def test_a_deadline_that_is_ahead_goes_with_the_message(bench):
    at = hours_ahead(1)
    message = order(1, headers={"deadline": at})
    leveret = refused(bench, [message])
    (letter,) = rows(leveret.run("dlq", "show", bench.queue, message.id, "-o", "json"))
    assert int(letter["deadline_ms"]) > 0
    assert leveret.run("dlq", "redrive", bench.queue, "--all").returncode == 0
    bench.sink.script(422)
    leveret.start()
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="it dies again")
    (again,) = bench.dead_letters(1)
    assert again.headers["deadline"] == at and again.headers["x-leveret-redrives"] == 1


def test_a_redrive_keeps_when_the_message_was_first_seen_and_counts_redrives(bench):
    message = order(1)
    leveret = refused(bench, [message])
    (first,) = rows(leveret.run("dlq", "show", bench.queue, message.id, "-o", "json"))
    bench.sink.script(422)
    assert leveret.run("dlq", "redrive", bench.queue, "--all").returncode == 0
    leveret.start()
    wait_until(lambda: bench.depth(bench.dlq) == 1, what="it dies again")
    wait_until(lambda: len(letters(bench, leveret)) == 1 and letters(bench, leveret)[0]["redrives"] == 1, what="the list shows the redrive")
    (second,) = rows(leveret.run("dlq", "show", bench.queue, message.id, "-o", "json"))
    assert second["first_seen_ms"] == first["first_seen_ms"] and second["failed_ms"] > first["failed_ms"]


# ---- --wait


def test_wait_says_how_many_completed_and_how_many_died_again(bench):
    leveret = refused(bench, [order(n) for n in range(1, 5)])  # more of them alike would be an outage
    bench.sink.script(*[422] * 2)
    leveret.start()
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--wait", "20s", "-o", "json")
    told = done.json()
    assert (told["completed"], told["died"], told["not_over"]) == (2, 2, 0), done
    assert "2 completed, 2 died again, 0 not over yet" in done.stderr and done.returncode == 1
    assert bench.depth(bench.dlq) == 2 and bench.sink.count() == 2
    last = leveret.run("dlq", "redrive", bench.queue, "--all", "--wait")
    assert last.returncode == 0 and "2 completed, 0 died again" in last.stderr, last


def test_wait_ends_when_its_time_is_over(bench):
    leveret = refused(bench, [order(1)])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--wait=300ms", "-o", "json")
    assert done.returncode == 1 and (done.json()["completed"], done.json()["not_over"]) == (0, 1), done
    wrong = leveret.run("dlq", "redrive", bench.queue, "--all", "--wait=soon")
    assert wrong.returncode == 2 and "--wait" in wrong.stderr


# ---- which


def test_lists_are_oldest_first_and_newest_first_when_asked(bench):
    leveret = fill(bench, [expired(n) for n in range(60)])
    everything = [letter["id"] for letter in letters(bench, leveret)]
    failed = [letter["failed"] for letter in letters(bench, leveret)]
    assert failed == sorted(failed) and len(everything) == 60
    first = leveret.run("dlq", "list", bench.queue, "-o", "json")
    assert [letter["id"] for letter in rows(first)] == everything[:50] and "the first 50 of 60" in first.stderr
    newest = leveret.run("dlq", "list", bench.queue, "--newest", "--limit", 3, "-o", "json")
    assert [letter["id"] for letter in rows(newest)] == everything[:-4:-1]
    assert leveret.run("dlq", "drop", bench.queue, "--all", "--newest", "--yes").returncode == 2


def test_letters_are_chosen_by_subject_by_time_and_by_what_the_body_says(bench):
    about = order(7, headers={"subject": "order/7"})
    deep = broken(8, value="x" * 12_000 + "needle")
    too_deep = broken(9, value="x" * 17_000 + "needle")
    leveret = refused(bench, [about, deep, too_deep])

    def chosen(*words):
        return {letter["id"] for letter in letters(bench, leveret, *words)}

    assert chosen("--subject", "order/7") == {about.id} and chosen("--search", "order/7") == {about.id}
    assert chosen("--search", "needle") == {deep.id}
    assert chosen("--since", "1h") == {about.id, deep.id, too_deep.id}
    none = leveret.run("dlq", "list", bench.queue, "--since", hours_ahead(1), "-o", "json")
    assert none.returncode == 3 and not none.stdout, none
    assert leveret.run("dlq", "list", bench.queue, "--since", "yesterday").returncode == 2
    assert leveret.run("dlq", "redrive", bench.queue, "--subject", "order/7", "-o", "json").json()["redriven"] == 1
    assert bench.depth(bench.dlq) == 2


def test_the_publisher_is_found_in_show_list_groups_and_log(bench):
    nameless = [order(n, id=None, app_id=f"shop-{n % 2}", routing_key=f"from.{n % 2}", reply_to="answers", content_type="application/json")
                for n in range(1, 5)]
    ill_named = order(9, id="for ada@example.com", app_id="shop-9")
    worker = bench.worker()
    leveret = bench.last
    bench.publish_many([*nameless, ill_named])
    wait_until(lambda: bench.depth(bench.dlq) == 5, what="all are dead")
    wait_until(lambda: bench.redis.client.zcard(f"leveret:dead:{bench.queue}") == 5, what="index")
    groups = {(g["app_id"], g["routing_key"]): g["count"] for g in rows(leveret.run("dlq", "groups", bench.queue, "-o", "json"))}
    assert groups == {("shop-0", "from.0"): 2, ("shop-1", "from.1"): 2, ("shop-9", "order.created.v1"): 1}
    listed = {letter["app_id"]: letter for letter in letters(bench, leveret)}
    assert listed["shop-0"]["routing_key"] == "from.0" and listed["shop-9"]["id"] == '"for ada@example.com"'
    text = leveret.run("dlq", "show", bench.queue, listed["shop-0"]["dead_id"]).stdout
    for part in ("app id", "shop-0", "routing key", "from.0", "reply to", "answers", "content type", "leveret.in"):
        assert part in text, part
    whole = leveret.run("dlq", "show", bench.queue, listed["shop-9"]["dead_id"], "--full").stdout
    assert "properties" in whole and "message_id                 for ada@example.com" in whole
    assert len(worker.logged(app_id="shop-0", outcome="dead")) == 2
    assert len(worker.logged(app_id="shop-9", message_id="for a***@example.com")) == 1


# ---- mending


def test_one_member_is_set_in_many(bench):
    messages = [broken(n) for n in range(5)]
    leveret = fill(bench, [*messages, Message("order.created.v1", body="{")])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--set", f"/customer_email={FIXED}")
    assert done.returncode == 1 and "its body is no JSON" in done.stderr, done
    assert "mended and redriven 5, left as they were 1" in done.stderr
    assert sorted(done.stdout.split()) == sorted(f"{message.id}:e1" for message in messages)
    leveret.start()
    bench.sink.wait_for(5)
    assert all(mail["to"] == FIXED for mail in bench.sink.mails())
    assert all(bench.state(message) == "dropped" for message in messages) and bench.depth(bench.dlq) == 1


@pytest.mark.parametrize("assignment, problem", [
    ("/no/such/place=1", "no such place"), ("/customer_email=still no address", "/customer_email")])
def test_what_cannot_be_set_stays(bench, assignment, problem):
    leveret = fill(bench, [broken(1)])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--set", assignment)
    assert done.returncode == 1 and problem in done.stderr and bench.depth(bench.dlq) == 1, done


def test_a_program_mends_many(bench):
    leveret = fill(bench, [broken(n) for n in range(3)])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--filter", f"sed s/no.address/{FIXED}/")
    assert done.returncode == 0 and len(done.stdout.split()) == 3, done
    leveret.start()
    bench.sink.wait_for(3)
    assert {mail["to"] for mail in bench.sink.mails()} == {FIXED}


@pytest.mark.parametrize("program, problem", [
    ("exit 3", "the program failed"), ("cat", "nothing would change"), ("cat /dev/zero", "more than max_body"),
    ("sleep 60 & sleep 60", "over 10 s"), ("echo {}", "/customer_email")])
def test_a_program_that_fails_leaves_the_letter(bench, program, problem):
    leveret = fill(bench, [broken(1)])
    done = leveret.run("dlq", "redrive", bench.queue, "--all", "--filter", program)
    assert done.returncode == 1 and problem in done.stderr and bench.depth(bench.dlq) == 1, done


def test_the_editor_has_id_type_and_headers_too(bench):
    message = Message("order.vanished.v1", {"order_id": 1, "customer_email": FIXED, "title": "T"}, id="o1",
                      headers={"subject": "order/1", "note": "n", "deadline": "2020-01-01T00:00:00Z"})
    leveret = fill(bench, [message])
    edit = editor(leveret, "s/^id: .*/id: new-1/", "s/vanished/created/", "/^header deadline/d", "/^header note/d", 's#"order/1"#"order/2"#')
    done = leveret.run("dlq", "redrive", bench.queue, "o1", "--edit", env=edit)
    assert done.returncode == 0 and done.stdout.strip() == "new-1", done
    leveret.start()
    record = bench.wait_state("new-1", "completed")
    assert record["subject"] == "order/2" and record["type"] == "order.created.v1" and bench.state("o1") == "dropped"


def test_an_edit_that_cannot_be_read_sends_nothing(bench):
    leveret = fill(bench, [broken(1)])
    (letter,) = letters(bench, leveret)
    for edit, problem in (("2icolour: red", "only id:, type: and header"),
                          ("2iheader x-leveret-attempt: 3", "own cannot be set"),
                          ("2iheader note: no json", "header note: expected JSON"),
                          ("s/^id: .*/id: no good id/", "id: expected one"),
                          ("s/^{/[/", "not JSON")):
        done = leveret.run("dlq", "redrive", bench.queue, letter["id"], "--edit", env=editor(leveret, edit))
        assert done.returncode == 1 and problem in done.stderr and bench.depth(bench.dlq) == 1, (edit, done)


# ---- restore


def without_time(listed):
    """The index of a living worker has the time of its entry, that of a restored letter the time in its header: milliseconds apart."""
    return sorted(({**letter, "failed": None} for letter in listed), key=lambda letter: letter["dead_id"])


def test_what_was_dropped_comes_back_as_it_was(bench):
    odd = Message("order.created.v1", body=b"\xff\xfe{", headers={"n": 5, "list": [1, "two"], "flag": True, "table": {"a": None}})
    leveret = fill(bench, [expired(1), broken(2), odd])
    before = without_time(letters(bench, leveret))
    backup = leveret.directory / "backup.jsonl"
    assert leveret.run("dlq", "drop", bench.queue, "--all", "--yes", "--backup", backup).returncode == 0
    assert bench.total(bench.dlq) == 0
    done = leveret.run("dlq", "restore", backup)
    assert done.returncode == 0 and "restored 3" in done.stderr, done
    assert bench.depth(bench.dlq) == 3
    assert without_time(letters(bench, leveret)) == before
    saved = [json.loads(line) for line in backup.read_text().splitlines()]
    again = rows(leveret.run("dlq", "export", bench.queue, "--all"))
    for one, other in zip(sorted(saved, key=lambda line: line["dead_id"]), sorted(again, key=lambda line: line["dead_id"])):
        assert one["headers"] == other["headers"] and one.get("body") == other.get("body")
        assert one.get("body_base64") == other.get("body_base64") and one["properties"] == other["properties"]
    assert leveret.run("dlq", "redrive", bench.queue, "--reason", "expired", "--expired").returncode == 0
    leveret.start()
    bench.sink.wait_for(1)


def test_restore_goes_where_it_is_told_and_says_which_line_is_wrong(bench):
    leveret = fill(bench, [broken(1), broken(2)])
    backup = leveret.directory / "backup.jsonl"
    assert leveret.run("dlq", "drop", bench.queue, "--all", "--yes", "--backup", backup).returncode == 0
    lines = backup.read_text().splitlines()
    backup.write_text("\n".join([lines[0], '{"no": "letter"}', lines[1]]))
    done = leveret.run("dlq", "restore", backup)
    assert done.returncode == 1 and f"{backup}:2: it names no queue" in done.stderr and "restored 1" in done.stderr, done
    assert leveret.run("dlq", "restore", leveret.directory / "none.jsonl").returncode == 1
    assert leveret.run("dlq", "restore", backup, "--to", "no.such.queue").returncode == 3
    backup.write_text(lines[1])
    assert leveret.run("dlq", "restore", backup, "--to", bench.queue).returncode == 0 and bench.depth(bench.dlq) == 2


def test_a_mistyped_verb_is_answered_with_the_one_that_was_meant(bench):
    answer = bench.leveret().run("dlq", "redirve", bench.queue)
    assert answer.returncode == 2 and "did you mean redrive?" in answer.stderr
    answer = bench.leveret(name="other").run("dlq", "list", bench.queue, "--reasn", "expired")
    assert answer.returncode == 2 and "did you mean --reason?" in answer.stderr
