from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.callbacks import Reason, Rejection, Stage
from schemas.calls import call_of, days_of, version_of
from schemas.documents import messages as files
from schemas.legs import legs_of
from schemas.records import Record
from tests.kit.callbacks import posted
from tests.kit.events import call_events, event, messages, samples
from tests.scale import examples
from tests.schemas.published import complaints

if TYPE_CHECKING:
    from schemas.callbacks import Headers
    from schemas.events import CallEvent

ABSENT = object()


def row_of(events: list[CallEvent]) -> Record:
    return Record(
        account="acme",
        call_id="a",
        version=version_of(events),
        days=days_of(events),
        call=call_of(events),
        legs=legs_of(events),
    )


def check_all(events: list[CallEvent]) -> None:
    """Everything that these events become on their way is valid."""
    for each in events:
        assert complaints(files.EVENT, orjson.loads(each.to_json())) == []
    row = row_of(events)
    for record in (row, replace(row, call=None, gone=True), Record(account="acme", call_id="a", began=True)):
        assert complaints(files.RECORD, orjson.loads(record.to_json())) == []


@pytest.mark.parametrize("name", samples())
def test_what_the_samples_become_is_valid(name: str) -> None:
    check_all(samples()[name])


def test_messages_are_valid_events() -> None:
    assert messages()
    for each in messages():
        assert complaints(files.EVENT, orjson.loads(each.to_json())) == []


@examples(normal=100, long=2_000)
@given(seed=st.integers(0, 2**63))
def test_what_any_events_become_is_valid(seed: int) -> None:
    check_all(call_events(random.Random(seed)))


def changed(value: dict[str, Any], field: str, to: Any) -> dict[str, Any]:
    return {name: each for name, each in {**value, field: to}.items() if each is not ABSENT}


EVENT = orjson.loads(event(ring_time=1).to_json())
RECORD = orjson.loads(row_of([event(caller="100")]).to_json())


@pytest.mark.parametrize(
    ("file", "value"),
    [(files.EVENT, EVENT), (files.RECORD, RECORD)],
)
def test_fields_of_later_versions_are_passed_over(file: str, value: dict[str, Any]) -> None:
    assert complaints(file, value) == []
    assert complaints(file, {**value, "v": 2, "mood": "good"}) == []


@pytest.mark.parametrize(
    ("field", "to"),
    [
        *(
            (name, ABSENT)
            for name in ("v", "event_id", "account", "kind", "ids", "leg", "occurred_at", "clock")
        ),
        ("v", 0),
        ("kind", "exploded"),
        ("ids", "a"),
        ("ids", [1]),
        ("leg", None),
        ("received_at", "2020-09-13T12:26:40Z"),
        ("occurred_at", 1.5),
        ("clock", "mine"),
        ("uuid", None),
        ("side", "c"),
        ("outcome", "lost"),
        ("round", "1"),
        ("bridged", 1),
        ("ring_time", -1),
        ("extra", []),
    ],
)
def test_what_is_no_event_is_found(field: str, to: Any) -> None:
    assert complaints(files.EVENT, changed(EVENT, field, to))


@pytest.mark.parametrize(
    ("field", "to"),
    [
        *((name, ABSENT) for name in ("v", "account", "call_id")),
        ("v", "1"),
        ("account", 7),
        ("version", "1"),
        ("days", "2020-09-13"),
        ("days", [20200913]),
        ("began", 1),
        ("gone", None),
        ("call", []),
        ("call", changed(RECORD["call"], "legs", "a")),
        ("call", changed(RECORD["call"], "state", "asleep")),
        ("call", changed(RECORD["call"], "rang_at", "early")),
        ("call", changed(RECORD["call"], "state", ABSENT)),
        ("legs", [{"rang_at": 1}]),
        ("legs", ["a"]),
    ],
)
def test_what_is_no_record_is_found(field: str, to: Any) -> None:
    assert complaints(files.RECORD, changed(RECORD, field, to))


@pytest.mark.parametrize(
    ("file", "value"),
    [
        (files.REASON, {"field": "", "code": "missing"}),
        (files.REASON, {"field": None, "code": "missing", "message": "No."}),
    ],
)
def test_what_is_no_other_message_is_found(file: str, value: dict[str, Any]) -> None:
    assert complaints(file, value)


def texts(headers: Headers) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


CALLBACK = posted(query=b"a=1")
REJECTION = Rejection(
    Stage.NORMALIZE,
    (Reason("status", "unknown-status", "No."), Reason("", "missing", "None.")),
    "callbacks.raw",
    3,
    17,
)


def header(name: str) -> str:
    """Where the content of a header that is JSON has its schema."""
    return f"{files.REJECTION}#/properties/{name}/contentSchema"


def test_headers_are_valid() -> None:
    assert complaints(files.CALLBACK, texts(CALLBACK.headers())) == []
    asked = replace(CALLBACK, kind="history")
    assert complaints(files.CALLBACK, texts(asked.headers())) == []
    rejected = texts([*CALLBACK.headers(), *REJECTION.headers()])
    assert complaints(files.REJECTION, rejected) == []
    for name in ("reasons", "origin"):
        assert complaints(header(name), orjson.loads(rejected[name])) == []


@pytest.mark.parametrize(
    ("name", "to"),
    [
        *((name, ABSENT) for name in ("id", "source", "account", "received_at", "method", "peer")),
        ("received_at", "now"),
        ("received_at", "-1"),
        ("method", "PUT"),
        ("kind", "rumour"),
        ("id", 1),
    ],
)
def test_headers_of_no_callback_are_found(name: str, to: Any) -> None:
    assert complaints(files.CALLBACK, changed(texts(CALLBACK.headers()), name, to))


@pytest.mark.parametrize(
    ("name", "to"), [("stage", "kitchen"), ("stage", ABSENT), ("reasons", ABSENT), ("origin", ABSENT)]
)
def test_headers_of_no_rejection_are_found(name: str, to: Any) -> None:
    rejected = texts([*CALLBACK.headers(), *REJECTION.headers()])
    assert complaints(files.REJECTION, changed(rejected, name, to))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reasons", {}),
        ("reasons", [{"code": "missing"}]),
        ("origin", ["callbacks.raw", 3]),
        ("origin", ["callbacks.raw", "3", 17]),
    ],
)
def test_what_is_wrong_within_a_header_is_found(name: str, content: Any) -> None:
    assert complaints(header(name), content)
