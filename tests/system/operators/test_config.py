"""A configuration that is wrong is refused before anything is connected, with place, cause and no secret."""
import pytest

from harness.publish import order
from harness.wait import wait_until

SECRET = "re_very_secret_key"

# name -> (changes or a whole file, what must be told)
WRONG = {
    "an unknown key with a suggestion": ({"amqp": {"ulr": "x"}}, ["ulr", "url"]),
    "an unknown section": ({"mails": {"from": "x"}}, ["mails", "mail"]),
    "a time without a unit": ({"claim": {"lease": "60 fortnights"}}, ["lease"]),
    "a number that is none": ({"max_body": "much"}, ["max_body"]),
    "a prefetch of nothing": ({"queues": [{"name": "q", "prefetch": 0}]}, ["prefetch"]),
    "a transport nobody has": ({"mail": {"transport": "pigeon"}}, ["transport", "pigeon"]),
    "a mode of topology nobody has": ({"topology": "maybe"}, ["topology", "maybe"]),
    "a sender that is no address": ({"mail": {"from": "nobody"}}, ["from"]),
    "a URL of another scheme": ({"amqp": {"url": "http://127.0.0.1/"}}, ["amqp.url"]),
    "no YAML": ("amqp: [", []),
    "a list at the top": ("- 1\n", []),
    "the same queue twice": ({"queues": [{"name": "q"}, {"name": "q"}]}, ["q"]),
    "plaintext to elsewhere": ({"redis": {"url": "redis://192.0.2.1:6379/0"}}, ["redis"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_exit_78_with_its_place(bench, case):
    changes, names = WRONG[case]
    leveret = bench.leveret(changes) if isinstance(changes, str) else bench.leveret(**changes)
    answer = leveret.run("check", "--offline")
    assert answer.returncode == 78, answer
    told = answer.stdout + answer.stderr
    assert "leveret.yaml:" in told and all(name in told for name in names), answer
    assert leveret.run("run", within=20).returncode == 78
    assert bench.broker.connection_count() == 0, "nothing was connected"


def test_all_errors_are_told_at_once(bench):
    answer = bench.leveret(amqp={"ulr": "x"}, topology="maybe", claim={"lease": "soon"}).run("check", "--offline")
    assert answer.returncode == 78 and all(word in answer.stdout + answer.stderr for word in ("ulr", "maybe", "soon")), answer


def test_a_missing_file_is_exit_78(bench):
    leveret = bench.leveret()
    leveret.config_path.unlink()
    assert leveret.run("check", "--offline").returncode == 78


def test_without_a_file_it_is_told_where_one_was_looked_for(bench):
    answer = bench.leveret().run("check", "--offline", config=False)
    assert answer.returncode == 78 and "config/leveret.yaml, /etc/leveret/leveret.yaml" in answer.stderr, answer
    assert "-c FILE" in answer.stderr and "LEVERET_CONFIG" in answer.stderr, answer
    assert "looked for" not in bench.leveret(topology="maybe").run("check", "--offline").stderr


def test_the_environment_may_name_the_file_and_the_command_line_another(bench):
    leveret = bench.leveret()
    env = {"LEVERET_CONFIG": leveret.config_path}
    good = leveret.run("check", "--offline", config=False, env=env)
    assert good.returncode == 0 and not good.stderr, good
    assert leveret.run("check", "--offline", "-c", leveret.directory / "none.yaml", config=False, env=env).returncode == 78
    assert leveret.run("check", "--offline", config=False, env={"LEVERET_CONFIG": "none.yaml"}).returncode == 78
    misspelt = leveret.run("check", "--offline", env={"LEVERET_CONFG": "none.yaml"})
    assert misspelt.returncode == 0 and "did you mean LEVERET_CONFIG?" in misspelt.stderr, misspelt


def test_the_environment_overrides_the_file_and_set_overrides_both(bench):
    nowhere, here = "http://127.0.0.1:1", bench.sink.http_url
    send = ("mail", "test", "--to", "ada@example.com")
    leveret = bench.leveret(mail={"http": {"url": nowhere}})
    assert leveret.run(*send).returncode == 1
    assert leveret.run(*send, env={"LEVERET_MAIL_HTTP_URL": here}).returncode == 0
    assert leveret.run(*send, "--set", f"mail.http.url={here}", env={"LEVERET_MAIL_HTTP_URL": nowhere}).returncode == 0
    assert bench.sink.count() == 2


def test_errors_name_the_variable_or_the_argument_they_stand_in(bench):
    leveret = bench.leveret()
    by_env = leveret.run("check", "--offline", env={"LEVERET_CLAIM_LEASE": "soon"})
    assert by_env.returncode == 78 and "LEVERET_CLAIM_LEASE" in by_env.stderr, by_env
    by_set = leveret.run("check", "--offline", "--set", "claim.lease=later")
    assert by_set.returncode == 78 and "--set" in by_set.stderr and "later" in by_set.stderr, by_set


def test_values_take_variables_with_defaults_and_secrets_come_from_files(bench):
    leveret = bench.leveret(mail={"http": {"url": "${SINK_URL}", "api_key": None}}, redis={"prefix": "${PREFIX:-other}"})
    key_file = leveret.directory / "key"
    key_file.write_text(SECRET + "\n")
    key_file.chmod(0o600)
    env = {"SINK_URL": bench.sink.http_url, "LEVERET_MAIL_HTTP_API_KEY_FILE": key_file}
    answer = leveret.run("mail", "test", "--to", "ada@example.com", env=env)
    assert answer.returncode == 0, answer
    (mail,) = bench.sink.mails()
    assert mail["authorization"] == f"Bearer {SECRET}"
    unset = leveret.run("check", "--offline", env={})
    assert unset.returncode == 78 and "SINK_URL" in unset.stdout + unset.stderr, unset


def test_secrets_are_in_no_output(bench):
    leveret = bench.leveret(mail={"http": {"api_key": SECRET}}, amqp={"url": "amqp://guest:hidden-password@127.0.0.1:1/"},
                            log={"level": "debug"}, topology="maybe")
    for words in (["check"], ["check", "--offline"], ["run"]):
        answer = leveret.run(*words, within=30)
        assert SECRET not in repr(answer) and "hidden-password" not in repr(answer), answer


def test_refused_credentials_are_exit_78_at_the_first_connect(bench):
    url = bench.broker.url(bench.vhost, "guest", "wrong-password")
    worker = bench.leveret(amqp={"url": url}).start(ready=False)
    assert worker.wait(within=30) == 78
    assert "wrong-password" not in worker.process.stderr()


def test_a_missing_virtual_host_is_exit_78_at_the_first_connect(bench):
    worker = bench.leveret(amqp={"url": bench.broker.url("nowhere")}).start(ready=False)
    assert worker.wait(within=30) == 78


def test_an_admin_port_that_is_taken_is_told(bench):
    worker = bench.worker()
    answer = bench.last.run("run", "--set", f"admin.listen=127.0.0.1:{worker.admin_port}", within=30)
    assert answer.returncode == 78 and str(worker.admin_port) in answer.stderr, answer
    assert "set it to another port, or off" in answer.stderr, answer


def test_sighup_reloads_and_keeps_the_old_configuration_on_an_error(bench):
    worker = bench.worker()
    bench.last.config_path.write_text("amqp: [\n")
    worker.hang_up()
    wait_until(lambda: [e for e in worker.log() if e.get("level") == "error"], what="an error in the log")
    assert worker.is_ready() and worker.process.is_alive()


def test_a_reload_changes_the_prefetch_the_rate_of_mails_and_the_level_of_the_log(bench):
    worker = bench.worker()
    bench.last.change(queues=[{**bench.config()["queues"][0], "prefetch": 7}], mail={"rate": "2/s"}, log={"level": "warn"})
    worker.hang_up()
    wait_until(lambda: worker.status()["queues"][0]["prefetch"] == 7, what="the prefetch of the file")
    bench.publish(*[order(n) for n in range(1, 7)])
    bench.wait_completed(6)
    sent = [attempt["at"] for attempt in bench.sink.attempts()]
    assert sent[-1] - sent[0] >= 1.9, "two at once, then two a second"
    assert not worker.logged(event="job_end"), "what went well is not worth a line any more"
