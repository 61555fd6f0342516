"""A clock for tests."""

from __future__ import annotations


class ManualClock:
    """Stands still until it is told otherwise; microseconds since 1970 UTC."""

    def __init__(self, now: int = 0) -> None:
        self._now = now

    def now(self) -> int:
        return self._now
