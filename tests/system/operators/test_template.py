"""`leveret template render`: Mustache by the specification, strict unless asked; whatever a template does, it ends."""
import json
import os
import pathlib
import subprocess

import pytest

from harness.worker import ROOT, binary

SPEC = [path for path in (os.environ.get("LEVERET_MUSTACHE_SPEC"), ROOT.parent / "shared/mustache-spec", ROOT.parents[1] / "shared/mustache-spec") if path]


def render(directory, template, *words, name="page.html.mustache", **options):
    (directory / name).write_text(template, newline="")
    return subprocess.run([binary(), "template", "render", "--template", directory / name, *map(str, words)], text=True, capture_output=True,
                          timeout=60, **options)


def specification():
    """Module and tests of each file that is there; none where the official tests are not."""
    directory = next((pathlib.Path(path) for path in SPEC if pathlib.Path(path).is_dir()), None)
    return [] if directory is None else sorted((path.stem, json.loads(path.read_text())["tests"]) for path in directory.glob("*.json"))


def passes(directory, test):
    partials = directory / "partials"
    partials.mkdir(parents=True)
    for name, text in test.get("partials", {}).items():
        (partials / f"{name}.mustache").write_text(text, newline="")
    command = ["--partials", partials, "--data", json.dumps(test["data"]), "--lenient"]
    (directory / "test.mustache").write_text(test["template"], newline="")
    done = subprocess.run([binary(), "template", "render", "--template", directory / "test.mustache", *command], capture_output=True, timeout=60)
    return (done.returncode, done.stdout.decode()) == (0, test["expected"])


@pytest.mark.faults  # a process for each; tests/unit/core/template/template_spec_test.c takes them all at once
@pytest.mark.skipif(not specification(), reason="the official tests of Mustache are not here; LEVERET_MUSTACHE_SPEC may name their folder")
@pytest.mark.parametrize("modules, wanted", [({"comments", "delimiters", "interpolation", "inverted", "partials", "sections"}, 136), ({"inheritance"}, 27)])
def test_the_official_tests_pass(tmp_path, modules, wanted):
    tests = [test for module, tests in specification() if module in modules for test in tests]
    failed = [test["name"] for number, test in enumerate(tests) if not passes(tmp_path / str(number), test)]
    assert (len(tests), failed) == (wanted, [])


def test_what_is_missing_is_named_with_its_place(tmp_path):
    answer = render(tmp_path, "Dear\n{{#customer}}{{name}}{{/customer}}", "--data", '{"customer": {"email": "a@x.test"}}')
    assert answer.returncode == 1 and answer.stdout == "", answer
    assert f"{tmp_path}/page.html.mustache:2:14: name is missing" in answer.stderr, answer


def test_text_is_not_escaped(tmp_path):
    words = ["--data", '{"x": "<&>"}']
    assert render(tmp_path, "{{x}}", *words).stdout == "&lt;&amp;&gt;"
    assert render(tmp_path, "{{x}}", *words, name="page.txt.mustache").stdout == "<&>"


@pytest.mark.parametrize("template, partial, data, said", [
    ("{{>p}}", "{{>p}}", {}, "p.mustache:1:1: more than 100 inside each other; does a partial name itself?"),
    ("{{#a}}" * 9 + "{{/a}}" * 9, "", {"a": list(range(99))}, "more than 1000000 steps"),
    ("{{{x}}}" * 11, "", {"x": "x" * 1048576}, "page.html.mustache:1:8: more than 1048576 bytes come out"),
    ("{{x}}", "", {"x": "&" * 1048576}, "more than 1048576 bytes come out"),
    ("{{#a}}" * 200, "", {}, "more than 50 tags inside each other"),
    ("{{>p}}", "{{#unclosed}}", {}, "p.mustache:1:1: {{/unclosed}} is missing"),
    ("x" * 262145, "", {}, "is larger than 262144 bytes"),
], ids=["recursion", "bomb", "output", "value", "nesting", "broken partial", "large file"])
def test_what_would_not_end_ends_soon_and_small(tmp_path, template, partial, data, said):
    (tmp_path / "p.mustache").write_text(partial)
    (tmp_path / "data.json").write_text(json.dumps(data))
    page, out, err = tmp_path / "page.html.mustache", tmp_path / "out", tmp_path / "err"
    page.write_text(template, newline="")
    command = [binary(), "template", "render", "--template", page, "--partials", tmp_path, "--data", f"@{tmp_path}/data.json"]
    with out.open("w") as stdout, err.open("w") as stderr:
        _, status, usage = os.wait4(subprocess.Popen(command, stdout=stdout, stderr=stderr).pid, 0)  # of this child alone
    assert os.waitstatus_to_exitcode(status) == 1 and said in err.read_text() and out.read_text() == "", err.read_text()
    assert usage.ru_utime < 10 and usage.ru_maxrss < 512 * 1024, usage  # with sanitizers too


@pytest.mark.parametrize("name", ["../p", "/etc/passwd", ".hidden"])
def test_a_partial_leads_nowhere_else(tmp_path, name):
    (tmp_path / "p.mustache").write_text("secret")
    (tmp_path / "within").mkdir()
    answer = render(tmp_path, "{{>%s}}" % name, "--partials", tmp_path / "within")
    assert answer.returncode == 1 and "there is no partial" in answer.stderr, answer
