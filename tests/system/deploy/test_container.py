"""The image that the Dockerfile makes: built, run without privileges, scaled, stopped and killed under load."""
import json
import pathlib
import re
import shutil
import threading

import pika
import pytest
import redis as redis_client

from harness import canary, podman as engine
from harness.ports import free_port, is_open
from harness.process import Process
from harness.publish import order
from harness.rabbitmq import RabbitMQ
from harness.tls import Authority, TlsFront
from harness.wait import wait_until
from harness.worker import ROOT

pytestmark = pytest.mark.containers
IMAGE = "leveret:test"
SECRETS = ROOT / "config" / "docker" / "secrets"


@pytest.fixture(scope="module")
def figures():
    """Measured here, told at the end and in build/containers/figures.json."""
    found = {}
    yield found
    path = ROOT / "build" / "containers" / "figures.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{path}: {path.read_text()}")


@pytest.fixture(scope="module")
def podman(figures):
    lacking = engine.missing()
    if lacking:
        pytest.skip(lacking)
    made = engine.Podman()
    made.import_base()
    figures["build_s"] = round(made.build(IMAGE), 1)
    figures["own_layers_mb"] = round(made.layers(IMAGE) / 1e6, 1)
    yield made


class Fleet:
    """Workers in containers beside one bench: settings by environment, secrets as files."""

    def __init__(self, podman, bench):
        self.podman, self.bench, self.count = podman, bench, 0
        self.workers = []
        secrets = self.directory = bench.directory / "secrets"
        secrets.mkdir(mode=0o755)
        for name, value in (("amqp_worker", bench.url), ("redis_worker", bench.redis.url), ("api_key", "re_in_a_file_1234")):
            (secrets / name).write_text(value + "\n")
        bench.directory.chmod(0o755)
        self.volumes = [f"{secrets}:/run/secrets:ro"]
        self.env = {"LEVERET_AMQP_URL_FILE": "/run/secrets/amqp_worker", "LEVERET_REDIS_URL_FILE": "/run/secrets/redis_worker",
                    "LEVERET_MAIL_HTTP_URL": bench.sink.http_url, "LEVERET_MAIL_HTTP_API_KEY_FILE": "/run/secrets/api_key",
                    "LEVERET_MAIL_TIMEOUT": "5s", "LEVERET_CLAIM_LEASE": "8s"}

    def topology(self):
        """The one-shot step: a container of its own that ends."""
        container = self.podman.start(IMAGE, "topology", "apply", name="leveret-test-topology", env=self.env, volumes=self.volumes)
        wait_until(lambda: container.state()["Status"] == "exited", within=30, what="the topology step")
        assert container.state()["ExitCode"] == 0, container.logs()

    def start(self):
        self.count += 1
        worker = self.podman.start(IMAGE, "run", name=f"leveret-test-{self.count}", env=self.env, volumes=self.volumes)
        self.workers.append(worker)
        return worker


@pytest.fixture
def fleet(podman, bench):
    made = Fleet(podman, bench)
    made.topology()
    yield made
    podman.close()


def publish_beside(bench, count, rate):
    """Publishes in a thread; its end is waited for by .join(), its error is in .errors."""
    errors = []

    def work():
        try:
            bench.publish_many((order(number) for number in range(1, count + 1)), rate=rate)
        except Exception as error:  # shown by the test
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.errors = errors
    thread.start()
    return thread


