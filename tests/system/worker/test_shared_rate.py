"""A rate that all workers of a prefix share."""
import signal
import time

import pytest

from harness.publish import email, invoice, order
from harness.servers.counting import Counting, by_second
from harness.wait import wait_until


@pytest.fixture
def service():
    with Counting() as made:
        yield made


def over(service, **mail):
    return {"mail": {"http": {"url": service.url, "connections": 32}, **mail}}


def commands(workers):
    return sum(worker.status()["outlets"][0]["rate_shared"]["commands"] for worker in workers)


def test_four_workers_send_at_the_rate_of_one(bench, service):
    leveret = bench.leveret(**over(service, rate_shared="100/s"))
    workers = [leveret.start() for _ in range(4)]
    bench.publish_many([order(n) for n in range(1, 801)])
    wait_until(lambda: len(service.times()) >= 800, within=30, what=lambda: f"{len(service.times())} sent")
    counts = by_second(service.times())[2:]  # in the first two the connections are opened
    share = workers[0].status()["outlets"][0]["rate_shared"]
    print(counts, share)
    assert max(counts) <= 105, counts
    assert sum(counts) / len(counts) >= 95, counts
    assert share["rate"] == "100/s" and 0 < share["used"] <= share["given"]
    bench.wait_completed(800)
    assert all(int(job["attempt"]) == 0 and int(job.get("deferrals", 0)) == 0 for job in bench.redis.jobs().values())


@pytest.mark.faults
@pytest.mark.parametrize("most", [1, 4, 8])
def test_workers_that_come_and_go_send_at_the_rate_of_one(bench, service, most):
    leveret = bench.leveret(**over(service, rate_shared="100/s"))
    running = [leveret.start()]
    bench.publish_many([order(n) for n in range(1, 3201)])
    for turn in range(1, 12):
        wait_until(lambda: len(service.times()) >= turn * 250, within=20, what=lambda: f"{len(service.times())} sent")
        if most > 1 and len(running) < most and turn % 3 != 0:
            running.append(leveret.start(ready=False))
        elif most > 1 and len(running) > 1:
            gone = running.pop(0)
            gone.process.signal(signal.SIGKILL if turn % 2 else signal.SIGTERM)
    counts = by_second(service.times())[2:]
    print(counts)
    assert max(counts) <= 105, counts
    assert sum(counts) / len(counts) >= 95, counts


def test_at_a_thousand_a_second_ten_mails_cost_less_than_one_command(bench):
    leveret = bench.leveret(mail={"rate_shared": "1000/s", "http": {"connections": 32}})
    workers = [leveret.start() for _ in range(2)]
    bench.publish_many([order(n) for n in range(1, 2001)])
    bench.wait_completed(2000)
    asked = commands(workers)
    print(f"{asked} commands for 2000 mails")
    assert 0 < asked <= 200


def test_passwords_are_not_starved_by_newsletters(bench, service):
    """Eight workers with newsletters alone, one with passwords, all by one service."""
    queues = [{"name": "leveret.bulk", "bindings": ["order.#"], "prefetch": 64, "retry": {"tiers": ["1s", "2s"]}},
              {"name": "leveret.otp", "bindings": ["invoice.#"], "weight": 100, "retry": {"tiers": ["1s", "2s"]}}]
    leveret = bench.leveret(queues=queues, **over(service, rate_shared="100/s"))
    first = leveret.start("--queue", "leveret.bulk")
    bench.publish_many([order(n) for n in range(1, 1001)])
    bulk = [first] + [leveret.start("--queue", "leveret.bulk") for _ in range(3)]
    otp = leveret.start("--queue", "leveret.otp")
    latencies = []
    for n in range(20):
        message = bench.publish(invoice(n))
        before = time.monotonic()
        bench.wait_state(message, "completed", within=5)
        latencies.append(time.monotonic() - before)
    print([round(s, 2) for s in latencies])
    assert sorted(latencies)[10] < 0.6 and max(latencies) < 2
    assert len(bulk) == 4 and otp.status()["ready"]


