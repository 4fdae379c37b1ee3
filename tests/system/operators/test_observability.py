"""The alert rules and the dashboard speak only of metrics and labels that the worker really shows."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
RULES = ROOT / "config/prometheus/alerts.yml"
RULES_TEST = ROOT / "config/prometheus/alerts_test.yml"
DASHBOARD = ROOT / "config/grafana/leveret.json"
PROMTOOL = shutil.which("promtool")

# The families that the engine adds to those of the registry, with their labels.
ENGINE = {"leveret_events_total": {"state", "outcome"}, "leveret_schedule_ticks_total": {"schedule", "outcome"},
          "leveret_schedule_due_timestamp_seconds": {"schedule"}, "leveret_planner_programs": {"type"},
          "leveret_planner_starts_total": {"type"}, "leveret_planner_questions": {"type", "state"}}
# Made by Prometheus itself for each target.
FOREIGN_NAMES = {"up"}
FOREIGN_LABELS = {"job", "instance"}
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
WORD = re.compile(r"\b(?:leveret|messaging|process)_[a-z0-9_]+\b|\bup\b")
SELECTOR = re.compile(r"\b([a-z_][a-z0-9_]*)\{([^}]*)\}")


def find_printer():
    """The unit test program, which prints the registry: of the build under test, or the newest one."""
    named = os.environ.get("LEVERET_BUILD")
    builds = [pathlib.Path(named)] if named else list((ROOT / "build").glob("*"))
    found = [build / "tests/metrics_test" for build in builds if (build / "tests/metrics_test").exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def run_printer(argument):
    printer = find_printer()
    if printer is None:
        pytest.skip("tests/metrics_test is not built")
    return subprocess.run([printer, argument], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def names():
    """All names of samples: a histogram has three."""
    known = {*FOREIGN_NAMES, *ENGINE}
    for line in run_printer("--print").splitlines():
        name, kind, _help = line.split("\t")
        known |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    assert len(known) > 20
    return known


@pytest.fixture(scope="module")
def labels():
    """The labels of each sample that was rendered."""
    known = {"up": set(), **ENGINE}
    for line in run_printer("--render").splitlines():
        if line.startswith("#"):
            continue
        name = re.match(r"[a-z0-9_]+", line).group()
        known.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', line))
    return known


def rule_expressions():
    """Without a YAML library: `expr:` and the more indented lines that follow it."""
    lines = RULES.read_text().splitlines()
    for number, line in enumerate(lines):
        match = re.match(r"( *)expr: *(.*)", line)
        if not match:
            continue
        parts = [match[2].strip("|")]
        for following in lines[number + 1 :]:
            if len(following) - len(following.lstrip()) <= len(match[1]):
                break
            parts.append(following.strip())
        yield " ".join(parts)


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if "definition" in variable:
            yield variable["definition"]


def test_the_families_of_the_engine_are_those_in_its_code():
    code = "".join(path.read_text() for path in (ROOT / "worker/run").rglob("*.c"))
    assert set(re.findall(r'(?:static const char name\[\] = |\{)"(leveret_\w+)"[;,]', code)) == set(ENGINE)


@pytest.mark.parametrize("expressions, at_least", [(rule_expressions, 15), (dashboard_expressions, 30)])
def test_every_metric_that_is_asked_for_exists(expressions, at_least, names):
    asked = list(expressions())
    assert len(asked) >= at_least
    for expression in asked:
        used = set(WORD.findall(STRING.sub('""', expression)))
        assert used, f"no metric in: {expression}"
        assert used <= names, f"{used - names} in: {expression}"


@pytest.mark.parametrize("expressions", [rule_expressions, dashboard_expressions])
def test_every_label_that_is_matched_exists(expressions, labels):
    for expression in expressions():
        for name, matchers in SELECTOR.findall(expression):
            used = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", STRING.sub('""', matchers)))
            assert used <= labels[name] | FOREIGN_LABELS, f"{used} of {name} in: {expression}"


def test_every_metric_is_on_the_dashboard_or_in_a_rule(names):
    shown = " ".join([*rule_expressions(), *dashboard_expressions()])
    unused = {name for name in names if not name.endswith(("_bucket", "_sum", "_count")) and name not in shown}
    assert unused <= {"leveret_consuming", "process_open_fds"}


def test_the_panels_of_the_dashboard_do_not_overlap():
    taken = set()
    identifiers = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        assert panel["id"] not in identifiers
        taken |= cells
        identifiers.add(panel["id"])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (package prometheus)")
@pytest.mark.parametrize("command", [["check", "rules", RULES], ["test", "rules", RULES_TEST]])
def test_promtool_accepts_the_rules(command):
    done = subprocess.run([PROMTOOL, *command], capture_output=True, text=True, cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def values(worker):
    """Name -> value of the samples without labels."""
    lines = worker.get("/metrics")[1].splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line[0] != "#" and "{" not in line}


def test_readiness_and_the_process_are_measured(bench):
    began = time.time()
    worker = bench.worker()
    told = worker.get("/readyz?verbose")[1].splitlines()
    for line in ("the broker connection is up", "the publisher's connection is up", "redis takes writes"):
        assert line in told, told
    shown = values(worker)
    assert shown["leveret_ready"] == 1
    assert began - 60 < shown["process_start_time_seconds"] <= time.time()
    assert 1e6 < shown["process_resident_memory_bytes"] < 1e10
    assert shown["process_open_fds"] >= len([0, 1, 2])
    assert 0 < shown["process_cpu_seconds_total"] < time.time() - began + 10
    bench.broker.delete_queue(bench.queue, bench.vhost)
    worker.wait_not_ready()
    assert values(worker)["leveret_ready"] == 0
