"""Certificates, good and bad, made by openssl at test time, and a server that puts TLS in front of a plain one."""
import datetime
import pathlib
import select
import socket
import ssl
import subprocess
import threading
import warnings

from .ports import free_port


class Authority:
    """A certificate authority with certificates for "localhost" and 127.0.0.1, and with spoiled ones."""

    def __init__(self, directory, name="authority"):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True)
        self.ca, self._key = self.directory / "ca.pem", self.directory / "ca.key"
        self._openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.ca, "-subj", f"/CN={name}", "-days", "2",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def certificate(self, name, hosts="DNS:localhost,IP:127.0.0.1", days=1, usage="serverAuth"):
        """(certificate file, key file); `days` -1: expired yesterday."""
        certificate, key, request, extensions = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={hosts}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
                              "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        self._openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        now = datetime.datetime.now(datetime.UTC)
        ends = now + datetime.timedelta(days=days)
        begins = min(now, ends) - datetime.timedelta(days=1)
        # Not `openssl x509 -days -1`: since 3.5 that is refused.
        self._openssl("ca", "-batch", "-notext", "-config", self._ca_config(), "-in", request, "-cert", self.ca, "-keyfile", self._key,
                      "-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}", "-extfile", extensions,
                      "-out", certificate)
        return certificate, key

    def _ca_config(self):
        config, database = self.directory / "ca.conf", self.directory / "index.txt"
        database.touch()
        config.write_text(f"[ca]\ndefault_ca=this\n[this]\ndatabase={database}\nnew_certs_dir={self.directory}\nrand_serial=yes\n"
                          "default_md=sha256\nunique_subject=no\npolicy=any\n[any]\ncommonName=supplied\n")
        return config

    def self_signed(self, name="self-signed"):
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        self._openssl("req", "-x509", *_NEW_KEY, "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-days", "1",
                      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        return certificate, key

    @staticmethod
    def _openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], text=True, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class TlsFront:
    """Takes TLS on a loopback port and passes what is inside to 127.0.0.1:`behind`."""

    def __init__(self, behind, certificate, version=None, clients_of=None):
        """`version`: the only one that is spoken. `clients_of`: the CA file that clients' certificates must be of."""
        self.behind, self.port, self.opened = behind, free_port(), 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self.names = []  # that clients asked for
        self._context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        if version:
            self._context.set_ciphers("ALL:@SECLEVEL=0")  # else the library itself does not speak old versions
            with warnings.catch_warnings():  # that it is old is the point
                warnings.simplefilter("ignore", DeprecationWarning)
                self._context.minimum_version = self._context.maximum_version = version
        if clients_of:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients_of)
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            plain.settimeout(30)
            with self._context.wrap_socket(plain, server_side=True) as client, \
                    socket.create_connection(("127.0.0.1", self.behind)) as server:
                self.opened += 1
                self._pass(client, server)
        except OSError:  # also ssl.SSLError: the client went away, as it should in most tests
            plain.close()

    @staticmethod
    def _pass(client, server):
        """A TLS socket is for one thread: both ways are taken in turn."""
        client.setblocking(False)
        server.setblocking(False)
        while True:
            select.select([client, server], [], [], 30)
            for source, target in ((client, server), (server, client)):
                while True:
                    try:
                        data = source.recv(65536)
                    except (BlockingIOError, ssl.SSLWantReadError):
                        break
                    if not data:
                        return
                    target.setblocking(True)
                    target.sendall(data)
                    target.setblocking(False)
