"""A private PostgreSQL in a temporary directory, and the outbox in it."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

import psycopg2
import psycopg2.extras

from .. import canary
from ..places import directory_for
from ..ports import free_port
from ..process import Process
from ..wait import wait_until

START_S = 60


def programs():
    """The newest server that is installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    assert found, "no PostgreSQL server: script/bootstrap services"
    return found[-1].parent


class Postgres:
    """It refuses to be run by root: then it is run by the user that Debian made for it."""

    def __init__(self, settings=()):
        self.directory = directory_for("postgres")
        self.port = free_port()
        self.url = self.url_at(self.port)
        self._settings = settings
        self._bin = programs()
        self.process = None

    def url_at(self, port, user="postgres"):
        return f"postgresql://{user}:{canary.POSTGRES_PASSWORD}@127.0.0.1:{port}/postgres"

    def _as_its_user(self, argv):
        if os.geteuid() != 0:
            return argv
        # Another user clears what ends a child with its parent: it is asked for again.
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", "KILL", *argv]

    def _make(self):
        password = self.directory / "password"
        password.write_text(canary.POSTGRES_PASSWORD)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (self.directory, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        done = subprocess.run(self._as_its_user([self._bin / "initdb", "-D", self.directory / "data", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                                                 "--auth=scram-sha-256", "--pwfile", password, "--no-sync"]),
                              text=True, capture_output=True, timeout=120, cwd=self.directory)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        if not (self.directory / "data").exists():
            self._make()
        words = [word for setting in (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=64MB",
                                      "max_connections=40", *self._settings) for word in ("-c", setting)]
        self.process = Process(self._as_its_user([self._bin / "postgres", "-D", self.directory / "data", *words]),
                               directory=self.directory, name="postgres")
        wait_until(self._answers, within=START_S, what=lambda: f"PostgreSQL\n{self.process.stderr()[-2000:]}")
        return self

    def _answers(self):
        assert self.process.is_alive(), self.process.stderr()[-2000:]
        try:
            self.connect().close()
            return True
        except psycopg2.OperationalError:
            return False

    def connect(self, **options):
        """A connection in which each statement is committed at once."""
        connection = psycopg2.connect(self.url, **options)
        connection.autocommit = True
        return connection

    def sql(self, text, *values):
        """Runs one statement; its rows, or None."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else None

    def kill(self):
        """As a machine that loses its power."""
        pid = self.process.pid
        self.process.kill()
        # Its children end by themselves once they notice; until then they hold the shared memory.
        wait_until(lambda: not _children_left(self.directory), within=20, what=f"the children of {pid}")

    def restart(self, how=signal.SIGINT):
        """`how`: SIGINT ends sessions at once, in order; None kills."""
        if self.process.is_alive():
            if how is None:
                self.kill()
            else:
                self.process.signal(how)
                self.process.wait(60)
        self.start()

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.is_alive():
            self.process.signal(signal.SIGQUIT)
            self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _children_left(directory):
    """Processes that have the data directory as their working directory."""
    data = os.path.realpath(directory / "data")
    for path in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.path.realpath(path) == data:
                return True
        except OSError:
            continue
    return False


class Outbox:
    """The table, made by the SQL that leveret prints, empty at first."""

    def __init__(self, postgres, leveret, table="leveret_outbox"):
        self.postgres, self.table = postgres, table
        postgres.sql(f"DROP TABLE IF EXISTS {table}")
        printed = leveret.run("relay", "init")
        assert printed.returncode == 0, printed
        postgres.sql(printed.stdout)

    def insert(self, rows, connection=None):
        """Rows as (id, type, data), in one transaction, or in that of `connection`."""
        own = connection or self.postgres.connect()
        with own.cursor() as cursor:
            psycopg2.extras.execute_values(cursor, f"INSERT INTO {self.table} (id, type, data) VALUES %s", rows, page_size=10000)
        if connection is None:
            own.close()

    def one(self, **columns):
        names = ", ".join(columns)
        self.postgres.sql(f"INSERT INTO {self.table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})", *columns.values())

    def count(self, where="true"):
        return self.postgres.sql(f"SELECT count(*) FROM {self.table} WHERE {where}")[0][0]

    def waiting(self):
        return self.count("error IS NULL AND sent_at IS NULL")

    def errors(self):
        """id -> error of the rows that stand aside."""
        return dict(self.postgres.sql(f"SELECT coalesce(id, ''), error FROM {self.table} WHERE error IS NOT NULL"))
