"""The addresses of services as people write them: IPv6, passwords of any characters, options in the URL, several nodes."""
import urllib.parse

import pytest

from harness.proxy import Proxy
from harness.publish import email, order
from harness.wait import wait_until
from harness.ports import free_port

PASSWORD = "p@ss:w/rd?#%&+ ,"


@pytest.fixture
def login(bench):
    """A user of the broker and one of Redis, both with a password that no URL takes as it is."""
    user = f"strange-{bench.vhost}"
    bench.broker.add_user(user, PASSWORD, bench.vhost)
    bench.redis.client.execute_command("ACL", "SETUSER", user, "reset", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    yield user
    bench.redis.client.execute_command("ACL", "DELUSER", user)


def amqp_hosts(bench, login, hosts):
    return f"amqp://{login}@{hosts}/{bench.vhost}"


def test_every_service_is_reached_at_an_ipv6_address(bench):
    six = {name: Proxy(port, listen=("::1", 0)) for name, port in
           (("amqp", bench.broker.port), ("redis", bench.redis.port), ("mail", bench.sink.http_port))}
    config = bench.config()
    urls = {name: url.replace(f"127.0.0.1:{port}", f"[::1]:{six[name].port}") for name, url, port in
            (("amqp", config["amqp"]["url"], bench.broker.port), ("redis", config["redis"]["url"], bench.redis.port),
             ("mail", config["mail"]["http"]["url"], bench.sink.http_port))}
    leveret = bench.leveret(amqp={"url": urls["amqp"]}, redis={"url": urls["redis"]}, mail={"http": {"url": urls["mail"]}})
    assert leveret.run("topology", "apply").returncode == 0
    check = leveret.run("check")
    assert check.returncode == 0, check
    leveret.start()
    bench.wait_state(bench.publish(email("ada@example.com")), "completed")
    bench.sink.wait_for(1)
    for proxy in six.values():
        proxy.close()


@pytest.mark.parametrize("way", ["variable in the URL", "settings", "files"])
def test_a_password_of_any_characters_logs_in(bench, login, way, tmp_path):
    amqp, redis = f"127.0.0.1:{bench.broker.port}/{bench.vhost}", f"127.0.0.1:{bench.redis.port}/0"
    env = {"STRANGE": PASSWORD}
    own = {"username": login, "password": "${STRANGE}"}
    if way == "variable in the URL":
        changes = {"amqp": {"url": f"amqp://{login}:${{STRANGE}}@{amqp}"}, "redis": {"url": f"redis://{login}:${{STRANGE}}@{redis}"}}
    elif way == "settings":
        changes = {"amqp": {"url": f"amqp://{amqp}", **own}, "redis": {"url": f"redis://{redis}", **own}}
    else:
        (tmp_path / "username").write_text(login + "\n")
        (tmp_path / "password").write_text(PASSWORD + "\n")
        changes = {"amqp": {"url": f"amqp://{amqp}"}, "redis": {"url": f"redis://{redis}"}}
        env = {f"LEVERET_{service}_{what}_FILE": str(tmp_path / what.lower()) for service in ("AMQP", "REDIS")
               for what in ("USERNAME", "PASSWORD")}
    leveret = bench.leveret(env=env, **changes)
    assert leveret.run("topology", "apply").returncode == 0
    assert leveret.run("check").returncode == 0
    worker = leveret.start()
    bench.wait_state(bench.publish(order(1)), "completed")
    with open(f"/proc/{worker.pid}/environ") as environ:
        assert PASSWORD not in environ.read()
    assert PASSWORD not in worker.process.stderr() and urllib.parse.quote(PASSWORD, safe="") not in worker.process.stderr()


@pytest.mark.parametrize("setting, url, said", [
    ("redis.url", "redis://127.0.0.1?db=2", "redis://host:6379/2"),
    ("amqp.url", "amqp://127.0.0.1/?heartbeat=10", "amqp.heartbeat"),
    ("amqp.url", "amqp://leveret:p@ss@127.0.0.1/", "%40 for @"),
    ("mail.http.url", "http://127.0.0.1:1/?key=1", "mail.http.api_key"),
    ("alerts.webhook", "http://127.0.0.1:1/#x", "fragment")])
def test_what_a_url_would_ignore_is_refused_with_what_to_write(bench, setting, url, said):
    answer = bench.leveret().run("check", "--offline", "--set", f"{setting}={url}")
    assert answer.returncode == 78 and said in answer.stderr, answer


def test_a_dead_node_of_the_list_is_passed_over(bench):
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{bench.broker.port}"
    user = urllib.parse.urlsplit(bench.url).netloc.rpartition("@")[0]
    leveret = bench.leveret(amqp={"url": amqp_hosts(bench, user, hosts)})
    for _ in range(6):  # the order is random
        answer = leveret.run("topology", "apply")
        assert answer.returncode == 0, answer
    leveret.start()
    bench.wait_state(bench.publish(order(1)), "completed")
    assert leveret.run("queue", "list").returncode == 0


def test_when_a_node_dies_consumer_and_publisher_go_to_another(bench):
    first, second = Proxy(bench.broker.port), Proxy(bench.broker.port)
    user = urllib.parse.urlsplit(bench.url).netloc.rpartition("@")[0]
    leveret = bench.leveret(amqp={"url": amqp_hosts(bench, user, f"127.0.0.1:{first.port},127.0.0.1:{second.port}")})
    worker = leveret.start()
    for number, dying in enumerate((first, second), 1):
        dying.refuse = True
        dying.cut()
        wait_until(lambda: worker.status()["publisher"]["up"] and worker.is_ready(), within=5, what="another node")
        bench.sink.script(503, to=f"again{number}@example.com")  # its retry needs the publisher
        bench.wait_state(bench.publish(email(f"again{number}@example.com")), "completed")
        dying.pass_all()
    first.close()
    second.close()
