"""The commands of the one binary: data on stdout, the rest on stderr, and exit statuses to rely on."""
import json
import os
import socket
import subprocess

import pytest

from harness import canary
from harness.publish import order
from harness.wait import wait_until

ORDER = json.dumps({"order_id": 42, "customer_email": "ada@example.com", "title": "A hare"})


def test_check_says_that_all_is_well(bench):
    leveret = bench.leveret()
    assert leveret.run("check", "--offline").returncode == 0
    leveret.run("topology", "apply")
    online = leveret.run("check")
    assert online.returncode == 0, online


def test_check_online_tells_which_service_does_not_answer(bench):
    answer = bench.leveret(redis={"url": "redis://127.0.0.1:1/0"}).run("check")
    assert answer.returncode not in (0, 2) and "redis" in (answer.stdout + answer.stderr).lower(), answer


def checked(leveret):
    """What `check` says of each service, by name."""
    answer = leveret.run("check", "-o", "json")
    return answer.returncode, {row["service"]: row for row in map(json.loads, answer.stdout.splitlines())}


@pytest.mark.parametrize("transport, said", [("http", "API key"), ("smtp", "connects and logs in"), ("log", "the log")])
def test_check_gets_as_far_as_a_mail_and_sends_none(bench, transport, said):
    config = {"http": bench.config, "smtp": bench.smtp_config, "log": lambda: bench.config(mail={"transport": "log", "http": None})}[transport]()
    leveret = bench.leveret(config)
    leveret.run("topology", "apply")
    returncode, rows = checked(leveret)
    assert returncode == 0 and rows["mail"]["state"] == "ok" and said in rows["mail"]["detail"], rows
    assert rows["amqp"]["detail"] == "topology is in place" and "takes writes" in rows["redis"]["detail"]
    assert not bench.sink.attempts() and bench.sink.count() == 0


@pytest.mark.parametrize("transport, mode, said", [
    ("http", "refuse", "connect to server"), ("smtp", "refuse", "connect to server"), ("smtp", "401", "SMTP 535 at AUTH: 5.7.8 bad credentials"),
    ("smtp", "503", "421")])
def test_check_says_why_no_mail_could_be_sent(bench, transport, mode, said):
    leveret = bench.leveret(bench.smtp_config() if transport == "smtp" else bench.config())
    leveret.run("topology", "apply")
    bench.sink.mode(mode)
    returncode, rows = checked(leveret)
    assert returncode == 1 and rows["mail"]["state"] == "failed" and said in rows["mail"]["detail"], rows
    assert rows["mail"]["detail"].startswith((bench.sink.smtp_url if transport == "smtp" else bench.sink.http_url) + ": "), rows
    assert rows["amqp"]["state"] == rows["redis"]["state"] == "ok" and canary.SMTP_PASSWORD not in str(rows)


def test_plan_shows_the_mails_and_sends_nothing(bench):
    leveret = bench.leveret()
    answer = leveret.run("plan", "order.created.v1", "--data", ORDER)
    assert answer.returncode == 0, answer
    assert "ada@example.com" in answer.stdout and "Order created: A hare" in answer.stdout
    assert leveret.run("plan", "order.created.v1", "--data", "-", input=ORDER).stdout == answer.stdout
    (leveret.directory / "order.json").write_text(ORDER)
    assert leveret.run("plan", "order.created.v1", "--data", "@order.json").stdout == answer.stdout
    assert bench.sink.count() == 0


def test_plan_names_the_place_of_a_bad_payload(bench):
    answer = bench.leveret().run("plan", "order.created.v1", "--data", '{"order_id": 1, "customer_email": "x", "title": "t"}')
    assert answer.returncode == 1 and "/customer_email" in answer.stdout + answer.stderr, answer


def test_types_are_listed_shown_and_described_as_json_schema(bench):
    leveret = bench.leveret()
    listed = leveret.run("type", "list")
    assert listed.returncode == 0
    for type in ("email.send.v1", "order.created.v1", "invoice.overdue.v1"):
        assert type in listed.stdout
    assert "customer_email" in leveret.run("type", "show", "order.created.v1").stdout
    fields = leveret.run("type", "show", "invoice.overdue.v1").stdout.partition("fields:\n")[2].splitlines()
    assert [line.split()[0] for line in fields] == ["/number", "/amount_cents", "/customer", "/customer/email", "/manager", "/manager/email"]
    assert "integer, at least 1: what is still to be paid" in fields[1]
    schema = leveret.run("type", "schema", "order.created.v1").json()
    assert schema["type"] == "object" and set(schema["required"]) == {"order_id", "customer_email", "title"}
    assert leveret.run("type", "show", "order.vanished.v1").returncode == 3


