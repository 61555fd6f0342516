"""The server process: the engine, its two fronts, and their orderly end."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.http_front import HttpConnection
from compose.embedded.clickhouse.interrupts import Interrupts
from compose.embedded.clickhouse.native import NativeConnection
from compose.embedded.node import PortTakenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from compose.embedded.clickhouse.access import Access
    from compose.embedded.clickhouse.connections import Connection
    from compose.embedded.clickhouse.engine import Engine

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 512  # for each front; more clients wait to be accepted
STOP_SECONDS = 20.0  # for running statements to end; then they are interrupted
_LAST_SECONDS = 5.0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise `PortTakenError` when another program has the port."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTakenError("ClickHouse", host, port) from error
    return listener


class Front:
    """Accepts connections on one port; each has a thread of its own."""

    def __init__(
        self, listener: socket.socket, name: str, connection: Callable[[socket.socket], Connection]
    ) -> None:
        """`connection` makes what serves an accepted socket."""
        self._listener = listener
        self._name = name
        self._make = connection
        self._open: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(MAX_CONNECTIONS)
        self._stopping = False

    def start(self) -> None:
        threading.Thread(target=self._accept, name=f"{self._name} front", daemon=True).start()

    def stop_accepting(self) -> None:
        """Accept no new connections; idle ones end, busy ones when they are done."""
        self._stopping = True
        with contextlib.suppress(OSError):  # wakes the accepting thread
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.leave()

    def wait_empty(self, deadline: float) -> bool:
        """Return whether all connections have ended by then (of time.monotonic)."""
        with self._lock:
            threads = list(self._open.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def cut(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.cut()

    def _accept(self) -> None:
        while not self._stopping:
            self._room.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError as error:  # out of file descriptors, or the listener is closed
                self._room.release()
                if not self._stopping:
                    log.error("%s front can't accept: %s", self._name, error.strerror)
                    time.sleep(0.1)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._make(sock)
            thread = threading.Thread(
                target=self._serve, args=(sock, connection), name=f"{self._name} client", daemon=True
            )
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, sock: socket.socket, connection: Connection) -> None:
        try:
            connection.serve()
        except Exception:  # a defect of ours ends one connection, not the server
            log.exception("%s connection failed", self._name)
        finally:
            sock.close()
            with self._lock:
                del self._open[connection]
            self._room.release()


class ClickHouseServer:
    def __init__(self, engine: Engine, access: Access, native: socket.socket, http: socket.socket) -> None:
        """The sockets are listening already."""
        self._engine = engine
        self._interrupts = Interrupts()
        self._fronts = (
            Front(native, "native", lambda sock: NativeConnection(sock, engine, access, self._interrupts)),
            Front(http, "http", lambda sock: HttpConnection(sock, engine, access)),
        )

    def start(self) -> None:
        for front in self._fronts:
            front.start()

    def stop(self) -> None:
        """Let running statements end, above all inserts; then close the engine."""
        for front in self._fronts:
            front.stop_accepting()
        deadline = time.monotonic() + STOP_SECONDS
        if not self._wait_empty(deadline):
            log.warning("queries still run after %.0f s: interrupted", STOP_SECONDS)
            self._interrupts.interrupt_all()
            for front in self._fronts:
                front.cut()
            deadline = time.monotonic() + _LAST_SECONDS
            if not self._wait_empty(deadline):
                log.error("some connections did not end")
        self._interrupts.close()
        self._engine.close()

    def _wait_empty(self, deadline: float) -> bool:
        ended = [front.wait_empty(deadline) for front in self._fronts]  # every one is waited for
        return all(ended)
