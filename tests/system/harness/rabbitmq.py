"""A private RabbitMQ node: own epmd, own ports, own home, data and logs below one temporary directory.

`root` names another root directory (for example a Debian 13 tree with RabbitMQ 4): the node then runs by chroot in it.
Questions and orders go through erl_call to the node's distribution port, which takes milliseconds; `ctl` is the real
rabbitmqctl and takes about a second.
"""
import base64
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import urllib.parse

import pika

from .places import directory_for
from .ports import free_port, is_open
from . import canary
from .process import Process
from .wait import wait_until

SCRIPTS = "/usr/lib/rabbitmq/bin"
START_S = 240  # a machine on which others work


class RabbitMQ:
    def __init__(self, name="leveret", root=None, tls=None, cookie="leveret-tests", settings=(), plugins=()):
        """`tls`: (ca file, certificate file, key file) opens a second listener. `settings`: more rabbitmq.conf lines."""
        self._plugins = plugins
        self.management_port = free_port() if "rabbitmq_management" in plugins else None
        self.root = pathlib.Path(root) if root else None
        self.directory = directory_for("rabbitmq", self.root)
        self.node = f"{name}@localhost"
        self.cookie = cookie
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.dist_port = free_port()
        self.epmd_port = free_port()
        self.epmd = self.process = None
        self._tls = tls
        self._settings = list(settings)
        self._write_files()

    # ---- life

    def start(self):
        self.start_epmd()
        self.boot()
        return self

    def start_epmd(self, shared_with=None):
        """Nodes of one cluster share one epmd: pass the node that runs it."""
        if shared_with:
            self.epmd_port = shared_with.epmd_port
        elif self.epmd is None:
            # Erlang looks for it on every address of "localhost": it must not be bound to one alone.
            self.epmd = Process(self._inside(["epmd", "-port", self.epmd_port, "-address", "127.0.0.1"]),
                                directory=self.directory, name="epmd", env=self._env())
            wait_until(lambda: is_open(self.epmd_port), within=10, what="epmd")

    def boot(self):
        self.process = Process(self._inside([f"{SCRIPTS}/rabbitmq-server"]), directory=self.directory, name="server",
                               env=self._env())
        wait_until(self._is_ready, within=START_S, every=0.1, what=lambda: f"RabbitMQ\n{self.process.stdout()[-2000:]}")

    def kill(self):
        """kill -9. What was declared in the last moments is forced to disk before: RabbitMQ 3.10 keeps the names of quorum
        queues in dets tables that are saved lazily, and one that is not there after the death has no leader ever more."""
        self.erl("[dets:sync(T) || T <- dets:all()], ok")
        self.process.kill()

    def advanced(self, terms):
        """Settings that rabbitmq.conf has no words for, from the next boot on."""
        (self.directory / "advanced.config").write_text(terms + "\n")

    def restart(self):
        """Boots again after kill(), or stops and boots."""
        if self.process.is_alive():
            self.process.kill()
        self.boot()

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        for process in (self.process, self.epmd):
            if process is not None and process.is_alive():
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- asking and ordering

    def erl(self, expression, within=30):
        """Evaluates Erlang on the node and returns what it printed as a term, for example "{ok, true}"."""
        call = ["erl_call", "-address", f"localhost:{self.dist_port}", "-c", self.cookie, "-e"]
        for _ in range(3):
            done = subprocess.run(self._inside(call), input=expression.strip() + ".\n", text=True, timeout=within,
                                  capture_output=True, env=self._env())
            if "failed to connect" not in done.stderr + done.stdout:  # so it was not evaluated: a busy machine
                break
        if done.returncode != 0 or not done.stdout.startswith("{ok"):
            raise RuntimeError(f"{expression}\n{done.stdout}{done.stderr}")
        return done.stdout

    def erl_json(self, expression):
        """Evaluates Erlang that gives maps, lists, binaries and numbers, and returns them as Python values."""
        packed = self.erl(f"binary_to_list(base64:encode(iolist_to_binary(rabbit_json:encode({expression}))))")
        return json.loads(base64.b64decode(packed[packed.index('"') + 1:packed.rindex('"')]))

    def ctl(self, *words, within=60):
        done = subprocess.run(self._inside([f"{SCRIPTS}/rabbitmqctl", "-n", self.node, *words]), text=True,
                              timeout=within, capture_output=True, env=self._env())
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def ctl_program(self, path):
        """A program that is rabbitmqctl for this node, for tests in other languages."""
        words = ["exec", "env", "-i", *(f"{name}={value}" for name, value in self._env().items()),
                 *self._inside([f"{SCRIPTS}/rabbitmqctl", "-n", self.node])]
        path.write_text(f'#!/bin/sh\n{shlex.join(words)} "$@"\n')
        path.chmod(0o700)
        return path

    def version(self):
        return self.erl_json("list_to_binary(rabbit_misc:version())")

    def url(self, vhost="/", user=None, password=None, port=None):
        """The tests' own virtual hosts belong to a user whose password must be seen nowhere."""
        if user is None:
            user, password = ("guest", "guest") if vhost == "/" else (canary.BROKER_USER, canary.BROKER_PASSWORD)
        return f"amqp://{user}:{password}@127.0.0.1:{port or self.port}/{urllib.parse.quote(vhost, safe='')}"

    def connect(self, vhost="/", **options):
        parameters = pika.URLParameters(self.url(vhost))
        parameters.heartbeat = 0
        for name, value in options.items():
            setattr(parameters, name, value)
        return pika.BlockingConnection(parameters)

    def add_vhost(self, vhost):
        name = _binary(vhost)
        user, password = _binary(canary.BROKER_USER), _binary(canary.BROKER_PASSWORD)
        self.erl(f"""rabbit_vhost:add({name}, <<"tests">>),
            rabbit_auth_backend_internal:exists({user}) orelse
                rabbit_auth_backend_internal:add_user({user}, {password}, <<"tests">>),
            [rabbit_auth_backend_internal:set_permissions(U, {name}, <<".*">>, <<".*">>, <<".*">>, <<"tests">>)
             || U <- [<<"guest">>, {user}]],
            ok""")

    def delete_vhost(self, vhost):
        self.erl(f'rabbit_vhost:delete({_binary(vhost)}, <<"tests">>), ok')

    def add_user(self, user, password, vhost="/", configure=".*", write=".*", read=".*"):
        name = _binary(user)
        self.erl(f"""rabbit_auth_backend_internal:add_user({name}, {_binary(password)}, <<"tests">>),
            rabbit_auth_backend_internal:set_permissions({name}, {_binary(vhost)}, {_binary(configure)},
                {_binary(write)}, {_binary(read)}, <<"tests">>), ok""")

    def queues(self, vhost="/"):
        """name -> {"durable", "arguments"} of all queues."""
        rows = self.erl_json(f"""[#{{name => element(4, amqqueue:get_name(Q)), durable => amqqueue:is_durable(Q),
            arguments => maps:from_list([{{K, V}} || {{K, _, V}} <- amqqueue:get_arguments(Q)])}}
            || Q <- rabbit_amqqueue:list({_binary(vhost)})]""")
        return {row.pop("name"): row for row in rows}

    def exchanges(self, vhost="/"):
        """name -> {"type", "durable", "arguments"} of all exchanges but the broker's own."""
        rows = self.erl_json(f"""[#{{name => element(4, element(2, X)), type => element(3, X), durable => element(4, X),
            arguments => maps:from_list([{{K, V}} || {{K, _, V}} <- element(7, X)])}}
            || X <- rabbit_exchange:list({_binary(vhost)})]""")
        return {row.pop("name"): row for row in rows if row["name"] and not row["name"].startswith("amq.")}

    def bindings(self, vhost="/"):
        """The set of (exchange, routing key, queue)."""
        rows = self.erl_json(f"""[[element(4, element(2, B)), element(3, B), element(4, element(4, B))]
            || B <- rabbit_binding:list({_binary(vhost)})]""")
        return {tuple(row) for row in rows if row[0]}

    # ---- harm

    def close_all_connections(self, reason="closed by a test"):
        self.erl(f'[rabbit_networking:close_connection(P, "{reason}") || P <- rabbit_networking:connections()], ok')

    def close_connections(self, named, reason="closed by a test"):
        """Those whose client has given them a name that contains `named`."""
        self.erl(f'''[rabbit_networking:close_connection(P, "{reason}") || P <- rabbit_networking:connections(),
            [{{client_properties, C}}] <- [rabbit_networking:connection_info(P, [client_properties])],
            {{_, _, N}} <- [lists:keyfind(<<"connection_name">>, 1, C)], binary:match(N, <<"{named}">>) /= nomatch], ok''')

    def connection_count(self):
        return self.erl_json("length(rabbit_networking:connections())")

    def delete_queue(self, queue, vhost="/"):
        with self.connect(vhost) as connection:
            connection.channel().queue_delete(queue)

    def delete_exchange(self, exchange, vhost="/"):
        with self.connect(vhost) as connection:
            connection.channel().exchange_delete(exchange)

    def memory_alarm(self, on=True):
        """While it is on, the broker reads nothing from connections that publish."""
        self.erl(f"vm_memory_monitor:set_vm_memory_high_watermark({'0.0000001' if on else '0.4'}), ok")
        wait_until(lambda: ("memory" in self.erl("rabbit_alarm:get_alarms()")) == on, what="the memory alarm")

    def disk_alarm(self, on=True):
        limit = "1000000000000000" if on else "50000000"
        self.erl(f"rabbit_disk_monitor:set_disk_free_limit({limit}), ok")
        wait_until(lambda: ("disk" in self.erl("rabbit_alarm:get_alarms()")) == on, what="the disk alarm")

    def stop_app(self):
        self.erl("rabbit:stop(), ok", within=60)

    def start_app(self):
        self.erl("rabbit:start(), ok", within=60)
        wait_until(self._is_ready, within=START_S, what="RabbitMQ")

    def shovel(self, source, destination, vhost="/"):
        """Moves all that is in `source` now to `destination`, as "Move messages" of the management page does. Needs the plugin
        rabbitmq_shovel."""
        name = f"move-{source}-{destination}"
        uri = "amqp:///" + urllib.parse.quote(vhost, safe="")
        self.ctl("set_parameter", "-p", vhost, "shovel", name, json.dumps({
            "src-protocol": "amqp091", "src-uri": uri, "src-queue": source, "src-delete-after": "queue-length",
            "dest-protocol": "amqp091", "dest-uri": uri, "dest-queue": destination, "dest-add-forward-headers": False,
            "ack-mode": "on-confirm"}))
        wait_until(lambda: name not in self.ctl("list_parameters", "-p", vhost), within=60, every=0.5, what="the shovel's end")

    def max_length(self, queue, limit, vhost="/"):
        """A policy that makes the quorum queue full at `limit` messages, and is in force; None takes it away."""
        name = f"limit-{queue}"
        if limit is None:
            self.ctl("clear_policy", "-p", vhost, name)
        else:
            self.ctl("set_policy", "-p", vhost, "--apply-to", "queues", name, f"^{queue}$",
                     json.dumps({"max-length": limit}))
        # The policy is there; the queue hears of it later.
        wait_until(lambda: self._max_length_in_force(queue, vhost) == limit, what=f"max-length {limit} of {queue}")

    def _max_length_in_force(self, queue, vhost):
        return self.erl_json(f"""begin
            {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r({_binary(vhost)}, queue, {_binary(queue)})),
            {{ok, {{_, O}}, _}} = ra:local_query(amqqueue:get_pid(Q), fun rabbit_fifo:overview/1),
            case maps:get(max_length, maps:get(config, O), undefined) of undefined -> null; Limit -> Limit end
        end""")

    # ---- inside

    def _is_ready(self):
        if not self.process.is_alive():
            raise AssertionError(f"RabbitMQ ended while starting\n{self.process.stdout()}{self.process.stderr()}")
        if not is_open(self.port):
            return False
        try:
            return "true" in self.erl("rabbit:is_running()")
        except RuntimeError:
            return False

    def _inside(self, argv):
        argv = [str(word) for word in argv]
        return ["chroot", str(self.root), *argv] if self.root else argv

    def _path(self, *parts):
        """A path below the node's directory as the node sees it."""
        path = self.directory.joinpath(*parts)
        return "/" + str(path.relative_to(self.root)) if self.root else str(path)

    def _env(self):
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": self._path(),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_CONF_ENV_FILE": self._path("rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": self._path("rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": self._path("advanced.config"),
            "RABBITMQ_MNESIA_BASE": self._path("data"),
            "RABBITMQ_LOG_BASE": self._path("log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self._path("enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": self._path("generated"),
            "RABBITMQ_PID_FILE": self._path("pid"),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            # The start script then becomes the Erlang machine instead of waiting beside it: its pid is the node's.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            # Two schedulers that do not spin: several test machines share few cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _write_files(self):
        for name in ("data", "log", "generated"):
            (self.directory / name).mkdir()
        lines = [f"listeners.tcp.1 = 127.0.0.1:{self.port}", "log.file.level = info", "disk_free_limit.absolute = 50MB",
                 "vm_memory_high_watermark.relative = 0.4",
                 "max_message_size = 134217728",  # as in 3.10; 16 MiB in 4.0, which is the most that leveret copies
                 *self._settings]
        if self.management_port:
            lines += [f"management.tcp.port = {self.management_port}", "management.tcp.ip = 127.0.0.1"]
        if self._tls:
            ca, certificate, key = self._tls
            lines += [f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}", f"ssl_options.cacertfile = {ca}",
                      f"ssl_options.certfile = {certificate}", f"ssl_options.keyfile = {key}",
                      "ssl_options.verify = verify_none", "ssl_options.fail_if_no_peer_cert = false"]
        (self.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        self.advanced("[].")
        (self.directory / "rabbitmq-env.conf").write_text("")
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n")
        cookie = self.directory / ".erlang.cookie"
        cookie.write_text(self.cookie)
        os.chmod(cookie, 0o400)


class Cluster:
    """Nodes of one cluster; quorum queues get a replica on each."""

    def __init__(self, size=3, **options):
        self.nodes = [RabbitMQ(name=f"leveret{number}", **options) for number in range(size)]

    def start(self):
        first = self.nodes[0]
        first.start()
        for node in self.nodes[1:]:
            node.start_epmd(shared_with=first)
            node.boot()
            for words in (["stop_app"], ["reset"], ["join_cluster", first.node], ["start_app"]):
                node.ctl(*words)
        return self

    def stop(self):
        for node in reversed(self.nodes):
            node.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _binary(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'<<"{escaped}"/utf8>>'
