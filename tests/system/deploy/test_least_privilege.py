"""Each user may do its own work and nothing else: RabbitMQ's permissions, Redis' ACL, and what the worker refuses itself.

The permissions are those of config/rabbitmq/definitions.json and config/docker/redis/users.acl, which docs/deployment.md shows.
"""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess

import pika
import pytest
import redis as redis_client

from harness.process import Process
from harness.publish import Message, Publisher, email, order
from harness.wait import wait_until
from harness.plain import plain_binary
from harness.worker import ROOT

DEFINITIONS = json.loads((ROOT / "config/rabbitmq/definitions.json").read_text())
PERMISSIONS = {entry["user"]: entry for entry in DEFINITIONS["permissions"]}
ACL = {words[1]: words[2:] for words in
       (line.split() for line in (ROOT / "config/docker/redis/users.acl").read_text().splitlines()) if words[1] != "default"}
PASSWORD = "least-privilege-1234"


class Users:
    def __init__(self, bench):
        self.bench = bench
        for name in ("deployer", "worker", "publisher", "operator"):
            allowed = PERMISSIONS[name]
            bench.broker.add_user(self.name(name), PASSWORD, bench.vhost, allowed["configure"], allowed["write"], allowed["read"])
        for name, rules in ACL.items():
            rules = [f">{PASSWORD}" if rule.startswith("#") else rule for rule in rules]
            bench.redis.client.execute_command("ACL", "SETUSER", name, "reset", *rules)

    def name(self, user):
        return f"{user}-{self.bench.vhost}"  # users belong to the whole broker

    def amqp(self, user):
        return self.bench.broker.url(self.bench.vhost, self.name(user), PASSWORD)

    def redis(self, user):
        return self.bench.redis.url_at(self.bench.redis.port, user, PASSWORD)

    def redis_client(self, user):
        return redis_client.Redis.from_url(self.redis(user), decode_responses=True)

    def leveret(self, user, **changes):
        redis_user = user if user in ACL else "operator"
        config = self.bench.config(amqp={"url": self.amqp(user)}, redis={"url": self.redis(redis_user)}, topology="verify")
        return self.bench.leveret(config, **changes)

    def channel(self, user):
        return pika.BlockingConnection(pika.URLParameters(self.amqp(user))).channel()

    def close(self):
        for name in ACL:
            self.bench.redis.client.execute_command("ACL", "DELUSER", name)


@pytest.fixture
def users(bench):
    made = Users(bench)
    yield made
    made.close()


@pytest.fixture
def topology(users):
    answer = users.leveret("deployer").run("topology", "apply")
    assert answer.returncode == 0, answer


@pytest.mark.parametrize("mode", ["verify", "off"])
def test_a_worker_that_may_only_read_its_queue_completes_retries_and_buries(bench, users, topology, mode):
    leveret = users.leveret("worker", name=f"worker-{mode}")
    leveret.change(topology=mode)
    leveret.start()
    bench.sink.script(503, to="again@example.com")
    with Publisher(users.amqp("publisher"), bench.ledger) as publisher:
        good, again = publisher.publish(order(1), email("again@example.com"))
        bad = publisher.publish(Message("order.created.v1", {"order_id": 0}))
    bench.wait_state(good, "completed")
    assert bench.wait_state(again, "completed")["attempt"] == "1"
    bench.wait_state(bad, "dead")
    bench.wait_empty()
    assert [letter.id for letter in bench.dead_letters(1)] == [bad.id]


def test_an_operator_looks_redrives_and_drops(bench, users, topology):
    users.leveret("worker", name="worker").start()
    operator = users.leveret("operator", name="operator")
    bench.sink.script({"status": 422, "body": {"message": "bounces"}}, to="refused@example.com")
    with Publisher(users.amqp("publisher"), bench.ledger) as publisher:
        refused, bad = publisher.publish(email("refused@example.com"), Message("order.created.v1", {"order_id": 0}))
    bench.wait_state(refused, "dead")
    bench.wait_state(bad, "dead")
    for words in (["check"], ["dlq", "list", bench.queue], ["dlq", "groups", bench.queue], ["dlq", "show", bench.queue, refused.id],
                  ["job", "show", refused.id], ["job", "list", "--state", "dead"], ["queue", "list"], ["worker", "list"],
                  ["queue", "resume", bench.queue],
                  ["dlq", "redrive", bench.queue, refused.id, "--yes"], ["dlq", "drop", bench.queue, bad.id, "--yes"]):
        answer = operator.run(*words)
        assert answer.returncode == 0, (words, answer)
    bench.wait_state(refused, "completed")
    bench.wait_state(bad, "dropped")
    answer = operator.run("publish", "email.send.v1", "--wait", "20s", "--data",
                          '{"to": "ada@example.com", "subject": "Hello", "text": "Hello"}')
    assert answer.returncode == 0, answer


