"""Send rejected callbacks through normalize again, in the background; one redrive at a time."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from operations.reading import reader
from operations.replay import archive
from operations.replay.archive import Selection
from operations.replay.readings import means_of
from operations.replay.send import replay
from processors.normalize.step import Rejected
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from sinks.span import Span

if TYPE_CHECKING:
    from operations.replay.progress import Progress
    from runtime.settings import ClickHouseSettings, Settings

log = structlog.get_logger(__name__)

STAGES_SECONDS = 60.0
"""How long the stages may take before the outcome is told."""
MOST_FORETOLD = 20_000
"""Callbacks that a dry run reads: of more, the first."""


@dataclass(frozen=True)
class Redrive:
    """How far one has come."""

    source: str
    code: str
    sent: int = 0
    accepted: int | None = None
    """How many that were rejected are accepted now; None while it is not known."""
    still_at_work: bool = False
    """Whether the stages were still at work when the outcome was told."""
    trouble: str = ""
    running: bool = True


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


class Redrives:
    """The one that runs, or ran last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self.last: Redrive | None = None

    def start(self, source: str, code: str) -> bool:
        """Begin one, unless one runs."""
        with self._lock:
            if self.last is not None and self.last.running:
                return False
            self.last = Redrive(source, code)
        threading.Thread(target=self._run, args=(source, code), name="redrive", daemon=True).start()
        return True

    def _run(self, source: str, code: str) -> None:
        try:
            self._replay(source, code)
        except CallweaveError as error:
            log.warning("a redrive failed", problem=str(error))
            self._note(trouble=str(error), running=False)

    def _replay(self, source: str, code: str) -> None:
        clock = SystemClock()
        outcome = replay(
            self._settings,
            selection(source, code),
            clock,
            means=means_of(self._settings, clock.now()),
            patience=STAGES_SECONDS,
            sent=self._sent,
        )
        self._note(
            sent=outcome.progress.sent,
            accepted=outcome.accepted,
            still_at_work=bool(outcome.lags),
            running=False,
        )

    def _sent(self, progress: Progress) -> None:
        self._note(sent=progress.sent)

    def _note(self, **news: int | str | bool) -> None:
        with self._lock:
            if self.last is not None:
                self.last = replace(self.last, **news)  # type: ignore[arg-type]  # each by its field's name
