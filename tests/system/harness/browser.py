"""Debian's Chromium, driven by npm's playwright-core through the journeys of tests/browser."""
import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from .api import TOKENS

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "browser"


class Browser:
    def __init__(self):
        self.chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if not self.chromium:
            pytest.skip("chromium is not here: script/bootstrap browser")
        if not shutil.which("npm") or not shutil.which("node"):
            pytest.skip("npm is not here")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leveret-browser-"))
        for path in SOURCE.glob("*.js*"):
            shutil.copy(path, self.directory)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=self.directory, text=True, capture_output=True, timeout=180)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci\n{done.stdout}{done.stderr}")

    def play(self, api, *journeys, scheme="light", width=1280, shots=None, within=240):
        """Each journey is (name, what it needs); all must go through without a complaint of the console, a request to elsewhere or a finding."""
        asked = {"chromium": self.chromium, "base": f"http://127.0.0.1:{api.port}", "tokens": TOKENS, "scheme": scheme, "width": width,
                 "shots": str(shots) if shots else None, "journeys": [{"name": name, **given} for name, given in journeys]}
        done = subprocess.run(["node", "drive.js", json.dumps(asked)], cwd=self.directory, text=True, capture_output=True, timeout=within)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        wrong = [row for row in told if row["error"] or row["complaints"] or row["foreign"] or row["findings"]]
        assert done.returncode == 0 and not wrong, "\n".join([done.stderr, *(f"{row['name']}: {value}" for row in wrong for value in row.values() if value)])
        assert [row["name"] for row in told] == [name for name, _ in journeys]

    def stop(self):
        shutil.rmtree(self.directory, ignore_errors=True)
