"""Several workers of one configuration that are killed, frozen and replaced while messages flow."""
import signal

from .windows import Windows


class Fleet:
    """`size` workers, each a process with an API key of its own; what is done to them goes into `windows`."""

    def __init__(self, bench, size, config=None, program=None, **changes):
        self.bench = bench
        self.windows = Windows(bench)
        self.leveret = bench.leveret(config, name=f"fleet{len(bench._leverets) + 1}", **changes)
        if program:
            self.leveret.program = program
        self.workers = [self.leveret.start(named=True, ready=False) for _ in range(size)]
        for worker in self.workers:
            worker.wait_ready()

    def kill(self, worker):
        """kill -9."""
        worker.process.signal(signal.SIGKILL)
        worker.wait(within=10)
        self.windows.killed(worker)

    def replace(self, worker, ready=False):
        """Another process takes its place."""
        place = self.workers.index(worker)
        self.workers[place] = self.leveret.start(named=True, ready=ready)
        return self.workers[place]

    def check_alive(self):
        """Nobody died whom we did not kill."""
        for worker in self.workers:
            assert worker.process.is_alive(), f"{worker.name} ended by itself\n{worker.process.stderr()[-3000:]}"
