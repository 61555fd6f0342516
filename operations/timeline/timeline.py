"""What happened in a call, in its order, and how each thing is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from operations.timeline.changes import changes
from operations.timeline.gaps import as_column, gaps
from operations.timeline.provenance import ROW, provenance
from schemas.calls import call_of, column, is_call
from schemas.events import CallEvent

if TYPE_CHECKING:
    from operations.timeline.changes import Change
    from operations.timeline.gaps import Gap
    from operations.timeline.model import Kept, Told, Whole

_OF_ITSELF = frozenset(
    {
        "v",
        "event_id",
        "callback_id",
        "account",
        "source",
        "dialect",
        "kind",
        "ids",
        "leg",
        "side",
        "received_at",
        "occurred_at",
        "last_received_at",
        "told_at",
        "reading",
        "clock",
        "doubts",
        "extra",
        "variables",
    }
)
_COUNTS = frozenset({"events", "revision"})
"""Fields of the row that every event decides."""

SAID = tuple(each.name for each in fields(CallEvent) if each.name not in _OF_ITSELF)
"""Fields of an event that describe its call, besides its time and leg."""


@dataclass(frozen=True, slots=True)
class Moment:
    event: CallEvent
    callbacks: tuple[tuple[str, Kept | None], ...]
    """The callbacks that said it, the earliest first; None for one that is not archived."""
    delay: int | None
    """From when it happened to when it came, microseconds; negative where the provider's clock is ahead, and
    None where the provider doesn't say when it happened."""
    since_start: int
    """From the call's start, microseconds; negative for what came before it, as the request for it."""

    def said(self) -> dict[str, Any]:
        """What the event says of its call, as columns: times are aware, durations in seconds."""
        named = ((name, getattr(self.event, name)) for name in SAID)
        return dict(as_column(name, value) for name, value in named if value is not None)


@dataclass(frozen=True, slots=True)
class Source:
    """A field of the row, and what decided it."""

    column: str
    value: Any
    """As the row has it."""
    events: tuple[CallEvent, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    whole: Whole
    start: int
    """When it began, or else the first that is known of it: microseconds since 1970 UTC."""
    moments: tuple[Moment, ...]
    """By when they happened."""
    gaps: tuple[Gap, ...]
    sources: tuple[Source, ...]
    changes: tuple[Change, ...]
    """What each event changed, by when they came."""


def timeline(whole: Whole, now: int) -> Timeline:
    """Arrange a call; `now` is in microseconds since 1970 UTC."""
    start = _start(whole)
    moments = sorted(
        (_moment(whole, told, start) for told in whole.told),
        key=lambda each: (each.event.occurred_at, each.event.received_at, each.event.event_id),
    )
    return Timeline(
        whole=whole,
        start=start,
        moments=tuple(moments),
        gaps=tuple(gaps(whole, now)),
        sources=_sources(whole),
        changes=tuple(changes(whole.events)),
    )


def _start(whole: Whole) -> int:
    """Return when the call began, or else the first known time."""
    started_at = call_of(whole.events).started_at if is_call(whole.events) else None
    return min((event.occurred_at for event in whole.events), default=0) if started_at is None else started_at


def _moment(whole: Whole, told: Told, start: int) -> Moment:
    event = told.event
    kept = [(id_, whole.callbacks.get(id_)) for id_ in told.callback_ids]
    kept.sort(key=lambda each: (each[1] is None, 0 if each[1] is None else each[1].received_at, each[0]))
    delay = None if event.clock == "ingress" else event.received_at - event.occurred_at
    return Moment(event, tuple(kept), delay, event.occurred_at - start)


def _sources(whole: Whole) -> tuple[Source, ...]:
    if not is_call(whole.events):
        return ()
    found = provenance(whole.events)
    columns = ((column(name), found[name]) for name in ROW if name not in _COUNTS)
    return tuple(Source(named, whole.row[named], events) for named, events in columns if named in whole.row)
