"""What goes wrong with the next requests: set by tests, taken by the API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

Resource = Literal["events", "callback", "call_history", "limit", "token"]


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Literal["status", "silence", "reset", "cut"]
    """`silence`: no answer until the server stops; `reset`: the connection is reset in place of an answer;
    `cut`: it ends in the middle of the answer."""
    carried_out: bool = False
    """Whether the request is carried out nevertheless: a lost answer, seen from the provider."""
    status: int = 500
    message: str = "internal error"
    retry_after: str | None = None
    body: bytes | None = None
    """Replaces the JSON with the message."""


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: dict[Resource, list[Fault]] = {}
        self.released = threading.Event()
        """Ends every silence."""

    def next(self, resource: Resource, *faults: Fault) -> None:
        """Let the next requests of this resource fail like this, one after the other."""
        with self._lock:
            self._coming.setdefault(resource, []).extend(faults)

    def take(self, resource: Resource) -> Fault | None:
        with self._lock:
            coming = self._coming.get(resource)
            return coming.pop(0) if coming else None

    def pending(self) -> int:
        with self._lock:
            return sum(len(coming) for coming in self._coming.values())
