from __future__ import annotations

import pytest

from tests.kit.callbacks import NOW, event_of, reasons_of
from tests.kit.extension_events import (
    ANNA,
    CALL_OF_175,
    CLIENT,
    DID,
    QUEUE,
    START,
    TO_DESTINATION,
    TO_ORIGIN,
    event,
    offered,
    waiting,
)

DIALECT = "extension-events"


def test_a_dial_in_full() -> None:
    dial = event_of(event("dial-out", "c1", "c1-1", 0, Diversion="123", **CALL_OF_175), DIALECT)
    assert (dial.kind, dial.uuid, dial.leg, dial.ids) == ("dial", "c1", "c1-1", ("c1", "c1-1"))
    assert (dial.occurred_at, dial.clock, dial.started_at, dial.received_at) == (
        START,
        "provider",
        START,
        NOW,
    )
    assert (dial.side, dial.method) == (None, None)
    assert dial.extra == {
        "EventType": "dial-out",
        "myid": "175",
        "CallerExtensionID": "175",
        "CallAPIID": "c1-api",
        "Diversion": "123",
    }


@pytest.mark.parametrize(
    ("ids", "leg", "uuid"),
    [
        ({"CallID": "a", "SubCallID": "b", "CallBackID": "c"}, "b", "a"),
        ({"CallID": "a", "CallBackID": "c"}, "a", "a"),
        ({"CallBackID": "c"}, "c", None),
        ({"CallID": "", "SubCallID": "b"}, "b", None),
    ],
)
def test_ids(ids: dict[str, object], leg: str, uuid: str | None) -> None:
    answer = event_of({"EventType": "answer", **ids}, DIALECT)
    assert (answer.leg, answer.uuid) == (leg, uuid)
    assert answer.ids == tuple(sorted(str(each) for each in ids.values() if each))


@pytest.mark.parametrize("flow", ["IN", "in", "In"])
def test_flow_in_any_case(flow: str) -> None:
    assert event_of({"EventType": "answer", "CallID": "a", "CallFlow": flow}, DIALECT).direction == "inbound"


def test_direction_without_a_flow() -> None:
    assert event_of({"EventType": "dial-out", "CallID": "a"}, DIALECT).direction == "outbound"
    assert event_of({"EventType": "answer", "CallID": "a"}, DIALECT).direction is None


@pytest.mark.parametrize("event_type", ["dial-in", "answer", "hangup"])
def test_a_queues_call_to_an_agent_is_the_agents_and_comes_in(event_type: str) -> None:
    found = event_of(event(event_type, "q1", "q1-1", 0, **offered(ANNA)), DIALECT)
    assert (found.extension, found.direction, found.caller, found.callee) == (ANNA, "inbound", CLIENT, DID)
    assert found.extra["CallerExtension"] == QUEUE


def test_an_initiated_call_goes_out_from_side_a_to_side_b() -> None:
    origin = event_of(event("answer", "k1", "k1-1", 4, CallBackID="cb", **TO_ORIGIN), DIALECT)
    destination = event_of(event("answer", "k1", "k1-2", 9, CallBackID="cb", **TO_DESTINATION), DIALECT)
    assert (origin.side, origin.direction, origin.method, origin.extension) == ("a", "outbound", "api", ANNA)
    assert (destination.side, destination.direction, destination.extension) == ("b", "outbound", ANNA)
    assert destination.display_number == DID


