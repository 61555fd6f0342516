"""From one Kafka message to what is written of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from schemas.callbacks import Callback, Headers, Reason, Rejection
from schemas.calls import MOST_DAYS, within_bounds
from schemas.events import CallEvent
from schemas.limits import LAST_TIME, MOST_VERSION, is_day, is_time
from schemas.records import Record
from schemas.topics import Topic
from sinks import checks
from sinks.tables import CALL_FIELDS, CALLBACKS, CALLS, EVENTS, LEG_FIELDS, LEGS, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from schemas.calls import Call
    from sinks.tables import Row


class Message(Protocol):
    """A message as kafka-python returns it."""

    @property
    def topic(self) -> str:
        """The name on the cluster."""

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970 UTC."""

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A row of one table, and when its callback was received (microseconds since 1970 UTC)."""

    table: Table
    row: Row
    received_at: int


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can't be read, or whose values no column can hold: written to `dead_letters`."""

    row: Row
    reasons: tuple[Reason, ...]


Outcome = Written | Record | Poison


class UnreadableError(Exception):
    """Why a message is poison."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__()
        self.reasons = reasons


GONE = MOST_VERSION
"""The version of a row that is gone for good: no other is higher."""
GONE_QUIETLY = GONE - 1
"""That of a call which is gone for good but did not become part of another: a row that says so stays."""
VERSION = CALLS.columns.index("version")
LEG_VERSION = LEGS.columns.index("version")
REFUSED = Reason("", "refused", "ClickHouse refuses a row of it")


def read(topic: Topic, message: Message) -> Outcome:
    """Return what is written of a message of this topic, whatever it holds.

    Raises only `NewerVersionError`, for a message of a later release: none may be passed over.
    """
    try:
        if topic is Topic.EVENTS:
            return _event(message)
        if topic is Topic.RECORDS:
            return _record(message)
        return _callback(topic, message)
    except UnreadableError as error:
        return Poison(dead_letter(message, *error.reasons), error.reasons)


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
        callback.revision,
        callback.kept_headers,
    )
    return Written(CALLBACKS, row, callback.received_at)


def verdict(rejection: Rejection) -> int:
    """Order decisions on one callback: a later one is higher; at the same time a rejection is higher."""
    return 2 * rejection.decided_at + bool(rejection.reasons)


_EVENT_FIELDS = attrgetter(*EVENTS.columns)
_SAID = EVENTS.columns.index
LISTS = frozenset(
    (
        "legs",
        "events",
        "sources",
        "dialects",
        "kinds",
        "transferred_from",
        "transferred_to",
        "heard",
        "doubted",
    )
)
_COUNTED = frozenset({"revision", "doubts", "leg_count", "transfers"})


def _event(message: Message) -> Written:
    try:
        event = CallEvent.from_json(message.value or b"")
    except ValueError as error:
        raise UnreadableError(Reason("", "no-event", str(error))) from None
    return event_row(event)


def event_row(event: CallEvent) -> Written:
    row = list(_EVENT_FIELDS(event))
    row[_SAID("ids")], row[_SAID("variables")] = list(event.ids), event.variables or {}
    row[_SAID("written")] = event.written or {}
    row[_SAID("named_before")] = list(event.named_before or ())
    row[_SAID("last_received_at")] = event.last_heard
    row[_SAID("told_at")] = event.received_at if event.told_at is None else event.told_at
    row[_SAID("doubts")] = [(doubt.field, doubt.code, doubt.raw) for doubt in event.doubts]
    row[_SAID("extra")] = orjson.dumps(event.extra)
    return Written(EVENTS, tuple(row), event.received_at)


def _record(message: Message) -> Record:
    try:
        record = Record.from_json(message.value or b"")
    except ValueError as error:
        raise UnreadableError(Reason("", "no-record", str(error))) from None
    if found := tuple(dict.fromkeys(_unfit(record))):
        raise UnreadableError(*found)
    return replace(record, days=within_bounds(record.days)) if len(record.days) > MOST_DAYS else record


def _unfit(record: Record) -> Iterator[Reason]:
    if not 0 <= record.version < GONE + record.gone:
        yield Reason("version", "unrepresentable", "no column can hold this value")
    if not all(map(is_day, record.days)) or (record.call is not None and not record.days):
        yield Reason("days", "unrepresentable", "no row can be kept under these days")
    if record.call is not None:
        if record.call.account != record.account:
            yield Reason("account", "contradictory", "the row is of another account")
        yield from checks.unfit(((name, getattr(record.call, name)) for name in CALL_FIELDS), _COUNTED)
        counts = (("heard", n) for _, *told in record.call.heard for n in told)
        doubts = (("doubted", n) for *_, n in record.call.doubted)
        yield from checks.unfit((*counts, *doubts), frozenset({"heard", "doubted"}))
    if record.suspect is not None and not all(map(is_time, (record.suspect.since, record.suspect.at))):
        yield Reason("suspect", "unrepresentable", "no column can hold this value")
    for leg in record.legs:
        yield from checks.unfit(((name, getattr(leg, name)) for name in LEG_FIELDS), _COUNTED)


def call_rows(record: Record) -> Iterator[Row]:
    """Return rows of `stored_calls`: the call under its day, and its absence under any later day."""
    account, call_id = record.account, record.call_id
    if record.call is not None:
        yield (account, record.days[0], call_id, record.version, 0, "", *_values(record.call))
    most = GONE if record.part_of else GONE_QUIETLY
    for day, version in _gone_days(record):
        yield gone_call(account, day, call_id, min(version, most), record.part_of)


def leg_rows(record: Record) -> Iterator[Row]:
    account, call_id = record.account, record.call_id
    if record.call is not None:
        for leg in record.legs:
            told = seconds(_LEG_VALUES(leg), _LEG_DURATIONS)
            yield (account, record.days[0], call_id, leg.leg_id, record.version, 0, *told)
        for name in record.former:
            yield gone_leg(account, record.days[0], call_id, name, record.version)
    for day, version in _gone_days(record):
        for leg in record.legs:
            yield gone_leg(account, day, call_id, leg.leg_id, version)


def _gone_days(record: Record) -> Iterator[tuple[date, int]]:
    """Return the days without a row, each with the version in which there is none.

    A call that says nothing in its newest reading is gone until a higher version: a later reading may
    bring it back.
    """
    if record.gone:
        yield from ((day, record.version) for day in record.days[:1])
    if record.gone or record.call is not None:
        yield from ((day, GONE) for day in record.days[1:])


def gone_call(account: str, day: date, call_id: str, version: int = GONE, part_of: str = "") -> Row:
    """Return the row that says this day has no such call: for good, or until a higher version.

    If it was merged into another call, `part_of` names that.
    """
    return (account, day, call_id, version, 1, part_of, *_NOTHING)


def gone_leg(account: str, day: date, call_id: str, leg_id: str, version: int = GONE) -> Row:
    """Return the row that says this day has no such leg in this call: for good, or until a higher version."""
    return (account, day, call_id, leg_id, version, 1, *_NO_LEG)


_CALL_FIELDS = attrgetter(*CALL_FIELDS)
_LISTS = frozenset(place for place, name in enumerate(CALL_FIELDS) if name in LISTS)
_DURATIONS = tuple(place for place, name in enumerate(CALL_FIELDS) if name.endswith("_time"))
_LEG_VALUES = attrgetter(*LEG_FIELDS)
_LEG_DURATIONS = tuple(place for place, name in enumerate(LEG_FIELDS) if name.endswith("_time"))
_NO_LEG: Row = tuple(0 if name in _COUNTED else None for name in LEG_FIELDS)


def _values(call: Call) -> Row:
    values = list(_CALL_FIELDS(call))
    for place in _LISTS:
        values[place] = list(values[place])
    return seconds(values, _DURATIONS)


def seconds(values: Sequence[Any], durations: Iterable[int]) -> Row:
    """The same values, those at these places as seconds."""
    said = list(values)
    for place in durations:
        if said[place] is not None:
            said[place] /= 1e6
    return tuple(said)


_EMPTY: dict[str, Any] = {"variables": {}} | dict.fromkeys(
    ("source", "dialect", "outcome", "state", "close_reason"), ""
)
_EMPTY |= {CALL_FIELDS[place]: [] for place in _LISTS} | dict.fromkeys(_COUNTED, 0)
_EMPTY |= dict.fromkeys(
    ("has_ring", "has_answer", "has_hangup", "has_cdr", "reopened", "truncated", "expects_cdr"), False
)
_NOTHING: Row = tuple(_EMPTY.get(name) for name in CALL_FIELDS)


def dead_letter(message: Message, *reasons: Reason) -> Row:
    return (
        message.topic,
        message.partition,
        message.offset,
        message.timestamp if 0 <= message.timestamp * 1000 <= LAST_TIME else 0,
        message.key or b"",
        [(name, value or b"") for name, value in message.headers],
        message.value or b"",
        _written_reasons(reasons),
    )


def _written_reasons(reasons: Iterable[Reason]) -> list[tuple[str, str, str]]:
    return [(reason.field, reason.code, reason.message) for reason in reasons]
