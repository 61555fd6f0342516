"""Group commit: messages that many threads keep at the same time go out together.

A request to the broker, or a sync of the disk, costs the same whether it carries one message or thirty, and
every thread that wakes up has to queue for Python's global lock. So threads bring several messages at once,
and one of those that wait leads: it sends what all have brought, waits once, and wakes the others; what came
meanwhile is the next group, led by the one that has waited longest. A group that takes longer than
`HAND_OVER_SECONDS` holds up nobody: the next goes out while its leader still waits.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from ingest.defects import defect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.callbacks import Headers


HAND_OVER_SECONDS = 0.05
"""Ten times what a broker mostly takes."""
LATE = "no acknowledgement in time"


class UnacknowledgedError(Exception):
    """The message may not be kept."""


class Message:
    """A message, and where its thread waits if it is the first of those that it brought."""

    __slots__ = ("error", "headers", "leads", "settled", "topic", "value", "woken")

    def __init__(self, topic: str, value: bytes, headers: Headers) -> None:
        self.topic = topic
        self.value = value
        self.headers = headers
        self.error: str | None = None
        """Why it is not kept."""
        self.settled = False
        """Whether it is known what became of it; from then on only the thread that brought it changes it."""
        self.leads = False
        """Whether its thread is to send the next group."""
        self.woken = threading.Lock()
        self.woken.acquire()


class Sent(Protocol):
    """A group under way."""

    def wait(self, deadline: float) -> bool:
        """Return whether the fate of every message is known by then (monotonic seconds)."""

    def end(self) -> Mapping[Message, str]:
        """Return why messages were not acknowledged, by message: nobody waits any more."""


class Groups:
    """Where threads meet to send their messages together."""

    def __init__(self, send: Callable[[list[Message]], Sent]) -> None:
        """`send(messages)` hands a group over, or raises `UnacknowledgedError` for all of it."""
        self._send = send
        self._lock = threading.Lock()
        self._waiting: list[list[Message]] = []
        self._led = False

    @property
    def waiting(self) -> int:
        """Threads whose messages no group has taken yet."""
        return len(self._waiting)

    def publish(self, messages: list[Message], timeout_seconds: float) -> None:
        """Return within the time: each message is acknowledged then, or has its `error`."""
        deadline = time.monotonic() + timeout_seconds
        first = messages[0]
        with self._lock:
            self._waiting.append(messages)
            if not self._led:
                self._led = first.leads = True
        if not first.leads and not first.woken.acquire(timeout=timeout_seconds):
            self._leave(messages)
        if first.leads and not first.settled:
            self._lead(deadline)

    def _leave(self, messages: list[Message]) -> None:
        """Take messages out whose time is up, unless they have been sent."""
        with self._lock:
            if messages[0].leads or messages[0].settled:
                return
            if messages in self._waiting:
                self._waiting.remove(messages)
            settle(messages, dict.fromkeys(messages, LATE))

    def _lead(self, deadline: float) -> None:
        """Send what waits, its own messages included, and see that another thread can lead."""
        with self._lock:
            group, self._waiting = [each for some in self._waiting for each in some], []
        leading = True
        errors: Mapping[Message, str]
        try:
            sent = self._send(group)
            if not sent.wait(min(deadline, time.monotonic() + HAND_OVER_SECONDS)):
                self._hand_over()
                leading = False
                sent.wait(deadline)
            errors = sent.end()
        except UnacknowledgedError as failure:
            errors = dict.fromkeys(group, str(failure))
        except Exception as error:  # noqa: BLE001 - whatever it is, what was not kept may be kept elsewhere
            defect(error)
            errors = dict.fromkeys(group, "a defect")
        if leading:
            self._hand_over()
        with self._lock:
            settled = settle(group, errors)
        for message in settled:
            if not message.leads:  # who leads is awake, even if its own time was up
                message.woken.release()

    def _hand_over(self) -> None:
        """Let the thread that has waited longest lead the next group."""
        with self._lock:
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0][0].leads = True
                self._waiting[0][0].woken.release()


def settle(messages: list[Message], errors: Mapping[Message, str]) -> list[Message]:
    """Settle those messages that are not yet; return them.

    A message whose time was up while its group was under way is settled: its thread keeps it elsewhere by
    then, and what becomes of the group is nothing to it.
    """
    waiting = [message for message in messages if not message.settled]
    for message in waiting:
        message.settled, message.error = True, errors.get(message)
    return waiting
