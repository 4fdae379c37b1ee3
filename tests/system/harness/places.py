"""Where private services keep their data: in memory where the machine has room there, for declaring a queue costs half of the time
and the processor without a disk below it."""
import os
import pathlib
import shutil
import tempfile

MEMORY = "/dev/shm"
ROOM = 2 << 30  # three sets of services that ran side by side took 1 GiB


def _in_memory():
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM


def directory_for(service, root=None):
    """A new directory; below `root`/tmp for a service that runs by chroot there."""
    base = f"{root}/tmp" if root else MEMORY if "TMPDIR" not in os.environ and _in_memory() else None
    return pathlib.Path(tempfile.mkdtemp(prefix=f"leveret-{service}-", dir=base))
