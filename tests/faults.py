"""Faults between a client and a server: a TCP proxy that can be cut and stalled."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

CHUNK_BYTES = 65_536


class TcpProxy:
    """Forwards connections from a free loopback port to `(host, port)`; its address is the same for life."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()  # holds what is listened on, and the open sockets
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        # A socket that never listens keeps the port ours while the proxy is cut: nobody else is given it
        # meanwhile, least of all the client that tries to connect to it.
        self._guard = _bound_socket(0)
        self.host, self.port = self._guard.getsockname()
        self.restore()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def cut(self) -> None:
        """Drop every connection, and refuse new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
            dropped, self._open = self._open, set()
        if listener is not None:
            _close(listener)
        for connection in dropped:
            _close(connection)
        self._flowing.set()  # lets stalled threads see that their sockets are gone

    def stall(self) -> None:
        """Keep the connections and accept new ones, but forward nothing, either way."""
        self._flowing.clear()

    def restore(self) -> None:
        """End a cut or a stall: what a stall held back is forwarded now."""
        self._flowing.set()
        with self._lock:
            if self._listener is not None:
                return
            self._listener = _bound_socket(self.port)
            self._listener.listen()
            listener = self._listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        self.cut()
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the listener was closed: the proxy is cut
            while True:
                client, _ = listener.accept()
                self._connect(listener, client)

    def _connect(self, listener: socket.socket, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()  # the server is away
            return
        server.settimeout(None)
        with self._lock:
            if self._listener is not listener:  # cut meanwhile
                client.close()
                server.close()
                return
            self._open |= {client, server}
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # one of the two is gone
            while True:
                self._flowing.wait()
                chunk = source.recv(CHUNK_BYTES)
                self._flowing.wait()  # a stall may have begun while we waited for the bytes
                if not chunk:
                    break
                sink.sendall(chunk)
        with self._lock:
            self._open -= {source, sink}
        _close(source)
        _close(sink)


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a thread that waits in recv or accept wakes up
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
