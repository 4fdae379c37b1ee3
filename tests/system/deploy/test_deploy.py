"""The files for deployment are understood by what reads them, and say what the tests of the other parts prove."""
import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from harness.ports import free_port, is_open
from harness.process import Process
from harness.wait import wait_until
from harness.worker import ROOT, environment

KUBERNETES = ROOT / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
SECRETS = ROOT / "config" / "docker" / "secrets"
UNITS = ["leveret.service", "leveret-relay.service", "leveret-serve.service"]


def compose_environment(service):
    """The environment of a service, read as simply as the file is written."""
    text = (ROOT / "docker-compose.yml").read_text()
    shared = text[text.index("x-environment:"):text.index("services:")]
    own = re.search(rf"\n  {service}:\n(.*?)(?=\n  \w+:\n|\n\w)", text, re.DOTALL)[1]
    found = dict(re.findall(r"^ +(LEVERET_\w+): \"?([^\"\n]*)", shared + own, re.MULTILINE))
    return {name: value.replace("/run/secrets", str(SECRETS)) for name, value in found.items()}


@pytest.mark.parametrize("service", ["worker", "topology", "operator", "serve", "relay"])
def test_the_configuration_of_the_image_is_complete_in_the_compose_file(bench, service):
    text = (ROOT / "config" / ("docker/serve.yaml" if service == "serve" else "leveret.docker.yaml")).read_text()
    answer = bench.leveret(text).run("check", "--offline", env=compose_environment(service))
    assert answer.returncode == 0, answer


VALUES = {"AMQP_URL": "amqps://worker:x@rabbitmq.example/", "REDIS_URL": "rediss://:x@redis.example/0",
          "MAIL_HTTP_API_KEY": "re_x", "ADMIN_TOKEN": "0123456789abcdef0123456789abcdef",
          "SERVE_TOKENS_0_TOKEN": "0123456789abcdef0123456789abcdef", "RELAY_URL": "postgresql://shop:x@postgres.example/shop"}


@pytest.mark.parametrize("part", ["base", "serve", "relay"])
def test_the_configuration_for_kubernetes_is_complete_with_its_secrets(bench, tmp_path, part):
    deployment, env = (KUBERNETES / part / "deployment.yaml").read_text(), {}
    for name in re.findall(r"LEVERET_(\w+)_FILE", deployment):
        (tmp_path / name).write_text(VALUES[name] + "\n")
        env[f"LEVERET_{name}_FILE"] = tmp_path / name
    leveret = bench.leveret((KUBERNETES / part / "leveret.yaml").read_text())
    answer = leveret.run("check", "--offline", env=env)
    assert answer.returncode == 0, answer
    for name in env:  # each is needed
        if name != "LEVERET_MAIL_HTTP_API_KEY_FILE" and name not in ("LEVERET_REDIS_URL_FILE", "LEVERET_AMQP_URL_FILE", "LEVERET_RELAY_URL_FILE"):
            assert leveret.run("check", "--offline", env={**env, name: ""}).returncode != 0, name


def test_what_looks_at_queues_has_the_queues_of_the_workers():
    def queues(path):
        return re.search(r"^queues:\n(?:  .*\n)+", path.read_text(), re.MULTILINE)[0]

    assert queues(KUBERNETES / "serve/leveret.yaml") == queues(BASE / "leveret.yaml")
    image = queues(ROOT / "config/leveret.docker.yaml").replace("${LEVERET_QUEUE:-leveret.work}", "leveret.work")
    assert queues(ROOT / "config/docker/serve.yaml") == image


def test_the_table_of_the_compose_file_is_the_one_that_relay_init_prints(bench):
    assert (ROOT / "config/docker/outbox.sql").read_text() == bench.leveret().run("relay", "init").stdout


