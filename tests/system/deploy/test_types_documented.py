"""What README.md and docs/types.md say of types as files is done here, word for word; the samples are carried out."""
import os
import pathlib
import re
import shlex
import subprocess

from harness import worker as program
from harness.publish import Message

ROOT = pathlib.Path(__file__).resolve().parents[3]


def block(document, language, number=0):
    """The code of that language in a document, as it stands there."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.S | re.M)
    assert len(found) > number, f"{document} has no {language} block {number}"
    return found[number]


def assert_console(text, directory):
    """Each command of a console block, with what it shows."""
    steps = re.split(r"^\$ (.*)\n", text, flags=re.M)[1:]
    assert len(steps) >= 4
    for command, shown in zip(steps[::2], steps[1::2]):
        argv = shlex.split(command)
        argv[0] = str(program.binary()) if argv[0] == "leveret" else argv[0]
        done = subprocess.run(argv, cwd=directory, text=True, capture_output=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")})
        assert (done.stdout + done.stderr).strip() == shown.strip(), command


def test_the_mail_in_five_minutes_of_the_readme(tmp_path):
    templates = tmp_path / "types" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "types" / "trial.ending.v1.yaml").write_text(block("README.md", "yaml"))
    for line in block("README.md", "mustache").splitlines():
        name, text = re.fullmatch(r"(\S+): +(.*)", line).groups()
        (templates / name).write_text(text + "\n")
    assert_console(block("README.md", "console"), tmp_path)


def test_the_commands_of_the_page_about_types(tmp_path):
    (tmp_path / "handlers").symlink_to(ROOT / "handlers")
    assert_console(block("docs/types.md", "console"), tmp_path)


def test_the_samples_are_carried_out_in_both_languages(bench):
    bench.worker(types={"path": [str(ROOT / "handlers")]})
    lines = [{"title": "Tea & cups", "count": 2}]
    told = {}
    for locale in ("en", "de-AT"):
        for message in (Message("order.shipped.v1", {"order_id": 42, "customer": {"email": f"{locale}@example.com", "locale": locale},
                                                     "lines": lines}),
                        Message("password.reset.v1", {"email": f"reset-{locale}@example.com", "link": "https://example.com/r?a=1&b=2",
                                                      "minutes": 30, "locale": locale})):
            bench.publish(message)
            bench.wait_state(message, "completed")
    for mail in bench.sink.mails():
        told[mail["to"]] = mail
    assert told["en@example.com"]["subject"] == "Your order 42 is on its way"
    assert told["de-AT@example.com"]["subject"] == "Deine Bestellung 42 ist unterwegs"
    assert "Tea &amp; cups" in told["de-AT@example.com"]["html"] and "2 x Tea & cups" in told["de-AT@example.com"]["text"]
    assert 'lang="de"' in told["reset-de-AT@example.com"]["html"]
    assert "https://example.com/r?a=1&b=2" in told["reset-en@example.com"]["text"]
    assert "https://example.com/r?a=1&amp;b=2" in told["reset-en@example.com"]["html"]
