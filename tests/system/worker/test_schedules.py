"""Messages that come again and again: each tick has one job, however many workers have the schedule."""
import datetime
import json

import pytest

from harness.wait import wait_until

MINUTE = 60_000


def each_minute(**more):
    return {"name": "nightly", "cron": "* * * * *", "type": "email.send.v1",
            "data": {"to": "ada@example.com", "subject": "Digest", "text": "Hello"}, **more}


def key(bench):
    (found,) = bench.redis.client.keys("leveret:schedule:*")
    return found


def now_ms(bench):
    seconds, micros = bench.redis.client.time()
    return seconds * 1000 + micros // 1000


def last_tick(bench):
    return now_ms(bench) // MINUTE * MINUTE


def tick_id(tick_ms, name="nightly"):
    moment = datetime.datetime.fromtimestamp(tick_ms / 1000, datetime.timezone.utc)
    return f"schedule/{name}/{moment:%Y-%m-%dT%H:%M:%SZ}"


def go_back(bench, ticks):
    """As if no tick of the last minutes had been seen: the workers were away."""
    wait_until(lambda: bench.redis.client.keys("leveret:schedule:*"), what="the schedule is known")
    bench.redis.client.hset(key(bench), "last_ms", last_tick(bench) - ticks * MINUTE)


def ids(bench):
    return sorted(bench.redis.jobs())


def test_each_tick_has_one_job_however_many_workers_there_are(bench):
    changes = {"schedules": [each_minute(missed="all", overlap="allow")]}
    bench.worker(**changes).process.stop()
    go_back(bench, 5)
    newest = last_tick(bench)
    workers = [bench.worker(**changes) for _ in range(3)]
    wanted = [tick_id(newest - i * MINUTE) for i in range(5)]
    wait_until(lambda: set(wanted) <= set(ids(bench)), what=lambda: ids(bench))
    for id in wanted:
        record = bench.wait_state(id, "completed")
        assert record["type"] == "email.send.v1"
    sent = bench.sink.count()
    assert sent == len(ids(bench))  # perhaps the next minute has begun
    done = sum(worker.metric("leveret_schedule_ticks_total", outcome="published") for worker in workers)
    assert done == sent
    assert bench.redis.client.hget(key(bench), "published") == str(sent)


@pytest.mark.parametrize("missed, made_up", [("last", 1), ("none", 0), ("all", 3)])
def test_of_what_was_missed_the_last_all_or_none_is_made_up(bench, missed, made_up):
    newest = last_tick(bench) - 5 * MINUTE  # nothing is due in the next minutes
    changes = {"schedules": [each_minute(missed=missed, overlap="allow", cron=f"{newest // MINUTE % 60} * * * *")]}
    bench.worker(**changes).process.stop()
    bench.redis.client.hset(key(bench), "last_ms", newest - 150 * MINUTE)
    worker = bench.worker(**changes)
    wait_until(lambda: bench.redis.client.hget(key(bench), "last_ms") == str(newest), what="the ticks are done")
    assert ids(bench) == sorted(tick_id(newest - i * 60 * MINUTE) for i in range(made_up))
    assert worker.metric("leveret_schedule_ticks_total", outcome="missed") == 3 - made_up
    assert int(bench.redis.client.hget(key(bench), "missed") or 0) == 3 - made_up


def test_a_tick_is_skipped_while_the_job_of_the_one_before_is_not_over(bench):
    changes = {"schedules": [each_minute(missed="all")]}
    bench.worker(**changes).process.stop()
    go_back(bench, 3)
    bench.sink.script({"status": 503, "times": -1})
    worker = bench.worker(**changes)
    wait_until(lambda: int(bench.redis.client.hget(key(bench), "skipped") or 0) >= 2, what="skipped ticks")
    assert len(ids(bench)) == 1
    assert worker.metric("leveret_schedule_ticks_total", outcome="overlap") >= 2
    assert worker.logged(event="schedule_skipped")


def test_a_tick_that_somebody_claimed_and_did_not_confirm_is_published_by_another(bench):
    changes = {"schedules": [each_minute()]}
    bench.worker(**changes).process.stop()
    tick = last_tick(bench)
    bench.redis.client.hset(key(bench), mapping={"last_ms": tick - MINUTE, "claim_ms": tick, "claimed_ms": now_ms(bench),
                                                 "worker": "dead", "sure": "1"})
    bench.worker(**changes)
    bench.wait_state(tick_id(tick), "completed")


@pytest.mark.parametrize("point", ["tick_publish", "tick_published", "tick_queued", "tick_answered"])
def test_a_worker_that_dies_at_a_tick_leaves_one_job_of_it(bench, point):
    newest = last_tick(bench) - 5 * MINUTE  # nothing is due in the next minutes
    config = bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, schedules=[each_minute(missed="all", overlap="allow", cron=f"{newest // MINUTE % 60} * * * *")])
    bench.worker(config).stop()
    bench.redis.client.hset(key(bench), "last_ms", newest - 150 * MINUTE)
    leveret = bench.leveret(config)
    leveret.start(ready=False, env={"LEVERET_CRASHPOINT": f"{point}:1"}).wait(within=30)
    assert bench.redis.client.hget(key(bench), "last_ms") != str(newest)
    leveret.start()
    wait_until(lambda: bench.redis.client.hget(key(bench), "last_ms") == str(newest), within=40, what="the ticks are done")
    wanted = sorted(tick_id(newest - i * 60 * MINUTE) for i in range(3))
    for id in wanted:
        bench.wait_state(id, "completed")
    assert ids(bench) == wanted


