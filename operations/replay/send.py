"""Publishes archived callbacks to `callbacks.replay`, from where normalize reads them once more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from operations.audit import log
from operations.audit.settle import settle
from operations.replay import companions
from operations.replay.archive import FIRST, pages
from operations.replay.cursor import Cursor, alone, name_of
from operations.replay.progress import Progress, decide
from runtime import clickhouse
from runtime.errors import StartError
from runtime.producer import producing
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clickhouse_driver import Client

    from operations.audit.offsets import Lag
    from operations.replay.archive import Archived, Selection
    from runtime.clock import Clock
    from runtime.settings import KafkaSettings, Settings
    from schemas.callbacks import Headers

ACKNOWLEDGED_SECONDS = 60.0
EARLIER_SECONDS = 60.0
"""How long an earlier replay may still be worked on."""

_DECIDED = """
SELECT bitAnd(verdict, 1), count() FROM stored_callbacks FINAL
WHERE intDiv(verdict, 2) = %(replayed_at)s
GROUP BY bitAnd(verdict, 1)
"""


@dataclass
class Outcome:
    """What a replay did."""

    progress: Progress
    before: int = 0
    """How many of its callbacks an interrupted run had sent already."""
    accepted: int = 0
    """Of callbacks that were rejected before."""
    rejected: int = 0
    """Of callbacks that were accepted before, or for other reasons than before."""
    lags: list[Lag] = field(default_factory=list)
    """What was not worked on yet when the time was up: the numbers may still grow."""


def replay(
    settings: Settings,
    selection: Selection,
    clock: Clock,
    *,
    code: str,
    patience: float,
    legs_of: Callable[[Archived], Iterable[str]] | None = None,
    say: Callable[[str], None] = lambda _: None,
    told: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Send a part of the archive, go on where an interrupted replay stopped, and say what came of it.

    `code` is a digest of what will read it: an interrupted replay goes on only with the same. `legs_of` gives
    the legs that a callback will name when it is read, where the archive does not know them; `say` is told in
    a sentence that it goes on, `told` of every step; `patience` is how many seconds the stages may take with
    it at the end.
    """
    cursor = Cursor(settings.data, name_of(selection), Progress)
    with alone(settings.data), clickhouse.connected(settings.clickhouse, as_bytes=True) as client:
        _wait_for_earlier(settings.kafka)
        progress, said = decide(Progress(clock.now(), code), cursor.read())
        if said:
            say(said)
        before = progress.total
        with_companions = not selection.rejected and not selection.span.is_whole
        selection = selection.before(progress.replayed_at)  # what comes meanwhile is read in any case
        with producing(settings.kafka, Topic.REPLAY, ACKNOWLEDGED_SECONDS) as producer:
            for step in _steps(client, selection, progress, legs_of, with_companions=with_companions):
                producer.send(_messages(step.callbacks, progress.replayed_at))
                progress = step.after(progress)
                cursor.write(progress)
                told(progress)
        cursor.forget()  # whoever stops the wait for the stages, and asks again, wants all of it sent again
        outcome = Outcome(progress, before)
        with log.opened(settings.kafka) as kafka:
            outcome.lags = settle(kafka, settings.kafka, patience).lags
        decided = Counter(dict(client.execute(_DECIDED, {"replayed_at": progress.replayed_at})))
        outcome.accepted, outcome.rejected = decided[0], decided[1]
        return outcome


def _messages(page: list[Archived], replayed_at: int) -> Iterator[tuple[bytes, Headers]]:
    for each in page:
        yield each.callback.payload, [*each.callback.headers(), *each.replayed(replayed_at).headers()]


@dataclass
class _Step:
    callbacks: list[Archived]
    after: Callable[[Progress], Progress]


def _steps(
    client: Client,
    selection: Selection,
    progress: Progress,
    legs_of: Callable[[Archived], Iterable[str]] | None,
    *,
    with_companions: bool,
) -> Iterator[_Step]:
    if progress.part == 0:
        for page in pages(client, selection.where(), selection.values(), progress.after):
            if legs_of is not None:
                legs = [(each.callback.account, leg) for each in page for leg in legs_of(each)]
                for others in companions.of_legs(client, legs):
                    yield _Step(others, _more_companions(len(others)))
            yield _Step(page, _went_on(page))
    if with_companions:
        after = progress.after if progress.part else FIRST
        where, values = companions.beyond(selection)
        for page in pages(client, where, values, after):
            yield _Step(page, _went_on(page, part=1))


def _went_on(page: list[Archived], part: int = 0) -> Callable[[Progress], Progress]:
    return lambda progress: replace(progress, part=part).went_on(page[-1].key, len(page))


def _more_companions(number: int) -> Callable[[Progress], Progress]:
    return lambda progress: replace(progress, companions=progress.companions + number)


def _wait_for_earlier(kafka: KafkaSettings) -> None:
    """The archive must know what earlier replays have decided: a decision is told only if it is another."""
    with log.opened(kafka) as opened:
        settled = settle(opened, kafka, EARLIER_SECONDS, only=(Topic.REPLAY, Topic.REJECTED))
    if settled.lags:
        behind = ", ".join(sorted({lag.group for lag in settled.lags}))
        raise StartError(
            f"An earlier replay, or what was rejected, is not yet worked on ({behind}): start these stages."
        )
