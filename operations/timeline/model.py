"""What is known of one call, as it was read. Pure.

Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.events import CallEvent
    from schemas.records import Record

Row = dict[str, Any]
"""By the names of a view's columns; times are aware."""


@dataclass(frozen=True, slots=True)
class Match:
    """A call that an id belongs to."""

    account: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback in the archive."""

    id: str
    received_at: int
    source: str
    status: str
    """accepted or rejected."""
    kind: str
    topic: str
    partition: int
    offset: int
    method: str
    content_type: str
    query: bytes | None = field(default=None, repr=False)
    """As `payload`, None if it was not asked for."""
    payload: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and the callbacks that said it: more than one where the provider tried again."""

    event: CallEvent
    """As it was said first."""
    callback_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that the tables hold of one call."""

    account: str
    call_id: str
    row: Row
    """Of `calls`."""
    beside: Record
    """What no event says: why the call was closed."""
    merged: tuple[str, ...]
    """The event ids that its record is made of."""
    legs: tuple[Row, ...]
    """Of `call_legs`."""
    told: tuple[Told, ...]
    """Every event that names one of its legs."""
    callbacks: dict[str, Kept]

    def tellings(self) -> list[CallEvent]:
        """Each event as often as a callback said it, in the order in which these came."""
        said = [each for told in self.told for each in self._said(told)]
        return sorted(said, key=lambda event: (event.received_at, event.event_id, event.callback_id))

    def _said(self, told: Told) -> list[CallEvent]:
        return [_telling(told.event, id_, self.callbacks.get(id_)) for id_ in told.callback_ids]


def _telling(event: CallEvent, callback_id: str, kept: Kept | None) -> CallEvent:
    """The event as this callback said it; where that is not archived, as it was said first."""
    if kept is None:
        return replace(event, callback_id=callback_id)
    mine = event.clock == "ingress" and event.occurred_at == event.received_at
    return replace(
        event,
        callback_id=callback_id,
        received_at=kept.received_at,
        occurred_at=kept.received_at if mine else event.occurred_at,
    )
