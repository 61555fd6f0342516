"""Explain a callback to the person who sets its source up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from operations.timeline.gaps import as_column
from operations.timeline.timeline import SAID
from processors.normalize.step import Rejected
from schemas.events import CallEvent
from schemas.times import moment

if TYPE_CHECKING:
    from processors.normalize.step import Normalized
    from schemas.callbacks import Reason

SENTENCES = {
    "ring": "a leg rings",
    "answer": "a leg was answered",
    "hangup": "a leg ended",
    "cdr": "the bill of a call",
    "dial": "a leg is dialled",
    "voicemail": "a voicemail was left",
    "message": "a message that belongs to no call",
    "requested": "a call was asked for",
    "notice": "something about a call, afterwards",
}


@dataclass(frozen=True)
class Said:
    """One event that a callback makes."""

    event: CallEvent
    sentence: str
    values: dict[str, Any]
    """Its values, by the columns of `calls`."""
    unknown: dict[str, Any]
    """Fields that callweave has no name for: they are kept, but have no column."""


@dataclass(frozen=True)
class Explained:
    events: tuple[Said, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def is_accepted(self) -> bool:
        return not self.reasons

    @property
    def doubts(self) -> int:
        return sum(len(each.event.doubts) for each in self.events)


def explained(outcome: Normalized | Rejected) -> Explained:
    if isinstance(outcome, Rejected):
        return Explained(reasons=outcome.reasons)
    return Explained(events=tuple(map(_said, outcome.events)))


def _said(event: CallEvent) -> Said:
    known = {each.name for each in fields(CallEvent)}
    named = ((name, getattr(event, name)) for name in SAID if name in known)
    values = dict(as_column(name, value) for name, value in named if value is not None)
    when = {"happened at": moment(event.occurred_at), "by the clock of the": event.clock}
    return Said(event, SENTENCES.get(event.kind, event.kind), {**when, **values}, event.extra)
