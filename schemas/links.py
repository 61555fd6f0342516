"""What correlators tell each other about legs, through `calls.links`: keyed by the leg that is told.

The sink tells them too, when it finds in the tables what the correlator has forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from schemas.events import SAYS_NOTHING, CallEvent, Json, ReceiptUs, check_event, few_doubts
from schemas.pieces import pieces
from schemas.versions import NewerVersionError, check_version, mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 2
MOST_BYTES = 128 * 1024
"""About so large is one message."""


@dataclass(frozen=True, slots=True)
class Tie:
    """The call by which an event ties an id to others, so that the id can count its calls."""

    call: str
    """A hash of what the provider calls the call."""
    at: ReceiptUs
    """When the event was received, in microseconds since 1970 UTC."""
    source: str
    """Who said so."""


@dataclass(frozen=True, slots=True)
class Link:
    """This leg belongs to the same call as the smaller leg `to`."""

    to: str
    tie: Tie | None = None
    """Of a link that an event made; absent if a leg passes on what it was told."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of this leg's call that another leg knows, or the tables."""

    events: tuple[CallEvent, ...]


@dataclass(frozen=True, slots=True)
class HandedOn:
    """An event that a suspect id does not tie: the next larger id that it names counts its call."""

    event: CallEvent


@dataclass(frozen=True, slots=True)
class Suspected:
    """This leg's id tied too many calls, as the tables know: its state began anew, and shall tie no more."""

    since: ReceiptUs
    """When the first call was received that was one too many, in microseconds since 1970 UTC."""


Sent = Link | Events | HandedOn | Suspected
"""One of these is told through `calls.links`."""

Told = Sent | CallEvent
"""A `CallEvent` is what the leg is told through `calls.events`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LinkMessage:
    type: Literal["link"]
    to: Annotated[str, Field(min_length=1)]
    tie: Tie | None = None
    v: int = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class _EventsMessage:
    type: Literal["events"]
    events: tuple[CallEvent, ...]
    handed_on: bool = False
    suspect_at: ReceiptUs | None = None
    v: int = VERSION


_MESSAGE: TypeAdapter[_LinkMessage | _EventsMessage] = TypeAdapter(
    Annotated[_LinkMessage | _EventsMessage, Field(discriminator="type")]
)


def told_to_json(told: Sent) -> bytes:
    """As in `calls.links`."""
    if isinstance(told, Link):
        return orjson.dumps(
            {"v": VERSION, "type": "link", "to": told.to, **({"tie": told.tie} if told.tie else {})}
        )
    if isinstance(told, Suspected):
        return orjson.dumps({"v": VERSION, "type": "events", "events": [], "suspect_at": told.since})
    if isinstance(told, HandedOn):
        event = kept_part(told.event)
        return orjson.dumps({"v": VERSION, "type": "events", "handed_on": True, "events": [event]})
    return orjson.dumps({"v": VERSION, "type": "events", "events": list(map(kept_part, told.events))})


def told_from_json(value: bytes) -> Told:
    """Read a message of `calls.links`.

    Raises ValueError, which names fields and no value, for what is none, and NewerVersionError.
    """
    try:
        message = _MESSAGE.validate_json(value, strict=True)
    except ValidationError as error:
        check_version(value, VERSION, "link")
        raise ValueError(mistakes(error)) from None
    if message.v > VERSION:
        raise NewerVersionError("link", message.v, VERSION)
    if isinstance(message, _LinkMessage):
        return Link(message.to, message.tie)
    if message.suspect_at is not None and not message.events:
        return Suspected(message.suspect_at)
    for number, event in enumerate(message.events):
        _check_told(number, event)
    if not message.handed_on:
        return Events(message.events)
    if len(message.events) != 1:
        raise ValueError("events: they are handed on one by one")
    return HandedOn(message.events[0])


def _check_told(number: int, event: CallEvent) -> None:
    try:
        check_event(event)
    except ValueError as error:
        raise ValueError(f"events.{number}.{error}") from None
    if not event.ids:
        raise ValueError(f"events.{number}.ids: missing")


def in_messages(events: Iterable[CallEvent]) -> Iterator[tuple[CallEvent, ...]]:
    """Cut events into portions that a broker takes, and to which a correlator can add."""
    return pieces(events, kept_size, most_bytes=MOST_BYTES)


def kept_size(event: CallEvent) -> int:
    """Return the bytes of an event's kept part as JSON."""
    return len(orjson.dumps(kept_part(event)))


def kept_part(event: CallEvent) -> Json:
    """An event's JSON object without what the fold does not need, and the table of events has anyway.

    Of what a replay made the callback stays: a sum that has the callback's earlier events goes by it.
    """
    said = event.to_dict()
    if event.reading == 1 or event.kind == "summed":
        said["callback_id"] = ""
    if event.kind not in SAYS_NOTHING:
        said["extra"] = {}
    if event.doubts:
        doubts = few_doubts(event.doubts)
        said["doubts"] = [{"field": doubt.field, "code": doubt.code, "raw": ""} for doubt in doubts]
    return said
