"""Group commit: messages that many threads publish at the same time go out together.

A request to the broker costs the same whether it carries one message or thirty, and every thread that wakes
up has to queue for Python's global lock. So one of the waiting threads leads: it sends what all have brought,
waits for the broker once, and wakes the others; what came meanwhile is the next group, led by the one that
has waited longest. A lone message goes out at once; of many, groups begin no sooner than `PAUSE_SECONDS`
after each other.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.callbacks import Headers


PAUSE_SECONDS = 0.004
"""What comes in it goes together: fewer requests to the broker, for less than what people notice."""


class UnacknowledgedError(Exception):
    """The broker did not acknowledge the message in time. It may have it all the same."""


class Message:
    """One message, and where the thread that brought it waits."""

    __slots__ = ("error", "headers", "leads", "settled", "topic", "value", "woken")

    def __init__(self, topic: str, value: bytes, headers: Headers) -> None:
        self.topic = topic
        self.value = value
        self.headers = headers
        self.error: str | None = None
        self.settled = False
        """Whether it has been acknowledged or has failed."""
        self.leads = False
        """Whether its thread is to send the next group."""
        self.woken = threading.Lock()
        self.woken.acquire()


class Groups:
    """Where threads meet."""

    def __init__(self, send: Callable[[list[Message], float], None]) -> None:
        """`send(messages, deadline)` publishes a group or raises `UnacknowledgedError` for all of it."""
        self._send = send
        self._lock = threading.Lock()
        self._waiting: list[Message] = []
        self._led = False
        self._pause_ends = 0.0

    @property
    def waiting(self) -> int:
        """Messages that no group has taken yet."""
        return len(self._waiting)

    def publish(self, message: Message, timeout_seconds: float) -> None:
        """Return once the message is acknowledged; raise `UnacknowledgedError` within the time."""
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            self._waiting.append(message)
            if not self._led:
                self._led = message.leads = True
        if not message.leads and not message.woken.acquire(timeout=timeout_seconds):
            self._leave(message)
        if message.leads and not message.settled:
            self._lead(deadline)
        if message.error is not None:
            raise UnacknowledgedError(message.error)

    def _leave(self, message: Message) -> None:
        """Its time is up: it is not sent any more if it has not been yet."""
        with self._lock:
            if message.leads or message.settled:
                return
            if message in self._waiting:
                self._waiting.remove(message)
            message.error = "no acknowledgement in time"

    def _lead(self, deadline: float) -> None:
        """Send what waits, its own message included, and hand over."""
        now = time.monotonic()
        if (early := self._pause_ends - now) > 0:
            time.sleep(early)
        self._pause_ends = max(now, self._pause_ends) + PAUSE_SECONDS
        with self._lock:
            group, self._waiting = self._waiting, []
        error: str | None = "the attempt failed"
        try:
            self._send(group, deadline)
            error = None
        except UnacknowledgedError as failure:
            error = str(failure)
        finally:
            self._settle(group, error)

    def _settle(self, group: list[Message], error: str | None) -> None:
        """Wake the group, and the next leader. What waits behind a group that failed fails with it."""
        with self._lock:
            if error is not None:
                group, self._waiting = group + self._waiting, []
            for message in group:
                message.settled = True
                message.error = message.error or error
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.release()
        for message in group:
            message.woken.release()