def test_serve_of_the_compose_file_lets_its_token_in(bench):
    changes = {"amqp": {"url": bench.url}, "redis": {"url": bench.redis.url}, "serve": {"listen": f"127.0.0.1:{free_port()}"}}
    words = [f"--set={section}.{name}={value}" for section, of in changes.items() for name, value in of.items()]
    leveret = bench.leveret((ROOT / "config/docker/serve.yaml").read_text())
    env = {name: value for name, value in compose_environment("serve").items() if name not in ("LEVERET_AMQP_URL_FILE", "LEVERET_REDIS_URL_FILE")}
    process = Process([leveret.program, "serve", "-c", leveret.config_path, *words], directory=leveret.directory, name="serve",
                      env=environment(leveret.directory, **env))
    try:
        port = int(changes["serve"]["listen"].split(":")[1])
        wait_until(lambda: is_open(port), what="serve listens")
        assert leveret.run("health", "serve", *words, env=env).returncode == 0  # as the container is asked
        token = (SECRETS / "serve_token").read_text().strip()
        for given, status in ((token, 200), (token + "x", 401)):
            request = urllib.request.Request(f"http://localhost:{port}/v1/jobs", headers={"Authorization": f"Bearer {given}"})
            with contextlib.suppress(urllib.error.HTTPError) if status == 401 else contextlib.nullcontext():
                assert urllib.request.urlopen(request, timeout=10).status == status
    finally:
        assert process.stop() == 0, process.stderr()
    assert leveret.run("health", "serve", *words, env=env).returncode == 1


def test_the_probes_of_kubernetes_are_answered_without_a_token(bench):
    worker = bench.leveret(admin={"token": "0123456789abcdef0123456789abcdef"}).start()
    paths = re.findall(r"path: (/\w+), port: admin", (BASE / "deployment.yaml").read_text())
    assert sorted(paths) == ["/livez", "/livez", "/readyz"]
    for path in paths:
        assert worker.get(path, headers={})[0] == 200
    assert worker.get("/metrics", headers={})[0] == 401


def test_everything_gives_a_worker_more_time_than_its_grace():
    grace = max(int(value) for path in (ROOT / "config/leveret.docker.yaml", BASE / "leveret.yaml")
                for value in re.findall(r"grace: (\d+)s", path.read_text()))
    given = {"docker-compose.yml": r"stop_grace_period: (\d+)s"}
    given |= {f"deploy/systemd/{unit}": r"TimeoutStopSec=(\d+)" for unit in UNITS}
    given |= {f"deploy/kubernetes/{part}/deployment.yaml": r"terminationGracePeriodSeconds: (\d+)" for part in ("base", "serve", "relay")}
    for path, pattern in given.items():
        found = re.findall(pattern, (ROOT / path).read_text())
        assert found and all(int(seconds) > grace for seconds in found), path


def built(part):
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not here")
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES / part], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def manifests():
    """What the overlay makes, as text."""
    return built("overlays/production")


def kinds(manifests):
    return sorted(re.findall(r"^kind: (\w+)", manifests, re.MULTILINE))


@pytest.fixture(scope="module")
def against_schemas():
    """Holds manifests against the schemas of tests/schemas: what is wrong, a line each."""
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    directory = ROOT / "build" / "schemas"
    directory.mkdir(parents=True, exist_ok=True)
    lock = ROOT / "tests" / "schemas" / "package-lock.json"
    installed = directory / "node_modules" / "installed-from.json"
    for path in lock.parent.glob("*.js*"):
        shutil.copy(path, directory)
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, text=True,
                              capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr
        shutil.copy(lock, installed)

    def ask(text):
        done = subprocess.run(["node", "kubernetes.js"], cwd=directory, input=text, text=True, capture_output=True, timeout=60)
        assert not done.stderr, done.stderr
        return done.stdout.splitlines()

    return ask


def test_kustomize_builds_the_overlay(manifests):
    assert kinds(manifests) == ["ConfigMap", "Deployment", "Job", "PodDisruptionBudget", "PodMonitor", "ScaledObject",
                                "TriggerAuthentication"]


@pytest.mark.parametrize("part, wanted", [("serve", ["ConfigMap", "Deployment", "Service"]), ("relay", ["ConfigMap", "Deployment"])])
def test_serve_and_the_relay_stand_beside_the_workers_and_are_none_of_them(manifests, against_schemas, part, wanted):
    own = built(part)
    assert kinds(own) == wanted and against_schemas(own) == []
    assert set(re.findall(r"app.kubernetes.io/name: (\S+)", own)) == {f"leveret-{part}"}
    assert re.findall(r"image: (\S+)", own) == [re.search(r"image: (\S+)", manifests)[1]]
    assert re.findall(r"namespace: (\S+)", own) == ["leveret"] * len(wanted)
    ports = dict(re.findall(r"name: (\w+)\n +port: \d+\n +targetPort: (\w+)", own))
    assert ports == ({"http": "http"} if part == "serve" else {})
    for path, port in re.findall(r"path: (/\w+)\n +port: (\w+)", own):
        assert (path, port) in ({("/livez", "http")} if part == "serve" else {("/livez", "admin"), ("/readyz", "admin")})


