"""Types as files, in a worker that runs: they are carried out as those in C are, and a reload takes all of them or none."""
import json
import os
import shutil
import signal
import threading

import pytest

from harness.publish import Message
from harness.sink import Hooks
from harness.wait import wait_until

SHIPPED = """\
type: order.shipped.v1
summary: Tells the customer that the parcel is on its way.
payload:
  type: object
  required: [order_id, email]
  additionalProperties: false
  properties:
    order_id: {type: integer, minimum: 1}
    email: {type: string, format: email}
    locale: {type: string}
example: {order_id: 42, email: ada@example.com}
effects:
  - mail: {key: customer, to: "{{email}}", subject: "Order {{order_id}}", template: shipped, locale: "{{locale}}"}
"""


@pytest.fixture
def types(tmp_path):
    """A directory with one type and its templates."""
    directory = tmp_path / "types"
    (directory / "templates").mkdir(parents=True)
    (directory / "order.shipped.v1.yaml").write_text(SHIPPED)
    (directory / "templates/shipped.txt.mustache").write_text("Order {{order_id}} is on its way.\n")
    (directory / "templates/shipped.de.txt.mustache").write_text("Bestellung {{order_id}} ist unterwegs.\n")
    return directory


def shipped(number, **more):
    return Message("order.shipped.v1", {"order_id": number, "email": f"order{number}@example.com", **more})


def text_of(bench, number):
    mails = bench.sink.mails(to=f"order{number}@example.com")
    return mails[0]["text"] if mails else None


def mails_come(bench, count):
    """At least so many; more are under way."""
    wait_until(lambda: bench.sink.count() >= count, within=30, what=lambda: f"{bench.sink.count()} mails of {count}")


def reload_and_wait(worker, event):
    told = len(worker.logged(event=event))
    worker.hang_up()
    wait_until(lambda: len(worker.logged(event=event)) > told, what=event)


def test_a_type_from_files_is_carried_out_as_one_in_c(bench, types):
    worker = bench.worker(types={"path": [str(types)]})
    bench.publish(shipped(1), shipped(2, locale="de"))
    bench.wait_completed(2)
    assert text_of(bench, 1) == "Order 1 is on its way.\n" and text_of(bench, 2) == "Bestellung 2 ist unterwegs.\n"
    bad = bench.publish(Message("order.shipped.v1", {"order_id": 0, "emial": "x"}))
    job = bench.wait_state(bad, "dead")
    assert job["reason"] == "bad_payload"
    assert job["error"] == "/order_id: expected an integer of at least 1; /email: required; /emial: unknown field; did you mean email?"
    assert 'type="order.shipped.v1"' in worker.get("/metrics")[1]


def test_a_type_from_files_posts_and_publishes(bench, types):
    """A webhook of the whole payload, and one message of each line, which are mails of their own."""
    hooks = Hooks()
    (types / "order.shipped.v1.yaml").write_text(SHIPPED.replace("    locale: {type: string}\n", """\
    locale: {type: string}
    lines: {type: array, items: {type: object, properties: {sku: {type: string}, buyer: {type: string}}}}
""") + f"""\
  - post: {{key: crm, url: "{hooks.origin}/shipped", type: order.shipped, data: ""}}
    when: /locale
  - publish:
      key: line
      type: email.send.v1
      data: {{to: "{{{{buyer}}}}", subject: "{{{{sku}}}} of {{{{order_id}}}}", text: "Line {{{{@index}}}}.", headers: {{X-Sku: {{$: /sku}}}}}}
    each: /lines
""")
    bench.worker(types={"path": [str(types)]},
                 outlets={"hooks": {"kind": "post", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "allow": [hooks.origin]}})
    lines = [{"sku": sku, "buyer": f"{sku}@example.com"} for sku in ("tea", "cup")]
    message = shipped(1, locale="de", lines=lines)
    bench.publish(message)
    children = [f"{message.id}/line.{n}" for n in range(2)]
    for id in (message.id, *children):
        bench.wait_state(id, "completed")
    (post,) = hooks.requests
    assert json.loads(post["body"])["data"] == {"order_id": 1, "email": "order1@example.com", "locale": "de", "lines": lines}
    (mail,) = bench.sink.mails(to="cup@example.com")
    assert (mail["subject"], mail["text"]) == ("cup of 1", "Line 1.")
    bad = bench.publish(shipped(2, lines="tea"))
    assert bench.wait_state(bad, "dead")["reason"] == "bad_payload"
    bench.publish(shipped(3))  # neither
    wait_until(lambda: text_of(bench, 3), what="the mail alone")
    hooks.stop()
    assert len(hooks.requests) == 1


