"""The manual pages: made of the texts of --help and of the table of settings, so that they cannot drift, and well-formed."""
import gzip
import re
import shutil
import subprocess

import pytest

from harness.worker import ROOT, binary

# Mended by: build/dev/leveret --manual >man/leveret.1; build/dev/leveret --manual-of-settings >man/leveret.yaml.5
PAGES = {"leveret.1": "--manual", "leveret.yaml.5": "--manual-of-settings"}


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=60, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done


def rendered(page):
    # Without its bold and underlined letters, in lines long enough for every sentence.
    text = run("man", "--warnings", "-l", ROOT / "man" / page, env={"MANWIDTH": "2000", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    assert not text.stderr, text.stderr
    return " ".join(re.sub(r".\x08", "", text.stdout).split())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_program_says(page):
    assert (ROOT / "man" / page).read_text() == run(binary(), PAGES[page]).stdout, "make the page anew, see PAGES"


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_mandoc_finds_nothing_to_complain_about(page):
    run("mandoc", "-T", "lint", "-W", "warning", ROOT / "man" / page)


@pytest.mark.skipif(not shutil.which("man"), reason="man-db is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_groff_warns_of_nothing_and_shows_all(page):
    text = rendered(page)
    if page == "leveret.1":
        for command in re.findall(r"^  ([a-z]+) ", run(binary(), "--help").stdout, re.MULTILINE):
            for line in run(binary(), command, "--help").stdout.partition("\nEverywhere:")[0].splitlines():
                assert " ".join(line.removeprefix("usage: ").removeprefix("Example: ").split()) in text, line
    else:
        assert "mail.breaker.open_max" in text and "LEVERET_MAIL_HTTP_API_KEY_FILE" in text and "from 1s to 1h" in text


def test_both_pages_are_installed(tmp_path):
    run("cmake", "--install", binary().parent, "--prefix", "/usr", cwd=ROOT, env={"DESTDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    for path in ("man1/leveret.1.gz", "man5/leveret.yaml.5.gz"):
        assert gzip.decompress((tmp_path / "usr/share/man" / path).read_bytes()).startswith(b".TH LEVERET"), path
