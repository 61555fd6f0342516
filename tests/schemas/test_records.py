from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.records import (
    FIELDS,
    LEG_FIELDS,
    Record,
    join,
    record_from_json,
    record_of,
    record_to_json,
)
from tests.kit.events import AT, event

if TYPE_CHECKING:
    from schemas.events import CallEvent, Json

RECEIVED = AT + 2_000_000
SECOND = 1_000_000

MERGES: dict[str, tuple[Any, Any, Any]] = {
    "merged_into": ("a", "b", "a"),
    "ids": (["a", "c"], ["a", "b"], ["a", "b", "c"]),
    "uuid": ("u1", "u2", "u1"),
    "sources": (["north"], ["south"], ["north", "south"]),
    "dialects": (["common-api"], ["common-api"], ["common-api"]),
    "kinds": (["ring"], ["answer", "hangup"], ["answer", "hangup", "ring"]),
    "events": (["e1"], ["e2"], ["e1", "e2"]),
    "first_received_at": (AT, AT + 1, AT),
    "last_received_at": (AT, AT + 1, AT + 1),
    "requested_at": (AT, AT + 1, AT),
    "started_at": (AT, AT + 1, AT),
    "a_rang_at": (AT, AT + 1, AT),
    "a_answered_at": (AT, AT + 1, AT),
    "b_rang_at": (AT, AT + 1, AT),
    "b_answered_at": (AT, AT + 1, AT),
    "live": (["a"], ["b"], ["a", "b"]),
    "ends": ({"a": AT + 1}, {"a": AT, "b": AT + 2}, {"a": AT, "b": AT + 2}),
    # the higher priority, then the earlier event
    "direction": ([1, -AT, "inbound"], [2, -AT - 9, "outbound"], [2, -AT - 9, "outbound"]),
    "method": ([1, -AT, "api"], [1, -AT - 1, "predictive"], [1, -AT, "api"]),
    "caller": ([1, -AT, "100"], [1, -AT - 1, "200"], [1, -AT, "100"]),
    "callee": ([1, -AT, "100"], [1, -AT, "200"], [1, -AT, "200"]),
    "display_number": ([1, -AT, "100"], [2, -AT, "050"], [2, -AT, "050"]),
    "extension": ([1, -AT, "7"], [2, -AT - 9, "8"], [2, -AT - 9, "8"]),
    "agent_id": ([1, -AT, "7"], [1, -AT - 1, "8"], [1, -AT, "7"]),
    "customer_ref": ([1, -AT, "x"], [1, -AT - 1, "y"], [1, -AT, "x"]),
    "campaign": ([1, -AT, "x"], [1, -AT - 1, "y"], [1, -AT, "x"]),
    "round": ([1, -AT, "1"], [1, -AT - 1, "2"], [1, -AT, "1"]),
    # the request itself before an event that repeats it
    "tag": ([1, -AT, "x"], [2, -AT - 9, "y"], [2, -AT - 9, "y"]),
    "variables": ([2, -AT, '{"A":"1"}'], [2, -AT - 1, '{"A":"2"}'], [2, -AT, '{"A":"1"}']),
    "requested_by": ([2, -AT, "200"], [2, -AT - 1, "201"], [2, -AT, "200"]),
    "recording": ([1, -AT, "x"], [1, -AT - 1, "y"], [1, -AT, "x"]),
    "hangup_cause": ([1, -AT, "16"], [2, -AT, "17"], [2, -AT, "17"]),
    "hangup_direction": ([1, -AT, "0"], [1, -AT - 1, "1"], [1, -AT, "0"]),
    # the later event of the higher rank, and answered before not
    "outcome": ([3, AT, "answered"], [2, AT + 1, "busy"], [3, AT, "answered"]),
    "talk_time": ([1, 7, "7"], [1, 9, "9"], [1, 9, "9"]),
    "cdr": (
        [AT, "e1", {"outcome": "busy", "caller": "100"}],
        [AT + 1, "e0", {"outcome": "answered"}],
        [AT + 1, "e0", {"outcome": "answered"}],
    ),
    "closed": ([1, AT, "timeout"], [1, AT + 1, "timeout"], [1, AT + 1, "timeout"]),
    "legs": (
        {"a": {"rang_at": AT + 1, "side": "a"}},
        {"a": {"rang_at": AT}, "b": {"side": "b"}},
        {"a": {"rang_at": AT, "side": "a"}, "b": {"side": "b"}},
    ),
}

