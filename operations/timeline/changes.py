"""What each event changed in the row of its call: the fold with it and without it. Pure.

Events are taken in the order in which they first came, whenever and however often they were delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operations.timeline.provenance import ROW, is_empty, tellings
from schemas.calls import call_of, column, is_call
from schemas.times import SECOND, moment
from sinks.shown import LIST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.calls import Call
    from schemas.events import CallEvent

UNSEEN = frozenset({"first_received_at", "last_received_at", "events", "revision"})
"""Every event changes these: their changes are not listed."""

FIELDS = tuple(name for name in ROW if name not in UNSEEN and not name.startswith(("event_", "cdr_")))
"""Fields of a `Call` whose changes are listed."""


@dataclass(frozen=True, slots=True)
class Change:
    revision: int
    """The event's place among those of its call, from 1."""
    received_at: int
    """When the event first came: microseconds since 1970 UTC."""
    event_id: str
    kind: str
    field: str
    """As the column of `calls` is called."""
    before: str | None
    """As text; None where it was not known."""
    after: str | None


def changes(events: Iterable[CallEvent]) -> list[Change]:
    """Return what the events of one call changed, event by event."""
    found: list[Change] = []
    before: dict[str, str | None] = dict.fromkeys(map(column, FIELDS))
    ordered = tellings(events)
    for revision, event in enumerate(ordered, 1):
        so_far = ordered[:revision]
        after = texts(call_of(so_far)) if is_call(so_far) else before
        found += [
            Change(revision, event.received_at, event.event_id, event.kind, name, before[name], after[name])
            for name in after
            if after[name] != before[name]
        ]
        before = after
    return found


def texts(call: Call) -> dict[str, str | None]:
    """Return each changeable field as text, by column; None for what is unknown or empty."""
    values = ((name, getattr(call, name)) for name in FIELDS)
    return {column(name): None if is_empty(value) else text(name, value) for name, value in values}


def text(name: str, value: Any) -> str:
    """Format a value as ClickHouse does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if name.endswith("_at"):
        return moment(value).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if name.endswith("_time"):
        seconds, rest = divmod(value, SECOND)
        return f"{seconds}.{rest:06}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return LIST.join(value)
    if isinstance(value, dict):
        return LIST.join(f"{key}={value[key]}" for key in sorted(value))
    return str(value)
