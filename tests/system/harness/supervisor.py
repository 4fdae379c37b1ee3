"""What systemd or an orchestrator does: a worker that dies is started again."""
from .wait import wait_until


def supervise(leveret, until, starts_max=8, within=60, **options):
    """Starts a worker, and another each time it dies, until `until()` holds. Returns the exit statuses of the dead."""
    deaths = []
    worker = leveret.start(ready=False, named=True, **options)

    def over():
        nonlocal worker
        if not worker.process.is_alive():
            deaths.append(worker.wait())
            assert len(deaths) < starts_max, f"died {len(deaths)} times: {deaths}\n{worker.process.stderr()[-2000:]}"
            worker = leveret.start(ready=False, named=True, **options)
        return until()

    wait_until(over, within=within, every=0.05, what=lambda: f"deaths {deaths}\n{worker.process.stderr()[-1500:]}")
    return deaths