LEG_MERGES: dict[str, tuple[Any, Any, Any]] = {
    "side": ("a", "b", "b"),
    "extension": ([2, -AT - 9, "7"], [1, -AT, "8"], [2, -AT - 9, "7"]),
    "rang_at": (AT, AT + 1, AT),
    "answered_at": (AT, AT + 1, AT),
    "ended_at": (AT, AT + 1, AT),
    "outcome": ([1, AT, "busy"], [1, AT + 1, "answered"], [1, AT + 1, "answered"]),
}


def test_there_is_an_example_for_every_field() -> None:
    assert list(MERGES) == list(FIELDS)
    assert list(LEG_MERGES) == list(LEG_FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_merges_by_its_rule(name: str) -> None:
    a, b, merged = MERGES[name]
    assert join({name: a}, {name: b}) == join({name: b}, {name: a}) == {name: merged}


@pytest.mark.parametrize("name", LEG_FIELDS)
def test_a_legs_field_merges_by_its_rule(name: str) -> None:
    a, b, merged = ({"legs": {"x": {name: value}}} for value in LEG_MERGES[name])
    assert join(a, b) == join(b, a) == merged


def base(kind: str, **said: Any) -> Record:
    """What every event lets us know of its call, and what is said."""
    return {
        "ids": ["a"],
        "sources": ["shanghai"],
        "dialects": ["common-api"],
        "kinds": [kind],
        "events": ["e1"],
        "first_received_at": RECEIVED,
        "last_received_at": RECEIVED,
        **said,
    }


def queued(record: Record) -> Record:
    return {**record, "dialects": ["extension-events"]}


OF_AN_EVENT: dict[str, tuple[CallEvent, Record]] = {
    "a ring": (event(), base("ring", a_rang_at=AT, legs={"a": {"rang_at": AT}})),
    "a ring of a B leg": (
        event(side="b"),
        base("ring", b_rang_at=AT, live=["a"], legs={"a": {"side": "b", "rang_at": AT}}),
    ),
    "an answer": (
        event(kind="answer", extension="7"),
        base(
            "answer",
            a_answered_at=AT,
            extension=[2, -AT, "7"],
            legs={"a": {"answered_at": AT, "extension": [1, -AT, "7"]}},
        ),
    ),
    "an answer of a B leg": (
        event(kind="answer", side="b", caller="100"),
        base(
            "answer",
            b_answered_at=AT,
            live=["a"],
            caller=[2, -AT, "100"],
            legs={"a": {"side": "b", "answered_at": AT}},
        ),
    ),
    "a hangup": (
        event(kind="hangup", outcome="busy", talk_time=0, hangup_cause=17),
        base(
            "hangup",
            ends={"a": AT},
            outcome=[2, AT, "busy"],
            talk_time=[1, 0, "0"],
            hangup_cause=[1, -AT, "17"],
            legs={"a": {"ended_at": AT, "outcome": [1, AT, "busy"]}},
        ),
    ),
    "a hangup of the A leg, which ends the B leg that it names": (
        event(kind="hangup", side="a", ids=("a", "b")),
        {
            **base("hangup", ends={"a": AT, "b": AT}, legs={"a": {"side": "a", "ended_at": AT}}),
            "ids": ["a", "b"],
        },
    ),
    "a hangup of a B leg, which ends no other": (
        event(kind="hangup", side="b", leg="b", ids=("a", "b")),
        {
            **base("hangup", ends={"b": AT}, legs={"b": {"side": "b", "ended_at": AT}}),
            "ids": ["a", "b"],
        },
    ),
    "a hangup of an answered B leg": (
        event(kind="hangup", side="b", outcome="answered"),
        base(
            "hangup",
            ends={"a": AT},
            outcome=[5, AT, "answered"],
            legs={"a": {"side": "b", "ended_at": AT, "outcome": [1, AT, "answered"]}},
        ),
    ),
    "a hangup of a queue's own leg that nobody answered behind": (
        event(kind="hangup", dialect="extension-events", bridged=False, outcome="unanswered", talk_time=9),
        queued(
            base(
                "hangup",
                ends={"a": AT},
                outcome=[6, AT, "unanswered"],
                talk_time=[1, 9, "9"],
                legs={"a": {"ended_at": AT, "outcome": [1, AT, "unanswered"]}},
            )
        ),
    ),
    "a dial, whose leg must end by itself": (
        event(kind="dial", dialect="extension-events", extension="7", started_at=AT),
        queued(
            base(
                "dial",
                a_rang_at=AT,
                started_at=AT,
                live=["a"],
                extension=[1, -AT, "7"],
                legs={"a": {"rang_at": AT, "extension": [2, -AT, "7"]}},
            )
        ),
    ),
    "a CDR, which is kept whole and says nothing of a leg": (
        event(kind="cdr", uuid="u", side="a", caller="100", outcome="answered", ring_time=0, answered_at=AT),
        base(
            "cdr",
            uuid="u",
            cdr=[
                RECEIVED,
                "e1",
                {"caller": "100", "outcome": "answered", "ring_time": 0, "answered_at": AT},
            ],
        ),
    ),
    "a voicemail": (
        event(kind="voicemail", recording="r"),
        base("voicemail", recording=[1, -AT, "r"], legs={"a": {}}),
    ),
    "a call that was requested": (
        event(kind="requested", round=2, tag="spring", requested_by="200", variables={"B": "2", "A": "1"}),
        base(
            "requested",
            requested_at=AT,
            round=[1, -AT, "2"],
            tag=[2, -AT, "spring"],
            requested_by=[2, -AT, "200"],
            variables=[2, -AT, '{"A":"1","B":"2"}'],
            legs={"a": {}},
        ),
    ),
    "an event of a call with a tag, and without any variable": (
        event(tag="spring", variables={}),
        base("ring", a_rang_at=AT, tag=[1, -AT, "spring"], legs={"a": {"rang_at": AT}}),
    ),
    "a CDR of a call with a tag": (
        event(kind="cdr", tag="spring"),
        base("cdr", tag=[1, -AT, "spring"], cdr=[RECEIVED, "e1", {}]),
    ),
    "an event of two ids": (
        event(ids=("a", "b")),
        {**base("ring"), "ids": ["a", "b"], "a_rang_at": AT, "legs": {"a": {"rang_at": AT}}},
    ),
    "a message, which is no call's": (
        event(kind="message", ids=(), leg=""),
        {**base("message"), "ids": []},
    ),
}


@pytest.mark.parametrize("name", OF_AN_EVENT)
def test_a_record_of_one_event(name: str) -> None:
    said, record = OF_AN_EVENT[name]
    assert record_of(said) == record


def test_there_is_a_record_of_every_kind_of_event() -> None:
    kinds = {"ring", "answer", "hangup", "cdr", "dial", "voicemail", "message", "requested"}
    assert {said.kind for said, _ in OF_AN_EVENT.values()} == kinds


def test_the_earliest_event_is_believed_and_the_side_that_was_put_through_first_of_all() -> None:
    first, later = event(caller="100"), event(caller="200", occurred_at=AT + SECOND)
    assert join(record_of(first), record_of(later))["caller"][2] == "100"
    through = event(caller="300", occurred_at=AT + 2 * SECOND, side="b")
    assert join(record_of(first), record_of(through))["caller"][2] == "300"


def test_who_answered_is_the_calls_extension_and_who_was_offered_it_the_legs() -> None:
    rung, answered = event(extension="7"), event(kind="answer", extension="8", occurred_at=AT + SECOND)
    record = join(record_of(rung), record_of(answered))
    assert record["extension"][2] == "8"
    assert record["legs"]["a"]["extension"][2] == "7"


def test_a_record_survives_its_topic() -> None:
    record = record_of(event(caller="100"))
    value = record_to_json("acme", "a", record)
    assert record_from_json(value) == ("acme", "a", record)
    read: Json = orjson.loads(value)
    assert (read["v"], read["account"], read["call_id"]) == (1, "acme", "a")


@pytest.mark.parametrize("value", [b"", b"{", b"{}", b'{"account":"acme"}', b'{"call_id":"a"}'])
def test_what_is_no_record_is_refused(value: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        record_from_json(value)