@pytest.mark.parametrize("said, told", [('{"message": "no such account"}', "HTTP 400: no such account"), ("Bad signature\nmore", "HTTP 400: Bad signature"),
                                        ("<html>", "HTTP 400"), ("", "HTTP 400")])
def test_a_receiver_of_posts_that_refuses_is_quoted(bench, types, said, told):
    hooks = Hooks()
    hooks.script((400, {}, said))
    (types / "order.shipped.v1.yaml").write_text(SHIPPED + f"""\
  - post: {{key: crm, url: "{hooks.origin}/shipped", data: ""}}
""")
    bench.worker(types={"path": [str(types)]}, outlets={"hooks": {"kind": "post", "allow": [hooks.origin]}})
    message = shipped(1)
    bench.publish(message)
    job = bench.wait_state(message, "dead")
    hooks.stop()
    assert job["error"] == told and len(hooks.requests) == 1, job


@pytest.mark.parametrize("changed", [True, False])
def test_a_run_after_a_crash_says_that_the_files_are_others_now(bench, types, changed):
    """Nobody can know what the first run sent of them."""
    config = bench.config(claim={"lease": "3s"}, mail={"timeout": "2s"}, types={"path": [str(types)]})
    leveret = bench.leveret(config)
    bench.worker(config).stop()  # the queues exist
    message = bench.publish(shipped(1))
    assert leveret.start(ready=False, env={"LEVERET_CRASHPOINT": "claimed:1"}).wait(within=30) == -signal.SIGKILL
    if changed:
        (types / "templates/shipped.txt.mustache").write_text("Order {{order_id}} has left.\n")
    leveret.start()
    bench.wait_state(message, "completed", within=40)
    timeline = [json.loads(entry) for entry in bench.redis.client.lrange(f"leveret:events:{{{message.id}}}", 0, -1)]
    told = [entry for entry in timeline if entry["event"] == "types_changed"]
    assert len(told) == changed, timeline
    assert all(len(entry["from"]) == len(entry["to"]) == 16 and entry["from"] != entry["to"] for entry in told)
    assert text_of(bench, 1) == ("Order 1 has left.\n" if changed else "Order 1 is on its way.\n")


def test_every_command_knows_a_type_from_files(bench, types):
    leveret = bench.leveret(types={"path": [str(types)]})
    data = json.dumps({"order_id": 7, "email": "ada@example.com", "locale": "de"})
    assert "order.shipped.v1" in leveret.run("type", "list").stdout
    assert "/order_id  integer, at least 1" in leveret.run("type", "show", "order.shipped.v1").stdout
    schema = json.loads(leveret.run("type", "schema", "order.shipped.v1").stdout)
    assert schema["title"] == "order.shipped.v1" and schema["additionalProperties"] is False
    assert "order.shipped.v1" in json.loads(leveret.run("type", "asyncapi").stdout)["components"]["messages"]
    assert "Bestellung 7" in leveret.run("plan", "order.shipped.v1", "--data", data).stdout
    leveret.run("topology", "apply")
    assert leveret.run("publish", "order.shipped.v1", "--data", data).returncode == 0
    assert leveret.run("publish", "order.shipped.v1", "--data", "{}").returncode == 1
    config = leveret.change(handlers={"order.shipped.v1": {"attempts": 2}})
    assert leveret.run("check", "--offline").returncode == 0, config
    preview = bench.directory / "preview"
    assert leveret.run("type", "preview", "order.shipped.v1", "--locale", "de", "--to", str(preview)).returncode == 0
    assert (preview / "customer.txt").read_text() == "Bestellung 42 ist unterwegs.\n"
    assert "Subject: Order 42" in (preview / "customer.headers").read_text()


