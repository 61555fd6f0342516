"""A clock that tests set."""

from __future__ import annotations

from schemas.times import SECOND


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