def test_a_schedule_whose_key_held_something_else_is_asked_for_again(bench):
    """Redis stays up and refuses the question each time, until somebody takes the foreign value away."""
    changes = {"schedules": [each_minute()]}
    bench.worker(**changes).process.stop()
    taken, redis = key(bench), bench.redis.client
    redis.delete(taken)
    redis.set(taken, "a text of somebody else")
    redis.config_resetstat()
    bench.worker(**changes)
    wait_until(lambda: "errorstat_WRONGTYPE" in redis.info("errorstats"), what="a question that Redis refuses")
    redis.delete(taken)
    wait_until(lambda: redis.hexists(taken, "last_ms"), what="the next question")


def test_no_known_last_tick_means_that_none_is_missed(bench):
    minute = last_tick(bench) // MINUTE % 60
    worker = bench.worker(schedules=[each_minute(cron=f"{(minute + 30) % 60} * * * *", missed="all")])
    wait_until(lambda: bench.redis.client.keys("leveret:schedule:*"), what="the schedule is known")
    assert ids(bench) == []
    assert worker.metric("leveret_schedule_due_timestamp_seconds", schedule="nightly") > now_ms(bench) / 1000


def test_people_see_the_schedules_and_run_one_now(bench):
    leveret = bench.leveret(schedules=[each_minute(timezone="Europe/Berlin", cron="30 2 * * *")])
    worker = leveret.start()
    (row,) = [json.loads(line) for line in leveret.run("schedule", "list", "-o", "json").stdout.splitlines()]
    assert (row["name"], row["cron"], row["type"]) == ("nightly", "30 2 * * *", "email.send.v1")
    assert row["last"] is None and row["next"]
    id = leveret.run("schedule", "run", "nightly").stdout.strip()
    assert id.startswith("schedule/nightly/")
    bench.wait_state(id, "completed")
    assert leveret.run("schedule", "run", "no").returncode == 3
    assert worker.metric("leveret_schedule_due_timestamp_seconds", schedule="nightly") > now_ms(bench) / 1000


def test_all_errors_of_schedules_are_told_at_once_with_their_places(bench):
    leveret = bench.leveret(schedules=[
        {"name": "Bad Name", "cron": "0 25 * * *", "timezone": "Mars/Olympus", "type": "x"},
        each_minute(name="a", cron="* * * *", data="{"), each_minute(name="a", cron="0 0 31 2 *", missed="some")])
    answer = leveret.run("check", "--offline")
    assert answer.returncode == 78
    for text in ("schedules[0].name: expected 1 to 64", 'schedules[0].cron: hour "25": not within 0 to 23',
                 "schedules[0].timezone: there is no such time zone", "schedules[0].type: expected a type",
                 "schedules[1].cron: 4 fields, expected five", "schedules[1].data: is no JSON",
                 "schedules[2].name: is also the name of schedules[1]", "schedules[2].cron: there is no such day",
                 "schedules[2].missed"):
        assert text in answer.stderr, f"{text}\n{answer.stderr}"


def test_a_schedule_whose_type_refuses_its_data_fails_the_check(bench):
    good = {"to": "a@example.com", "subject": "S", "text": "T"}
    leveret = bench.leveret(schedules=[each_minute(name="good", data=json.dumps(good)),
                                       each_minute(name="foreign", type="of.others.v1", data="{}")])
    answer = leveret.run("check", "--offline")
    assert answer.returncode == 0 and "foreign: no handler here for of.others.v1" in answer.stdout, answer
    leveret.change(schedules=[each_minute(name="bad", data=json.dumps({**good, "subject": 7, "kind": "all"}))])
    answer = leveret.run("check", "--offline")
    assert answer.returncode == 1, answer
    assert "bad: email.send.v1 would die at every tick: data: /subject: expected a string; /kind: unknown field" in answer.stdout, answer


def test_the_data_of_a_tick_is_what_the_file_says(bench):
    leveret = bench.leveret()
    text = leveret.config_path.read_text() + """
schedules:
  - name: typed
    cron: "* * * * *"
    overlap: allow
    type: email.send.v1
    data: {to: [a@example.com, {email: b@example.com, name: "1"}], subject: 'true', text: "yes",
           headers: {X-Order: "42"}}
"""
    leveret.config_path.write_text(text)
    leveret.config_path.chmod(0o600)
    leveret.start()
    id = leveret.run("schedule", "run", "typed").stdout.strip()
    bench.wait_state(id, "completed")
    (mail,) = bench.sink.mails(to="a@example.com")
    assert mail["subject"] == "true"
