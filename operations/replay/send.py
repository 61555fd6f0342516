"""Publishes archived callbacks to `callbacks.replay`, from where normalize reads them once more.

A replay is a reading: its number is higher than that of any before by the same `data` folder, whatever the
clock says, and what it reads replaces what was read earlier. Each callback says which events earlier readings
made of it, so that normalize can withdraw those that it no longer makes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operations.audit import log
from operations.audit.settle import settle
from operations.replay.archive import pages, text
from operations.replay.cursor import LATEST, Cursor, alone, name_of
from operations.replay.progress import Progress, decide
from operations.replay.readings import Last, since_last
from runtime import clickhouse
from runtime.errors import StartError
from runtime.portions import portions
from runtime.producer import producing
from schemas.callbacks import Told
from schemas.times import moment
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_driver import Client

    from operations.audit.offsets import Lag
    from operations.replay.archive import Archived, Selection
    from operations.replay.readings import Means
    from runtime.clock import Clock
    from runtime.settings import KafkaSettings, Settings
    from schemas.callbacks import Headers

ACKNOWLEDGED_SECONDS = 60.0
EARLIER_SECONDS = 60.0
"""How long the stages may still take for what was received or replayed before."""
EARLIER = (Topic.RAW, Topic.REPLAY, Topic.EVENTS, Topic.REJECTED)
"""The topics through which callbacks, and those of an earlier replay, come to the archive."""

TOLD = """
SELECT callback_id, event_id, leg, ids FROM stored_events FINAL
WHERE account IN %(accounts)s AND day IN %(days)s AND callback_id IN %(ids)s AND kind != 'void'
"""

_DECIDED = """
SELECT bitAnd(verdict, 1), count() FROM stored_callbacks FINAL
WHERE intDiv(verdict, 2) = %(replayed_at)s
GROUP BY bitAnd(verdict, 1)
"""


@dataclass
class Outcome:
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
    means: Means,
    patience: float,
    say: Callable[[str], None] = lambda _: None,
    sent: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Send a part of the archive, continue an interrupted replay, and return the outcome.

    `means` are those of the code that will read it: an interrupted replay continues only with the same.
    `say` gets sentences about what differs from the last reading and about a continuation; `sent` is
    called after every step; `patience` is how many seconds the stages may take at the end.
    """
    cursor, last = Cursor(settings.data, name_of(selection), Progress), Last(settings.data)
    latest = Cursor(settings.data, LATEST, Progress)
    with alone(settings.data), clickhouse.connected(settings.clickhouse, as_bytes=True) as client:
        asked = Progress(clock.now(), means.digest)
        _wait_for_earlier(settings.kafka, say)
        say(since_last(last.read(), means))
        progress, said = decide(asked, cursor.read(), latest.read())
        if said:
            say(said)
        latest.write(progress)
        last.begin(means.of(selection.span.source))
        before = progress.sent
        for each in _pages_sent(settings.kafka, client, selection, progress):
            progress = each
            cursor.write(progress)
            sent(progress)
        if selection.is_all_of_its_sources:
            last.end(means, selection.span.source)
        cursor.forget()  # whoever stops the wait for the stages, and asks again, wants all of it sent again
        with log.opened(settings.kafka) as kafka:
            lags = settle(kafka, settings.kafka, patience).lags
        decided = Counter(dict(client.execute(_DECIDED, {"replayed_at": progress.counts_as})))
        return Outcome(progress, before, accepted=decided[0], rejected=decided[1], lags=lags)


def once(tell: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function that tells the first number it gets, and no other."""
    told: list[int] = []

    def first(number: int) -> None:
        if not told:
            told.append(number)
            tell(number)

    return first


def _pages_sent(
    kafka: KafkaSettings, client: Client, selection: Selection, progress: Progress
) -> Iterator[Progress]:
    """Send page after page, and give how far that has come.

    What arrived before it began has its events in the archive; what arrives later is not read again.
    """
    selected = selection.before(progress.replayed_at)
    with producing(kafka, Topic.REPLAY, ACKNOWLEDGED_SECONDS) as producer:
        for page in pages(client, selected.where(), selected.values(), progress.after):
            producer.send(_messages(page, _told_earlier(client, page), progress))
            progress = progress.went_on(page[-1].key, len(page))
            yield progress


def _messages(
    page: list[Archived], told: dict[str, tuple[Told, ...]], progress: Progress
) -> Iterator[tuple[bytes, Headers]]:
    for each in page:
        replayed = each.replayed(progress.counts_as, progress.reading, told.get(each.callback.id, ()))
        yield each.callback.payload, [*each.callback.headers(), *replayed.headers()]


def _told_earlier(client: Client, page: list[Archived]) -> dict[str, tuple[Told, ...]]:
    """Return by callback the events that its last reading made."""
    found: dict[str, tuple[Told, ...]] = {}
    values = {
        "accounts": sorted({each.callback.account for each in page}),
        "days": sorted({moment(each.callback.received_at).date() for each in page}),
    }
    for some in portions(each.callback.id for each in page):
        for callback_id, event_id, leg, ids in client.execute(TOLD, {**values, "ids": some}):
            told = Told(text(event_id), text(leg), tuple(map(text, ids)))
            found[text(callback_id)] = (*found.get(text(callback_id), ()), told)
    return found


def _wait_for_earlier(kafka: KafkaSettings, say: Callable[[str], None]) -> None:
    """Wait until the archive has the events and decisions of what was received or replayed up to now.

    A replay withdraws only events that the archive has, and publishes only decisions that differ from it.
    """
    waiting = once(lambda messages: say(f"Waiting for normalize and the sink, messages left: {messages}."))
    with log.opened(kafka) as opened:
        settled = settle(opened, kafka, EARLIER_SECONDS, waiting, only=EARLIER, stages=("normalize", "sink"))
    if settled.lags:
        behind = ", ".join(sorted({lag.group for lag in settled.lags}))
        raise StartError(
            f"What was received or replayed before is not processed yet ({behind}): "
            "start these stages, or wait for them."
        )
