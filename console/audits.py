"""Compare Kafka, the archive, events and calls of the last day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operations.audit.examine import examine
from schemas.times import SECOND
from sinks.span import Span

if TYPE_CHECKING:
    from runtime.settings import Settings

SPAN_SECONDS = 24 * 3600
STAGES_SECONDS = 10.0
"""How long what is on its way may take."""


@dataclass(frozen=True)
class Audit:
    """What one found; nothing yet while it runs."""

    verdict: str = ""
    archived: int = 0
    difference: int = 0
    """Callbacks that are missing for certain."""
    notes: tuple[str, ...] = ()


def audit(settings: Settings, now: int) -> Audit:
    report = examine(settings, Span(since=now - SPAN_SECONDS * SECOND, until=now), patience=STAGES_SECONDS)
    counts = report.counts.values()
    return Audit(
        verdict=str(report.verdict()),
        archived=sum(each.archived for each in counts),
        difference=sum(report.certain().values()),
        notes=(*report.doubts, *report.notes),
    )
