"""What one callback says, in callweave's own words, whatever the provider's dialect.

Times are microseconds since 1970 UTC, durations are microseconds. What the callback doesn't say is None,
and is left out of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

Kind = Literal["ring", "answer", "hangup", "cdr", "dial", "voicemail", "message", "requested"]
"""`dial` is a call offered to a party (`dial-in`, `dial-out`), `message` is no call at all."""

Side = Literal["a", "b"]
"""`a` is the side that the provider reached first, `b` the one that the call was then put through to."""

Direction = Literal["inbound", "outbound"]

Outcome = Literal["answered", "unanswered", "busy", "cancelled", "congestion", "unavailable"]

Clock = Literal["provider", "ingress"]
"""Whose clock said `occurred_at`: some callbacks carry no time of their own."""

Json = dict[str, Any]

Us = Annotated[int, Field(description="microseconds since 1970 UTC")]
DurationUs = Annotated[int, Field(ge=0, description="microseconds")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One thing that happened to one leg, or to a call as a whole (a CDR)."""

    v: int = 1
    event_id: str
    """A hash of source and canonical payload: a retried callback is the same event."""
    callback_id: str
    """The callback that said it."""
    account: str
    source: str
    dialect: str
    kind: Kind
    ids: tuple[str, ...]
    """Every leg id that it names, as the provider wrote them, sorted; empty for a `message` alone."""
    leg: str
    """The leg that it is about, one of `ids`; '' for a `message`."""
    received_at: Us
    occurred_at: Us
    clock: Clock
    uuid: str | None = None
    """What the provider calls the call itself: `uuid`, `CallID`."""
    side: Side | None = None
    direction: Direction | None = None
    method: str | None = None
    """How the call was made: `api`, `predictive` …, or the provider's code where its documents name none."""
    caller: str | None = None
    callee: str | None = None
    display_number: str | None = None
    """The number shown to the called party, or dialled by it."""
    extension: str | None = None
    agent_id: str | None = None
    customer_ref: str | None = None
    """The customer's own reference, handed to the provider with the call."""
    campaign: str | None = None
    round: int | None = None
    """Which attempt of a campaign."""
    recording: str | None = None
    hangup_cause: int | None = None
    """The provider's code."""
    hangup_direction: int | None = None
    """The provider's code."""
    outcome: Outcome | None = None
    bridged: bool | None = None
    """Of a queue's or an IVR's own leg: whether somebody answered behind it."""
    transferred: bool | None = None
    started_at: Us | None = None
    """When the call, not the event, began."""
    answered_at: Us | None = None
    """Of a CDR."""
    ended_at: Us | None = None
    """Of a CDR."""
    ring_time: DurationUs | None = None
    talk_time: DurationUs | None = None
    extra: Json = field(default_factory=dict)
    """Every field that callweave has no name for, as the provider wrote it."""

    def to_json(self) -> bytes:
        """As in `calls.events`."""
        return orjson.dumps({name: value for name in NAMES if (value := getattr(self, name)) is not None})

    @classmethod
    def from_json(cls, value: bytes) -> CallEvent:
        """Read a message of `calls.events`; ValueError, KeyError or TypeError for what is no event."""
        return cls.from_dict(orjson.loads(value))

    @classmethod
    def from_dict(cls, read: Json) -> CallEvent:
        """Read an event's JSON object, passing over fields of later versions."""
        known = {name: value for name, value in read.items() if name in _KNOWN}
        known["ids"] = tuple(known["ids"])
        return cls(**known)


NAMES = tuple(each.name for each in fields(CallEvent))
_KNOWN = frozenset(NAMES)
