"""A Redis primary with replicas, and sentinels that watch them: looks like harness.redis.Redis where it does not matter which one answers."""
import shutil

import redis

from .. import canary
from ..ports import free_port
from ..process import Process
from ..places import directory_for
from ..redis import ROOT, Redis, client_tls, inside, listen, server
from ..wait import wait_until

NAME = "shop"
DOWN_AFTER_MS = 700


class Sentinels:
    def __init__(self, replicas=1, sentinels=3, settings=(), password=canary.REDIS_PASSWORD, tls=None):
        """`password`: of the sentinels; None: they have none. `tls`: as of Redis, for all of them."""
        common = ("--masterauth", canary.REDIS_PASSWORD, "--repl-diskless-sync-delay", "0", *settings)
        first = Redis(settings=common, tls=tls)
        self.nodes = [first, *(Redis(settings=(*common, "--replicaof", f"127.0.0.1 {first.port}"), tls=tls) for _ in range(replicas))]
        self.directory = directory_for("sentinels", ROOT)
        self.ports = [free_port() for _ in range(sentinels)]
        self.processes = []
        self._password, self._tls = password, tls

    def start(self):
        for node in self.nodes:
            node.start()
        wait_until(lambda: int(self.nodes[0].client.info("replication")["connected_slaves"]) == len(self.nodes) - 1
                   and all("state=online" in str(value) or value["state"] == "online"
                           for name, value in self.nodes[0].client.info("replication").items() if name.startswith("slave")),
                   within=20, what="replicas")
        for port in self.ports:
            self._start_sentinel(port)
        wait_until(lambda: all(self._sees_all(port) for port in self.ports), within=30, every=0.1, what="sentinels")
        return self

    def _start_sentinel(self, port):
        file = self.directory / f"{port}.conf"
        password, quorum = canary.REDIS_PASSWORD, len(self.ports) // 2 + 1
        wanted = f"requirepass {self._password}" if self._password else ""
        lines = "\n".join(f"{option.removeprefix('--')} {value}" for option, value in listen(port, self._tls))
        file.write_text(f"""bind 127.0.0.1
{lines}
dir {inside(self.directory)}
{wanted}
sentinel monitor {NAME} 127.0.0.1 {self.nodes[0].port} {quorum}
sentinel auth-pass {NAME} {password}
sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}
sentinel failover-timeout {NAME} 3000
sentinel parallel-syncs {NAME} 1
""")
        self.processes.append(Process(server(inside(file), "--sentinel"), directory=self.directory, name=f"sentinel{port}"))

    def ask(self, port, *words):
        client = redis.Redis(host="127.0.0.1", port=port, password=self._password, decode_responses=True, socket_timeout=5,
                             **client_tls(self._tls))
        try:
            return client.execute_command("SENTINEL", *words)
        finally:
            client.close()

    def _sees_all(self, port):
        try:
            state = self.ask(port, "MASTER", NAME)
        except redis.RedisError:
            return False
        state = state if isinstance(state, dict) else dict(zip(state[::2], state[1::2]))
        return (int(state["num-slaves"]) == len(self.nodes) - 1 and int(state["num-other-sentinels"]) == len(self.ports) - 1
                and self.ask(port, "CKQUORUM", NAME))

    # ---- what leveret is told

    def url_by(self, ports, name=NAME):
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"redis{'s' if self._tls else ''}+sentinel://:{canary.REDIS_PASSWORD}@{hosts}/{name}/0"

    @property
    def url(self):
        return self.url_by(self.ports)

    # ---- which one it is

    @property
    def primary(self):
        """The node that most sentinels name."""
        named = []
        for port in self.ports:
            try:
                named.append(int(self.ask(port, "GET-MASTER-ADDR-BY-NAME", NAME)[1]))
            except redis.RedisError:  # killed
                continue
        port = max(set(named), key=named.count)
        return next(node for node in self.nodes if node.port == port)

    def wait_promoted(self, other_than, within=30):
        """The new primary, once it is one."""
        def promoted():
            primary = self.primary
            return primary is not other_than and primary.client.role()[0] == "master" and [primary]

        return wait_until(promoted, within=within, every=0.05, what="a promotion")[0]

    def wait_replica(self, node, within=30):
        """Until it follows another, all that it takes from there taken."""
        def follows():
            state = node.client.info("replication")
            return state["role"] == "slave" and state["master_link_status"] == "up"

        wait_until(follows, within=within, every=0.1, what="it is a replica")

    def cut_off(self, node):
        """The others cannot reach it any more; who is connected already and is no replica goes on."""
        node.set("requirepass", "nobody-knows-this-1234")
        for kind in ("replica", "pubsub"):
            node.client.execute_command("CLIENT", "KILL", "TYPE", kind)
        for client in node.client.client_list():
            if client["name"].startswith("sentinel-"):
                node.client.execute_command("CLIENT", "KILL", "ID", client["id"])

    def let_back(self, node):
        node.set("requirepass", canary.REDIS_PASSWORD)

    # ---- as harness.redis.Redis

    @property
    def client(self):
        return self.primary.client

    def job(self, id, prefix="leveret"):
        return self.primary.job(id, prefix)

    def jobs(self, prefix="leveret"):
        return self.primary.jobs(prefix)

    def stop(self):
        for process in self.processes:
            if process.is_alive():
                process.kill()
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
