"""Events as `stored_events` has them, back as `CallEvent`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from schemas.events import CallEvent, Doubt
from schemas.readings import newest
from sinks.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

SELECTED = ", ".join(
    f"toUnixTimestamp64Micro({name})" if name.endswith("_at") else name for name in EVENTS.columns
)
"""The columns of `stored_events` that `event_of` reads, in its order."""


def event_of(row: tuple[Any, ...]) -> CallEvent:
    """Read a row of `SELECTED`."""
    said = dict(zip(EVENTS.columns, row, strict=True))
    received_at = said["received_at"]
    said["ids"] = tuple(said["ids"])
    said["named_before"] = tuple(said["named_before"]) or None
    said["variables"] = said["variables"] or None
    said["written"] = said["written"] or None
    said["doubts"] = tuple(Doubt(*doubt) for doubt in said["doubts"])
    said["extra"] = orjson.loads(said["extra"] or "{}")
    for name in ("last_received_at", "told_at"):
        said[name] = None if said[name] == received_at else said[name]
    return CallEvent(**said)


def events_of(rows: Iterable[tuple[Any, ...]]) -> list[CallEvent]:
    """Return each event of these tellings once, in its newest reading."""
    found: dict[tuple[str, str], CallEvent] = {}
    for event in map(event_of, rows):
        key = event.account, event.event_id
        found[key] = newest(found[key], event) if key in found else event
    return list(found.values())
