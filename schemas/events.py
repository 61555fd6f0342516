"""What one callback reports, in callweave's words, whatever the provider's dialect.

Times are microseconds since 1970 UTC, durations are microseconds. What the callback doesn't contain is None,
and is left out of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from schemas.limits import (
    FIRST_TIME,
    LAST_RECEIPT,
    LAST_TIME,
    LEAST,
    LONGEST,
    MOST,
    MOST_READING,
    MOST_SUMMED_READING,
)
from schemas.summary import check_summary
from schemas.versions import NewerVersionError, check_version, mistakes

VERSION = 1

Kind = Literal[
    "ring",
    "answer",
    "hangup",
    "cdr",
    "dial",
    "voicemail",
    "message",
    "requested",
    "notice",
    "void",
    "closed",
    "summed",
]
"""`dial` is a call offered to a party (`dial-in`, `dial-out`), `message` is not a call, `notice` is told
of a call afterwards: it neither bills the call nor changes its course. `void` is an event that no longer says
anything in its newest reading. The correlator itself makes two: `closed`, after a long silence, and `summed`,
which stands for many events of a call that has too many."""

SAYS_NOTHING = frozenset({"void", "closed", "summed"})
"""Kinds that no callback tells: they make no field of a row, and are no part of its revision."""

UNHEARD = frozenset({"void", "closed"})
"""Kinds that stand for nothing that was received."""

WITHOUT_IDS = frozenset({"message", "void"})
"""Kinds that may name no leg: a message, and what is left of one that is not read as such any more."""

HELD_BACK = "held-back"
"""The code of a doubt: it was received too late for its receipt to say when it happened."""

MOST_DOUBTS = 50
"""The most doubts that are kept of an event."""
LONGEST_NAME = 64
"""The most characters that are kept of the name of a doubt's field: senders may name fields as they like."""

Side = Literal["a", "b"]
"""`a` is the side that the provider reached first, `b` the one to which the call was then connected."""

Direction = Literal["inbound", "outbound"]

Outcome = Literal["answered", "unanswered", "busy", "cancelled", "congestion", "unavailable"]

Clock = Literal["provider", "ingress"]
"""The clock of `occurred_at`: some callbacks carry no time of their own."""

Json = dict[str, Any]