def test_the_topology_is_made_by_the_version_that_is_deployed(manifests):
    version = re.search(r"VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text().partition("project(")[2])[1]
    assert set(re.findall(r"image: (\S+)", manifests)) == {f"leveret:{version}"}
    assert f"name: leveret-topology-{version.replace('.', '-')}\n" in manifests


def test_the_overlay_is_as_the_schemas_of_kubernetes_keda_and_the_prometheus_operator_want_it(manifests, against_schemas):
    assert against_schemas(manifests) == []


@pytest.mark.parametrize("right, wrong", [("minReplicaCount: 2", "minReplicasCount: 2"), ("periodSeconds: 10", "periodSecond: 10"),
                                          ("maxUnavailable: 1", "maxUnavailable: true"), ("path: /metrics", "paths: /metrics"),
                                          ("backoffLimit: 6", "backoffLimit: six"), ("key: management_url", "kye: management_url"),
                                          ("kind: ConfigMap", "kind: ConfigurationMap")])
def test_the_schemas_refuse_what_is_wrong(manifests, against_schemas, right, wrong):
    assert right in manifests
    assert len(against_schemas(manifests.replace(right, wrong))) >= 1


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_unit(tmp_path, name):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not here")
    unit = (ROOT / "deploy/systemd" / name).read_text()
    program = shutil.which("true")
    made = tmp_path / name
    made.write_text(unit.replace("/usr/bin/leveret", program).replace("=leveret\n", "=root\n"))
    done = subprocess.run(["systemd-analyze", "verify", made], text=True, capture_output=True, timeout=60)
    assert str(made) not in done.stderr and f"{name}:" not in done.stderr, done.stderr
    assert name in (ROOT / "cmake/package.cmake").read_text() and name in (ROOT / "deploy/debian/prerm").read_text()


def test_serve_tells_the_service_manager_that_it_is_ready_and_stays(bench, tmp_path):
    with Manager(tmp_path / "notify") as manager:
        leveret = bench.leveret(serve={"listen": f"127.0.0.1:{free_port()}"})
        process = Process([leveret.program, "serve", "-c", leveret.config_path], directory=leveret.directory, name="serve",
                          env=environment(leveret.directory, NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="400000"))
        assert manager.hears("READY=1") and manager.hears("WATCHDOG=1") and manager.hears("WATCHDOG=1")
        assert process.stop() == 0 and manager.hears("STOPPING=1")


class Manager:
    """What systemd is to a service of Type=notify."""

    def __init__(self, path):
        self.path, self.socket = path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(10)

    def __enter__(self):
        self.socket.bind(str(self.path))
        return self

    def __exit__(self, *_):
        self.socket.close()

    def hears(self, word):
        """Waits for it, and forgets what came before."""
        while word not in self.socket.recv(4096).decode().split("\n"):
            pass
        return True


def test_the_permissions_in_the_documentation_are_those_that_are_tested():
    documented = (ROOT / "docs" / "deployment.md").read_text().replace("\\|", "|")
    for entry in json.loads((ROOT / "config/rabbitmq/definitions.json").read_text())["permissions"]:
        if entry["user"] != "admin":
            row = f"| {entry['user']} | `{entry['configure']}` | `{entry['write']}` | `{entry['read']}` |"
            assert row in documented, row
    for line in (ROOT / "config/docker/redis/users.acl").read_text().splitlines():
        assert line.startswith("user default") or re.sub(r"#[0-9a-f]{64}", "#SHA256", line) in documented, line


def test_the_links_of_these_pages_lead_somewhere():
    for page in (ROOT / "docs" / name for name in ("contract.md", "deployment.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / pathlib.Path(target)).exists(), f"{page.name}: {target}"
