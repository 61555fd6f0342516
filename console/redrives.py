"""Send rejected callbacks through normalize again, once it was seen what would become of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operations.replay.archive import Selection
from operations.replay.readings import means_of
from operations.replay.send import replay
from runtime.clock import SystemClock
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.replay.progress import Progress
    from runtime.settings import Settings

STAGES_SECONDS = 60.0
"""How long the stages may take before the outcome is told."""
MOST_FORETOLD = 20_000
"""Callbacks that a dry run reads, the first of them."""


@dataclass(frozen=True)
class Redrive:
    """The progress of a redrive."""

    source: str
    code: str
    sent: int = 0
    accepted: int | None = None
    """How many that were rejected are accepted now; None while it is not known."""
    still_at_work: bool = False
    """Whether the stages were still at work when the outcome was told."""


def selection(source: str, code: str) -> Selection:
    """Of a source, with a reason of this code; empty for any."""
    return Selection(Span(source=source), rejected=True, code=code or None)


def redrive(settings: Settings, asked: Redrive, tell: Callable[[Redrive], None]) -> Redrive:
    """Send them again, and wait a while for what the stages make of them."""
    clock = SystemClock()

    def sent(progress: Progress) -> None:
        tell(replace(asked, sent=progress.sent))

    outcome = replay(
        settings,
        selection(asked.source, asked.code),
        clock,
        means=means_of(settings, clock.now()),
        patience=STAGES_SECONDS,
        sent=sent,
    )
    return replace(
        asked, sent=outcome.progress.sent, accepted=outcome.accepted, still_at_work=bool(outcome.lags)
    )
