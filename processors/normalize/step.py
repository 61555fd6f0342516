"""One callback in, its events or the reasons against it out; pure, and never an exception."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import orjson

from processors.normalize import dial, history
from processors.normalize.event import Named, Origin
from processors.normalize.fields import Fields
from schemas.callbacks import Reason
from schemas.dialects import NAMES
from schemas.events import Doubt, few_doubts
from schemas.payload.decode import MOST_FIELDS, Undecodable, payloads
from schemas.payload.within import objects_within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from schemas.callbacks import Callback
    from schemas.events import CallEvent

TOO_MANY_FIELDS = Reason(
    "", "too-many-fields", f"the objects of a payload may have at most {MOST_FIELDS} fields"
)

Reader: TypeAlias = "Callable[[Fields, Origin], tuple[CallEvent, ...]]"

READERS: Mapping[str, Reader] = {
    name: import_module(f"{__package__}.{name.replace('-', '_')}").events_of for name in NAMES
}
"""Of webhooks, by dialect: each is read by the module here that has its name."""

ANSWER_READERS: Mapping[str, Reader] = {"dial": dial.events_of, "history": history.events_of}
"""Of what the provider's API answered us, by the callback's kind."""

ASKED_AT = "asked_at"
"""When a history was asked for says nothing of the call: asked again, the same answer is the same event."""

DEEPEST = 3
"""So many envelopes may there be around an object."""
LONGEST_PAYLOAD = 900_000
"""As JSON, in bytes. Kafka takes messages of a megabyte; a form's control characters grow sixfold as JSON."""


@dataclass(frozen=True, slots=True)
class Normalized:
    """What the callback says."""

    events: tuple[CallEvent, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why it says nothing that we can use: every reason, at least one."""

    reasons: tuple[Reason, ...]


def normalize(
    callback: Callback, dialect: str, timezone: ZoneInfo, charset: str = ""
) -> Normalized | Rejected:
    """Read a callback of a source with this dialect, whose clocks show the time of this zone.

    `charset` is what the source writes in where it isn't UTF-8 and names none.
    """
    try:
        read_objects = payloads(callback, charset)
    except Undecodable as error:
        return Rejected(tuple(error.reasons))
    read = ANSWER_READERS.get(callback.kind) or READERS.get(dialect)
    if read is None or dialect not in READERS:
        return Rejected((Reason("", "unknown-dialect", "the source's dialect is none that we know"),))
    one = partial(_one, callback, dialect, timezone, read)
    outcomes = [one(payload) for payload in read_objects]
    if any(isinstance(outcome, Rejected) for outcome in outcomes):
        pairs = zip(read_objects, outcomes, strict=True)
        room = Room()
        outcomes = [each for payload, outcome in pairs for each in _each(one, payload, outcome, room)]
    return _with_few_doubts(outcomes[0] if len(outcomes) == 1 else _together(outcomes))


def _with_few_doubts(outcome: Normalized | Rejected) -> Normalized | Rejected:
    if isinstance(outcome, Rejected) or not any(event.doubts for event in outcome.events):
        return outcome
    return Normalized(tuple(replace(event, doubts=few_doubts(event.doubts)) for event in outcome.events))


class Room:
    """How much is read of the objects in a callback's objects, all together."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def take(self, payload: Mapping[str, object]) -> None:
        """Count an object's fields; raise `Undecodable` if there is no room for them."""
        self._left -= len(payload) + 1
        if self._left < 0:
            raise Undecodable(TOO_MANY_FIELDS)


def _each(
    one: Callable[[Mapping[str, object]], Normalized | Rejected],
    payload: dict[str, object],
    outcome: Normalized | Rejected,
    room: Room,
    depth: int = 0,
) -> list[Normalized | Rejected]:
    """Give the outcome of one object of a callback, or of those in it, if it says nothing itself."""
    if isinstance(outcome, Normalized) or depth == DEEPEST or not _is_lacking(outcome):
        return [outcome]
    inner: list[Normalized | Rejected] = []
    try:
        for found in objects_within(payload):
            room.take(found)
            inner += _each(one, found, one(found), room, depth + 1)
    except Undecodable as error:
        return [Rejected(tuple(error.reasons))]
    return inner if any(isinstance(each, Normalized) for each in inner) else [outcome]


def _is_lacking(outcome: Rejected) -> bool:
    """Whether nothing is wrong but that something is not there, or that it is a list."""
    return all(reason.code in {"missing", "malformed-id"} for reason in outcome.reasons)


def _one(
    callback: Callback, dialect: str, timezone: ZoneInfo, read: Reader, payload: Mapping[str, object]
) -> Normalized | Rejected:
    """Read one object of a callback."""
    fields = Fields(payload)
    try:
        # The same bytes for the same fields, whatever their shape and order: a retry is the same event.
        canonical = orjson.dumps(_identity(callback, fields), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return Rejected((Reason("", "unwritable", "the payload holds what JSON can't say"),))
    if len(canonical) > LONGEST_PAYLOAD:
        return Rejected(
            (Reason("", "too-long", f"the payload is more than {LONGEST_PAYLOAD} bytes of JSON"),)
        )
    named = Named(
        event_id=blake2b(canonical, digest_size=16).hexdigest(),
        callback_id=callback.id,
        account=callback.account,
        source=callback.source,
        dialect=dialect,
        received_at=callback.received_at,
    )
    events = read(fields, Origin(named, timezone))
    return Normalized(events) if events else Rejected(tuple(fields.reasons))


def _together(outcomes: list[Normalized | Rejected]) -> Normalized | Rejected:
    """Join several objects of one callback: reasons against some of them become doubts."""
    events = {
        event.event_id: event for each in outcomes if isinstance(each, Normalized) for event in each.events
    }
    reasons = [
        (number, reason)
        for number, each in enumerate(outcomes)
        if isinstance(each, Rejected)
        for reason in each.reasons
    ]
    if not events:
        return Rejected(tuple(dict.fromkeys(reason for _, reason in reasons)))
    first, *others = events.values()
    doubts = tuple(
        Doubt(f"[{number}].{reason.field}".rstrip("."), reason.code, "") for number, reason in reasons
    )
    return Normalized((replace(first, doubts=first.doubts + doubts), *others))


def _identity(callback: Callback, fields: Fields) -> list[object]:
    """What makes two callbacks the same event."""
    if callback.kind == "webhook":
        return [callback.source, fields.scalars]
    said = {name: value for name, value in fields.scalars.items() if name != ASKED_AT}
    return [callback.source, callback.kind, said]
