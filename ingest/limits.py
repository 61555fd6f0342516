"""How much a source may send: a bucket that fills at its rate; each callback takes one token."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.sources import Source


class Buckets:
    """A token bucket for each source that has a limit; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}
        """What was left in a source's bucket, and when that was."""

    def wait(self, source: Source, now: float) -> float:
        """Take a token of a source: return 0, or the seconds until there is one (`now` is monotonic)."""
        rate = source.requests_per_second
        if rate is None:
            return 0.0
        most = float(source.burst or max(1, round(rate)))
        with self._lock:
            left, since = self._left.get(source.name, (most, now))
            left = min(most, left + (now - since) * rate)
            if left >= 1:
                self._left[source.name] = (left - 1, now)
                return 0.0
            self._left[source.name] = (left, now)
        return (1 - left) / rate
