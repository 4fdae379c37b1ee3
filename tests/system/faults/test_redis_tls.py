"""Redis by TLS: behind sentinels and as a cluster, where each node that is found later must be encrypted too."""
import time

import pytest

from harness.bench import Bench
from harness.fleet import Fleet
from harness.publish import order
from harness.servers.redis_cluster import RedisCluster
from harness.servers.redis_sentinels import Sentinels
from harness.tls import Authority
from harness.wait import wait_until
from harness.worker import binary

pytestmark = pytest.mark.faults

WITHIN_S = 15  # of the promotion


@pytest.fixture
def authority(tmp_path):
    if b"libhiredis_ssl" not in binary().read_bytes():
        pytest.skip("this hiredis has no TLS (it has from 1.0 on)")
    return Authority(tmp_path)


@pytest.fixture(params=["sentinels", "cluster"])
def bench(request, broker, sink, tmp_path, authority):
    made = Sentinels(tls=authority) if request.param == "sentinels" else RedisCluster(replicas=1, tls=authority)
    with made as servers:
        bench = Bench(broker, servers, sink, tmp_path)
        yield bench
        bench.close()


def test_a_primary_that_is_killed_under_load_is_replaced_by_tls(bench, authority):
    servers = bench.redis
    assert servers.url.startswith("rediss+")
    fleet = Fleet(bench, 1, bench.config(redis={"timeout": "1s", "tls": {"ca_file": str(authority.ca)}}))
    worker = fleet.workers[0]
    bench.sink.mode("healthy", delay_ms=20)
    bench.publish_many([order(n) for n in range(1, 601)])
    wait_until(lambda: bench.sink.count() >= 60, within=30, what=lambda: bench.sink.stats())
    found = fleet.leveret.run("check")
    assert found.returncode == 0, found
    old = servers.primary if isinstance(servers, Sentinels) else servers.primaries[0]
    with fleet.windows.span("C"):
        old.kill()
        servers.wait_promoted(old)
        promoted, claims = time.monotonic(), worker.metric("leveret_claims_total")
        bench.publish_many([order(n) for n in range(601, 701)])  # what was there before may be done
        wait_until(lambda: worker.is_ready() and worker.metric("leveret_claims_total") > claims, within=WITHIN_S + 5, every=0.05,
                   what=lambda: worker.get("/readyz?verbose"))
        print(f"\ngoes on {time.monotonic() - promoted:.1f} s after the promotion")
        old.start()
        wait_until(lambda: len({mail["key"] for mail in bench.sink.mails()}) == 700 and not bench.total(bench.queue), within=90, every=0.2,
                   what=lambda: bench.sink.stats())
        bench.wait_empty()
    fleet.check_alive()
    explained, by_window = fleet.windows.explained()
    account = bench.account()
    print(f"{account}, explained {dict(by_window)}")
    assert not account.dead and not account.unexplained(explained), account


def test_a_primary_whose_certificate_is_a_strangers_is_refused(bench, tmp_path_factory):
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "stranger")
    done = bench.leveret(redis={"tls": {"ca_file": str(stranger.ca)}}).run("check")
    assert done.returncode == 1 and "certificate" in done.stdout, done