def test_serve_does_all_of_its_work_as_an_operator(bench, users, topology, serve):
    users.leveret("worker", name="worker").start()
    api = serve(users.leveret("operator", name="serve"))
    data = {"to": "ada@example.com", "subject": "Hello", "text": "Hello"}
    made = api.post("/v1/messages", {"type": "email.send.v1", "data": data})
    assert made.status == 202, made
    assert api.get(f"/v1/jobs/{made.json()['id']}", wait="20s").json()["state"] == "completed"
    with Publisher(users.amqp("publisher"), bench.ledger) as publisher:
        bad, = [publisher.publish(Message("order.created.v1", {"order_id": 0}))]
    bench.wait_state(bad, "dead")
    wait_until(lambda: api.items(f"/v1/dead/{bench.queue}"), what="the index")
    for path in ("jobs", "queues", "workers", "outlets", "types", "audit", "overview", "operations", f"dead/{bench.queue}", f"dead/{bench.queue}/groups",
                 f"jobs/{bad.id}"):
        assert api.get(f"/v1/{path}").status == 200, path
    for verb in ("redrive", "drop"):
        begun = api.post(f"/v1/dead/{bench.queue}/{verb}", {"all": True})
        assert begun.status == 202, begun
        ended = wait_until(lambda: (now := api.get(f"/v1/operations/{begun.json()['id']}").json())["state"] != "running" and now, what=verb)
        assert (ended["state"], ended["done"]) == ("done", 1), ended
        if verb == "redrive":
            wait_until(lambda: api.items(f"/v1/dead/{bench.queue}"), what="it died again")
    for verb in ("pause", "resume"):
        assert api.post(f"/v1/queues/{bench.queue}/{verb}", {}).status == 200


def is_refused(channel_of, action):
    try:
        action(channel_of)
    except pika.exceptions.ChannelClosedByBroker as closed:
        return closed.reply_code == 403
    return False


DECLARE = "declare", lambda channel: channel.queue_declare("leveret.other", durable=True)
FORBIDDEN = {
    "publisher": [DECLARE,
                  ("consume", lambda channel: channel.basic_get("leveret.work")),
                  ("purge", lambda channel: channel.queue_purge("leveret.work")),
                  ("forge a return", lambda channel: _publish(channel, "leveret.return")),
                  ("use the default exchange", lambda channel: _publish(channel, ""))],
    "worker": [DECLARE,
               ("delete", lambda channel: channel.queue_delete("leveret.work")),
               ("publish", lambda channel: _publish(channel, "leveret.in")),
               ("read dead letters", lambda channel: channel.basic_get("leveret.work.dlq")),
               ("purge dead letters", lambda channel: channel.queue_purge("leveret.work.dlq"))],
    "operator": [DECLARE, ("delete", lambda channel: channel.queue_delete("leveret.work"))],
    "deployer": [("declare elsewhere", lambda channel: channel.queue_declare("other", durable=True))],
}


def _publish(channel, exchange):
    channel.confirm_delivery()
    channel.basic_publish(exchange, "leveret.work", b"{}", mandatory=True)


@pytest.mark.parametrize("user, action", [(user, action) for user, actions in FORBIDDEN.items() for action in actions],
                         ids=lambda value: value if isinstance(value, str) else value[0].replace(" ", "-"))
def test_a_user_is_refused_what_is_not_its_work(users, topology, user, action):
    assert is_refused(users.channel(user), action[1])


def test_a_worker_that_may_not_declare_says_so_when_told_to(users, topology):
    leveret = users.leveret("worker")
    leveret.change(queues=[{"name": "leveret.other", "bindings": ["#"]}])
    answer = leveret.run("topology", "apply")
    assert answer.returncode != 0
    assert "403" in answer.stderr and "ACCESS_REFUSED" in answer.stderr, answer


