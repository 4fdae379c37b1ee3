"""A private name server, and programs that ask it: they run in a mount namespace whose /etc/resolv.conf names it.

Needs root: for the namespace, and because a resolver asks port 53 only.
"""
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

A, NXDOMAIN = 1, 3


def missing():
    """Why there can be no private names here, or None."""
    if os.geteuid() != 0:
        return "private names need root"
    if not shutil.which("unshare"):
        return "unshare is not here"
    done = subprocess.run(["unshare", "--mount", "mount", "--bind", "/etc/hostname", "/etc/hostname"], capture_output=True, text=True)
    if done.returncode != 0:
        return f"no mount namespace: {done.stderr.strip()}"
    try:
        NameServer().close()
    except OSError as error:
        return f"port 53: {error}"
    return None


class NameServer:
    """Answers A questions over UDP; a name that it does not know does not exist. Settings may change at any time.

    names    name -> address
    delay_s  name -> seconds until the answer; None: never
    """

    def __init__(self):
        self.names, self.delay_s, self.asked = {}, {}, []
        self.address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.53"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, 53))
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self):
        while True:
            try:
                question, peer = self._socket.recvfrom(512)
            except OSError:
                return
            threading.Thread(target=self._answer, args=(question, peer), daemon=True).start()

    def _answer(self, question, peer):
        name, kind, end = parse(question)
        self.asked.append((time.monotonic(), name))
        delay_s = self.delay_s.get(name, 0)
        if delay_s is None:
            return
        time.sleep(delay_s)
        address = self.names.get(name)
        records = b""
        if address and kind == A:  # the name by a pointer to the question, class IN, TTL 0
            records = struct.pack("!HHHIH", 0xC00C, A, 1, 0, 4) + socket.inet_aton(address)
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | (0 if address else NXDOMAIN), 1, bool(records), 0, 0)
        try:
            self._socket.sendto(head + question[12:end] + records, peer)
        except OSError:  # closed meanwhile
            pass

    # ---- who asks

    def program(self, directory, program):
        """A program that runs `program` with this name server. One question is asked once, for up to 30 s."""
        conf = pathlib.Path(directory) / "resolv.conf"
        conf.write_text(f"nameserver {self.address}\noptions timeout:30 attempts:1\n")
        path = pathlib.Path(directory) / "named"
        path.write_text(f"#!/bin/sh\nexec unshare --mount sh -c 'mount --bind {conf} /etc/resolv.conf && exec \"$0\" \"$@\"' "
                        f"{pathlib.Path(program).resolve()} \"$@\"\n")
        path.chmod(0o755)
        return path


def parse(question):
    """(name, type, where the question ends) of a query (RFC 1035 section 4.1.2)."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels).lower(), struct.unpack("!H", question[at + 1:at + 3])[0], at + 5
