"""Hosts and ports of this machine: what can be listened on, and what is."""

from __future__ import annotations

import errno
import ipaddress
import itertools
import os
import socket
from contextlib import closing

FIRST, END = 10_000, 32_768
"""Linux and BSD take ports from 32,768 or 49,152 for connections that go out, unless told otherwise."""
STEP = 1_009
"""Processes started one after the other begin their search this many ports apart."""

_turns = itertools.count(os.getpid() * STEP)


def bind_error(host: str, port: int) -> int | None:
    """Return why a server could not listen there, as an errno; None if it could."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, proto)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do after a restart
            probe.bind(address)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO
    return None


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port on which nobody listens, and another each time.

    It is not one that the system gives to outgoing connections, so it is still free when a server was
    stopped and starts again.
    """
    ports = (FIRST + turn % (END - FIRST) for turn in _turns)
    return next(port for port in ports if bind_error(host, port) is None)


def listening(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parsed(address: str) -> tuple[str, int]:
    """Return the host and port of HOST:PORT; brackets around an IPv6 address are dropped."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def written(host: str, port: int) -> str:
    """Format HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str) -> str:
    """Return how to reach a server of this machine that listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