def test_the_image_says_what_it_is_and_is_nobody(podman):
    image = podman.inspect(IMAGE)
    config = image["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == ["leveret"]
    assert image["Healthcheck"]["Test"] == ["CMD", "leveret", "health", "ready"]
    assert config["Labels"]["org.opencontainers.image.title"] == "leveret"
    assert config["Labels"]["org.opencontainers.image.version"]


def test_the_own_layers_of_the_image_are_small(podman):
    assert podman.layers(IMAGE) < 40e6


def test_no_secret_is_in_a_layer_of_the_image(podman):
    secrets = {path.read_bytes().strip() for path in SECRETS.glob("*_*")}
    assert len(secrets) == 7
    marker = b"Who consumes need not be allowed to declare"  # of the configuration that is in it: what is there is found
    assert podman.holds(IMAGE, secrets | {marker}) == {marker}


def test_the_definitions_and_the_redis_configuration_of_the_compose_file_are_taken(tmp_path):
    """The same files, in the same services; only their places differ."""
    with RabbitMQ("definitions", settings=[f"load_definitions = {ROOT / 'config/rabbitmq/definitions.json'}"]) as broker:
        for path in SECRETS.glob("amqp_*"):
            url = path.read_text().strip().replace("rabbitmq:5672", f"127.0.0.1:{broker.port}")
            pika.BlockingConnection(pika.URLParameters(url)).close()
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            pika.BlockingConnection(pika.URLParameters(broker.url()))  # guest is not made
    shutil.copy(ROOT / "config/docker/redis/users.acl", tmp_path)
    text = (ROOT / "config/docker/redis/redis.conf").read_text()
    (tmp_path / "redis.conf").write_text(text.replace("/etc/redis/", f"{tmp_path}/"))
    port = free_port()
    server = Process(["redis-server", tmp_path / "redis.conf", "--port", port, "--bind", "127.0.0.1"], directory=tmp_path, name="redis")
    try:
        wait_until(lambda: is_open(port), what=lambda: server.stdout())
        for path in SECRETS.glob("redis_*"):
            url = path.read_text().strip().replace("redis:6379", f"127.0.0.1:{port}")
            client = redis_client.Redis.from_url(url, decode_responses=True)
            assert client.info("memory")["maxmemory_policy"] == "noeviction"
            assert client.info("persistence")["aof_enabled"] == 1
        with pytest.raises(redis_client.exceptions.AuthenticationError):
            redis_client.Redis(port=port).ping()
    finally:
        server.stop()


def test_redis_is_used_over_tls_and_a_bad_certificate_is_refused(podman, bench, tmp_path):
    authority = Authority(tmp_path)
    fronts = {"good": authority.certificate("good"), "certificate has expired": authority.certificate("expired", days=-1),
              "hostname mismatch": authority.certificate("other", hosts="DNS:other.example"),
              "self.signed certificate": authority.self_signed(),
              "unable to get local issuer certificate": Authority(tmp_path, "stranger").certificate("strange")}
    bench.leveret().run("topology", "apply")
    for said, certificate in fronts.items():
        with TlsFront(bench.redis.port, certificate) as front:
            url = f"rediss://:{canary.REDIS_PASSWORD}@localhost:{front.port}/0"
            done = podman.once(IMAGE, "check", "-o", "json", volumes=[f"{authority.ca}:/ca.pem:ro"], env={
                "LEVERET_AMQP_URL": bench.url, "LEVERET_REDIS_URL": url, "LEVERET_REDIS_TLS_CA_FILE": "/ca.pem",
                "LEVERET_MAIL_TRANSPORT": "log"})
        redis = [json.loads(line) for line in done.stdout.splitlines() if '"redis"' in line][0]
        assert (redis["state"] == "ok") == (said == "good"), redis
        assert said == "good" or re.search(said, redis["detail"]), redis


def test_a_worker_runs_with_redis_over_tls(fleet, bench, tmp_path):
    authority = Authority(tmp_path)
    with TlsFront(bench.redis.port, authority.certificate("good")) as front:
        (fleet.directory / "redis_worker").write_text(f"rediss://:{canary.REDIS_PASSWORD}@localhost:{front.port}/0\n")
        (fleet.directory / "ca.pem").write_text(authority.ca.read_text())
        fleet.env["LEVERET_REDIS_TLS_CA_FILE"] = "/run/secrets/ca.pem"
        fleet.start().wait_healthy()
        bench.publish_many(order(number) for number in range(1, 301))
        bench.wait_completed(300)
        bench.account().check(duplicates=0)


def test_a_container_sends_mails_and_shows_no_secret(fleet, bench, figures):
    worker = fleet.start()
    figures["start_to_healthy_s"] = round(worker.wait_healthy(), 1)
    bench.publish(order(1))
    bench.sink.wait_for(1)
    proc = pathlib.Path("/proc") / str(worker.pid)
    shown = (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes() + worker.logs().encode()
    for secret in (b"guest:guest", b"re_in_a_file_1234"):
        assert secret not in shown
    assert "Uid:\t10001\t10001\t10001\t10001" in (proc / "status").read_text()
    assert "NoNewPrivs:\t1" in (proc / "status").read_text()
    assert "CapEff:\t0000000000000000" in (proc / "status").read_text()


def test_an_operator_drops_a_dead_letter_from_a_container_that_keeps_the_backup(fleet, bench, podman):
    fleet.start().wait_healthy()
    bad = bench.publish(order(0))
    bench.wait_state(bad, "dead")
    volume = "leveret-test-backups:/var/lib/leveret"  # a new one belongs to whom the directory of the image does
    try:
        done = podman.once(IMAGE, "dlq", "drop", bench.queue, bad.id, "--yes", env=fleet.env, volumes=[*fleet.volumes, volume])
        assert done.returncode == 0, done.stderr
        [place] = podman.run("volume", "inspect", "leveret-test-backups", "--format", "{{.Mountpoint}}").stdout.split()
        assert bad.id in "".join(path.read_text() for path in pathlib.Path(place).iterdir())
    finally:
        podman.run("volume", "rm", "--force", "leveret-test-backups", check=False)
    bench.wait_state(bad, "dropped")


def test_four_containers_lose_nothing_when_one_is_stopped_and_one_killed_under_load(fleet, bench, figures):
    for worker in [fleet.start() for _ in range(4)]:
        worker.wait_healthy()
    bench.sink.mode("healthy", delay_ms=50)
    count = 3000
    publishing = publish_beside(bench, count, rate=250)
    wait_until(lambda: bench.sink.count() > count / 6, within=60, what="load")
    status, figures["drain_s"] = fleet.workers[0].stop()
    assert status == 0, fleet.workers[0].logs()[-3000:]
    fleet.workers[1].kill()
    publishing.join()
    assert not publishing.errors, publishing.errors
    bench.wait_completed(count, within=120)
    account = bench.account()
    figures["duplicates_of_a_kill"] = sum(account.duplicated.values())
    account.check(duplicates=64)  # what the killed one had under way: mail.http.connections


def test_a_rolling_restart_under_load_loses_nothing_sends_nothing_twice_and_burns_no_attempt(fleet, bench, figures):
    for worker in [fleet.start() for _ in range(4)]:
        worker.wait_healthy()
    bench.sink.mode("healthy", delay_ms=20)
    rate, count = 500, 12000
    publishing = publish_beside(bench, count, rate)
    drains = []
    for old in list(fleet.workers):
        fleet.start().wait_healthy()
        status, seconds = old.stop()
        assert status == 0, old.logs()[-3000:]
        drains.append(round(seconds, 1))
    under_load = publishing.is_alive()
    publishing.join()
    assert not publishing.errors, publishing.errors
    assert under_load, "the load ended before the restart did"
    bench.wait_completed(count, within=120)
    bench.account().check(duplicates=0)
    jobs = bench.redis.jobs(bench.prefix).values()
    assert sum(int(job.get("attempt", 0)) for job in jobs) == 0
    figures["rolling_drains_s"] = drains
