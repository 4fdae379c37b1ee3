"""A wall clock that can be set while a program runs: a small library before its own (wallclock.c), and a file with the offset."""
import mmap
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "wallclock.c"


class WallClock:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        library, offset = directory / "wallclock.so", directory / "wallclock"
        subprocess.run(["cc", "-std=c17", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        offset.write_bytes(bytes(8))
        with open(offset, "r+b") as file:
            self._offset = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": str(library), "WALLCLOCK_FILE": str(offset)}

    def jump(self, to_s):
        """From now on it is off by so many seconds."""
        self._offset[:8] = struct.pack("=q", to_s)