@pytest.mark.parametrize("words", [["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["SHUTDOWN"], ["GET", "session:42"],
                                   ["SET", "session:42", "x"], ["EVAL", "return redis.call('KEYS', '*')", "0"], ["ACL", "LIST"], ["SAVE"],
                                   ["SCRIPT", "FLUSH"]], ids=" ".join)
@pytest.mark.parametrize("user", ACL)
def test_redis_refuses_what_leveret_never_says(users, user, words):
    with pytest.raises(redis_client.exceptions.ResponseError, match="permission|NOPERM|can't run this command|not allowed"):
        users.redis_client(user).execute_command(*words)


# ---- what the worker does by itself


def test_no_secret_is_seen_in_the_environment_or_the_command_line_of_a_worker(bench):
    key, password = "re_secret_in_the_environment", "amqp-password-1234"
    bench.broker.add_user(f"shown-{bench.vhost}", password, bench.vhost)
    url = bench.broker.url(bench.vhost, f"shown-{bench.vhost}", password)
    leveret = bench.leveret(amqp={"url": "${BROKER}"}, mail={"http": {"api_key": None}})
    worker = leveret.start("--set", "admin.token=admin-token-5678", env={"LEVERET_MAIL_HTTP_API_KEY": key, "BROKER": url})
    proc = pathlib.Path(f"/proc/{worker.pid}")
    shown = (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes()
    assert b"LEVERET_MAIL_HTTP_API_KEY=" in shown
    for secret in (key, password, "admin-token-5678"):
        assert secret.encode() not in shown
    bench.publish(order(1))
    bench.sink.wait_for(1)
    worker.hang_up()  # what was wiped is still known when the configuration is loaded anew
    bench.publish(order(2))
    bench.sink.wait_for(2)
    wait_until(lambda: worker.is_ready(), what="ready")
    assert not worker.logged(event="config_error") and not worker.logged(event="config_warning"), worker.log()


def test_a_worker_leaves_no_core_dump_and_wins_no_privilege(bench):
    worker = bench.worker()
    assert resource.prlimit(worker.pid, resource.RLIMIT_CORE) == (0, 0)
    assert "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{worker.pid}/status").read_text()
    if os.geteuid() == 0:  # not dumpable: /proc/PID belongs to root then, whoever it runs as
        assert _reads_as_another(worker.pid).returncode != 0


def _reads_as_another(pid):
    """A process of the worker's own user without root's capabilities looks at its memory map."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--reuid=0", "--clear-groups"]
    return subprocess.run([*drop, "cat", f"/proc/{pid}/maps"], capture_output=True, timeout=10)


@pytest.fixture
def cores_allowed():
    """As on a machine of developers: whoever dies badly leaves his memory in a file in its directory."""
    if not re.fullmatch(r"core(\.%p)?", pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()):
        pytest.skip("here core dumps go elsewhere (kernel.core_pattern)")
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] != resource.RLIM_INFINITY:
        pytest.skip("here core dumps are limited for all (ulimit -Hc)")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.parametrize("deadly", [signal.SIGSEGV, signal.SIGABRT], ids=lambda number: number.name)
def test_a_worker_that_dies_badly_leaves_no_core_where_another_program_does(bench, tmp_path, cores_allowed, deadly):
    other = Process(["sleep", "60"], directory=tmp_path / "other", name="sleep")
    leveret = bench.leveret(program=plain_binary(), name=f"dying-{deadly.name}")
    worker = leveret.start()
    for process in (other, worker.process):
        process.signal(deadly)
        assert process.wait() == -deadly
    assert list((tmp_path / "other").glob("core*"))
    assert not list(leveret.directory.glob("core*"))


# ---- the program


def readelf(*words):
    return subprocess.run(["readelf", "-W", *map(str, words)], check=True, capture_output=True, text=True, timeout=30).stdout


def test_the_program_is_position_independent_and_its_tables_are_read_only():
    program = plain_binary()  # built as a release; that with sanitizers lies at a fixed address
    head, dynamic, segments = readelf("-h", program), readelf("-d", program), readelf("-l", program)
    assert re.search(r"Type:\s+DYN", head)
    assert "BIND_NOW" in dynamic or re.search(r"FLAGS_1.*\bNOW\b", dynamic)
    assert re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.*\sRW\s", segments)
    assert "TEXTREL" not in dynamic


@pytest.mark.parametrize("preset", ["release", "crash"])
def test_an_optimised_program_is_fortified_and_has_canaries(preset):
    program = ROOT / "build" / preset / "leveret"
    if not program.exists():
        pytest.skip(f"cmake --preset {preset} && cmake --build --preset {preset}")
    symbols = readelf("--dyn-syms", program)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(snprintf|vsnprintf|memcpy|memset)_chk", symbols)