def test_publish_waits_for_the_end_of_the_job(bench):
    worker = bench.worker()
    published = bench.last.run("publish", "order.created.v1", "--data", ORDER, "--id", "order-42", "--subject", "order/42",
                               "--wait", "20s")
    assert published.returncode == 0, published
    assert bench.sink.count() == 1 and worker.process.is_alive()
    job = bench.job("order-42")
    assert job["state"] == "completed" and job["subject"] == "order/42"
    assert bench.redis.client.zscore("leveret:subject:order/42", "order-42")

    shown = bench.last.run("job", "show", "order-42", "-o", "json")
    assert shown.returncode == 0, shown
    assert "completed" in shown.stdout and json.loads(shown.stdout)
    assert "completed" in bench.last.run("job", "show", "order-42").stdout
    wait_until(lambda: "order-42" in bench.last.run("job", "list", "--state", "completed").stdout, what="the list, which is written five times a second")
    assert "order-42" in bench.last.run("job", "list", "--subject", "order/42").stdout


def test_publish_with_wait_fails_when_the_job_dies(bench):
    bench.worker()
    bench.sink.script(422)
    published = bench.last.run("publish", "order.created.v1", "--data", ORDER, "--wait", "20s")
    assert published.returncode == 1 and "permanent_failure" in published.stdout + published.stderr, published


def test_publish_with_wait_fails_when_time_runs_out(bench):
    leveret = bench.leveret()
    leveret.run("topology", "apply")
    published = leveret.run("publish", "order.created.v1", "--data", ORDER, "--id", "order-1", "--wait", "1s")
    assert published.returncode == 1, published
    assert bench.state("order-1") == "queued" and bench.depth(bench.queue) == 1


def test_a_job_that_is_not_there_is_not_found(bench):
    assert bench.leveret().run("job", "show", "nobody").returncode == 3


def test_dead_letters_are_listed_shown_redriven_and_dropped(bench):
    bench.worker()
    bench.sink.script(422, 422)
    for id in ("order-1", "order-2"):
        assert bench.last.run("publish", "order.created.v1", "--data", ORDER, "--id", id, "--wait", "20s").returncode == 1
    listed = bench.last.run("dlq", "list", bench.queue)
    assert listed.returncode == 0 and "order-1" in listed.stdout and "permanent_failure" in listed.stdout, listed
    assert "order-1" in bench.last.run("dlq", "show", bench.queue, "order-1").stdout
    assert bench.total(bench.dlq) == 2, "looking changes nothing"

    redriven = bench.last.run("dlq", "redrive", bench.queue, "order-1")
    assert redriven.returncode == 0, redriven
    bench.wait_state("order-1", "completed")
    dropped = bench.last.run("dlq", "drop", bench.queue, "order-2", "--yes")
    assert dropped.returncode == 0, dropped
    assert bench.state("order-2") == "dropped" and bench.total(bench.dlq) == 0
    assert [mail["to"] for mail in bench.sink.mails()] == ["ada@example.com"]


def test_a_paused_queue_is_not_consumed_until_it_is_resumed(bench):
    worker = bench.worker()
    assert f"queue {bench.queue}: consuming" in worker.get("/readyz?verbose")[1]
    assert bench.last.run("queue", "pause", bench.queue).returncode == 0
    assert f"queue {bench.queue}: paused by an operator" in worker.get("/readyz?verbose")[1]
    published = bench.last.run("publish", "order.created.v1", "--data", ORDER, "--id", "order-1", "--wait", "3s")
    assert published.returncode == 1
    assert bench.last.run("queue", "resume", bench.queue).returncode == 0
    bench.wait_state("order-1", "completed")
    assert bench.queue in bench.last.run("queue", "list").stdout


@pytest.mark.parametrize("words", [["topology", "show"], ["type", "list"], ["--help"], ["plan", "order.created.v1", "--data", ORDER]])
def test_data_that_a_full_disk_does_not_take_is_an_error_and_a_reader_that_leaves_is_none(bench, words):
    leveret = bench.leveret()
    words = [leveret.program, *words] + ([] if words[0].startswith("-") else ["-c", leveret.config_path])
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "takes no more" in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.returncode == 0 and not done.stderr


def test_a_pause_outlives_the_workers(bench):
    leveret = bench.leveret()
    assert leveret.run("topology", "apply").returncode == 0
    assert leveret.run("queue", "pause", bench.queue).returncode == 0
    bench.publish_many([order(number) for number in range(1, 301)])
    for _ in range(3):
        worker = leveret.start(ready=False)
        wait_until(lambda: worker.logged(event="paused"), what="it has read what is paused")
        wait_until(lambda: worker.logged(event="amqp_up"), what="it could consume")
        assert worker.stop() == 0
    assert bench.sink.count() == 0 and not bench.redis.jobs(bench.prefix)
    assert leveret.run("queue", "resume", bench.queue).returncode == 0
    leveret.start()
    bench.wait_completed(300)


