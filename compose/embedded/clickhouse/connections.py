"""One client's connection: it ends when its work is done, or at once."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


class Connection(ABC):
    def __init__(self, sock: socket.socket) -> None:
        """`sock` is connected; its owner closes it."""
        self._socket = sock
        self._state = threading.Lock()
        self._busy = False
        self.leaving = False

    @abstractmethod
    def serve(self) -> None:
        """Answer until the client leaves, or `leave` is called."""

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """While this context lasts, `leave` waits."""
        with self._state:
            self._busy = True
        try:
            yield
        finally:
            with self._state:
                self._busy = False

    def leave(self) -> None:
        """End the connection once nothing is being answered."""
        with self._state:
            self.leaving = True
            idle = not self._busy
        if idle:
            self.cut()

    def cut(self) -> None:
        with contextlib.suppress(OSError):  # the client may have left first
            self._socket.shutdown(2)
