"""Send rejected callbacks through normalize again, once it was seen what would become of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operations.reading import reader
from operations.replay import archive
from operations.replay.archive import Selection
from operations.replay.readings import means_of
from operations.replay.send import replay
from processors.normalize.step import Rejected
from runtime import clickhouse
from runtime.clock import SystemClock
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.replay.progress import Progress
    from runtime.settings import ClickHouseSettings, Settings

STAGES_SECONDS = 60.0
"""How long the stages may take before the outcome is told."""
MOST_FORETOLD = 20_000
"""Callbacks that a dry run reads: of more, the first."""


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


def foretell(settings: Settings, server: ClickHouseSettings, chosen: Selection) -> Counter[str]:
    """What this machine's code and sources would make of them: how many would be what."""
    read = reader(settings)
    fates: Counter[str] = Counter()
    with clickhouse.connected(server, as_bytes=True) as client:
        for page in archive.pages(client, chosen.where(), chosen.values()):
            for each in page:
                outcome = read(each.callback)
                codes = {reason.code for reason in outcome.reasons} if isinstance(outcome, Rejected) else ()
                fates[f"rejected: {', '.join(sorted(codes))}" if codes else "accepted"] += 1
            if fates.total() >= MOST_FORETOLD:
                break
    return fates


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