@pytest.mark.parametrize(
    ("fields", "outcome", "talk_time"),
    [
        ({"CallStatus": "ANSWER", "Duration": "5000000"}, "answered", 5_000_000),
        ({"CallStatus": "answer", "Duration": 5000000}, "answered", 5_000_000),
        ({"CallStatus": "BUSY"}, "busy", None),
        ({"CallStatus": "NOANSWER"}, "unanswered", None),
        ({"CallStatus": "CANCEL"}, "cancelled", None),
        ({"CallStatus": "CONGESTION"}, "congestion", None),
        ({"CallStatus": "CHANUNAVAIL"}, "unavailable", None),
        ({"CallStatus": "MELTED"}, None, None),
        (
            {"CallStatus": "ANSWER", "Bridged": "yes", "Duration": "9000000", "BridgedDuration": "4000000"},
            "answered",
            4_000_000,
        ),
        ({"CallStatus": "ANSWER", "Bridged": "yes", "Duration": "9000000"}, "answered", None),
        ({"CallStatus": "CANCEL", "Bridged": "yes"}, "answered", None),
        ({"CallStatus": "ANSWER", "Bridged": "no", "Duration": "9000000"}, "unanswered", None),
        ({"CallStatus": "CANCEL", "Bridged": "no"}, "cancelled", None),
        (
            {"CallStatus": "ANSWER", "Duration": "9000000", "BridgedDuration": "4000000"},
            "answered",
            4_000_000,
        ),
        ({"Duration": "-9000000"}, None, None),
    ],
)
def test_hangup(fields: dict[str, object], outcome: str | None, talk_time: int | None) -> None:
    found = event_of({"EventType": "hangup", "CallID": "a", **fields}, DIALECT)
    assert (found.outcome, found.talk_time) == (outcome, talk_time)


def test_what_a_hangup_says_that_we_can_not_use_is_kept() -> None:
    found = event_of(
        {
            "EventType": "hangup",
            "CallID": "a",
            "CallStatus": "MELTED",
            "Bridged": "maybe",
            "Duration": "long",
        },
        DIALECT,
    )
    assert found.extra == {"CallStatus": "MELTED", "Bridged": "maybe", "Duration": "long"}
    assert found.bridged is None


def test_a_voice_messages_length_is_no_talk_time() -> None:
    found = event_of(
        event("voicemail", "v1", "v1-1", 3, Duration="12000000", RecID="r", **waiting(ANNA)), DIALECT
    )
    assert (found.kind, found.talk_time, found.recording) == ("voicemail", None, "r")
    assert found.extra["Duration"] == "12000000"


def test_without_a_time_of_its_own_it_happened_when_it_came() -> None:
    found = event_of({"EventType": "hangup", "CallID": "a"}, DIALECT)
    assert (found.occurred_at, found.clock) == (NOW, "ingress")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, {("EventType", "missing"), ("CallID", "missing")}),
        ({"EventType": "agent-login", "CallID": "a"}, {("EventType", "unknown-event-type")}),
        ({"EventType": ["hangup"], "CallID": "a"}, {("EventType", "unknown-event-type")}),
        (
            {"EventType": "x", "CallID": "\n", "SubCallID": "b" * 257, "EventTime": "1700000000"},
            {
                ("EventType", "unknown-event-type"),
                ("SubCallID", "too-long"),
            },
        ),
        ({"EventType": "hangup", "CallID": "a\tb"}, {("CallID", "unprintable")}),
        ({"EventType": "hangup", "CallID": ["a"]}, {("CallID", "malformed-id")}),
    ],
)
def test_reasons(payload: dict[str, object], expected: set[tuple[str, str]]) -> None:
    assert reasons_of(payload, DIALECT).keys() == expected


def test_a_message_is_never_wrong() -> None:
    found = event_of({"EventType": "message-in", "EventTime": "now", "CallID": ["a"]}, DIALECT)
    assert (found.kind, found.direction, found.ids) == ("message", "inbound", ())


def test_one_id_that_can_be_read_is_enough() -> None:
    found = event_of({"EventType": "hangup", "CallID": ["a"], "SubCallID": "b"}, DIALECT)
    assert (found.ids, [doubt.code for doubt in found.doubts]) == (("b",), ["malformed-id"])


