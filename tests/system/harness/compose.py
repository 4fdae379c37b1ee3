"""docker-compose.yml as it is, brought up by Docker's own compose against podman: networks, names, health, secrets as files.

What is for sale at registries is stood in for by images of the same names, made from Debian (tests/system/images).
"""
import json
import os
import shutil
import subprocess
import threading

from .podman import Podman
from .process import Process
from .wait import wait_until
from .worker import ROOT

IMAGES = {"rabbitmq": "docker.io/library/rabbitmq:4-management", "redis": "docker.io/library/redis:8",
          "mailpit": "docker.io/axllent/mailpit:v1.27", "python": "docker.io/library/python:3-slim"}
# Podman's own defaults ask for more than may be had everywhere.
SETTINGS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def current_compose(podman):
    """The compose of Debian 13 (version 2), which runs here too; Debian 12 has 1.29."""
    program = podman.directory / "compose" / "usr/libexec/docker/cli-plugins/docker-compose"
    if not program.exists():
        tree = podman.tree()
        shutil.copy("/etc/resolv.conf", tree / "etc" / "resolv.conf")
        subprocess.run(["chroot", tree, "sh", "-c", "apt-get -q update && cd /tmp && apt-get -q download docker-compose"], check=True,
                       capture_output=True, timeout=300)
        [package] = (tree / "tmp").glob("docker-compose_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, podman.directory / "compose"], check=True, timeout=60)
    return program


class Project:
    """One run of the compose file. Podman leaves the health checks to systemd; here a thread makes them."""

    def __init__(self, name="leveret-compose"):
        self.name, self.podman = name, Podman()
        self.podman.import_base()
        self.program = current_compose(self.podman)
        for image, tag in IMAGES.items():
            self.podman.stand_in(image, tag)
        settings = self.podman.directory / "containers.conf"
        settings.write_text(SETTINGS)
        self.socket = self.podman.directory / "podman.sock"
        self.socket.unlink(missing_ok=True)
        self.service = Process([*self.podman.command, "system", "service", "--time", "0", f"unix://{self.socket}"],
                               directory=self.podman.directory, name="service",
                               env={**os.environ, "CONTAINERS_CONF": str(settings), "BUILDAH_ISOLATION": "chroot"})
        wait_until(self.socket.exists, within=30, what="podman's service")
        self._closing = threading.Event()
        threading.Thread(target=self._check_health, daemon=True).start()

    def compose(self, *words, within=600, check=True):
        env = {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}
        done = subprocess.run([self.program, "-p", self.name, *words], cwd=ROOT, env=env, text=True, capture_output=True, timeout=within,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0 or not check, f"{words}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def containers(self, service):
        """What podman knows of the containers of a service."""
        names = self.podman.run("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={self.name}",
                                "--filter", f"label=com.docker.compose.service={service}").stdout.split()
        return json.loads(self.podman.run("container", "inspect", *names).stdout) if names else []

    def address(self, service):
        """Of its only container, in the network of the project."""
        [container] = self.containers(service)
        [network] = container["NetworkSettings"]["Networks"].values()
        return network["IPAddress"]

    def close(self):
        self.compose("--profile", "demo", "--profile", "operator", "down", "--volumes", "--timeout", "5", check=False)
        self._closing.set()
        self.service.kill()

    def _check_health(self):
        while not self._closing.wait(1):
            for id in self.podman.run("ps", "--quiet", check=False).stdout.split():
                self.podman.run("healthcheck", "run", id, check=False)
