"""What tests have of npm: a folder of tests/ with a package-lock.json, installed once into build/."""
import shutil
import subprocess

import pytest

from .worker import ROOT


def installed(name):
    """The directory in which node finds the packages of tests/NAME beside its scripts."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not here: script/bootstrap test")
    source, directory = ROOT / "tests" / name, ROOT / "build" / "npm" / name
    directory.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*.js*"):
        shutil.copy(path, directory)
    lock, mark = source / "package-lock.json", directory / "node_modules" / "installed-from.json"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, text=True, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr
        shutil.copy(lock, mark)
    return directory
