"""What README.md promises to who has Docker: one command to a mail, two more to a dead letter redriven, and --scale worker=4."""
import json
import re
import shutil
import subprocess
import urllib.request

import pytest

from harness import podman as engine
from harness.compose import Project, current_compose
from harness.ports import is_open
from harness.wait import wait_until
from harness.worker import ROOT

pytestmark = pytest.mark.containers
README = (ROOT / "README.md").read_text()
COMMANDS = [line.split()[2:] for line in re.findall(r"^    (docker compose [^\n]*?)(?:   .*)?$", README, re.MULTILINE)]


@pytest.fixture(scope="module", autouse=True)
def possible():
    lacking = engine.missing()
    if lacking:
        pytest.skip(lacking)


@pytest.fixture(scope="module")
def project():
    taken = [port for port in (5672, 15672, 8025, 8080) if is_open(port)]
    assert not taken, f"the ports of docker-compose.yml are in use: {taken}"
    made = Project()
    yield made
    made.close()


def mails(project):
    with urllib.request.urlopen(f"http://{project.address('mailpit')}:8026/mails", timeout=10) as answer:
        return json.load(answer)["mails"]


def healthy(project, service):
    return [one for one in project.containers(service) if one["State"].get("Health", one["State"].get("Healthcheck", {})).get("Status") == "healthy"]


@pytest.mark.parametrize("version", [1, 2])
def test_the_compose_file_is_understood(version):
    compose = shutil.which("docker-compose") if version == 1 else current_compose(engine.Podman())
    if not compose:
        pytest.skip("apt-get install docker-compose")
    words = [compose, "--profile", "demo", "--profile", "observability", "--profile", "operator", "--profile", "outbox", "config"]
    done = subprocess.run(words, cwd=ROOT, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "container_name" not in done.stdout  # else there could be only one
    worker = re.search(r"\n  worker:\n(.*?)(?=\n  \w|\n\w|$)", done.stdout, re.DOTALL)[1]
    assert "ports:" not in worker


def test_the_commands_of_the_readme_lead_to_mails_to_a_dead_letter_redriven_and_to_four_workers(project):
    up, look, redrive, scale = COMMANDS
    project.compose(*up, within=1500)
    wait_until(lambda: len(mails(project)) == 10, within=120, what=lambda: f"ten mails: {mails(project)}")
    assert "http://localhost:8025" in README and is_open(8025), "where the mails are looked at"
    assert "http://localhost:8080" in README and is_open(8080), "where the page is"
    wait_until(lambda: len(healthy(project, "serve")) == 1, within=60, what=lambda: project.compose("ps", "--all").stdout)
    listed = project.compose(*look).stdout
    assert listed.count("order.created.v1") == 1 and "expired" in listed, listed
    project.compose(*redrive)
    wait_until(lambda: len(mails(project)) == 11, within=60, what="the mail of what was redriven")
    project.compose(*scale)
    wait_until(lambda: len(healthy(project, "worker")) == 4, within=120, what=lambda: project.compose("ps", "--all").stdout)
    said = project.compose("run", "--rm", "operator", "worker", "list", "-o", "json").stdout
    assert len(said.splitlines()) == 4, said
    for worker in project.containers("worker"):
        assert worker["HostConfig"]["ReadonlyRootfs"] and worker["Config"]["User"] == "10001:10001"
        for path in (ROOT / "config/docker/secrets").glob("*_*"):
            assert path.read_text().strip() not in json.dumps(worker), "secrets are files"
