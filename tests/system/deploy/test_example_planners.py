"""The planners of examples/ plan what their README says, in each language that is here."""
import shutil

import pytest

from harness.publish import Message
from harness.worker import ROOT

PLANNERS = {"python": ["/usr/bin/python3", ROOT / "examples/python/planner.py"],
            "node": ["node", ROOT / "examples/node/planner.js"],
            "php": ["php", ROOT / "examples/php/planner.php"]}


@pytest.mark.parametrize("language", PLANNERS)
def test_a_planner_of_examples_plans(bench, language):
    program, script = PLANNERS[language]
    if not shutil.which(str(program)):
        pytest.skip(f"{program} is not here; script/bootstrap examples installs it")
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 16
    bench.worker(handlers={"cart.left.v1": {"plan": {"exec": [str(program), str(script)]}}})
    left = [Message("cart.left.v1", {"email": f"{n}@example.com", "items": ["tea", "Tasse für zwei"]}) for n in range(20)]
    empty = Message("cart.left.v1", {"email": "x@example.com", "items": []})
    bench.publish(*left, empty)
    assert bench.wait_state(empty, "dead")["error"] == "an empty cart"
    for message in left:
        bench.wait_state(message, "completed")
    (mail,) = bench.sink.mails(to="7@example.com")
    assert mail["text"] == "In your cart: tea, Tasse für zwei"
