"""One private broker, Redis and sink for the session; a virtual host and an empty Redis for every test."""
import pathlib
import signal

import pytest

from harness import canary
from harness.api import Api
from harness.bench import Bench
from harness.publish import NodePublisher
from harness.rabbitmq import RabbitMQ
from harness.redis import Redis
from harness.servers.postgres import Postgres
from harness.sink import Sink


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a time limit then ends the services too
    config.addinivalue_line("markers", "faults: harms the services or takes long; script/test --faults runs these")
    config.addinivalue_line("markers", "containers: builds and runs the image; script/test --containers runs these")


def pytest_addoption(parser):
    parser.addoption("--broker-root", help="run RabbitMQ by chroot in this root directory")


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # one of several processes that run side by side
        session.config.workeroutput["looked_for_secrets"] = dict(canary.seen)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    canary.seen.update(getattr(node, "workeroutput", {}).get("looked_for_secrets", {}))


def pytest_terminal_summary(terminalreporter):
    if canary.seen:
        looked = ", ".join(f"{count} {what}" for what, count in canary.seen.items())
        terminalreporter.write_line(f"looked for secrets, addresses and bodies in {looked}")


@pytest.fixture(scope="session")
def broker(request):
    with RabbitMQ(root=request.config.getoption("--broker-root")) as node:
        yield node


@pytest.fixture(scope="session")
def redis():
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def postgres():
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def sink():
    with Sink() as server:
        yield server


@pytest.fixture(scope="session")
def node_publisher():
    publisher = NodePublisher()
    yield publisher
    publisher.stop()


@pytest.fixture
def bench(broker, redis, sink, tmp_path: pathlib.Path):
    """Everything one test needs; after it, every worker's log and the sanitizers' reports are looked at."""
    made = Bench(broker, redis, sink, tmp_path)
    yield made
    made.close()


@pytest.fixture
def serve(bench):
    """Starts processes of `leveret serve`; they end with the test."""
    running = []

    def start(leveret=None, **options):
        running.append(Api(leveret or bench.leveret(name="serve"), **options))
        return running[-1]

    yield start
    for api in running:
        api.stop()