def test_a_check_tells_all_errors_with_their_places(bench, types):
    (types / "order.shipped.v1.yaml").write_text(SHIPPED.replace("minimum", "minimun").replace("template: shipped", "template: gone"))
    (types / "templates/broken.html.mustache").write_text("{{#a}}\n")
    for command in (("type", "check", str(types)), ("type", "check"), ("check", "--offline"), ("run",)):
        leveret = bench.leveret(types={"path": [str(types)]})
        answer = leveret.run(*command)
        assert answer.returncode == 78, answer
        told = answer.stdout + answer.stderr
        assert f"{types}/order.shipped.v1.yaml:8:31: minimun is no keyword" in told, told
        assert f"{types}/templates/broken.html.mustache:1:1: {{{{/a}}}} is missing" in told, told


def break_half(types):
    (types / "order.shipped.v1.yaml").write_text(SHIPPED[:-40])
    return f"{types}/order.shipped.v1.yaml:14:"


def break_template(types):
    (types / "templates/shipped.de.txt.mustache").write_text("\n  {{#order_id}}")
    return f"{types}/templates/shipped.de.txt.mustache:2:3: {{{{/order_id}}}} is missing"


def break_example(types):
    (types / "templates/shipped.de.txt.mustache").write_text("{{order_nr}}")
    return "/shipped.de.txt.mustache:1:1: order_nr is missing"  # of a long path the end is shown


def break_vanish(types):
    shutil.rmtree(types)
    return f"{types}: cannot be read: No such file or directory"


def break_loop(types):
    (types / "order.gone.v1.yaml").symlink_to("order.gone.v1.yaml")
    return f"{types}/order.gone.v1.yaml: cannot be read: Too many levels of symbolic links"


def break_many(types):
    for number in range(20001):
        (types / f"{number}.txt").touch()
    return f"{types}: more than 20000 files"


def break_unreadable(types):
    (types / "order.gone.v1.yaml").mkdir()
    return f"{types}/order.gone.v1.yaml: is no file"


@pytest.mark.parametrize("damage", [break_half, break_template, break_example, break_vanish, break_loop, break_many, break_unreadable])
def test_a_broken_set_is_not_taken_under_load_and_the_old_one_works_on(bench, types, damage):
    worker = bench.worker(types={"path": [str(types)]})
    halt, sent = threading.Event(), []

    def load():
        while not halt.is_set():
            sent.append(bench.publish(shipped(len(sent) + 1, locale="de")))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        mails_come(bench, 20)
        place = damage(types)
        for _ in range(3):
            reload_and_wait(worker, "reload_failed")
        mails_come(bench, bench.sink.count() + 20)
    finally:
        halt.set()
        thread.join()
    bench.wait_completed(len(sent))
    assert any(place in line["msg"] for line in worker.logged(event="config_error")), worker.logged(event="config_error")
    assert {mail["text"].split()[0] for mail in bench.sink.mails()} == {"Bestellung"}
    assert bench.sink.count() == len(sent)


