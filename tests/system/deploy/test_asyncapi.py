"""`leveret type asyncapi` describes every type, in a document that AsyncAPI's own parser takes."""
import json
import shutil
import subprocess

import pytest

PARSER = "@asyncapi/parser@3.6.3"
SCRIPT = """
const { Parser } = require('@asyncapi/parser');
new Parser().parse(require('fs').readFileSync('document.json', 'utf8')).then(({ document, diagnostics }) => {
  const found = diagnostics.map((d) => ({ severity: d.severity, text: `${d.path.join('.')}: ${d.message}` }));
  console.log(JSON.stringify({ ids: document ? document.messages().all().map((m) => m.id()) : null, found }));
});
"""


@pytest.fixture
def document(bench):
    answer = bench.leveret().run("type", "asyncapi")
    assert answer.returncode == 0, answer
    return answer.json()


def test_every_type_is_a_message_with_an_example_that_a_handler_takes(bench, document):
    types = [row["type"] for row in map(json.loads, bench.leveret().run("type", "list", "-o", "json").stdout.splitlines())]
    messages = document["components"]["messages"]
    assert sorted(messages) == sorted(types) == sorted(document["channels"]["in"]["messages"])
    for type, message in messages.items():
        answer = bench.leveret().run("plan", type, "--data", json.dumps(message["examples"][0]["payload"]))
        assert answer.returncode == 0, (type, answer)
        assert "$schema" not in message["payload"] and message["payload"]["type"] == "object"


@pytest.mark.containers  # fetches the parser and its 168 packages
def test_the_official_parser_finds_no_fault(document, tmp_path):
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", PARSER], cwd=tmp_path, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (tmp_path / "document.json").write_text(json.dumps(document))
    (tmp_path / "validate.js").write_text(SCRIPT)
    done = subprocess.run(["node", "validate.js"], cwd=tmp_path, text=True, capture_output=True, timeout=60)
    said = json.loads(done.stdout)
    assert sorted(said["ids"]) == sorted(document["components"]["messages"])
    assert not [entry for entry in said["found"] if entry["severity"] < 2], said  # 0 errors, 1 warnings
