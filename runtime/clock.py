"""The time as an argument: the core never asks the machine."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        ...

    def elapsed(self) -> int:
        """Microseconds since a fixed moment: never jumps, as the time of day may."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1000

    def elapsed(self) -> int:
        """Microseconds since the machine was started."""
        return time.monotonic_ns() // 1000
