"""Containers where no Docker engine is: podman with runc, host networking and a storage of its own below build/."""
import json
import os
import pathlib
import shutil
import subprocess
import time

from .ports import free_port
from .wait import wait_until
from .worker import ROOT

BASE = "debian:trixie-slim"
# The limits: enough where they may not be raised; more than leveret needs. The rest is as docker-compose.yml has it.
RUN = ["--runtime=runc", "--network=host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--read-only",
       "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]


def missing():
    """What podman lacks here, or None."""
    if os.geteuid() != 0:
        return "needs root (for chroot and host networking)"
    lacking = [name for name in ("podman", "runc", "debootstrap") if not shutil.which(name, path="/usr/sbin:/sbin:" + os.environ["PATH"])]
    return f"apt-get install {' '.join(lacking)}" if lacking else None


class Podman:
    def __init__(self):
        self.directory = ROOT / "build" / "containers"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.containers = []
        self.command = ["podman", "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--root", self.directory / "storage",
                        "--runroot", self.directory / "run"]

    def run(self, *words, within=900, check=True):
        done = subprocess.run([str(word) for word in (*self.command, *words)], text=True, capture_output=True, timeout=within)
        assert done.returncode == 0 or not check, f"{' '.join(map(str, words))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def tree(self):
        """A bare Debian 13, made by debootstrap once."""
        tree = self.directory / "trixie"
        if not (tree / "etc" / "debian_version").exists():
            targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], text=True,
                                     capture_output=True, check=True).stdout.split()
            mirror = next(uri for uri in targets if "security" not in uri)
            subprocess.run(["debootstrap", "--variant=minbase", "trixie", tree, mirror], check=True, capture_output=True,
                           timeout=900)
        return tree

    def import_base(self):
        """Debian's own tool makes what a registry would have delivered."""
        if self.run("image", "exists", BASE, check=False).returncode == 0:
            return
        packed = subprocess.Popen(["tar", "-C", self.tree(), "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/*",
                                   "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([*self.command, "import", "-", BASE], stdin=packed.stdout, check=True, capture_output=True, timeout=300)
        assert packed.wait() == 0

    def stand_in(self, name, tag):
        """Builds tests/system/images/NAME.Dockerfile once, in place of an image from a registry."""
        if self.run("image", "exists", tag, check=False).returncode != 0:
            self.run("build", "--layers=false", "--isolation=chroot", "--network=host", "--format=docker", "-t", tag,
                     "-f", ROOT / "tests/system/images" / f"{name}.Dockerfile", ROOT / "tests", within=1800)

    def holds(self, image, words):
        """Which of `words` (bytes) are in any layer of the image or in what is said about it."""
        found, tail, longest = set(), b"", max(map(len, words))
        archive = self.directory / "image.tar"
        archive.unlink(missing_ok=True)
        self.run("save", "--format", "docker-archive", "-o", archive, image)  # its layers are not compressed
        with open(archive, "rb") as file:
            while block := file.read(1 << 24):
                found |= {word for word in words if word in tail + block}
                tail = block[-longest:]
        archive.unlink()
        return found

    def build(self, tag):
        """Builds the repository's Dockerfile; the seconds that it took."""
        began = time.monotonic()
        self.run("build", "--layers=false", "--isolation=chroot", "--network=host", "--format=docker", "-t", tag, ROOT, within=1800)
        took_s = time.monotonic() - began
        self.run("image", "prune", "--force", check=False)  # what the tag stood for before
        return took_s

    def layers(self, image):
        """Bytes of the layers that the Dockerfile's final stage added to its base."""
        sizes = [json.loads(self.run("image", "inspect", name).stdout)[0]["Size"] for name in (image, BASE)]
        return sizes[0] - sizes[1]

    def inspect(self, image):
        return json.loads(self.run("image", "inspect", image).stdout)[0]

    def start(self, image, *words, name, env=None, volumes=()):
        container = Container(self, image, words, name, env or {}, volumes)
        self.containers.append(container)
        return container

    def once(self, image, *words, env, volumes=()):
        """Runs a command in a container that goes away: returncode, stdout, stderr."""
        return self.run("run", "--rm", *RUN, *[f"--env={key}={value}" for key, value in env.items()],
                        *[f"--volume={volume}" for volume in volumes], image, *words, check=False)

    def close(self):
        for container in self.containers:
            container.remove()


class Container:
    """Read-only root, no capability, no new privileges: as docker-compose.yml and deploy/kubernetes run it."""

    def __init__(self, podman, image, words, name, env, volumes):
        self.podman, self.name, self.admin_port = podman, name, free_port()
        env = {"LEVERET_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}", **env}
        podman.run("rm", "--force", "--ignore", name)
        self.began = time.monotonic()
        podman.run("run", "--detach", "--name", name, "--log-driver=k8s-file", *RUN,
                   *[f"--env={key}={value}" for key, value in env.items()],
                   *[f"--volume={volume}" for volume in volumes], image, *words)

    def state(self):
        return json.loads(self.podman.run("container", "inspect", self.name).stdout)[0]["State"]

    @property
    def pid(self):
        return self.state()["Pid"]

    def logs(self):
        done = self.podman.run("logs", self.name, check=False)
        return done.stdout + done.stderr

    def healthy(self):
        """Runs the image's HEALTHCHECK once."""
        return self.podman.run("healthcheck", "run", self.name, check=False).returncode == 0

    def wait_healthy(self, within=60):
        wait_until(self.healthy, within=within, every=0.2, what=lambda: f"{self.name} healthy\n{self.logs()[-3000:]}")
        return time.monotonic() - self.began

    def stop(self, grace_s=40):
        """SIGTERM, as an orchestrator does; (exit status, seconds)."""
        began = time.monotonic()
        self.podman.run("stop", "--time", str(grace_s), self.name)
        return self.state()["ExitCode"], time.monotonic() - began

    def kill(self):
        self.podman.run("kill", "--signal", "KILL", self.name)

    def remove(self):
        self.podman.run("rm", "--force", "--time", "0", self.name, check=False)
