"""Any message becomes rows, or a dead letter that holds it byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import lattice
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.events import CallEvent
from schemas.records import join, record_of, record_to_json
from schemas.topics import Topic
from sinks import checks, records
from sinks.rows import Known, Poison, Written, read
from sinks.tables import CALLBACKS, DEAD_LETTERS, EVENTS, RECORDS
from tests.kit.messages import StoredMessage
from tests.scale import examples
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
    extra={"x": [1, None]},
)


def callback_message(rejection: Rejection | None = None, **changed: Any) -> StoredMessage:
    headers = [*CALLBACK.headers(), *(rejection.headers() if rejection else [])]
    message = StoredMessage("callbacks.raw", 3, 42, CALLBACK.payload, headers)
    return message._replace(**changed)


def event_message(**changed: Any) -> StoredMessage:
    said = orjson.loads(EVENT.to_json()) | changed
    return StoredMessage("calls.events", value=orjson.dumps(said))


def record_message(**changed: Any) -> StoredMessage:
    said = orjson.loads(record_to_json("acme", "a", record_of(EVENT))) | changed
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
    assert row.pop("callback_ids") == [EVENT.callback_id]
    assert row.pop("ids") == ["a", "b"]
    assert orjson.loads(row.pop("extra")) == EVENT.extra
    assert row.pop("variables") == '{"A":"1","B":"2"}'
    (contribution,) = row.pop("contributions")
    assert orjson.loads(contribution) == {
        name: value for name, value in record_of(EVENT).items() if name != "legs"
    }
    assert row == {name: getattr(EVENT, name) for name in row}


def test_a_message_adds_nothing_to_any_call_and_a_cdr_adds_the_digest_that_decides_between_two() -> None:
    def contributions(**changed: Any) -> list[str]:
        outcome = read(Topic.EVENTS, event_message(**changed))
        assert isinstance(outcome, Written)
        found: list[str] = dict(zip(EVENTS.columns, outcome.row, strict=True))["contributions"]
        return found

    assert contributions(kind="message", ids=[], leg="") == []
    (contribution,) = contributions(kind="cdr", outcome="busy", caller="100")
    billed = {"caller": "100", "outcome": "busy", "round": 2}
    assert orjson.loads(contribution)["cdr"] == [NOW, lattice.digest(["e1", billed]), "e1", billed]


def test_a_record_is_read_without_its_wrapping_and_its_nulls() -> None:
    message = record_message(later_field=1, uuid=None, legs={"a": {"side": None, "rang_at": 5}})
    outcome = read(Topic.RECORDS, message)
    assert isinstance(outcome, Known)
    assert (outcome.account, outcome.call_id) == ("acme", "a")
    assert outcome.record.keys().isdisjoint({"v", "account", "call_id", "uuid"})
    assert outcome.record["legs"] == {"a": {"rang_at": 5}}
    # what a later release adds is passed over
    row = records.row("acme", "a", join(outcome.record, outcome.record))
    assert len(row) == len(RECORDS.columns)


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
            ("received_at", "unrepresentable"),
        ),
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
        ({"received_at": checks.LAST_TIME + 1}, "received_at"),
        ({"occurred_at": checks.FIRST_TIME - 1}, "occurred_at"),
        ({"occurred_at": "2021-02-09"}, "occurred_at"),
        ({"round": 2**63}, "round"),
        ({"round": True}, "round"),
        ({"hangup_cause": 1.5}, "hangup_cause"),
        ({"bridged": 1}, "bridged"),
        ({"caller": 13800138000}, "caller"),
        ({"ids": "a"}, "ids"),
        ({"ids": ["a", 1]}, "ids"),
        ({"ring_time": 2**63}, "ring_time"),
        ({"talk_time": 2**63 - 1}, "talk_time"),  # it stands for what is not known
        ({"started_at": {}}, "started_at"),
        ({"extra": []}, "extra"),
        ({"tag": 5}, "tag"),
        ({"requested_by": 200}, "requested_by"),
        ({"variables": []}, "variables"),
        ({"variables": {"A": 1}}, "variables"),
    ],
)
def test_an_event_that_no_column_can_hold_is_a_dead_letter(changed: dict[str, Any], field: str) -> None:
    assert poison_reasons(Topic.EVENTS, event_message(**changed)) == {(field, "unrepresentable")}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"first_received_at": 2**60}, "first_received_at"),
        ({"ids": None, "sources": "shop"}, "sources"),
        ({"uuid": 1}, "uuid"),
        ({"ends": {"a": "now"}}, "ends"),
        ({"ends": []}, "ends"),
        ({"caller": [1, 2]}, "caller"),
        ({"events": "e1"}, "events"),
        ({"requested_at": 2**60}, "requested_at"),
        ({"variables": {}}, "variables"),
        ({"caller": [0, 2, "x"]}, "caller"),
        ({"caller": [256, 2, "x"]}, "caller"),
        ({"caller": [1, 2**63, "x"]}, "caller"),
        ({"caller": [1, 2, 3]}, "caller"),
        ({"caller": "x"}, "caller"),
        ({"round": [1, 2, "x"]}, "round"),
        ({"round": [1, 2, "٣"]}, "round"),
        ({"round": [1, 2, str(2**63)]}, "round"),
        ({"cdr": {}}, "cdr"),
        ({"cdr": [0, "e", {}]}, "cdr"),
        ({"cdr": [1, "e", {"caller": 5}]}, "cdr.caller"),
        ({"cdr": [1, "e", {"ended_at": 2**60}]}, "cdr.ended_at"),
        ({"cdr": [1, "e", {"talk_time": "5"}]}, "cdr.talk_time"),
        ({"legs": []}, "legs"),
        ({"legs": {"a": 1}}, "legs"),
        ({"legs": {"a": {"side": 1}}}, "legs.side"),
        ({"legs": {"a": {"rang_at": 2**60}}}, "legs.rang_at"),
    ],
)
def test_a_record_that_no_column_can_hold_is_a_dead_letter(changed: dict[str, Any], field: str) -> None:
    assert poison_reasons(Topic.RECORDS, record_message(**changed)) == {(field, "unrepresentable")}


@pytest.mark.parametrize("topic", [Topic.EVENTS, Topic.RECORDS])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "malformed-json"),
        (b"", "malformed-json"),
        (b"{", "malformed-json"),
        (b'{"a":"\\ud800"}', "malformed-json"),
        (b"\xff", "malformed-json"),
        (b"[" * 100_000, "malformed-json"),
        (b"[]", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b"{}", "missing"),
    ],
)
def test_a_value_that_is_no_message_of_ours_is_a_dead_letter(
    topic: Topic, value: bytes | None, code: str
) -> None:
    assert {code} == {each for _, each in poison_reasons(topic, StoredMessage(topic, value=value))}


def test_reasons_hold_no_values() -> None:
    secret = "13800138000"
    for topic, message in (
        (Topic.EVENTS, event_message(caller=[secret])),
        (Topic.RECORDS, record_message(caller=secret, legs={secret: {"side": secret, "rang_at": secret}})),
    ):
        outcome = read(topic, message)
        assert isinstance(outcome, Poison)
        assert secret not in repr(outcome.reasons)


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
@given(event=events(), name=st.sampled_from([*record_of(EVENT), *EVENT.__slots__]), value=json_values)
def test_any_value_anywhere_is_a_row_or_a_dead_letter(event: CallEvent, name: str, value: object) -> None:
    said = orjson.loads(event.to_json()) | {name: value}
    record = orjson.loads(record_to_json("acme", "a", record_of(event))) | {name: value}
    for topic, document in ((Topic.EVENTS, said), (Topic.RECORDS, record)):
        outcome = read(topic, StoredMessage(topic, value=orjson.dumps(document)))
        if isinstance(outcome, Known):
            assert len(records.row("acme", "a", outcome.record)) == len(RECORDS.columns)
            list(records.leg_rows("acme", "a", join(outcome.record, outcome.record)))


@given(event=events())
def test_every_event_and_record_of_ours_is_held(event: CallEvent) -> None:
    assert isinstance(read(Topic.EVENTS, StoredMessage("e", value=event.to_json())), Written)
    value = record_to_json("acme", "a", record_of(event))
    outcome = read(Topic.RECORDS, StoredMessage("r", value=value))
    assert isinstance(outcome, Known)
    assert outcome.record == record_of(event)
