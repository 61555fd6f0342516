"""`history` callbacks: what `callweave backfill` publishes of the provider's answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.step import Rejected, normalize
from schemas.calls import call_of
from schemas.events import CallEvent
from tests.kit import callbacks
from tests.kit.callbacks import NOW, SHANGHAI, posted
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.callbacks import Callback

DIALECT = "extension-events"
event_of = partial(callbacks.event_of, dialect=DIALECT)
reasons_of = partial(callbacks.reasons_of, dialect=DIALECT)
SECOND = 1_000_000
START = 1_609_518_578 * SECOND
"""2021-01-01 16:29:38 UTC."""
CALL = "CAA308E3333C4A19AAED9C0254B9C61B"

BRIDGED: dict[str, Any] = {
    "call_uuid": CALL,
    "flow": "out",
    "init_time_gmt": "2021-01-01 16:29:38",
    "start_time_gmt": "2021-01-01 16:29:39",
    "bridged_time_gmt": "2021-01-01 16:29:52",
    "hangup_time_gmt": "2021-01-01 16:30:16",
    "duration": 37,
    "bridged_duration": 24,
    "result": "bridged",
    "hangup_cause": "NORMAL_CLEARING",
    "hangup_disposition": "caller_bye",
    "from_username": "000*101",
    "to_username": "+79817654321",
    "did_number": None,
    "extension_name": "000*101@sip.example.org",
    "extension_type": "phone",
    "cdr": [{"record_uuid": None}, {"record_uuid": "175-rec", "result": "answered"}],
}
"""A call that an extension made, with the fields that a public client of the API has recorded."""


def history(asked: str = CALL, **changes: Any) -> Callback:
    answer = {name: value for name, value in (BRIDGED | changes).items() if value is not ...}
    return body({"v": 1, "call_id": asked, "asked_at": NOW, "answer": answer})


def body(fields: dict[str, Any]) -> Callback:
    return posted(fields, kind="history")


def test_a_call_that_was_put_through() -> None:
    event = event_of(history())
    assert (event.kind, event.ids, event.leg) == ("cdr", (CALL.lower(),), CALL.lower())
    assert (event.started_at, event.answered_at, event.ended_at) == (
        START,
        START + 14 * SECOND,
        START + 38 * SECOND,
    )
    assert (event.occurred_at, event.clock) == (START + 38 * SECOND, "provider")
    assert (event.outcome, event.talk_time, event.ring_time) == ("answered", 24 * SECOND, None)
    assert (event.direction, event.caller, event.callee) == ("outbound", "000*101", "+79817654321")
    assert (event.extension, event.recording) == ("000*101@sip.example.org", "175-rec")
    assert event.extra == {
        name: BRIDGED[name]
        for name in (
            "duration",
            "result",
            "hangup_cause",
            "hangup_disposition",
            "extension_type",
            "cdr",
        )
    }


def test_both_names_name_the_call() -> None:
    assert event_of(history("cb-1")).ids == (CALL.lower(), "cb-1")
    assert event_of(history("cb-1", call_uuid=...)).ids == ("cb-1",)


NOT_BRIDGED = {"bridged_time_gmt": None, "bridged_duration": None}


@pytest.mark.parametrize(
    ("changes", "outcome", "answered", "talked"),
    [
        ({"result": "bridged"}, "answered", 14, 24),
        ({"result": "bridged", "bridged_duration": None}, "answered", 14, 24),
        ({"result": "answered", **NOT_BRIDGED}, "answered", 1, 37),
        ({"result": "answered", "extension_type": "queue", **NOT_BRIDGED}, "unanswered", None, 0),
        ({"result": "answered", "extension_type": "ivr", **NOT_BRIDGED}, "unanswered", None, 0),
        ({"result": "answered", "extension_type": "queue"}, "answered", 14, 24),
        ({"result": "not answered", **NOT_BRIDGED}, "unanswered", None, 0),
        (
            {"result": "not answered", "hangup_disposition": "caller_cancel", **NOT_BRIDGED},
            "cancelled",
            None,
            0,
        ),
        ({"result": "busy", **NOT_BRIDGED}, "busy", None, 0),
        ({"result": "rejected", **NOT_BRIDGED}, "busy", None, 0),
        ({"result": "failed", **NOT_BRIDGED}, "congestion", None, 0),
        ({"result": "new word", **NOT_BRIDGED}, None, None, None),
    ],
)
def test_how_a_call_ended(
    changes: dict[str, Any], outcome: str | None, answered: int | None, talked: int | None
) -> None:
    event = event_of(history(**changes))
    assert event.outcome == outcome
    assert event.answered_at == (None if answered is None else START + answered * SECOND)
    assert event.talk_time == (None if talked is None else talked * SECOND)


@pytest.mark.parametrize("result", ["bridged", "rejected", "failed", "new word"])
def test_a_result_that_says_more_stays_readable(result: str) -> None:
    assert event_of(history(result=result)).extra["result"] == result


def test_a_call_from_outside() -> None:
    event = event_of(
        history(flow="in", from_username="+79817654321", to_username="000*101", did_number="+78123092829")
    )
    assert (event.direction, event.caller, event.callee) == ("inbound", "+79817654321", "+78123092829")
    assert event.display_number == "+78123092829"


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2021-01-01 16:29:38.76", START + 760_000),
        ("2021-01-01T16:29:38Z", START),
        ("2021-01-01 16:29:38.000001", START + 1),
        (1609518578, START),
    ],
)
def test_times_in_their_spellings(text: str, us: int) -> None:
    assert event_of(history(init_time_gmt=text)).started_at == us


def test_without_its_beginning_a_call_began_when_it_was_taken() -> None:
    assert event_of(history(init_time_gmt=None)).started_at == START + SECOND


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hangup_time_gmt": None}, ("hangup_time_gmt", "missing")),
        ({"hangup_time_gmt": ...}, ("hangup_time_gmt", "missing")),
    ],
)
def test_what_is_no_history(changes: dict[str, Any], reason: tuple[str, str]) -> None:
    assert reason in reasons_of(history(**changes))


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"hangup_time_gmt": "yesterday"}, ("answer.hangup_time_gmt", "malformed-time")),
        ({"init_time_gmt": "2021-02-30 00:00:00"}, ("answer.init_time_gmt", "nonexistent-time")),
        ({"call_uuid": {}}, ("answer.call_uuid", "malformed-id")),
    ],
)
def test_what_is_in_doubt(changes: dict[str, Any], doubt: tuple[str, str]) -> None:
    event = event_of(history(**changes))
    assert [(each.field, each.code) for each in event.doubts] == [doubt]


def test_an_envelope_without_its_content() -> None:
    assert reasons_of(body({"v": 1})).keys() == {("answer", "missing"), ("call_id", "missing")}


def test_asked_again_it_is_the_same_event() -> None:
    again = body({"call_id": CALL, "asked_at": NOW + 1, "answer": BRIDGED, "v": 1})
    assert event_of(history()).event_id == event_of(again).event_id
    assert event_of(history()).event_id != event_of(history(duration=38)).event_id


def test_of_two_histories_the_later_is_the_bill() -> None:
    first = event_of(history(duration=37))
    later = event_of(replace(history(), received_at=NOW + 1))
    call = call_of([later, first])
    assert (call.cdr_received_at, call.ended_at) == (NOW + 1, START + 38 * SECOND)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([value for value in BRIDGED.values() if isinstance(value, str)])
)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)


@given(st.dictionaries(st.sampled_from(sorted(BRIDGED)) | st.text(max_size=4), values, max_size=8), values)
@examples(200, 5000)
def test_whatever_is_in_it_there_is_a_verdict(changes: dict[str, Any], asked: Any) -> None:
    try:
        payload = orjson.dumps({"call_id": asked, "answer": BRIDGED | changes})
    except TypeError:  # an integer beyond 64 bits
        return
    outcome = normalize(posted(payload, kind="history"), DIALECT, SHANGHAI)
    if isinstance(outcome, Rejected):
        assert outcome.reasons
    else:
        (event,) = outcome.events
        assert CallEvent.from_json(event.to_json()) == event
        assert event.talk_time is None or event.talk_time >= 0
        call_of([event])
