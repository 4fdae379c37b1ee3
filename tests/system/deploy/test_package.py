"""The Debian package: installed, used and purged in a bare system of the release that it was built on."""
import gzip
import os
import re
import shutil
import subprocess

import pytest

from harness.worker import ROOT

pytestmark = pytest.mark.containers
TREE = ROOT / "build" / "containers" / "package"


def run(*words, check=True, **options):
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=900, **options)
    assert done.returncode == 0 or not check, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


@pytest.fixture(scope="module")
def package():
    if os.geteuid() != 0 or not shutil.which("debootstrap") or not shutil.which("dpkg-shlibdeps"):
        pytest.skip("needs root, debootstrap and dpkg-dev")
    shutil.rmtree(ROOT / "build" / "package", ignore_errors=True)
    maker = {**os.environ, "DEBFULLNAME": "Ada Lovelace", "DEBEMAIL": "ada@leveret.example"}
    run("cmake", "--preset", "release", cwd=ROOT, env=maker)
    run("cmake", "--build", "--preset", "release", "-j2", cwd=ROOT)
    run("cpack", "-G", "DEB", "--config", "build/release/CPackConfig.cmake", "-B", "build/package", cwd=ROOT)
    [made] = (ROOT / "build" / "package").glob("*.deb")
    return made


@pytest.fixture(scope="module")
def bare(package):
    """A chroot with nothing but what is essential, and the package."""
    if not (TREE / "etc" / "debian_version").exists():
        release = run("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").stdout.strip()
        targets = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").stdout.split()
        run("debootstrap", "--variant=minbase", release, TREE, next(uri for uri in targets if "security" not in uri))

    def inside(*words, check=True):
        return run("chroot", TREE, "env", "DEBIAN_FRONTEND=noninteractive", "LANG=C.UTF-8", *words, check=check)

    shutil.copy("/etc/resolv.conf", TREE / "etc" / "resolv.conf")
    shutil.copy(package, TREE / "tmp" / "leveret.deb")
    inside("apt-get", "-q", "update")
    inside("apt-get", "-q", "-y", "install", "--no-install-recommends", "/tmp/leveret.deb")
    yield inside
    inside("apt-get", "-q", "-y", "purge", "leveret", check=False)


def test_the_package_installs_runs_keeps_its_configuration_and_goes_away(bare):
    assert bare("leveret", "--version").stdout.startswith("leveret ")
    assert "leveret" in bare("getent", "passwd", "leveret").stdout
    assert bare("stat", "-c", "%U:%G %a", "/etc/leveret/leveret.yaml").stdout == "root:leveret 640\n"
    as_user = ("setpriv", "--reuid=leveret", "--regid=leveret", "--clear-groups")
    assert bare(*as_user, "leveret", "check", "--offline", "-c", "/etc/leveret/leveret.yaml").returncode == 0
    for path in ("lib/systemd/system/leveret.service", "share/bash-completion/completions/leveret",
                 "share/man/man1/leveret.1.gz", "share/man/man5/leveret.yaml.5.gz"):
        assert (TREE / "usr" / path).exists()
    config = TREE / "etc/leveret/leveret.yaml"
    config.write_text(config.read_text() + "# changed by the operator\n")
    bare("apt-get", "-q", "-y", "install", "--reinstall", "-o", "Dpkg::Options::=--force-confold", "/tmp/leveret.deb")
    assert config.read_text().endswith("# changed by the operator\n")
    bare("apt-get", "-q", "-y", "remove", "leveret")
    assert config.exists()
    bare("apt-get", "-q", "-y", "purge", "leveret")
    assert not config.parent.exists()


def test_lintian_misses_nothing_but_the_licence_that_the_owner_has_to_choose(package):
    if not shutil.which("lintian"):
        pytest.skip("script/bootstrap containers installs lintian")
    said = run("lintian", "--allow-root", "--tag-display-limit", "0", package, check=False).stdout.splitlines()
    assert said == ["E: leveret: no-copyright-file"]


def test_the_changelog_of_the_package_is_of_its_version(package):
    version = re.search(r"project\(leveret VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    text = gzip.decompress((ROOT / "build/release/compressed/changelog.gz").read_bytes()).decode()
    assert text.startswith(f"leveret ({version}) ")
    assert run("dpkg-deb", "--field", package, "Version").stdout == version + "\n"
    assert "Ada Lovelace <ada@leveret.example>" in text
