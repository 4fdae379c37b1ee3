"""Memory does not grow with the files of mails."""
import hashlib
import pathlib
import re

import pytest

from harness import mails
from harness.mails.discard import Discard
from harness.mails.origin import Origin
from harness.publish import Message
from harness.wait import wait_until
from harness.worker import crash_binary

pytestmark = pytest.mark.faults
COUNT, FILE_BYTES, RSS_MAX = 256, 8 << 20, 64 << 20


def peak_rss(worker):
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{worker.pid}/status").read_text())[1]) << 10


def disk_held(worker, directory, peak):
    """The most that the worker's files without a name took at once."""
    total = 0
    for fd in pathlib.Path(f"/proc/{worker.pid}/fd").iterdir():
        try:
            if str(fd.readlink()).startswith(str(directory)):
                total += fd.stat().st_size
        except OSError:
            pass
    peak[0] = max(peak[0], total)


@pytest.mark.parametrize("disk", ["1GiB", "64MiB"])
def test_256_mails_in_flight_with_files_of_8_mib(bench, tmp_path, disk):
    content = mails.noise(FILE_BYTES)
    given = {"name": "big", "sha256": hashlib.sha256(content).hexdigest(), "size": FILE_BYTES}
    with Origin() as origin, Discard() as server:
        origin.files = {"/big": content}
        directory = tmp_path / "files"
        directory.mkdir()
        config = bench.smtp_config(attachments={"allow": [origin.url], "dir": str(directory), "disk": disk},
                                   mail={"timeout": "30s", "smtp": {"url": server.url, "username": None, "password": None, "connections": 16}},
                                   queues=[{"name": bench.queue, "bindings": ["#"], "prefetch": COUNT}], handlers={"email.send.v1": {"timeout": "10m"}})
        worker = bench.worker(config, program=crash_binary())
        bench.publish_many([Message("email.send.v1", {"to": "ada@example.com", "subject": "S", "text": "T",
                                                      "attachments": [{**given, "url": f"{origin.url}/big"}]}) for _ in range(COUNT)])
        peak = [0]
        wait_until(lambda: disk_held(worker, directory, peak) or len(server.keys) == COUNT, within=300, every=0.05,
                   what=lambda: f"{len(server.keys)} mails, {bench.redis.jobs()}"[:2000])
        bench.wait_completed(COUNT)
        rss = peak_rss(worker)
    print(f"disk {disk}: {rss / 2**20:.1f} MiB of memory, {peak[0] / 2**20:.0f} MiB of files at once, {server.bytes >> 20} MiB sent")
    assert set(server.keys.values()) == {1} and server.bytes > COUNT * FILE_BYTES
    assert rss <= RSS_MAX, rss
    assert peak[0] <= (64 << 20 if disk == "64MiB" else 1 << 30)
