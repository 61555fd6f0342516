"""Whether the work goes on: an insert that hangs fails no call, and so is no trouble that anybody reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sinks.metrics import BATCH_STUCK_SECONDS, COMMIT_STUCK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


class Progress:
    """Written by the thread that works, read by those that ask."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """After so many seconds without progress the work is stuck."""
        self._most = seconds
        self._now = now
        self._batch_since: float | None = None
        self._behind_since: float | None = None
        BATCH_STUCK_SECONDS.set_function(self.same_batch)
        COMMIT_STUCK_SECONDS.set_function(self.no_commit)

    def begin(self) -> None:
        """Note that a batch is being written."""
        self._batch_since = self._now()

    def end(self) -> None:
        """Note that the batch is written, or given up."""
        self._batch_since = None

    def committed(self) -> None:
        self._behind_since = None if self._behind_since is None else self._now()

    def lag(self, messages: int) -> None:
        """Note how many messages are not committed."""
        if not messages:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._now()

    def same_batch(self) -> float:
        """Return for how many seconds the batch has been tried."""
        return _since(self._batch_since, self._now())

    def no_commit(self) -> float:
        """Return for how many seconds nothing was committed although there is lag."""
        return _since(self._behind_since, self._now())

    def reasons(self) -> list[str]:
        """Return why the work is stuck; empty while it progresses."""
        batch, commit = self.same_batch(), self.no_commit()
        found = []
        if batch > self._most:
            found.append(f"the same batch has been written for {batch:.0f} s")
        if commit > self._most:
            found.append(f"nothing was committed for {commit:.0f} s although there is lag")
        return found


def _since(then: float | None, now: float) -> float:
    return 0.0 if then is None else now - then