def test_a_reload_brings_new_types_and_texts_under_load(bench, types):
    worker = bench.worker(types={"path": [str(types)]})
    halt, sent = threading.Event(), []

    def load():
        while not halt.is_set():
            sent.append(bench.publish(shipped(len(sent) + 1)))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        mails_come(bench, 20)
        for number in range(5):
            (types / "templates/shipped.txt.mustache.new").write_text(f"Version {number} of {{{{order_id}}}}.\n")
            os.rename(types / "templates/shipped.txt.mustache.new", types / "templates/shipped.txt.mustache")
            reload_and_wait(worker, "reloaded")
            mails_come(bench, bench.sink.count() + 10)
    finally:
        halt.set()
        thread.join()
    bench.wait_completed(len(sent))
    texts = {mail["text"].split(" of ")[0] for mail in bench.sink.mails()}
    assert texts >= {f"Version {number}" for number in range(5)}, texts
    late = SHIPPED.replace("order.shipped.v1", "order.lost.v1").replace("Order {{order_id}}", "Lost {{order_id}}")
    (types / "order.lost.v1.yaml").write_text(late)
    reload_and_wait(worker, "reloaded")
    message = bench.publish(Message("order.lost.v1", {"order_id": 9, "email": "late@example.com"}))
    bench.wait_state(message, "completed")
    assert bench.sink.mails(to="late@example.com")[0]["subject"] == "Lost 9"
    assert 'type="order.lost.v1"' in worker.get("/metrics")[1]


def test_a_type_that_a_reload_took_away_is_unknown_from_then_on(bench, types):
    worker = bench.worker(types={"path": [str(types)]}, claim={"unknown_type_grace": "0s"})
    (types / "order.shipped.v1.yaml").unlink()
    reload_and_wait(worker, "reloaded")
    assert bench.wait_state(bench.publish(shipped(1)), "dead")["reason"] == "unknown_type"


def test_a_job_that_was_tried_is_tried_again_as_it_was(bench, types):
    """Its templates, its sender and mail.bcc_all changed meanwhile; that of a job that nobody tried yet is made anew."""
    leveret = bench.leveret(types={"path": [str(types)]})
    worker = leveret.start()
    bench.sink.mode("503")
    tried = bench.publish(shipped(1))
    wait_until(lambda: bench.state(tried) == "retrying", what="a first try")
    assert bench.redis.client.exists(f"leveret:plan:{{{tried.id}}}")
    worker.kill()
    worker.wait()
    (types / "templates/shipped.txt.mustache").write_text("Changed: {{order_id}}.\n")
    leveret.change(mail={"from": "Other <other@example.com>", "bcc_all": "all@example.com"})
    bench.sink.mode("healthy")
    leveret.start()
    bench.wait_state(tried, "completed", within=40)
    (mail,) = bench.sink.mails(to="order1@example.com")
    assert mail["text"] == "Order 1 is on its way.\n" and "shop@example.com" in mail["from"] and not mail.get("bcc"), mail
    bench.publish(shipped(2))
    wait_until(lambda: text_of(bench, 2) == "Changed: 2.\n", what="the new template")
    wait_until(lambda: not bench.redis.client.keys("leveret:plan:*"), what="the plan is deleted")


def test_what_only_a_deployed_version_knows_waits_for_it_and_burns_no_attempt(bench, types):
    bench.worker(types={"path": [str(types)]}).process.stop()  # a later version was here, and told its types
    earlier = bench.worker()
    message, unheard_of = bench.publish(shipped(1)), bench.publish(Message("order.never.v1", {}))
    waiting = bench.wait_state(message, "retrying")
    assert (waiting["attempt"], waiting["deferrals"]) == ("0", "1")
    assert bench.wait_state(unheard_of, "dead")["reason"] == "unknown_type"  # at once
    bench.worker(types={"path": [str(types)]})
    earlier.process.stop()
    assert bench.wait_state(message, "completed")["attempt"] == "0"


def test_the_grace_for_an_unknown_type_ends(bench, types):
    bench.worker(types={"path": [str(types)]}).process.stop()
    bench.worker(claim={"unknown_type_grace": "3s"})
    message = bench.publish(shipped(1))
    bench.wait_state(message, "retrying")
    record = bench.wait_state(message, "dead")
    assert (record["reason"], record["attempt"]) == ("unknown_type", "0")
