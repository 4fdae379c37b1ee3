"""The files for deployment are understood by what reads them, and say what the tests of the other parts prove."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.worker import ROOT

BASE = ROOT / "deploy" / "kubernetes" / "base"
SECRETS = ROOT / "config" / "docker" / "secrets"


def compose_environment(service):
    """The environment of a service, read as simply as the file is written."""
    text = (ROOT / "docker-compose.yml").read_text()
    shared = text[text.index("x-environment:"):text.index("services:")]
    own = re.search(rf"\n  {service}:\n(.*?)(?=\n  \w+:\n|\n\w)", text, re.DOTALL)[1]
    found = dict(re.findall(r"^ +(LEVERET_\w+): \"?([^\"\n]*)", shared + own, re.MULTILINE))
    return {name: value.replace("/run/secrets", str(SECRETS)) for name, value in found.items()}


@pytest.mark.parametrize("service", ["worker", "topology", "operator"])
def test_the_configuration_of_the_image_is_complete_in_the_compose_file(bench, service):
    text = (ROOT / "config" / "leveret.docker.yaml").read_text()
    answer = bench.leveret(text).run("check", "--offline", env=compose_environment(service))
    assert answer.returncode == 0, answer


def test_the_configuration_for_kubernetes_is_complete_with_its_secrets(bench, tmp_path):
    secrets = {"AMQP_URL": "amqps://worker:x@rabbitmq.example/", "REDIS_URL": "rediss://:x@redis.example/0",
               "MAIL_HTTP_API_KEY": "re_x", "ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}
    env = {}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n")
        env[f"LEVERET_{name}_FILE"] = tmp_path / name
        assert f"LEVERET_{name}_FILE" in (BASE / "deployment.yaml").read_text()
    answer = bench.leveret((BASE / "leveret.yaml").read_text()).run("check", "--offline", env=env)
    assert answer.returncode == 0, answer


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
    given = {"docker-compose.yml": r"stop_grace_period: (\d+)s", "deploy/systemd/leveret.service": r"TimeoutStopSec=(\d+)",
             "deploy/kubernetes/base/deployment.yaml": r"terminationGracePeriodSeconds: (\d+)"}
    for path, pattern in given.items():
        assert int(re.search(pattern, (ROOT / path).read_text())[1]) > grace


@pytest.fixture(scope="module")
def manifests():
    """What the overlay makes, as text."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not here")
    done = subprocess.run(["kubectl", "kustomize", ROOT / "deploy/kubernetes/overlays/production"], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    kinds = re.findall(r"^kind: (\w+)", manifests, re.MULTILINE)
    assert sorted(kinds) == ["ConfigMap", "Deployment", "Job", "PodDisruptionBudget", "PodMonitor", "ScaledObject",
                             "TriggerAuthentication"]


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


def test_systemd_understands_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not here")
    unit = (ROOT / "deploy/systemd/leveret.service").read_text()
    program = shutil.which("true")
    made = tmp_path / "leveret.service"
    made.write_text(unit.replace("/usr/bin/leveret", program).replace("=leveret\n", "=root\n"))
    done = subprocess.run(["systemd-analyze", "verify", made], text=True, capture_output=True, timeout=60)
    assert str(made) not in done.stderr and "leveret.service:" not in done.stderr, done.stderr


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