@pytest.mark.parametrize("time", ["now", -5_000_000_000, {}])
def test_a_time_that_can_not_be_read_is_that_of_the_receipt(time: object) -> None:
    found = event_of({"EventType": "hangup", "CallID": "a", "EventTime": time}, DIALECT)
    assert (found.occurred_at, found.clock) == (NOW, "ingress")
    assert [doubt.field for doubt in found.doubts] == ["EventTime"]


@pytest.mark.parametrize("event_type", ["dial-in", "answer", "hangup"])
def test_a_queues_call_to_an_agent_may_name_the_number_that_it_calls(event_type: str) -> None:
    fields = {**offered(ANNA), "CalledNumber": "000*101"}
    found = event_of(event(event_type, "q1", "q1-1", 0, **fields), DIALECT)
    assert (found.extension, found.direction, found.callee) == (ANNA, "inbound", DID)


def test_an_extension_that_calls_another_is_no_queue() -> None:
    fields = {**CALL_OF_175, "CalledExtension": ANNA}
    found = event_of(event("answer", "c1", "c1-1", 0, **fields), DIALECT)
    assert (found.extension, found.direction) == ("000*099@sip.example.org", "outbound")


def test_a_call_that_is_passed_on_keeps_its_direction() -> None:
    fields = {
        "CallFlow": "OUT",
        "CallerIDNum": CLIENT,
        "CallerExtension": ANNA,
        "Transfered": "yes",
        "ANI": DID,
    }
    found = event_of(event("dial-out", "f1", "f1-2", 0, CalledNumber="+79990000001", **fields), DIALECT)
    assert (found.direction, found.display_number, found.transferred) == ("inbound", DID, True)


def test_a_queues_hangup_says_when_it_took_the_call() -> None:
    fields = {**waiting(QUEUE), "CallStatus": "ANSWER", "Bridged": "no", "Duration": "35000000"}
    found = event_of(event("hangup", "q1", "q1-0", 35, **fields), DIALECT)
    assert (found.started_at, found.outcome, found.talk_time) == (START, "unanswered", None)
    assert found.extra["Duration"] == "35000000"


def test_a_wait_counted_in_another_unit_says_nothing_of_when_it_began() -> None:
    fields = {**waiting(QUEUE), "CallStatus": "ANSWER", "Bridged": "no", "Duration": "35"}
    found = event_of(event("hangup", "q1", "q1-0", 35, **fields), DIALECT)
    assert found.started_at is None
    assert [(doubt.field, doubt.code) for doubt in found.doubts] == [("Duration", "out-of-range")]


@pytest.mark.parametrize(
    ("sent", "caller"),
    [
        (" 79210000092", "+79210000092"),
        ("anonymous", "anonymous"),
        ("(null)", None),
        ("sip: 7921@x", "sip:+7921@x"),
    ],
)
def test_callers(sent: str, caller: str | None) -> None:
    found = event_of(event("dial-in", "c1", "c1-1", 0, CallFlow="IN", CallerIDNum=sent), DIALECT)
    assert found.caller == caller


def test_a_plus_in_an_id_that_a_form_made_a_space_is_put_back() -> None:
    assert event_of({"EventType": "answer", "CallID": "ab cd=="}, DIALECT).ids == ("ab+cd==",)


@pytest.mark.parametrize(
    ("part", "leg"), [("1", "1-12"), ("1-12", "1-12"), ("1234567890", "1234567890"), ("12", "12"), ("", "12")]
)
def test_a_count_of_components_is_one_within_its_call(part: str, leg: str) -> None:
    answer = event_of({"EventType": "answer", "CallID": "12", "SubCallID": part}, DIALECT)
    assert (answer.leg, answer.ids) == (leg, tuple(sorted({"12", leg})))


def test_the_first_components_of_two_calls_are_two_legs() -> None:
    one, other = (
        event_of({"EventType": "answer", "CallID": call_id, "SubCallID": 1}, DIALECT)
        for call_id in ("abcdef01", "abcdef02")
    )
    assert not set(one.ids) & set(other.ids)
    assert (one.extra, one.written) == ({"SubCallID": 1}, None)
