"""What is known of one call, as it was read. Pure.

Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.events import CallEvent

Row = dict[str, Any]
"""By the names of a view's columns; times are aware."""


@dataclass(frozen=True, slots=True)
class Match:
    account: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Kept:
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
    """An event, with the callbacks that reported it: several if the provider retried."""

    event: CallEvent
    """In its newest reading."""
    callback_ids: tuple[str, ...]
    """None of what no callback says: that the call was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything that the tables hold of one call."""

    account: str
    call_id: str
    row: Row
    """Of `calls`."""
    legs: tuple[Row, ...]
    """Of `call_legs`."""
    told: tuple[Told, ...]
    """Every event that names one of its legs."""
    callbacks: dict[str, Kept]

    @property
    def events(self) -> tuple[CallEvent, ...]:
        """The events that the row is folded from."""
        return tuple(told.event for told in self.told)
