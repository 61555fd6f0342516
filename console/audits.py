"""Compare Kafka, the archive, events and calls in the background; one audit at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from operations.audit.examine import examine
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from schemas.times import SECOND
from sinks.span import Span

if TYPE_CHECKING:
    from runtime.settings import Settings

log = structlog.get_logger(__name__)

SPAN_SECONDS = 24 * 3600
STAGES_SECONDS = 10.0
"""How long what is on its way may take."""


@dataclass(frozen=True)
class Audit:
    at: int
    """When it was begun, microseconds since 1970 UTC."""
    running: bool = True
    verdict: str = ""
    archived: int = 0
    difference: int = 0
    """Callbacks that are missing somewhere."""
    notes: tuple[str, ...] = ()
    trouble: str = ""


class Audits:
    """The one that runs, or ran last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self.last: Audit | None = None

    def start(self) -> bool:
        """Begin one of the last day, unless one runs."""
        with self._lock:
            if self.last is not None and self.last.running:
                return False
            self.last = Audit(SystemClock().now())
        threading.Thread(target=self._run, args=(self.last.at,), name="audit", daemon=True).start()
        return True

    def _run(self, at: int) -> None:
        try:
            self.last = self._examined(at)
        except CallweaveError as error:
            log.warning("an audit failed", problem=str(error))
            self.last = Audit(at, running=False, trouble=str(error))

    def _examined(self, at: int) -> Audit:
        span = Span(since=at - SPAN_SECONDS * SECOND, until=at)
        report = examine(self._settings, span, patience=STAGES_SECONDS)
        counts = report.counts.values()
        return Audit(
            at,
            running=False,
            verdict=str(report.verdict()),
            archived=sum(each.archived for each in counts),
            difference=sum(each.difference() for each in counts),
            notes=(*report.doubts, *report.notes),
        )
