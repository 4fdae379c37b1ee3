"""A cluster of Redis nodes: looks like harness.redis.Redis where it does not matter which node answers."""
import subprocess

import redis
import redis.crc

from .. import canary
from ..ports import free_port
from ..redis import Redis
from ..wait import wait_until

NODE_TIMEOUT_MS = 1500


class RedisCluster:
    def __init__(self, primaries=3, replicas=0, tls=None):
        """`replicas`: of each primary. `tls`: as of Redis."""
        self.replicas, self._tls = replicas, tls
        self.nodes = [Redis(settings=("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(free_port()),
                                      "--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--masterauth", canary.REDIS_PASSWORD,
                                      "--repl-diskless-sync-delay", "0"), tls=tls)
                      for _ in range(primaries * (1 + replicas))]

    def cli(self, *words, within=60):
        tls = ("--tls", "--cacert", str(self._tls.ca)) if self._tls else ()
        done = subprocess.run(["redis-cli", "--no-auth-warning", "-a", canary.REDIS_PASSWORD, *tls, "--cluster", *map(str, words)],
                              text=True, capture_output=True, timeout=within)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        for node in self.nodes:
            node.start()
        self.cli("create", *(f"127.0.0.1:{node.port}" for node in self.nodes), "--cluster-replicas", self.replicas, "--cluster-yes")
        wait_until(self._is_whole, within=30, every=0.1, what="a whole cluster")
        return self

    def _is_whole(self):
        for node in self.nodes:
            state = node.client.execute_command("CLUSTER INFO")
            if state["cluster_state"] != "ok" or int(state["cluster_known_nodes"]) != len(self.nodes):
                return False
            role = node.client.info("replication")
            if role["role"] == "slave" and role["master_link_status"] != "up":
                return False
        return len(self.primaries) * (1 + self.replicas) == len(self.nodes)

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis{'s' if self._tls else ''}+cluster://:{canary.REDIS_PASSWORD}@{hosts}"

    # ---- which one it is

    def _ranges(self):
        """(from, to, port of the primary), as the first node that answers says."""
        for node in self.nodes:
            if node.process.is_alive():
                try:
                    return [(low, high, int(primary[1])) for low, high, primary, *_ in node.client.execute_command("CLUSTER SLOTS")]
                except redis.RedisError:  # it is frozen, or loads
                    continue
        raise AssertionError("no node answers")

    def _at(self, port):
        return next(node for node in self.nodes if node.port == port)

    @property
    def primaries(self):
        return [self._at(port) for port in sorted({port for _, _, port in self._ranges()})]

    @staticmethod
    def slot(key):
        return redis.crc.key_slot(key.encode())

    def owner(self, slot):
        return self._at(next(port for low, high, port in self._ranges() if low <= slot <= high))

    @staticmethod
    def id_of(node):
        return node.client.execute_command("CLUSTER MYID")

    def begin_move(self, slot, target):
        """The slot is on its way from now on; its keys are where they were."""
        source = self.owner(slot)
        target.client.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", self.id_of(target))
        return source

    def end_move(self, slot, source, target):
        """Its keys go one by one, then the slot is the target's."""
        while keys := source.client.execute_command("CLUSTER GETKEYSINSLOT", slot, 1):
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000, "AUTH", canary.REDIS_PASSWORD)
        for node in (target, source):
            node.client.execute_command("CLUSTER SETSLOT", slot, "NODE", self.id_of(target))

    def reshard(self, source, target, slots):
        self.cli("reshard", f"127.0.0.1:{source.port}", "--cluster-from", self.id_of(source), "--cluster-to", self.id_of(target),
                 "--cluster-slots", slots, "--cluster-yes", within=120)

    def wait_promoted(self, other_than, within=30):
        """Until every slot is served by others."""
        def promoted():
            try:
                return other_than not in self.primaries and all(
                    node.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok" for node in self.primaries)
            except redis.RedisError:
                return False

        wait_until(promoted, within=within, every=0.05, what="a promotion")

    # ---- as harness.redis.Redis

    @property
    def client(self):
        return self

    def flushall(self):
        for node in self.primaries:
            node.client.flushall()

    def job(self, id, prefix="leveret"):
        return self.owner(self.slot(f"{prefix}:job:{{{id}}}")).job(id, prefix)

    def jobs(self, prefix="leveret"):
        return {id: job for node in self.primaries for id, job in node.jobs(prefix).items()}

    def stop(self):
        for node in self.nodes:
            node.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
