"""A child process with its output in files; ended by its pid, and with this process whatever happens to it."""
import atexit
import ctypes
import os
import pathlib
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_running = set()


def _die_with_parent():
    # The thread that starts a child must be the main one: the signal comes when that thread ends.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    def __init__(self, argv, *, directory, name, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.argv = [str(word) for word in argv]
        self.name = name
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.err"
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.popen = subprocess.Popen(self.argv, env=env, cwd=cwd or directory, stdin=stdin, stdout=out, stderr=err,
                                          start_new_session=True,  # Ctrl-C is for the one who ends things in order
                                          preexec_fn=_die_with_parent)
        _running.add(self)

    @property
    def pid(self):
        return self.popen.pid

    def is_alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.is_alive():
            os.kill(self.pid, number)

    def wait(self, within=10.0):
        """The exit status; negative: the signal that ended it."""
        try:
            status = self.popen.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} (pid {self.pid}) has not ended within {within} s") from None
        _running.discard(self)
        return status

    def kill(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        return self.wait()

    def stop(self, within=10.0):
        """SIGTERM, and SIGKILL when that does not help in time."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(within)
        except AssertionError:
            return self.kill()

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")


@atexit.register
def _kill_all():
    for process in list(_running):
        if process.is_alive():
            process.kill()
