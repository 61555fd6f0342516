"""A call's legs as bars on one time line. Pure.

Times are microseconds since 1970 UTC, places per cent of the width.

A browser draws the bars as they are here: whoever can't see them reads the same in `words`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from console.formats import duration
from schemas.events import SAYS_NOTHING
from schemas.times import SECOND, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from operations.timeline.timeline import Timeline

LEAST_WIDTH = 0.4
"""Per cent: what is shorter could not be seen."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MOST_MARKS = 8
MARGIN = 0.02
WORDS = {"ring": "rang", "talk": "talked", "bill": "talked, by the CDR", "bill-ring": "rang, by the CDR"}


@dataclass(frozen=True)
class Bar:
    kind: str
    """ring, talk or bill."""
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Tick:
    """An event or a callback."""

    kind: str
    x: float
    title: str
    link: str
    """The id of the row that tells more."""
    is_late: bool = False
    """Whether it is later than the drawing's end: it is drawn at the edge."""


@dataclass(frozen=True)
class Lane:
    name: str
    about: str
    bars: tuple[Bar, ...] = ()
    ticks: tuple[Tick, ...] = ()

    @property
    def words(self) -> str:
        told = [bar.title for bar in self.bars] or [tick.title for tick in self.ticks]
        return f"{self.name}: {'; '.join(told) or 'nothing is known'}"


@dataclass(frozen=True)
class Mark:
    x: float
    text: str


@dataclass(frozen=True)
class Drawing:
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...] = field(default=())


@dataclass(frozen=True)
class Scale:
    begin: int
    end: int
    start: int
    """The call's own start: marks count from it."""

    def x(self, time: int) -> float:
        share = (time - self.begin) / max(1, self.end - self.begin)
        return round(100 * min(1.0, max(0.0, share)), 3)

    def since(self, time: int) -> str:
        return duration((time - self.start) / SECOND)


def drawing(laid_out: Timeline, names: Mapping[str, str], events: Mapping[str, str]) -> Drawing | None:
    """Draw a call with the short `names` of its legs and `events`; None if no time of it is known."""
    scale = _scale(laid_out)
    if scale is None:
        return None
    legs = sorted(laid_out.whole.legs, key=lambda leg: names.get(leg["leg_id"], "L999"))
    lanes = [_leg(scale, laid_out, leg, names, events) for leg in legs if _times(leg)]
    bill = _bill(scale, laid_out.whole.row)
    callbacks = Lane("Callbacks", "as they came", ticks=tuple(_callbacks(scale, laid_out, events)))
    return Drawing((*lanes, *bill, callbacks), tuple(_marks(scale)))


def _times(row: Mapping[str, Any], prefix: str = "") -> list[int]:
    names = ("started_at", "rang_at", "answered_at", "ended_at")
    known = (row.get(f"{prefix}{name}") for name in names)
    return [microseconds(each) for each in known if each is not None]


def _scale(laid_out: Timeline) -> Scale | None:
    row = laid_out.whole.row
    times = [*_times(row), *_times(row, "cdr_")]
    times += [time for leg in laid_out.whole.legs for time in _times(leg)]
    times += [each.event.occurred_at for each in laid_out.moments if each.event.kind not in SAYS_NOTHING]
    if not times:
        return None
    begin, end = min(times), max(*times, min(times) + SECOND)
    margin = round((end - begin) * MARGIN)
    return Scale(begin - margin, end + margin, laid_out.start)


def _leg(
    scale: Scale,
    laid_out: Timeline,
    leg: Mapping[str, Any],
    names: Mapping[str, str],
    events: Mapping[str, str],
) -> Lane:
    over = laid_out.whole.row["ended_at"]
    ended = leg["ended_at"] or over
    bars = []
    if leg["rang_at"] is not None:
        bars.append(_bar(scale, "ring", leg["rang_at"], leg["answered_at"] or ended))
    if leg["answered_at"] is not None:
        bars.append(_bar(scale, "talk", leg["answered_at"], ended))
    ticks = [
        Tick(
            moment.event.kind,
            scale.x(moment.event.occurred_at),
            f"{events[moment.event.event_id]} {moment.event.kind} at {scale.since(moment.event.occurred_at)}",
            f"event-{events[moment.event.event_id].strip('#')}",
        )
        for moment in laid_out.moments
        if moment.event.leg == leg["leg_id"] and moment.event.kind not in SAYS_NOTHING
    ]
    about = " ".join(
        filter(None, (leg["extension"] and f"ext. {leg['extension']}", leg["side"] and f"side {leg['side']}"))
    )
    return Lane(names.get(leg["leg_id"], "leg"), about, tuple(bars), tuple(ticks))


def _bar(scale: Scale, kind: str, begin: datetime, end: datetime | None) -> Bar:
    """One without an end goes on to the edge."""
    since, until = microseconds(begin), scale.end if end is None else microseconds(end)
    x = scale.x(since)
    width = max(LEAST_WIDTH, round(scale.x(until) - x, 3))
    word = WORDS[kind]
    how_long = "still" if end is None else duration(max(0, until - since) / SECOND)
    return Bar(kind, min(x, 100 - LEAST_WIDTH), width, f"{word} from {scale.since(since)}, {how_long}")


def _bill(scale: Scale, row: Mapping[str, Any]) -> Iterator[Lane]:
    started, answered, ended = (row.get(f"cdr_{name}") for name in ("started_at", "answered_at", "ended_at"))
    bars = []
    if started is not None:
        bars.append(_bar(scale, "bill-ring", started, answered or ended or started))
    if answered is not None:
        bars.append(_bar(scale, "bill", answered, ended or answered))
    if bars:
        yield Lane("CDR", "as billed", tuple(bars))


def _callbacks(scale: Scale, laid_out: Timeline, events: Mapping[str, str]) -> Iterator[Tick]:
    for each in laid_out.moments:
        number = events[each.event.event_id]
        for id_, kept in each.callbacks:
            came = each.event.received_at if kept is None else kept.received_at
            title = f"a callback told {number} {each.event.kind} at {scale.since(came)}"
            yield Tick("callback", scale.x(came), title, f"callback-{id_}", is_late=came > scale.end)


def _marks(scale: Scale) -> Iterator[Mark]:
    step = _step((scale.end - scale.begin) / SECOND)
    at = scale.start - scale.start % SECOND if scale.start >= scale.begin else scale.begin
    while at <= scale.end:
        if at >= scale.begin:
            yield Mark(scale.x(at), scale.since(at))
        at += step * SECOND


def _step(seconds: float) -> int:
    """Return the seconds between two marks: clocks that are wrong by years give no more marks than others."""
    days = max(1, ceil(seconds / MOST_MARKS / STEPS[-1]))
    return next((each for each in STEPS if seconds / each <= MOST_MARKS), days * STEPS[-1])