def test_a_pause_that_one_worker_was_asked_for_is_kept_by_all(bench, service):
    leveret = bench.leveret(**over(service, rate_shared="50/s"))
    workers = [leveret.start() for _ in range(3)]
    bench.publish_many([order(n) for n in range(1, 201)])
    wait_until(lambda: len(service.times()) >= 30, within=20)
    service.pause_s = 3
    wait_until(lambda: service.paused_at, within=10)
    bench.wait_completed(200)
    after = [at - service.paused_at for at in service.times() if at > service.paused_at]
    # What had its place already leaves: a tenth of a second's worth, and what was on its way.
    early = [at for at in after if 0.3 < at < 2.9]
    assert not early, early[:5]
    assert len([at for at in after if at <= 0.3]) <= 15
    assert len(workers) == 3


def test_a_worker_without_others_is_held_to_a_slow_rate(bench, service):
    bench.worker(**over(service, rate_shared="5/s"))
    bench.publish_many([order(n) for n in range(1, 26)])
    bench.wait_completed(25)
    times = service.times()
    assert 4 < times[-1] - times[0] < 8


def test_a_rate_is_changed_by_a_reload(bench, service):
    worker = bench.worker(**over(service, rate_shared="2/s"))
    bench.publish_many([order(n) for n in range(1, 61)])
    wait_until(lambda: len(service.times()) >= 3, within=20)
    bench.last.change(mail={"rate_shared": "200/s"})
    worker.process.signal(signal.SIGHUP)
    bench.wait_completed(60, within=15)
    assert worker.status()["outlets"][0]["rate_shared"]["rate"] == "200/s"


def domain_of(body):
    return body["to"][0].rpartition("@")[2].rstrip(">")


def test_mails_to_a_slow_domain_hold_up_no_others(bench, service):
    leveret = bench.leveret(**over(service, rate_domain={"slow.example": "5/s"}))
    workers = [leveret.start() for _ in range(2)]
    slow = [order(n, email=f"c{n}@Slow.example") for n in range(1, 41)]
    fast = [order(n, email=f"c{n}@fast.example") for n in range(101, 141)]
    bench.publish_many(slow + fast)
    bench.wait_completed(80, within=90)
    to_slow = [at for at, _, body in service.arrived if domain_of(body).lower() == "slow.example"]
    to_fast = [at for at, _, body in service.arrived if domain_of(body) == "fast.example"]
    print([round(at - to_slow[0], 2) for at in to_slow])
    assert max(to_fast) - min(to_fast) < 3
    assert max(by_second(to_slow)) <= 7  # five, and what came a little late
    jobs = bench.redis.jobs().values()
    assert all(int(job["attempt"]) == 0 for job in jobs) and any(int(job["deferrals"]) > 0 for job in jobs)
    put_off = sum(worker.metric("leveret_rate_domain_deferred_total", outlet="mail") for worker in workers)
    assert put_off > 0


def test_a_mail_to_two_domains_counts_in_both(bench, service):
    bench.worker(**over(service, rate_domain={"*": "2/s", "free.example": "0"}))
    bench.publish_many([email([f"a{n}@one.example", f"b{n}@two.example"]) for n in range(2)]
                       + [email(f"c{n}@two.example") for n in range(2)] + [email(f"d{n}@free.example") for n in range(20)])
    bench.wait_completed(24, within=40)
    to_two = sorted(at for at, _, body in service.arrived if any("two.example" in to for to in body["to"]))
    free = sorted(at for at, _, body in service.arrived if "free.example" in body["to"][0])
    assert to_two[-1] - to_two[0] > 1.2 and free[-1] - free[0] < 1.2


def test_a_rate_that_cannot_be_is_told_with_its_place(bench):
    config = bench.config(mail={"rate_domain": {"gmail.com": "many", "a b": "2/s"}, "rate_shared": "fast"})
    told = bench.leveret(config).run("check", "--offline")
    assert told.returncode == 78
    for words in ("mail.rate_shared", "mail.rate_domain: gmail.com", "entry 2"):
        assert words in told.stderr + told.stdout, told
