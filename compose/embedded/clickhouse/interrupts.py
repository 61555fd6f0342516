"""Stop queries that nobody waits for: notice a Cancel, or a client that left, while the engine works."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.protocol import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compose.embedded.clickhouse.engine import Session

POLL_SECONDS = 0.2


class Watched:
    def __init__(self, sock: socket.socket, session: Session, cancelled: Callable[[], bool]) -> None:
        """`sock` is where its client would cancel; `cancelled` returns whether it already has."""
        self.cancelled = cancelled
        self.sock = sock
        self.session = session
        self.interrupted = False
        """Whether it was, or is being, stopped because of its client."""

    def unwanted(self) -> bool:
        if self.cancelled():
            return True
        try:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            if not poll.poll(0):
                return False
            first = self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (OSError, ValueError):  # broken, or closed by now
            return True
        return not first or first[0] == Client.CANCEL


class Interrupts:
    """A thread that checks the sockets of all running queries, five times a second."""

    def __init__(self) -> None:
        self._running: set[Watched] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="interrupts", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def watch(
        self, sock: socket.socket, session: Session, cancelled: Callable[[], bool]
    ) -> Iterator[Watched]:
        """While this context lasts, a Cancel on `sock`, or its end, interrupts what runs in `session`."""
        watched = Watched(sock, session, cancelled)
        with self._lock:
            self._running.add(watched)
        try:
            yield watched
        finally:
            with self._lock:  # a pending interrupt of this query ends before the session's next one starts
                self._running.discard(watched)

    def interrupt_all(self) -> None:
        with self._lock:
            for watched in self._running:
                watched.interrupted = True

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            with self._lock:
                for watched in self._running:
                    if watched.interrupted or watched.unwanted():
                        watched.interrupted = True
                        watched.session.interrupt()  # every time: the query may be just starting
