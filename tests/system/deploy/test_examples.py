"""The publishers of examples/ do as they tell others: confirmed, mandatory, with id, type, subject and trace."""
import os
import pathlib
import shutil
import subprocess

import pytest

from harness.worker import ROOT, binary, environment

EXAMPLES = ROOT / "examples"
PYTHON = "/usr/bin/python3"
GO_SOURCES = pathlib.Path("/usr/share/gocode/src/github.com/rabbitmq/amqp091-go")
JAVA_CLIENT = [pathlib.Path("/usr/share/java") / name for name in ("amqp-client.jar", "slf4j-api.jar", "slf4j-nop.jar")]
PHP_CLIENT = pathlib.Path("/usr/share/php/PhpAmqpLib/autoload.php")


def need(there, what):
    if not there:
        pytest.skip(f"{what} is not here; script/bootstrap examples installs it")


def run_or_fail(words, directory, **env):
    done = subprocess.run(words, cwd=directory, text=True, capture_output=True, timeout=180, env={**os.environ, **env})
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"


def prepare_python(_):
    return [PYTHON, EXAMPLES / "python" / "publish.py"]


def prepare_node(directory):
    need(shutil.which("npm") and shutil.which("node"), "npm")
    for name in ("publish.js", "package.json", "package-lock.json"):
        shutil.copy(EXAMPLES / "node" / name, directory)
    run_or_fail(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], directory)
    return ["node", directory / "publish.js"]


def prepare_go(directory):
    need(shutil.which("go"), "Go")
    need(GO_SOURCES.exists(), "golang-github-rabbitmq-amqp091-go-dev")
    run_or_fail(["go", "build", "-o", directory / "publish", EXAMPLES / "go" / "publish.go"], directory, GO111MODULE="off",
                GOPATH="/usr/share/gocode", GOCACHE=str(ROOT / "build" / "go-cache"), GOFLAGS="", GOROOT="")
    return [directory / "publish"]


def prepare_php(_):
    need(shutil.which("php"), "PHP")
    need(PHP_CLIENT.exists(), "php-amqplib")
    return ["php", EXAMPLES / "php" / "publish.php"]


def prepare_java(directory):
    need(shutil.which("javac"), "Java")
    need(all(jar.exists() for jar in JAVA_CLIENT), "librabbitmq-client-java")
    path = ":".join(map(str, JAVA_CLIENT))
    run_or_fail(["javac", "-cp", path, "-d", directory, EXAMPLES / "java" / "Publish.java"], directory)
    return ["java", "-cp", f"{path}:{directory}", "Publish"]


def prepare_shell(directory):
    (directory / "leveret").symlink_to(binary())
    return [EXAMPLES / "shell" / "publish.sh"]


LANGUAGES = {"python": prepare_python, "node": prepare_node, "go": prepare_go, "php": prepare_php, "java": prepare_java,
             "shell": prepare_shell}


@pytest.fixture(scope="module", params=LANGUAGES)
def example(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    words = LANGUAGES[request.param](directory)

    def run(bench, order_id):
        env = environment(directory, AMQP_URL=bench.url, REDIS_URL=bench.redis.url)
        env["PATH"] = f"{directory}:{env['PATH']}"
        return subprocess.run([*map(str, words), str(order_id)], cwd=directory, text=True, capture_output=True, timeout=60,
                              env=env)

    run.language = request.param
    return run


def test_an_example_publishes_an_order_whose_mail_goes_out_with_its_trace(bench, example):
    worker = bench.worker()
    done = example(bench, 4711)
    assert done.returncode == 0, done.stderr
    id = done.stdout.split()[-1]
    job = bench.wait_state(id, "completed")
    assert (job["type"], job["subject"]) == ("order.created.v1", "order/4711")
    assert [mail["to"] for mail in bench.sink.wait_for(1)] == ["ada@example.com"]
    ends = [entry for entry in worker.log() if entry.get("id") == id and entry.get("outcome") == "completed"]
    assert len(ends) == 1 and len(ends[0]["trace_id"]) == 32, worker.log()


def test_an_example_publishes_a_message_that_outlives_the_broker(bench, example):
    assert bench.leveret().run("topology", "apply").returncode == 0
    assert example(bench, 4712).returncode == 0
    [message] = bench.dead_letters(1, queue=bench.queue)
    assert message.properties.delivery_mode == 2
    assert message.properties.content_type == "application/json"
    assert message.properties.timestamp
    assert message.data()["order_id"] == 4712


def test_an_example_fails_when_no_queue_wants_its_message(bench, example):
    """Without leveret's topology there is no alternate exchange: the mandatory message comes back."""
    with bench.broker.connect(bench.vhost) as connection:
        connection.channel().exchange_declare("leveret.in", "topic", durable=True)
    assert example(bench, 4713).returncode != 0


def test_an_example_fails_when_the_exchange_is_missing(bench, example):
    assert example(bench, 4714).returncode != 0
