"""What each event changed in the row of its call: the meaning of the view `call_changes`, in Python.

A function of the set of events alone: events are taken in the order in which they first came, whenever and
however often they were delivered. That a call was closed in silence is no event, and so no change here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from schemas.calls import Call, call_of
from schemas.records import Record, join, record_of
from schemas.times import SECOND, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent

UNSEEN = frozenset(
    {
        "first_received_at",
        "last_received_at",
        "events",
        "revision",  # these four every event changes
        "close_reason",
        "reopened",  # these two no event changes
    }
)
"""Columns of `calls` of which no change is told."""

FIELDS = tuple(each.name for each in fields(Call) if each.name not in UNSEEN)
"""Of a `Call`, those whose changes are told."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of `calls` that one event changed."""

    revision: int
    """The how manieth event of its call it was, from 1."""
    received_at: int
    """When the event first came: microseconds since 1970 UTC."""
    event_id: str
    field: str
    """As the column of `calls` is called."""
    before: str | None
    """As text; None where it was not known."""
    after: str | None


def changes(events: Iterable[CallEvent]) -> list[Change]:
    """What the events of one call changed, event by event."""
    told: dict[str, Record] = defaultdict(dict)
    for event in events:
        told[event.event_id] = join(told[event.event_id], record_of(event))
    found: list[Change] = []
    known: Record = {}
    before = dict.fromkeys(map(column, FIELDS)) | {
        name: "false" for name in FIELDS if name.startswith("has_")
    }
    ordered = sorted((record["first_received_at"], event_id) for event_id, record in told.items())
    for revision, (received_at, event_id) in enumerate(ordered, 1):
        known = join(known, told[event_id])
        after = texts(call_of(known))
        found += [
            Change(revision, received_at, event_id, name, before[name], after[name])
            for name in after
            if after[name] != before[name]
        ]
        before = after
    return found


def column(name: str) -> str:
    """What the view calls a field of `Call`: there, durations are seconds."""
    return name.removesuffix("_time") + "_seconds" if name.endswith("_time") else name


def texts(call: Call) -> dict[str, str | None]:
    """Each field that can change as text, by the name of its column; None for what is unknown or empty."""
    return {column(name): text(name, getattr(call, name)) or None for name in FIELDS}


def text(name: str, value: Any) -> str:
    """A value as ClickHouse writes it; '' for what is unknown."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if name.endswith("_at") and value is not None:
        return moment(value).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if name.endswith("_time") and value is not None:
        seconds, rest = divmod(value, SECOND)
        return f"{seconds}.{rest:06}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={value[key]}" for key in sorted(value))
    return "" if value is None else str(value)
