"""What the README tells a stranger to do is done here, word for word."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import worker as program

ROOT = pathlib.Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()


def block(language, number=0):
    """The code of that language in the README, as it stands there."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.S | re.M)
    assert len(found) > number, f"the README has no {language} block {number}"
    return found[number]


def sources(directory):
    """A copy of what a clone has."""
    copy = directory / "leveret"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git", "node_modules", "__pycache__"))
    return copy


def run(argv, cwd, within=120, **env):
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, text=True, capture_output=True, timeout=within)
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


def has_come(bench, id):
    bench.wait_state(id, "completed")
    assert [mail["subject"] for mail in bench.sink.wait_for(1)] == ["Order created: Tea"]


def test_the_python_example_publishes_an_order(bench, tmp_path):
    bench.worker()
    (tmp_path / "publish.py").write_text(block("python"))
    run(["/usr/bin/python3", "publish.py"], tmp_path, AMQP_URL=bench.url)
    has_come(bench, "order-42")


def test_the_node_example_publishes_an_order(bench, node_publisher):
    bench.worker()
    script = node_publisher.directory / "readme.js"
    script.write_text(block("javascript"))
    run(["node", script.name], node_publisher.directory, AMQP_URL=bench.url)
    has_come(bench, "order-43")


def test_the_go_example_publishes_an_order(bench, tmp_path):
    if not shutil.which("go") or not pathlib.Path("/usr/share/gocode/src/github.com/rabbitmq/amqp091-go").exists():
        pytest.skip("golang-go and golang-github-rabbitmq-amqp091-go-dev are not installed")
    bench.worker()
    (tmp_path / "publish.go").write_text(block("go"))
    run(["go", "run", "publish.go"], tmp_path, AMQP_URL=bench.url, GO111MODULE="off", GOPATH="/usr/share/gocode",
        GOCACHE=str(ROOT / "build" / "go-cache"), GOFLAGS="", HOME=str(tmp_path))
    has_come(bench, "order-44")


def test_the_shell_example_publishes_an_order_and_waits_for_it(bench, tmp_path):
    bench.worker()
    script = block("sh").replace("leveret ", f"{program.binary()} ", 1)
    environment = program.environment(tmp_path, LEVERET_AMQP_URL=bench.url, LEVERET_REDIS_URL=bench.redis.url,
                                      LEVERET_MAIL_TRANSPORT="log")
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "order-45"
    has_come(bench, "order-45")


def test_the_smallest_configuration_is_accepted(tmp_path):
    (tmp_path / "leveret.yaml").write_text(block("yaml", 1))
    run([program.binary(), "check", "--offline", "-c", "leveret.yaml"], tmp_path, AMQP_PASSWORD="secret",
        RESEND_API_KEY="re_123")


def test_the_line_of_a_handler_may_be_added_anywhere_in_the_list(tmp_path):
    head, define, rest = (ROOT / "handlers" / "handlers.c").read_text().partition("#define HANDLERS(X)")
    first, *lines = rest.splitlines(keepends=True)
    entries = [number for number, line in enumerate(lines) if line.startswith("        X(")][:3]
    assert entries == [0, 1, 2]
    for place in (0, 1, 2, 3):
        table = tmp_path / f"handlers{place}.c"
        table.write_text(head + define + first + "".join([*lines[:place], block("c", 1), *lines[place:]]))
        run(["cc", "-std=c17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'worker'}", str(table)], tmp_path)


def test_a_file_and_a_line_are_all_that_a_handler_takes(tmp_path):
    copy = sources(tmp_path)
    (copy / "handlers" / "welcome_v1.c").write_text(block("c"))
    table = copy / "handlers" / "handlers.c"
    head, first, rest = table.read_text().partition("        X(email_send_v1)")
    assert first
    table.write_text(head + block("c", 1) + first + rest)
    run(["cmake", "-S", str(copy), "-B", "build", "-DCMAKE_BUILD_TYPE=None", "-DLEVERET_TESTS=OFF", "-DLEVERET_WERROR=ON",
         "-DCMAKE_OPTIMIZE_DEPENDENCIES=ON"], copy)  # the handlers alone
    run(["cmake", "--build", "build", "--target", "leveret_handlers"], copy)
    assert "welcome_v1" in run(["nm", "build/libleveret_handlers.a"], copy)


def test_the_handler_of_the_readme_does_what_the_readme_shows():
    """By a program of its own, of the tests' build (tests/readme)."""
    with_welcome = program.binary().parent / "tests" / "readme" / "leveret_of_the_readme"
    console = block("console", 1)
    commands = re.findall(r"^\$ build/release/leveret (.*)$", console, re.M)
    shown = re.split(r"^\$ .*\n", console, flags=re.M)[2:]
    assert len(commands) == len(shown) == 2
    for command, expected in zip(commands, shown):
        done = subprocess.run(["sh", "-c", f"{with_welcome} {command}"], text=True, capture_output=True, timeout=30)
        assert (done.stdout + done.stderr).strip() == expected.strip()


def test_the_demonstration_ends_as_it_says(tmp_path):
    """`script/demo --exit` without what it installs and builds."""
    copy = sources(tmp_path)
    (copy / "build" / "release").mkdir(parents=True)
    (copy / "build" / "release" / "leveret").symlink_to(program.crash_binary())
    done = subprocess.run(["/usr/bin/python3", copy / "script" / "demo.py", "--exit"], text=True, capture_output=True, timeout=300)
    assert done.returncode == 0 and "\nEvery job ended as expected.\n" in done.stdout, done
