"""What one callback reports, in callweave's words, whatever the provider's dialect.

Times are microseconds since 1970 UTC, durations are microseconds. What the callback doesn't contain is None,
and is left out of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

Kind = Literal["ring", "answer", "hangup", "cdr", "dial", "voicemail", "message", "requested"]
"""`dial` is a call offered to a party (`dial-in`, `dial-out`); `message` is not a call."""

Side = Literal["a", "b"]
"""`a` is the side that the provider reached first, `b` the one to which the call was then connected."""

Direction = Literal["inbound", "outbound"]

Outcome = Literal["answered", "unanswered", "busy", "cancelled", "congestion", "unavailable"]

Clock = Literal["provider", "ingress"]
"""The clock of `occurred_at`: some callbacks carry no time of their own."""

Json = dict[str, Any]

Us = Annotated[int, Field(description="Microseconds since 1970 UTC.")]
DurationUs = Annotated[int, Field(ge=0, description="Microseconds.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One thing that happened to one leg, or to a call as a whole (a CDR)."""

    v: int = 1
    """The vocabulary's version: within one, fields are only added, and readers skip new ones."""
    event_id: str
    """A hash of source and canonical payload: a retried callback is the same event."""
    callback_id: str
    """The callback that reported it."""
    account: str
    """The tenant; equal ids of two accounts are different legs."""
    source: str
    """The name of the source that sent the callback."""
    dialect: str
    """The provider's dialect of the callback."""
    kind: Kind
    ids: tuple[str, ...]
    """Every leg id in the callback, as the provider wrote them, sorted; empty only for a `message`."""
    leg: str
    """The leg it is about, one of `ids`; '' for a `message`."""
    received_at: Us
    """When the ingress had read the callback."""
    occurred_at: Us
    """When it happened, by `clock`."""
    clock: Clock
    uuid: str | None = None
    """The provider's own id of the call: `uuid`, `CallID`."""
    side: Side | None = None
    direction: Direction | None = None
    """The call's direction, as the customer sees it."""
    method: str | None = None
    """How the call was made: `api`, `predictive` …, or the provider's code if its documents name none."""
    caller: str | None = None
    """The calling number or extension."""
    callee: str | None = None
    """The called number or extension."""
    display_number: str | None = None
    """The number shown to the called party, or dialled by it."""
    extension: str | None = None
    """The customer's extension that the event is about."""
    agent_id: str | None = None
    """The provider's number of the agent at that extension."""
    customer_ref: str | None = None
    """The customer's own reference, given to the provider with the call."""
    campaign: str | None = None
    """The provider's name or number of the campaign that made the call."""
    round: int | None = None
    """The attempt of a campaign, as its number."""
    tag: str | None = None
    """The customer's own mark on the call, from the request or from the extension's rules."""
    variables: dict[str, str] | None = None
    """What the call's request passes to the provider's scripts, by name."""
    requested_by: str | None = None
    """The extension for which the call was requested."""
    recording: str | None = None
    """Where the recording is. A secret: whoever has the link can listen."""
    hangup_cause: int | None = None
    """The provider's code."""
    hangup_direction: int | None = None
    """The provider's code."""
    outcome: Outcome | None = None
    """How the call ended; for a leg, how its own part ended."""
    bridged: bool | None = None
    """For the own leg of a queue or an IVR: whether somebody answered behind it."""
    transferred: bool | None = None
    """Whether the leg was transferred to another party."""
    started_at: Us | None = None
    """When the call, not the event, began."""
    answered_at: Us | None = None
    """In a CDR: when the call was answered."""
    ended_at: Us | None = None
    """In a CDR: when the call ended."""
    ring_time: DurationUs | None = None
    """How long it rang."""
    talk_time: DurationUs | None = None
    """How long the parties talked."""
    extra: Json = field(default_factory=dict)
    """Every field without a name in callweave, as the provider wrote it."""

    def to_json(self) -> bytes:
        """As in `calls.events`."""
        return orjson.dumps({name: value for name in NAMES if (value := getattr(self, name)) is not None})

    @classmethod
    def from_json(cls, value: bytes) -> CallEvent:
        """Read a message of `calls.events`; ValueError, KeyError or TypeError for anything else."""
        return cls.from_dict(orjson.loads(value))

    @classmethod
    def from_dict(cls, read: Json) -> CallEvent:
        """Read an event's JSON object; fields of later versions are skipped."""
        known = {name: value for name, value in read.items() if name in _KNOWN}
        known["ids"] = tuple(known["ids"])
        return cls(**known)


NAMES = tuple(each.name for each in fields(CallEvent))
_KNOWN = frozenset(NAMES)
