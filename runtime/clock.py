"""The time as an argument: the core never asks the machine."""

from __future__ import annotations

import time
from typing import Protocol

from schemas.times import SECOND


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: int = 0) -> None:
        """`now` is in microseconds since 1970 UTC."""
        self._now = now

    def now(self) -> int:
        return self._now

    def set(self, now: int) -> None:
        """Jump to a time; backwards too, as machines' clocks do."""
        self._now = now

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * SECOND)
