"""What time it is, as something that can be passed in: the core never asks the machine."""

from __future__ import annotations

import time
from typing import Protocol

from schemas.times import SECOND


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        ...

    def elapsed(self) -> int:
        """Microseconds since some moment: never jumps, as the time of day may."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def elapsed(self) -> int:
        """Microseconds since the machine was started."""
        return time.monotonic_ns() // 1000


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: int = 0) -> None:
        """`now` is in microseconds since 1970 UTC."""
        self._now = now
        self._elapsed = 0

    def now(self) -> int:
        """The time it was set to."""
        return self._now

    def elapsed(self) -> int:
        """What it was advanced by."""
        return self._elapsed

    def set(self, now: int) -> None:
        """Jump to a time, backwards too: machines' clocks do."""
        self._now = now

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self._now += round(seconds * SECOND)
        self._elapsed += round(seconds * SECOND)
