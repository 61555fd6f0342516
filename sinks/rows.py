"""From one Kafka message to what is written of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from schemas.callbacks import Callback, Headers, Reason, Rejection
from schemas.events import CallEvent
from schemas.records import record_of, variables_to_text
from schemas.topics import Topic
from sinks import checks, records
from sinks.tables import CALLBACKS, EVENTS, Table

if TYPE_CHECKING:
    from schemas.records import Record
    from sinks.tables import Row


class Message(Protocol):
    """A message as kafka-python gives it."""

    @property
    def topic(self) -> str:
        """The name on the cluster."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970 UTC."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Headers:
        """Its headers."""


@dataclass(frozen=True, slots=True)
class Written:
    """A row of one table, and when what it tells of was received (microseconds since 1970 UTC)."""

    table: Table
    row: Row
    received_at: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a call so far: several of one call are joined before they are written."""

    account: str
    call_id: str
    record: Record


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can't be read, or whose values no column can hold: written to `dead_letters`."""

    row: Row
    reasons: tuple[Reason, ...]


Outcome = Written | Known | Poison


class UnreadableError(Exception):
    """Why a message is poison."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__()
        self.reasons = reasons


def read(topic: Topic, message: Message) -> Outcome:
    """What is written of a message of this topic, whatever it holds. Never raises."""
    try:
        if topic is Topic.EVENTS:
            return _event(message)
        if topic is Topic.RECORDS:
            return _record(message)
        return _callback(topic, message)
    except UnreadableError as error:
        return Poison(_dead_letter(message, error.reasons), error.reasons)


def _callback(topic: Topic, message: Message) -> Written:
    rejection = None
    try:
        callback = Callback.from_message(message.value, message.headers)
        if topic is Topic.REJECTED:
            rejection = Rejection.from_headers(message.headers)
    except (KeyError, ValueError, TypeError):
        raise UnreadableError(Reason("", "malformed-headers", "the headers are not a callback's")) from None
    if topic is Topic.REJECTED and rejection is None:
        raise UnreadableError(Reason("reasons", "missing", "must be there"))
    if rejection is not None and not 0 <= rejection.decided_at <= checks.LAST_TIME:
        raise UnreadableError(Reason("decided_at", "unrepresentable", "no column can hold this value"))
    if not checks.is_time(callback.received_at):
        raise UnreadableError(Reason("received_at", "unrepresentable", "no column can hold this value"))
    place: tuple[Any, ...] = (message.topic, message.partition, message.offset)
    if rejection is not None and rejection.topic:
        place = (rejection.topic, rejection.partition, rejection.offset)
    row = (
        callback.account,
        callback.received_at,
        callback.id,
        callback.source,
        callback.method,
        callback.content_type,
        callback.peer,
        callback.query,
        callback.payload,
        "" if rejection is None or not rejection.reasons else rejection.stage.value,
        [] if rejection is None else _written_reasons(rejection.reasons),
        *place,
        0 if rejection is None else verdict(rejection),
        callback.kind,
    )
    return Written(CALLBACKS, row, callback.received_at)


def verdict(rejection: Rejection) -> int:
    """Orders the decisions on one callback: the later one is the higher, and of one time the rejection."""
    return 2 * rejection.decided_at + bool(rejection.reasons)


_REQUIRED = (
    "event_id",
    "callback_id",
    "account",
    "source",
    "dialect",
    "kind",
    "ids",
    "leg",
    "received_at",
    "occurred_at",
    "clock",
)
_EVENT_CHECKS = (
    *((name, checks.is_text) for name in _REQUIRED if name not in {"ids", "received_at", "occurred_at"}),
    ("ids", checks.is_texts),
    ("received_at", checks.is_time),
    ("occurred_at", checks.is_time),
    ("uuid", checks.is_text),
    ("side", checks.is_text),
    *records.DESCRIBED_CHECKS,
    ("tag", checks.is_text),
    ("requested_by", checks.is_text),
    ("variables", checks.is_named_texts),
    ("extension", checks.is_text),
    ("outcome", checks.is_text),
    ("bridged", checks.is_flag),
    ("transferred", checks.is_flag),
    ("started_at", checks.is_time),
    ("answered_at", checks.is_time),
    ("ended_at", checks.is_time),
    ("ring_time", checks.is_duration),
    ("talk_time", checks.is_duration),
    ("extra", checks.is_object),
)
_EVENT_FIELDS = attrgetter(
    *("callback_id" if name == "callback_ids" else name for name in EVENTS.columns if name != "contributions")
)
_IDS, _CALLBACK_IDS, _EXTRA, _VARIABLES = map(
    EVENTS.columns.index, ("ids", "callback_ids", "extra", "variables")
)


def _event(message: Message) -> Written:
    event = _object(message)
    reasons = checks.missing(_REQUIRED, event) or checks.unfit(_EVENT_CHECKS, event)
    if reasons:
        raise UnreadableError(*reasons)
    said = CallEvent.from_dict(event)
    return event_row(said, record_of(said) if said.ids else None)


def event_row(event: CallEvent, record: Record | None) -> Written:
    """The row of an event, with what it alone lets us know of its call; None if it names none."""
    row = [*_EVENT_FIELDS(event), [] if record is None else [records.contribution(record)]]
    row[_IDS], row[_CALLBACK_IDS] = list(event.ids), [event.callback_id]
    row[_EXTRA], row[_VARIABLES] = orjson.dumps(event.extra or {}), variables_to_text(event.variables or {})
    return Written(EVENTS, tuple(row), event.received_at)


def _record(message: Message) -> Known:
    read = _object(message)
    reasons = checks.missing(("account", "call_id"), read) or checks.unfit(
        (("account", checks.is_text), ("call_id", checks.is_text)), read
    )
    reasons = reasons or records.unfit(read)
    if reasons:
        raise UnreadableError(*reasons)
    read.pop("v", None)
    account, call_id = read.pop("account"), read.pop("call_id")
    return Known(account, call_id, records.without_nulls(read))


def _object(message: Message) -> dict[str, Any]:
    try:
        read = orjson.loads(message.value or b"")
    except ValueError:
        raise UnreadableError(Reason("", "malformed-json", "the value is not JSON")) from None
    if type(read) is not dict:
        raise UnreadableError(Reason("", "not-an-object", "the value is not a JSON object"))
    return read


def _dead_letter(message: Message, reasons: tuple[Reason, ...]) -> Row:
    return (
        message.topic,
        message.partition,
        message.offset,
        message.timestamp if 0 <= message.timestamp * 1000 <= checks.LAST_TIME else 0,
        message.key or b"",
        [(name, value or b"") for name, value in message.headers],
        message.value or b"",
        _written_reasons(reasons),
    )


def _written_reasons(reasons: tuple[Reason, ...]) -> list[tuple[str, str, str]]:
    return [(reason.field, reason.code, reason.message) for reason in reasons]
