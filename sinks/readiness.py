"""Whether the sink can do its work now, and why not: what /readyz says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.stuck import Progress
from sinks.metrics import BATCH_STUCK_SECONDS, COMMIT_STUCK_SECONDS, READY

if TYPE_CHECKING:
    from runtime.metrics import Ready


class Readiness:
    """Reasons not to be ready, by subject. Written by one thread, read by another."""

    def __init__(self, stuck_seconds: float = 60.0) -> None:
        """Not ready at first; also not ready after so long without progress."""
        self.progress = Progress(stuck_seconds)
        BATCH_STUCK_SECONDS.set_function(self.progress.same_batch)
        COMMIT_STUCK_SECONDS.set_function(self.progress.no_commit)
        self._reasons = {"start": "starting"}

    def hinder(self, about: str, reason: str) -> None:
        """Note a reason, until it is cleared."""
        self._reasons = {**self._reasons, about: reason}
        READY.set(0)

    def clear(self, about: str) -> None:
        if about in self._reasons:
            self._reasons = {key: reason for key, reason in self._reasons.items() if key != about}
        READY.set(0 if self._reasons else 1)

    def is_hindered(self, about: str) -> bool:
        return about in self._reasons

    def __call__(self) -> Ready:
        """For `runtime.metrics.serve`."""
        reasons = [*self._reasons.values(), *self.progress.reasons()]
        return not reasons, "; ".join(reasons)
