"""The program under test: its configuration file, its processes, its log and its admin port."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import signal
import subprocess

from . import canary
from .ports import free_port
from .process import Process
from .wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY_S = 30
SANITIZED = ROOT / "build" / "dev" / "leveret"


def binary():
    """LEVERET_BINARY, else the one of the preset dev."""
    return pathlib.Path(os.environ.get("LEVERET_BINARY") or SANITIZED)


def _is_newer(path, other):
    return path.exists() and path.stat().st_mtime >= other.stat().st_mtime


def crash_binary():
    """Without sanitizers: they take deadly signals, and a limit of address space ends them at their first breath."""
    return pathlib.Path(os.environ.get("LEVERET_CRASH_BINARY") or ROOT / "build" / "crash" / "leveret")


_sanitized = set()  # the shapes of one-shot commands that ran with the sanitizers


def environment(directory, **more):
    """A clean environment: nothing of the caller's LEVERET_* or proxy settings gets in."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": str(directory), "TZ": "UTC",
           # Reports go to files of their own, because every line of stderr must be a log line.
           "ASAN_OPTIONS": f"log_path={directory}/sanitizer:exitcode=99:detect_leaks={os.environ.get('LEVERET_LEAKS', '1')}",
           "UBSAN_OPTIONS": f"log_path={directory}/sanitizer:print_stacktrace=1:halt_on_error=1:exitcode=99",
           "TSAN_OPTIONS": f"log_path={directory}/sanitizer:exitcode=99"}
    return {**env, **{name: str(value) for name, value in more.items()}}


def sanitizer_reports(directory):
    return "\n".join(path.read_text(errors="replace") for path in sorted(pathlib.Path(directory).glob("sanitizer.*")))


# ---- the configuration file


def merged(base, changes):
    """`base` with `changes` laid over it, tree by tree; None takes a setting away."""
    result = dict(base)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def yaml(value, depth=0):
    """Just enough YAML: block mappings and sequences, every string quoted."""
    pad = "  " * depth
    if isinstance(value, dict):
        lines = [f"{pad}{_key(k)}:{_inline(v)}" if not _is_block(v) else f"{pad}{_key(k)}:\n{yaml(v, depth + 1)}"
                 for k, v in value.items()]
        return "\n".join(lines)
    lines = []
    for item in value:
        if isinstance(item, dict) and item:
            lines.append(f"{pad}- {yaml(item, depth + 1).lstrip()}")
        else:
            lines.append(f"{pad}-{_inline(item)}")
    return "\n".join(lines)


def _is_block(value):
    return (isinstance(value, dict) and value) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))


def _key(key):
    return key if key.replace("_", "").replace(".", "").isalnum() else json.dumps(key)


def _inline(value):
    if isinstance(value, bool):
        return " true" if value else " false"
    if isinstance(value, list):
        return " [" + ", ".join(_inline(v).strip() for v in value) + "]"
    return " " + (str(value) if isinstance(value, (int, float)) else json.dumps(str(value), ensure_ascii=False))


# ---- the command line


def hook_secret(api_key):
    """The secret of the webhooks of the process that has this API key."""
    return "whsec_" + base64.b64encode(hashlib.sha256(api_key.encode()).digest()).decode()


