"""Free loopback ports, taken below the kernel's ephemeral range so that no outgoing connection grabs one in between."""
import random
import socket

_given = set()


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    for _ in range(1000):
        port = random.SystemRandom().randint(20000, 32000)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError("no free loopback port between 20000 and 32000")


def is_open(port, host="127.0.0.1"):
    """Does someone listen there?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