def test_health_answers_for_the_worker(bench):
    worker = bench.worker()
    at = ("--set", f"admin.listen=127.0.0.1:{worker.admin_port}")
    for words in (["health"], ["health", "live"], ["health", "ready"]):
        answer = bench.last.run(*words, *at)
        assert answer.returncode == 0, answer
    assert "worker" in bench.last.run("worker", "list").stdout.lower()
    worker.stop()
    assert bench.last.run("health", "live", *at).returncode == 1


def test_health_names_each_reason_on_a_line_and_the_list_of_workers_follows_the_breaker_at_once(bench):
    worker = bench.worker(mail={"breaker": {"failures": 1, "open": "1m", "open_max": "1m"}})
    at = ("--set", f"admin.listen=127.0.0.1:{worker.admin_port}")
    bench.sink.mode("refuse")
    bench.publish(order(1))
    wait_until(lambda: worker.logged(event="breaker_open"), what="the breaker")
    answer = bench.last.run("health", "ready", *at)
    assert answer.returncode == 1 and answer.stderr == "not ready\nthe breaker of the mail transport is open\n", answer
    wait_until(lambda: bench.last.run("worker", "list", "-o", "json").json()["breaker"] == "open", within=1.5, what="BREAKER open")


def test_mail_test_sends_to_a_domain_in_any_script(bench):
    assert bench.leveret(bench.smtp_config()).run("mail", "test", "--to", "ada@bücher.example").returncode == 0
    assert [mail["recipients"] for mail in bench.sink.wait_for(1)] == [["ada@xn--bcher-kva.example"]]


def test_mail_test_sends_one_mail(bench):
    answer = bench.leveret().run("mail", "test", "--to", "ada@example.com")
    assert answer.returncode == 0, answer
    assert [mail["to"] for mail in bench.sink.mails()] == ["ada@example.com"]


def test_a_service_that_nobody_listens_for_is_told_with_its_place(bench):
    leveret = bench.leveret(amqp={"url": "amqp://guest:hidden-password@127.0.0.1:1/"}, mail={"http": {"url": "http://127.0.0.1:1"}})
    _, rows = checked(leveret)
    assert rows["amqp"]["detail"] == "amqp://127.0.0.1:1/: connect: refused, or not reachable", rows
    assert rows["mail"]["detail"].startswith("http://127.0.0.1:1: "), rows
    answer = leveret.run("mail", "test", "--to", "ada@example.com")
    assert answer.returncode == 1 and "transient (status 0): http://127.0.0.1:1: not sent" in answer.stderr, answer
    assert "hidden-password" not in repr(rows)


def test_a_redis_that_takes_connections_and_is_silent_is_told_as_such(bench):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = bench.leveret(redis={"url": f"redis://:secret-password@127.0.0.1:{silent.getsockname()[1]}/0", "timeout": "100ms"}).run("job", "list")
    assert answer.returncode == 1
    assert "redis: no reply in time: it takes connections and is silent" in answer.stderr, answer


@pytest.mark.parametrize("before", [["-c"], ["-o", "json", "--config"], ["--yes", "--set", "log.level=debug", "-c"],
                                    ["--set=log.level=debug", "--output=json", "-c"]], ids=" ".join)
def test_common_options_may_stand_before_the_command(bench, before):
    leveret = bench.leveret()
    answer = leveret.run(*before, leveret.config_path, "check", "--offline", config=False)
    assert answer.returncode == 0 and "no errors" in answer.stdout, answer
    assert leveret.run("-c", config=False).returncode == 2


@pytest.mark.parametrize("words", [["no-such-command"], ["run", "--no-such-flag"], ["job"], ["publish"], ["type", "show"]])
def test_wrong_usage_is_exit_2_and_helps(bench, words):
    answer = bench.leveret().run(*words)
    assert answer.returncode == 2 and answer.stderr and not answer.stdout, answer


def test_help_and_version_go_to_stdout(bench):
    leveret = bench.leveret()
    for words in (["--help"], ["--version"]):
        answer = leveret.run(*words, config=False)
        assert answer.returncode == 0 and answer.stdout and not answer.stderr, answer


def test_the_transport_log_writes_a_mail_as_a_line_like_any_other(bench):
    worker = bench.worker(mail={"transport": "log", "http": None})
    bench.publish(order(1, email="ada@example.com"))
    (line,) = wait_until(lambda: worker.logged(event="mail_logged"), what="the mail")
    assert line["level"] == "info" and line["worker"] and line["ts"].endswith("Z")
    assert "a***@example.com" in line["msg"] and "ada@" not in worker.process.stderr()