class Leveret:
    """The program with one configuration: one-shot commands and workers. Everything it writes lies in `directory`."""

    def __init__(self, directory, config, program=None, env=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.program = pathlib.Path(program or binary())
        assert self.program.exists(), f"{self.program} is missing: cmake --preset dev && cmake --build --preset dev"
        self.env = env or {}
        self.config_path = self.directory / "leveret.yaml"
        self.workers = []
        self.configure(config)

    def configure(self, config):
        """Writes the file; a running worker reads it at SIGHUP."""
        self.config = config
        self.config_path.write_text(config if isinstance(config, str) else yaml(config) + "\n", encoding="utf-8")
        self.config_path.chmod(0o600)  # it holds secrets

    def change(self, **changes):
        self.configure(merged(self.config, changes))
        return self

    def run(self, *words, input=None, within=60, env=None, config=True):
        """A one-shot command: `.returncode`, `.stdout`, `.stderr`, `.json()`."""
        words = [str(word) for word in words] + (["-c", str(self.config_path)] if config else [])
        return Answer(subprocess.run([self._program_for(words), *words], input=input, text=True,
                                     capture_output=True, timeout=within, cwd=self.directory,
                                     env=environment(self.directory, **self.env, **(env or {}))))

    def _program_for(self, words):
        """Most of a command's time are the start of the sanitizers and the look for leaks at its end. The first of each shape of
        command has them, workers always; the others are the same program without them, where it was built last."""
        shape = tuple(word for place, word in enumerate(words) if place < 2 or word.startswith("--"))
        if shape not in _sanitized or self.program != SANITIZED or not _is_newer(crash_binary(), SANITIZED):
            _sanitized.add(shape)
            return self.program
        return crash_binary()

    def start(self, *words, ready=True, env=None, config=None, named=False, command="run"):
        """Starts one more worker, on an admin port of its own, and waits until it consumes. `named`: with an API key or
        SMTP user of its own, by which the sink knows which process a mail came from. `command`: another process with health pages, as relay."""
        name = f"{'worker' if command == 'run' else command}{len(self.workers) + 1}"
        if named:
            over_smtp = self.config.get("mail", {}).get("transport") == "smtp"
            key = f"re_{self.directory.name}_{name}"
            env = {"LEVERET_MAIL_SMTP_USERNAME" if over_smtp else "LEVERET_MAIL_HTTP_API_KEY": key,
                   **{f"LEVERET_OUTLETS_{outlet.upper()}_{'SECRET' if its['kind'] == 'post' else 'HTTP_API_KEY'}":
                      hook_secret(key) if its["kind"] == "post" else key for outlet, its in self.config.get("outlets", {}).items()},
                   **(env or {})}
        worker = Worker(self, (command, *words), env or {}, name, config or self.config_path)
        self.workers.append(worker)
        if ready:
            worker.wait_ready()
        return worker

    def stop(self):
        """Ends all workers and looks at what they left: log lines that are none, sanitizers' reports."""
        for worker in self.workers:
            if worker.process.is_alive():
                worker.process.signal(signal.SIGCONT)
                worker.check_pages()
                worker.process.stop(within=40)
        for worker in self.workers:
            worker.log()
            worker.check_log()
        reports = sanitizer_reports(self.directory)
        assert not reports, reports


class Answer:
    def __init__(self, done):
        self.returncode, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.stdout)

    def __repr__(self):
        return f"exit {self.returncode}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Worker:
    def __init__(self, leveret, words, env, name, config):
        self.name = name
        self.admin_port = free_port()
        self.api_key = env.get("LEVERET_MAIL_HTTP_API_KEY") or env.get("LEVERET_MAIL_SMTP_USERNAME")
        if "LEVERET_MAIL_HTTP_API_KEY" in env:
            canary.add(self.api_key)
        admin = leveret.config.get("admin", {}) if isinstance(leveret.config, dict) else {}
        self.token = admin.get("token")
        argv = [leveret.program, *words, "-c", config, "--set", f"admin.listen=127.0.0.1:{self.admin_port}"]
        self.process = Process(argv, directory=leveret.directory, name=name, cwd=leveret.directory,
                               env=environment(leveret.directory, **leveret.env, **env))

    @property
    def pid(self):
        return self.process.pid

    def get(self, path, headers=None, timeout=5):
        """(status, body) from the admin port, asked with the token unless other headers are given."""
        if headers is None and self.token:
            headers = {"Authorization": f"Bearer {self.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def status(self):
        return json.loads(self.get("/status")[1])

    def is_ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, within=READY_S):
        def ready():
            assert self.process.is_alive(), f"{self.name} ended: {self.process.wait()}\n{self.process.stderr()[-3000:]}"
            return self.is_ready()

        wait_until(ready, within=within, what=lambda: f"{self.name} ready\n{self.process.stderr()[-3000:]}")
        return self

    def wait_not_ready(self, within=10):
        wait_until(lambda: not self.is_ready(), within=within, what=f"{self.name} not ready")

    def metric(self, name, **labels):
        """The sum of all samples of that name whose labels contain `labels`."""
        total, found = 0.0, False
        for line in self.get("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total, found = total + float(value), True
        return total if found else None

    def log(self):
        """All log entries; fails when a line of stderr is not one JSON object."""
        entries = []
        for line in self.process.stderr().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            if line.startswith("AddressSanitizer:"):
                continue  # the report itself is in a file of its own
            if entry is None and self.process.popen.poll() == 78:
                continue  # what is wrong with the configuration is told as "file:line:col", before there is a log
            assert isinstance(entry, dict), f"{self.name} wrote a line that is no log entry: {line!r}"
            entries.append(entry)
        return entries

    def logged(self, **fields):
        """The entries that have these fields; use e.g. logged(event="drain")."""
        return [entry for entry in self.log() if all(entry.get(k) == v for k, v in fields.items())]

    # ---- what it shows to everybody

    def check_log(self):
        """Every line is a log entry, and none shows a secret. For what stands before there is a log, see log()."""
        for line in self.process.stderr().splitlines():
            if line.startswith("{"):
                canary.check_log_line(line, f"the log of {self.name}")
            else:
                canary.check(line, f"the output of {self.name}")

    def check_pages(self):
        """Metrics and status, if it answers: a test may have left it stuck."""
        for path, check in (("/metrics", canary.check_metrics), ("/status", canary.check_status)):
            try:
                status, page = self.get(path, timeout=5)
            except (OSError, http.client.HTTPException):
                return
            if status == 200:
                check(page, f"{path} of {self.name}")

    # ---- signals

    def terminate(self):
        self.process.signal(signal.SIGTERM)
        return self

    def hang_up(self):
        self.process.signal(signal.SIGHUP)

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def kill(self):
        return self.process.kill()

    def wait(self, within=40):
        return self.process.wait(within)

    def stop(self, within=40):
        """SIGTERM; returns the exit status."""
        self.check_pages()
        self.terminate()
        return self.wait(within)


def limited(bench, program, *limits):
    """A program that runs `program` under limits of prlimit."""
    path = bench.directory / "limited"
    path.write_text(f'#!/bin/sh\nexec prlimit {" ".join(limits)} {program} "$@"\n')
    path.chmod(0o755)
    return path
