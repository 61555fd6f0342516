"""Any message becomes rows, or a dead letter that holds it byte for byte."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.calls import MOST_DAYS, Call
from schemas.events import CallEvent, Doubt
from schemas.limits import FIRST_TIME, LAST_RECEIPT
from schemas.records import FOR_GOOD, Record
from schemas.topics import Topic
from schemas.versions import NewerVersionError
from sinks.rows import Poison, Written, call_rows, leg_rows, read
from sinks.tables import CALLBACKS, CALLS, DEAD_LETTERS, EVENTS, LEGS
from sinks.told import event_of
from tests.kit.messages import StoredMessage
from tests.scale import examples
from tests.sinks.folded import record_of
from tests.sinks.strategies import events

NOW = 1_612_836_003_123_456
CALLBACK = Callback(
    id="0b6b3b9e-6a3b-4b8e-8a1e-2f7a6f1c9d10",
    source="shop",
    account="acme",
    received_at=NOW,
    method="POST",
    content_type="application/json",
    peer="127.0.0.1",
    payload=b'{"a":"\xff"}',
    query=b"b=1",
    revision=2,
    kept_headers=b'{"x-signature":"\xc3\xa9"}',
)
LATE = ("received_at", b"%d" % 2**62)
REASON = Reason("status", "unknown-status", "is none of those that the document names")
EVENT = CallEvent(
    event_id="e1",
    callback_id=CALLBACK.id,
    account="acme",
    source="shop",
    dialect="common-api",
    kind="ring",
    ids=("a", "b"),
    leg="a",
    received_at=NOW,
    occurred_at=NOW - 5,
    clock="provider",
    bridged=True,
    round=2,
    variables={"B": "2", "A": "1"},
    doubts=(Doubt("b", "no-time", "soon"),),
    extra={"x": [1, None]},
)
ROW = record_of([EVENT])


def callback_message(rejection: Rejection | None = None, **changed: Any) -> StoredMessage:
    headers = [*CALLBACK.headers(), *(rejection.headers() if rejection else [])]
    message = StoredMessage("callbacks.raw", 3, 42, CALLBACK.payload, headers)
    return message._replace(**changed)


def event_message(**changed: Any) -> StoredMessage:
    said = orjson.loads(EVENT.to_json()) | changed
    return StoredMessage("calls.events", value=orjson.dumps(said))


def record_message(call: dict[str, Any] | None = None, **changed: Any) -> StoredMessage:
    said = orjson.loads(ROW.to_json()) | changed
    said["call"] |= call or {}
    return StoredMessage("calls.records", value=orjson.dumps(said))


def callback_row(topic: Topic, message: StoredMessage) -> dict[str, Any]:
    outcome = read(topic, message)
    assert isinstance(outcome, Written), outcome
    assert (outcome.table, outcome.received_at) == (CALLBACKS, NOW)
    return dict(zip(CALLBACKS.columns, outcome.row, strict=True))


def poison_reasons(topic: Topic, message: StoredMessage) -> set[tuple[str, str]]:
    outcome = read(topic, message)
    assert isinstance(outcome, Poison), outcome
    row = dict(zip(DEAD_LETTERS.columns, outcome.row, strict=True))
    assert row["value"] == (message.value or b"")
    assert (row["topic"], row["partition"], row["offset"]) == message[:3]
    assert [(field, code) for field, code, _ in row["reasons"]] == [
        (reason.field, reason.code) for reason in outcome.reasons
    ]
    return {(reason.field, reason.code) for reason in outcome.reasons}


def test_an_accepted_callback_is_kept_as_it_came() -> None:
    row = callback_row(Topic.RAW, callback_message())
    assert row == {
        "account": "acme",
        "received_at": NOW,
        "id": CALLBACK.id,
        "source": "shop",
        "method": "POST",
        "content_type": "application/json",
        "peer": "127.0.0.1",
        "query": b"b=1",
        "payload": b'{"a":"\xff"}',
        "stage": "",
        "reasons": [],
        "topic": "callbacks.raw",
        "partition": 3,
        "offset": 42,
        "verdict": 0,
        "kind": "webhook",
        "revision": 2,
        "kept_headers": CALLBACK.kept_headers,
    }


def test_an_answer_to_a_request_of_ours_is_kept_with_its_kind() -> None:
    headers = replace(CALLBACK, kind="dial").headers()
    assert callback_row(Topic.RAW, callback_message(headers=headers))["kind"] == "dial"


def test_a_callback_that_normalize_rejects_keeps_its_key_and_its_first_place() -> None:
    rejection = Rejection(Stage.NORMALIZE, (REASON,), "callbacks.raw", 3, 42)
    accepted = callback_row(Topic.RAW, callback_message())
    rejected = callback_row(
        Topic.REJECTED, callback_message(rejection, topic="callbacks.rejected", offset=7, partition=0)
    )
    different = {name for name in accepted if accepted[name] != rejected[name]}
    assert different == {"stage", "reasons", "verdict"}
    assert (rejected["stage"], rejected["verdict"]) == ("normalize", 1)
    assert rejected["reasons"] == [("status", "unknown-status", REASON.message)]


def test_a_callback_that_the_ingress_rejects_lies_where_it_was_rejected() -> None:
    rejection = Rejection(Stage.INGEST, (REASON,))
    row = callback_row(Topic.REJECTED, callback_message(rejection, topic="callbacks.rejected", offset=7))
    assert (row["topic"], row["partition"], row["offset"]) == ("callbacks.rejected", 3, 7)
    assert row["stage"] == "ingest"


def test_an_event_is_kept_whole() -> None:
    outcome = read(Topic.EVENTS, event_message())
    assert isinstance(outcome, Written)
    row = dict(zip(EVENTS.columns, outcome.row, strict=True))
    assert row.pop("ids") == ["a", "b"]
    assert orjson.loads(row.pop("extra")) == EVENT.extra
    assert (row.pop("last_received_at"), row.pop("told_at")) == (NOW, NOW)
    assert row.pop("doubts") == [("b", "no-time", "soon")]
    assert row.pop("written") == (EVENT.written or {})
    assert row.pop("named_before") == []
    assert row == {name: getattr(EVENT, name) for name in row}


def test_a_call_and_its_legs_are_rows() -> None:
    record = read(Topic.RECORDS, record_message())
    assert isinstance(record, Record)
    assert record == ROW
    (row,) = call_rows(record)
    called = dict(zip(CALLS.columns, row, strict=True))
    assert (called["call_id"], called["day"], called["version"]) == ("a", record.days[0], 1)
    assert (called["is_gone"], called["legs"], called["doubts"]) == (0, ["a", "b"], 1)
    legs = [dict(zip(LEGS.columns, each, strict=True)) for each in leg_rows(record)]
    assert [(leg["leg_id"], leg["call_id"], leg["rang_at"]) for leg in legs] == [
        ("a", "a", NOW - 5),
        ("b", "a", None),
    ]


def test_a_leg_that_a_correction_no_longer_names_is_gone_in_that_version() -> None:
    record = record_of([replace(EVENT, ids=("a",), reading=7, named_before=("a", "b"))])
    assert Record.from_json(record.to_json()) == record
    legs = [dict(zip(LEGS.columns, each, strict=True)) for each in leg_rows(record)]
    assert [(leg["leg_id"], leg["is_gone"], leg["version"]) for leg in legs] == [("a", 0, 7), ("b", 1, 7)]


def test_durations_are_seconds() -> None:
    record = read(Topic.RECORDS, record_message(call={"ring_time": 1_500_000, "cdr_talk_time": 1}))
    assert isinstance(record, Record)
    (row,) = call_rows(record)
    called = dict(zip(CALLS.columns, row, strict=True))
    assert (called["ring_seconds"], called["cdr_talk_seconds"], called["talk_seconds"]) == (1.5, 1e-6, None)


@pytest.mark.parametrize(("topic", "version"), [(Topic.EVENTS, 2), (Topic.RECORDS, 3)])
def test_what_a_later_release_has_written_is_not_passed_over(topic: Topic, version: int) -> None:
    message = event_message(v=version) if topic is Topic.EVENTS else record_message(v=version)
    with pytest.raises(NewerVersionError, match="start a newer release"):
        read(topic, message)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"headers": []}, ("", "malformed-headers")),
        ({"headers": [("id", b"1")]}, ("", "malformed-headers")),
        ({"headers": [*CALLBACK.headers(), ("received_at", b"soon")]}, ("", "malformed-headers")),
        ({"headers": [*CALLBACK.headers(), ("source", b"\xff")]}, ("", "malformed-headers")),
        ({"headers": [*CALLBACK.headers(), ("method", None)]}, ("", "malformed-headers")),
        (
            {"headers": [*CALLBACK.headers(), ("received_at", b"%d" % 2**62)]},
            ("", "malformed-headers"),
        ),
        ({"headers": [*CALLBACK.headers(), ("kept_headers", b"[]")]}, ("", "malformed-headers")),
    ],
)
def test_a_message_that_is_no_callback_is_a_dead_letter(
    changed: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert poison_reasons(Topic.RAW, callback_message(**changed)) == {expected}


@pytest.mark.parametrize(
    "extra",
    [
        [],
        [("reasons", b"nothing")],
        [("reasons", b"[]"), ("stage", b"nowhere"), ("origin", b'["",-1,-1]')],
        [("reasons", b'[{"field":"a"}]'), ("stage", b"ingest"), ("origin", b'["",-1,-1]')],
        [("reasons", b"[]"), ("stage", b"ingest"), ("origin", b"[]")],
    ],
)
def test_a_rejected_message_without_a_readable_rejection_is_a_dead_letter(
    extra: list[tuple[str, bytes]],
) -> None:
    message = callback_message(topic="callbacks.rejected", headers=[*CALLBACK.headers(), *extra])
    assert poison_reasons(Topic.REJECTED, message) in (
        {("", "malformed-headers")},
        {("reasons", "missing")},
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"received_at": LAST_RECEIPT + 1}, "received_at"),
        ({"received_at": -1}, "received_at"),
        ({"occurred_at": FIRST_TIME - 1}, "occurred_at"),
        ({"round": 2**63}, "round"),
        ({"ring_time": 2**63}, "ring_time"),
        ({"reading": 2**63}, "reading"),
    ],
)
def test_an_event_that_no_column_can_hold_is_a_dead_letter(changed: dict[str, Any], field: str) -> None:
    message = event_message(**changed)
    assert poison_reasons(Topic.EVENTS, message) == {("", "no-event")}
    outcome = read(Topic.EVENTS, message)
    assert isinstance(outcome, Poison)
    assert field in outcome.reasons[0].message


def test_an_event_with_a_number_that_json_has_and_we_can_not_write_is_a_dead_letter() -> None:
    value = EVENT.to_json().replace(b"[1,null]", b"9" * 40)
    assert poison_reasons(Topic.EVENTS, StoredMessage("e", value=value)) == {("", "no-event")}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"call": {"first_received_at": 2**60}}, "first_received_at"),
        ({"call": {"requested_at": 2**60}}, "requested_at"),
        ({"call": {"cdr_ended_at": 2**60}}, "cdr_ended_at"),
        ({"call": {"cdr_hangup_cause": 2**63}}, "cdr_hangup_cause"),
        ({"call": {"leg_count": -1}}, "leg_count"),
        ({"call": {"doubts": 2**32}}, "doubts"),
        ({"version": 2**64 - 1}, "version"),
        ({"version": -1}, "version"),
        ({"days": []}, "days"),
        ({"days": ["2150-01-01"]}, "days"),
        ({"days": ["1969-12-31"]}, "days"),
        ({"legs": [{"leg_id": "a", "rang_at": 2**60}]}, "rang_at"),
        ({"legs": [{"leg_id": "a", "busy_until": 2**60}]}, "busy_until"),
        ({"legs": [{"leg_id": "a", "talk_time": -1}]}, "talk_time"),
        ({"call": {"talk_time": -5_000_000}}, "talk_time"),
        ({"call": {"cdr_ring_time": -1}}, "cdr_ring_time"),
    ],
)
def test_a_record_that_no_column_can_hold_is_a_dead_letter(changed: dict[str, Any], field: str) -> None:
    assert poison_reasons(Topic.RECORDS, record_message(**changed)) == {(field, "unrepresentable")}


def test_a_record_whose_row_is_of_another_account_is_a_dead_letter() -> None:
    assert poison_reasons(Topic.RECORDS, record_message(account="other")) == {("account", "contradictory")}


def test_a_record_with_days_without_end_makes_few_rows() -> None:
    days = [date.fromordinal(date(1970, 1, 1).toordinal() + n).isoformat() for n in range(60_000)]
    record = read(Topic.RECORDS, record_message(days=days))
    assert isinstance(record, Record)
    rows = list(call_rows(record))
    assert len(rows) == MOST_DAYS
    assert (rows[0][1], rows[-1][1]) == (date(1970, 1, 1), date.fromisoformat(days[-1]))


@pytest.mark.parametrize(("topic", "code"), [(Topic.EVENTS, "no-event"), (Topic.RECORDS, "no-record")])
@pytest.mark.parametrize(
    "value",
    [None, b"", b"{", b'{"a":"\\ud800"}', b"\xff", b"[" * 100_000, b"[]", b'"text"', b"{}"],
)
def test_a_value_that_is_no_message_of_ours_is_a_dead_letter(
    topic: Topic, value: bytes | None, code: str
) -> None:
    assert poison_reasons(topic, StoredMessage(topic, value=value)) == {("", code)}


def test_a_field_of_another_type_is_named_and_its_value_is_not() -> None:
    secret = "13800138000"
    for topic, message in (
        (Topic.EVENTS, event_message(caller=[secret])),
        (Topic.RECORDS, record_message(call={"caller": [secret]})),
        (Topic.RECORDS, record_message(legs=[{"leg_id": secret, "side": [secret]}])),
    ):
        outcome = read(topic, message)
        assert isinstance(outcome, Poison)
        (reason,) = outcome.reasons
        assert "caller" in reason.message or "side" in reason.message
        assert secret not in repr(outcome.reasons)


FIELDS = [each.name for kind in (CallEvent, Call) for each in fields(kind)]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@examples(300, 10_000)
@given(event=events(), name=st.sampled_from(FIELDS), value=json_values)
def test_any_value_anywhere_is_a_row_or_a_dead_letter(event: CallEvent, name: str, value: object) -> None:
    said = orjson.loads(event.to_json()) | {name: value}
    record = orjson.loads(record_of([event]).to_json()) | {name: value}
    within = orjson.loads(record_of([event]).to_json())
    within["call"][name] = value
    for topic, document in ((Topic.EVENTS, said), (Topic.RECORDS, record), (Topic.RECORDS, within)):
        if type(document.get("v")) is int and document["v"] > 1:
            document["v"] = 1
        outcome = read(topic, StoredMessage(topic, value=orjson.dumps(document)))
        if isinstance(outcome, Record):
            assert all(len(row) == len(CALLS.columns) for row in call_rows(outcome))
            assert all(len(row) == len(LEGS.columns) for row in leg_rows(outcome))


@given(event=events())
def test_every_event_and_record_of_ours_is_held(event: CallEvent) -> None:
    outcome = read(Topic.EVENTS, StoredMessage("e", value=event.to_json()))
    assert isinstance(outcome, Written)
    row = list(outcome.row)
    assert event_of(tuple(row)) == replace(event, variables=event.variables or None)
    record = record_of([event])
    assert read(Topic.RECORDS, StoredMessage("r", value=record.to_json())) == record


def test_what_core_says_is_gone_for_good_is_no_poison() -> None:
    record = Record(account="acme", call_id="a", version=FOR_GOOD, days=(date(2024, 3, 4),), gone=True)
    assert read(Topic.RECORDS, StoredMessage("calls.records", value=record.to_json())) == record
    wrong = replace(record, gone=False)
    assert isinstance(read(Topic.RECORDS, StoredMessage("calls.records", value=wrong.to_json())), Poison)
