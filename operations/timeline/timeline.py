"""What happened in a call, in its order, and how each thing is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from operations.timeline.gaps import as_column, gaps
from operations.timeline.provenance import ROW, joined, provenance
from schemas.calls import call_of
from schemas.changes import changes
from schemas.events import CallEvent

if TYPE_CHECKING:
    from operations.timeline.gaps import Gap
    from operations.timeline.model import Kept, Told, Whole
    from operations.timeline.provenance import Origin
    from schemas.changes import Change

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
        "clock",
        "extra",
        "variables",
    }
)
_COUNTS = frozenset({"events", "revision"})
"""Fields of the row that every event decides."""

SAID = tuple(each.name for each in fields(CallEvent) if each.name not in _OF_ITSELF)
"""What an event may say of its call, beside when and of which leg it is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event in its place."""

    event: CallEvent
    callbacks: tuple[tuple[str, Kept | None], ...]
    """The callbacks that said it, the earliest first; None for one that is not archived."""
    delay: int | None
    """From when it happened to when it came, microseconds; negative where the provider's clock is ahead, and
    None where the provider doesn't say when it happened."""
    since_start: int
    """From the call's start, microseconds; negative for what came before it, as the request for it."""

    def said(self) -> dict[str, Any]:
        """What it says of its call, as columns: times are aware, durations seconds."""
        named = ((name, getattr(self.event, name)) for name in SAID)
        return dict(as_column(name, value) for name, value in named if value is not None)


@dataclass(frozen=True, slots=True)
class Source:
    """A field of the row, and what decided it."""

    column: str
    value: Any
    """As the row has it."""
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """One call, whole."""

    whole: Whole
    start: int
    """When it began, or else the first that is known of it: microseconds since 1970 UTC."""
    moments: tuple[Moment, ...]
    """By when they happened."""
    gaps: tuple[Gap, ...]
    sources: tuple[Source, ...]
    changes: tuple[Change, ...]
    """As in the view `call_changes`: by when the events came."""


def timeline(whole: Whole, now: int) -> Timeline:
    """Lay out a call; `now` in microseconds since 1970 UTC."""
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
        changes=tuple(changes(told.event for told in whole.told)),
    )


def _start(whole: Whole) -> int:
    """When the call began, or else the first that is known of it."""
    known = [each.event.occurred_at for each in whole.told]
    record = call_of(joined(whole.tellings(), whole.beside)) if known else None
    started_at = None if record is None else record.started_at
    return started_at if started_at is not None else min(known, default=0)


def _moment(whole: Whole, told: Told, start: int) -> Moment:
    event = told.event
    kept = [(id_, whole.callbacks.get(id_)) for id_ in told.callback_ids]
    kept.sort(key=lambda each: (each[1] is None, 0 if each[1] is None else each[1].received_at, each[0]))
    delay = None if event.clock == "ingress" else event.received_at - event.occurred_at
    return Moment(event, tuple(kept), delay, event.occurred_at - start)


def _sources(whole: Whole) -> tuple[Source, ...]:
    if not whole.told:
        return ()
    found = provenance(whole.tellings(), whole.beside)
    columns = ((as_column(name, None)[0], found[name]) for name in ROW if name not in _COUNTS)
    return tuple(
        Source(column, whole.row[column], origins) for column, origins in columns if column in whole.row
    )