Us = Annotated[int, Field(ge=FIRST_TIME, le=LAST_TIME, description="Microseconds since 1970 UTC.")]
ReceiptUs = Annotated[int, Field(ge=0, le=LAST_RECEIPT, description="Microseconds since 1970 UTC.")]
"""By our own clock: under its day rows are kept."""
DurationUs = Annotated[int, Field(ge=0, le=LONGEST, description="Microseconds.")]
Number = Annotated[int, Field(ge=LEAST, le=MOST)]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A field that could not be read, and was left out of the event."""

    field: str
    """As the provider calls it, cut to `LONGEST_NAME`."""
    code: str
    """Stable and short, for grouping."""
    raw: str
    """Its text, as the provider wrote it."""


# never changed, though not frozen: that would cost a fifth of the time in which a callback is read
@dataclass(slots=True, kw_only=True)
class CallEvent:
    """One thing that happened to one leg, or to a call as a whole (a CDR)."""

    v: Annotated[int, Field(ge=1, le=MOST)] = VERSION
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
    """Every leg id in the callback, sorted, UUIDs in small letters and bare; empty only for a `message` and
    what became void."""
    leg: str
    """The leg it is about, one of `ids`; '' if there are none."""
    received_at: ReceiptUs
    """When the ingress had read the callback: of several with this event, the first."""
    occurred_at: Us
    """When it happened, by `clock`."""
    clock: Clock
    reading: Annotated[int, Field(ge=1, le=MOST_SUMMED_READING)] = 1
    """Of one event the highest reading holds: 1 when it is first read, later the number of the replay."""
    last_received_at: ReceiptUs | None = None
    """When the last callback with this event was received; absent if it was `received_at`."""
    told_at: ReceiptUs | None = None
    """When the callback whose words these are was received; absent if that was `received_at`."""
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
    round: Number | None = None
    """The attempt of a campaign, as its number."""
    tag: str | None = None
    """The customer's own mark on the call, from the request or from the extension's rules."""
    variables: dict[str, str] | None = None
    """What the call's request passes to the provider's scripts, by name."""
    requested_by: str | None = None
    """The extension for which the call was requested."""
    recording: str | None = None
    """Where the recording is. A secret: whoever has the link can listen."""
    hangup_cause: Number | None = None
    """The provider's code."""
    hangup_direction: Number | None = None
    """The provider's code."""
    outcome: Outcome | None = None
    """How the call ended; for a leg, how its own part ended."""
    bridged: bool | None = None
    """For the own leg of a queue or an IVR: whether somebody answered behind it."""
    transferred: bool | None = None
    """Whether the leg was transferred to another party."""
    passed_by: str | None = None
    """The extension, mostly a queue, that called this one for a caller that is not itself."""
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
    written: dict[str, str] | None = None
    """Of `ids` those that the provider wrote otherwise, and how: in capitals, in braces."""
    doubts: tuple[Doubt, ...] = ()
    """Fields that could not be read, and were left out; and `HELD_BACK`. Of very many the first."""
    named_before: tuple[str, ...] | None = None
    """The ids that the event named in its earlier reading; absent in its first."""
    extra: Json = field(default_factory=dict)
    """Every field without a name in callweave, as the provider wrote it."""

    @property
    def is_held_back(self) -> bool:
        """Whether its receipt says nothing of when it happened."""
        return bool(self.doubts) and any(doubt.code == HELD_BACK for doubt in self.doubts)

    @property
    def last_heard(self) -> int:
        """When the last callback with this event was received, in microseconds since 1970 UTC."""
        return self.received_at if self.last_received_at is None else self.last_received_at

    def to_dict(self) -> Json:
        """As a JSON object, without what is unknown or usual."""
        said = {name: value for name, value in zip(NAMES, _VALUES(self), strict=True) if value is not None}
        if self.reading == 1:
            del said["reading"]
        if not self.doubts:
            del said["doubts"]
        return said

    def to_json(self) -> bytes:
        """As in `calls.events`."""
        return orjson.dumps(self.to_dict())

    @classmethod
    def from_json(cls, value: bytes) -> CallEvent:
        """Read a message of `calls.events`, passing over fields of later versions.

        Raises ValueError, which names fields and no value, for what is no event, and NewerVersionError.
        """
        try:
            event = _EVENT.validate_json(value, strict=True)
        except ValidationError as error:
            check_version(value, VERSION, "event")
            raise ValueError(mistakes(error)) from None
        if event.v > VERSION:
            raise NewerVersionError("event", event.v, VERSION)
        check_event(event)
        return event

    @classmethod
    def from_kept(cls, read: Json) -> CallEvent:
        """Read an event's JSON object that we wrote ourselves, and need not mistrust."""
        said = {_NAMED[name]: value for name, value in read.items()}
        said["ids"] = tuple(said["ids"])
        if "doubts" in said:
            said["doubts"] = tuple(Doubt(**doubt) for doubt in said["doubts"])
        if "named_before" in said:
            said["named_before"] = tuple(said["named_before"])
        return cls(**said)


NAMES = tuple(each.name for each in fields(CallEvent))
_NAMED = dict(zip(NAMES, NAMES, strict=True))
"""Of equal names the same object: arguments are found by identity, or else by comparing each with all."""
_VALUES = attrgetter(*NAMES)
_EVENT = TypeAdapter(CallEvent)


def check_event(event: CallEvent) -> None:
    """Raise ValueError, which names fields and no value, for what no type forbids and nobody can work on."""
    ids = event.ids
    if not ids:
        if event.leg or event.kind not in WITHOUT_IDS:
            raise ValueError("ids: missing")
    elif not ids[0] or (len(ids) > 1 and any(a >= b for a, b in pairwise(ids))):
        raise ValueError("ids: empty, double or not sorted")
    elif event.leg not in ids:
        raise ValueError("leg: not one of ids")
    if event.last_received_at is not None and event.last_received_at < event.received_at:
        raise ValueError("last_received_at: before received_at")
    if event.kind != "summed" and event.reading > MOST_READING:
        raise ValueError("reading: too great")
    if event.extra or event.kind == "summed":
        _check_extra(event)


def _check_extra(event: CallEvent) -> None:
    try:
        written = orjson.dumps(event.extra)
    except orjson.JSONEncodeError:
        raise ValueError("extra: holds what can't be written") from None
    if event.kind == "summed":
        check_summary(written)
    elif event.kind == "closed" and not isinstance(event.extra.get("reason", ""), str):
        raise ValueError("extra.reason: not a text")


def few_doubts(doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
    """Give the doubts that an event keeps, so that it stays small: `HELD_BACK`, and the first others."""
    if len(doubts) > MOST_DOUBTS:
        doubts = tuple(sorted(doubts, key=lambda doubt: doubt.code != HELD_BACK)[:MOST_DOUBTS])
    return tuple(
        [
            doubt if len(doubt.field) <= LONGEST_NAME else replace(doubt, field=doubt.field[:LONGEST_NAME])
            for doubt in doubts
        ]
    )
