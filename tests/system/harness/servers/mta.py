"""Real mail servers on loopback, each private and in a temporary directory, that take so many connections of one client and no more."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from ..ports import free_port, is_open
from ..process import Process
from ..wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[4]


class Server:
    """`limit`: connections of one address."""

    def __init__(self, limit, **settings):
        self.limit, self.settings = limit, settings
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"leveret-{self.name}-"))
        self.directory.chmod(0o755)
        self.process = None

    def __enter__(self):
        self.process = self.start()
        wait_until(lambda: is_open(self.port), within=90, what=lambda: f"{self.name}: {self.process.stderr()} {self.log()}")
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        path = self.directory / self.log_name
        return path.read_text(errors="replace") if path.exists() else ""


class Postfix(Server):
    """Takes mails for everybody and throws them away."""
    name, log_name, fate = "postfix", "mail.log", "DISCARD"

    def start(self):
        where = self.directory
        for part in ("conf", "data", "queue"):
            (where / part).mkdir()
        shutil.chown(where / "data", "postfix")
        settings = {
            "compatibility_level": "3.6", "queue_directory": where / "queue", "data_directory": where / "data",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8", "mydestination": "",
            "myhostname": "mx.example.org", "local_recipient_maps": "", "alias_maps": "", "alias_database": "",
            "smtpd_client_connection_count_limit": self.limit, "smtpd_client_event_limit_exceptions": "",
            "smtpd_relay_restrictions": "permit_mynetworks,reject", "in_flow_delay": "0s", "maillog_file": where / self.log_name,
            "maillog_file_prefixes": where, **self.settings}
        (where / "conf/main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        (where / "conf/master.cf").write_text(f"""
127.0.0.1:{self.port} inet n - n - 200 smtpd
cleanup  unix n - n - 0 cleanup -o header_checks=static:{self.fate}
anvil    unix - - n - 1 anvil
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
tlsmgr   unix - - n 1000? 1 tlsmgr
qmgr     unix n - n 300 1 qmgr
postlog  unix-dgram n - n - 1 postlogd
""")
        return Process(["postfix", "-c", where / "conf", "start-fg"], directory=where, name=self.name)

    def stop(self):
        if self.process.is_alive():
            Process(["postfix", "-c", self.directory / "conf", "stop"], directory=self.directory, name="stop").wait()
        self.process.stop()


class Postgrey:
    """A policy service of Postfix: a recipient that it has not seen is put off for a second."""

    def __init__(self):
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leveret-postgrey-"))
        shutil.chown(self.directory, "nobody")

    def __enter__(self):
        self.process = Process(["postgrey", f"--inet=127.0.0.1:{self.port}", "--delay=1", f"--dbdir={self.directory}", "--user=nobody",
                                "--group=nogroup", "--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null"],
                               directory=self.directory, name="postgrey")
        wait_until(lambda: is_open(self.port), within=20, what=lambda: self.process.stderr())
        return self

    def __exit__(self, *_):
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Exim(Server):
    """Takes mails for everybody and keeps them in its spool. It cannot be installed beside Postfix: script/bootstrap unpacks it."""
    name, log_name = "exim", "main.log"
    program = ROOT / "build/exim/usr/sbin/exim4"

    def start(self):
        assert self.program.exists(), f"no {self.program}: run script/bootstrap test"
        where, user = self.directory, "nobody"
        (where / "spool").mkdir()
        shutil.chown(where / "spool", user)
        shutil.chown(where, user)
        # The user that it was built for is not on this machine.
        for file, line in (("passwd", "Debian-exim:x:65534:65534::/nonexistent:/usr/sbin/nologin"), ("group", "Debian-exim:x:65534:")):
            (where / file).write_text(pathlib.Path("/etc", file).read_text() + line + "\n")
        (where / "exim.conf").write_text(f"""
exim_user = {user}
exim_group = nogroup
spool_directory = {where}/spool
log_file_path = {where}/%s.log
pid_file_path = {where}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
primary_hostname = mx.example.org
tls_advertise_hosts =
acl_smtp_rcpt = accept
smtp_accept_max = 200
smtp_accept_max_per_host = {self.limit}
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = {self.settings.pop("smtp_accept_max_per_connection", 0)}
queue_only = true
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
""" + "".join(f"{key} = {value}\n" for key, value in self.settings.items()))
        env = {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_PASSWD": where / "passwd", "NSS_WRAPPER_GROUP": where / "group"}
        return Process([self.program, "-C", where / "exim.conf", "-bdf"], directory=where, name=self.name,
                       env={key: str(value) for key, value in env.items()})

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.stop()


class OpenSMTPD(Server):
    """Takes mails for everybody and keeps them in its queue. Its places are built in: it sees them in file systems of its own."""
    name, log_name = "opensmtpd", "stderr"
    root = ROOT / "build/opensmtpd"
    users = (("opensmtpd", 64990), ("opensmtpq", 64991))

    def start(self):
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
            pytest.skip("no mount namespace can be made here: root is needed, and a root directory that is a mount point")
        assert (self.root / "usr/sbin/smtpd").exists(), f"no {self.root}/usr/sbin/smtpd: run script/bootstrap test"
        where = self.directory
        for part in ("spool/smtpd", "lib/opensmtpd/empty", "libexec"):
            (where / part).mkdir(parents=True)
        (where / "spool/smtpd").chmod(0o711)
        shutil.copytree(self.root / "usr/libexec/opensmtpd", where / "libexec/opensmtpd")
        for file, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{0}:x:{1}:\n")):
            (where / file).write_text(pathlib.Path("/etc", file).read_text() + "".join(line.format(*user) for user in self.users))
        (where / "smtpd.conf").write_text("".join(f"smtp {key} {value}\n" for key, value in self.settings.items()) + f"""
listen on 127.0.0.1 port {self.port} hostname mx.example.org
action "on" relay host smtp://127.0.0.1:1
match from any for any action "on"
""")
        mounts = (("passwd", "/etc/passwd"), ("group", "/etc/group"), ("spool", "/var/spool"), ("lib", "/var/lib"), ("libexec", "/usr/libexec"))
        script = " && ".join([*(f"mount --bind {where / ours} {theirs}" for ours, theirs in mounts), "mount -t tmpfs tmpfs /run",
                              f"exec {self.root}/usr/sbin/smtpd -d -P mta -f {where}/smtpd.conf"])
        return Process(["unshare", "--mount", "sh", "-c", script], directory=where, name=self.name)

    def log(self):
        return self.process.stderr()

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.stop()
