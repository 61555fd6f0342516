"""A server whose answers a test writes beforehand."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def answer(status: int = 200, body: bytes = b'{"id":"x"}', *more: bytes) -> bytes:
    """The bytes of an answer."""
    head = b"\r\n".join((b"HTTP/1.1 %d Whatever" % status, b"content-length: %d" % len(body), *more))
    return head + b"\r\n\r\n" + body


@dataclass
class Scripted:
    """What a server was asked, and how it answers the n-th request: None closes the connection."""

    script: Callable[[int], bytes | None]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    hangs_up: bool = False
    """Whether it closes a connection after its answer, unsaid."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/callbacks/token"

    def serve(self, connection: socket.socket) -> None:
        with connection:
            read = b""
            while more := _received(connection):
                read += more
                head, end, body = read.partition(b"\r\n\r\n")
                at = head.lower().find(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
                if not end or len(body) < length:
                    continue
                with self.lock:
                    self.requests.append(read)
                    told = self.script(len(self.requests))
                read = b""
                if told is None:
                    return
                connection.sendall(told)
                if self.hangs_up:
                    return


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:  # the test is over
        return b""


@contextmanager
def scripted(script: Callable[[int], bytes | None], *, hangs_up: bool = False) -> Iterator[Scripted]:
    """Such a server for a while."""
    server = Scripted(script, hangs_up=hangs_up)
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed: the test is over
                    return
                opened.append(connection)
                server.connections += 1
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in opened:
                connection.close()
            thread.join()
