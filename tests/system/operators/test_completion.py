"""bash completion and the pages of --help: both know every command."""
import os
import re
import subprocess

import pytest

from harness.worker import ROOT, binary

COMPLETION = ROOT / "completions" / "leveret.bash"


def complete(line, directory="/"):
    """What bash offers at the end of `line`."""
    words = line.split(" ")
    words[0] = str(binary())
    script = f"""source {COMPLETION}
COMP_WORDS=({' '.join(f"'{w}'" for w in words)}); COMP_CWORD={len(words) - 1}
_leveret; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script], text=True, capture_output=True, cwd=directory, timeout=30,
                          env={"PATH": os.environ["PATH"], "LEVERET_MAIL_TRANSPORT": "log"})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def help_of(*words):
    return subprocess.run([binary(), *words], text=True, capture_output=True, timeout=30)


def commands():
    return re.findall(r"^  ([a-z]+) ", help_of("--help").stdout, re.MULTILINE)


def test_every_command_is_offered():
    assert set(commands()) <= set(complete("leveret "))
    assert "dlq" in complete("leveret dl") and complete("leveret dl") == ["dlq"]


@pytest.mark.parametrize("line, words", [
    ("leveret dlq ", {"groups", "list", "show", "redrive", "drop", "purge", "export", "sync"}),
    ("leveret dlq redrive leveret.work --", {"--all", "--dry-run", "--rate", "--edit", "--to", "--reason", "--type"}),
    ("leveret dlq redrive ", {"leveret.work", "leveret.unrouted"}),
    ("leveret -o json queue pause ", {"leveret.work"}),
    ("leveret dlq list leveret.work --reason bad", {"bad_payload", "bad_id"}),
    ("leveret publish ", {"order.created.v1", "email.send.v1"}),
    ("leveret health ", {"live", "ready", "serve"}),
    ("leveret job list -o ", {"table", "json"}),
    ("leveret job ", {"show", "list", "forget", "cancel"}),
])
def test_what_fits_is_offered(line, words):
    assert words <= set(complete(line)), complete(line)


def test_every_command_has_a_page_with_an_example():
    for command in commands():
        page = help_of(command, "--help")
        assert page.returncode == 0 and not page.stderr, page.stderr
        assert "Example: leveret" in page.stdout and "usage: leveret " + command in page.stdout, command
        assert all(len(line) <= 80 for line in (page.stdout + help_of("--help").stdout).splitlines()), command


def test_the_options_that_the_page_names_are_offered():
    page = help_of("dlq", "--help").stdout
    offered = set().union(*(complete(f"leveret dlq {verb} q --") for verb in ("list", "show", "redrive", "drop")))
    assert set(re.findall(r"--[a-z-]+", page)) - {"--set", "--help", "--yes"} <= offered | {"--search"}
