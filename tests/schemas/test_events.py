from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import reduce
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import CallEvent, Doubt
from schemas.limits import FIRST_TIME, LAST_RECEIPT, LAST_TIME
from schemas.readings import newest
from schemas.summary import Summary
from schemas.summed import summary_of
from schemas.versions import NewerVersionError
from tests.kit.events import AT, event, messages, samples
from tests.scale import examples


@pytest.mark.parametrize("name", samples())
def test_an_event_survives_its_topic(name: str) -> None:
    for each in samples()[name]:
        assert CallEvent.from_json(each.to_json()) == each


def test_a_message_survives_its_topic() -> None:
    for each in messages():
        assert CallEvent.from_json(each.to_json()) == each


def test_what_is_not_said_is_left_out_and_what_is_false_or_zero_is_not() -> None:
    written = orjson.loads(event(bridged=False, talk_time=0, caller="").to_json())
    assert (written["bridged"], written["talk_time"], written["caller"], written["extra"]) == (
        False,
        0,
        "",
        {},
    )
    assert "callee" not in written
    assert None not in written.values()


def read(**changed: object) -> CallEvent:
    return CallEvent.from_json(orjson.dumps({**orjson.loads(event().to_json()), **changed}))


def test_what_is_usual_is_left_out_and_what_is_not_survives() -> None:
    assert not {"reading", "doubts", "last_received_at", "told_at"} & orjson.loads(event().to_json()).keys()
    said = event(
        reading=7, last_received_at=AT + 9_000_000, told_at=AT + 3, doubts=(Doubt("time", "malformed", "x"),)
    )
    assert CallEvent.from_json(said.to_json()) == said


def test_fields_of_later_releases_are_passed_over_and_a_newer_version_is_refused() -> None:
    assert read(mood="good") == event()
    for changed in ({"v": 2}, {"v": 2, "kind": "exploded"}):
        with pytest.raises(NewerVersionError, match="start a newer release"):
            read(**changed)


@pytest.mark.parametrize("name", ["event_id", "account", "kind", "ids", "leg", "occurred_at", "clock"])
def test_without_what_is_always_said_it_is_no_event(name: str) -> None:
    written = orjson.loads(event().to_json())
    del written[name]
    with pytest.raises(ValueError, match=name):
        CallEvent.from_json(orjson.dumps(written))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", "1"),
        ("event_id", 7),
        ("kind", "exploded"),
        ("ids", "a"),
        ("ids", [17]),
        ("received_at", 1.5),
        ("occurred_at", "yesterday"),
        ("reading", 0),
        ("round", "17"),
        ("bridged", 1),
        ("ring_time", -1),
        ("doubts", [{"field": "x"}]),
        ("extra", []),
    ],
)
def test_a_wrong_type_is_refused_with_the_name_of_its_field_and_without_the_value(
    name: str, value: object
) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        read(**{name: value})
    assert "exploded" not in str(refused.value)
    assert "yesterday" not in str(refused.value)


DIGITS = 10**40
SUM = {
    "events": 3,
    "talk": -5,
    "heard": [["shanghai", 3, 1, -1]],
    "covered": "",
    "mood": "good",
}


@pytest.mark.parametrize(
    "changed",
    [
        *({name: value} for name in ("received_at", "told_at") for value in (-1, LAST_RECEIPT + 1, 2**64)),
        *({"last_received_at": value} for value in (AT, LAST_RECEIPT + 1, -(2**63))),
        *(
            {name: value}
            for name in ("occurred_at", "started_at", "answered_at", "ended_at")
            for value in (FIRST_TIME - 1, LAST_TIME + 1, -(2**63), 2**64)
        ),
        *(
            {name: value}
            for name in ("round", "hangup_cause", "hangup_direction")
            for value in (-(2**63) - 1, 2**63)
        ),
        *({name: value} for name in ("ring_time", "talk_time") for value in (2**62, DIGITS)),
        *({"reading": value} for value in (2**48 + 1, 2**64 - 1, DIGITS)),
        {"v": -DIGITS},
        {"ids": []},
        {"ids": ["", "a"]},
        {"ids": ["b", "a"]},
        {"ids": ["a", "a"]},
        {"leg": "b"},
        {"kind": "message", "ids": []},
        {"extra": {"a": [DIGITS]}},
        {"kind": "closed", "extra": {"reason": 5}},
        *(
            {"kind": "summed", "extra": SUM | wrong}
            for wrong in (
                {"events": -1},
                {"events": 2**40},
                {"events": "3"},
                {"legs": -1},
                {"doubts": True},
                {"talk": 2**62},
                {"billed": 1.5},
                {"until": -1},
                {"until": None},
                {"heard": [["shanghai", 1]]},
                {"heard": [["shanghai", 1, 1, 2**40]]},
                {"doubted": [["shanghai"]]},
                {"covered": "a"},
            )
        ),
    ],
    ids=str,
)
def test_what_no_column_can_hold_or_no_stage_work_on_is_refused(changed: dict[str, Any]) -> None:
    value = json.dumps({**orjson.loads(event().to_json()), **changed}).encode()
    with pytest.raises(ValueError, match=rf"{next(reversed(changed))}|ids") as refused:
        CallEvent.from_json(value)
    assert str(DIGITS) not in str(refused.value)


@pytest.mark.parametrize(
    "said",
    [
        event(received_at=0, occurred_at=FIRST_TIME, last_received_at=LAST_RECEIPT, ended_at=LAST_TIME),
        event(round=-(2**63), hangup_cause=2**63 - 1, reading=2**48),
        event("message", "", ids=()),
        event("void", "", ids=()),
        event("closed", extra={"reason": "timeout"}),
        event("summed", reading=2**62, extra=SUM),
        event("summed"),
    ],
)
def test_what_columns_can_hold_is_read(said: CallEvent) -> None:
    assert CallEvent.from_json(said.to_json()) == said


def test_a_sum_that_a_later_release_wrote_is_read_as_far_as_it_is_known() -> None:
    assert summary_of(read(kind="summed", extra=SUM)) == Summary(
        events=3, talk=-5, heard=cast("Any", SUM["heard"])
    )


def test_the_higher_reading_of_an_event_holds_and_its_receipts_are_those_of_all() -> None:
    first = event(caller="100", received_at=5)
    again = event(caller="200", received_at=9, reading=3)
    assert newest(first, again) == newest(again, first)
    assert newest(first, again) == replace(again, received_at=5, last_received_at=9, told_at=9)


def test_a_retry_changes_nothing_but_the_last_receipt() -> None:
    first = event(caller="100", received_at=5, occurred_at=5, clock="ingress")
    retry = replace(first, received_at=9, occurred_at=9, callback_id="c2")
    assert newest(retry, first) == newest(first, retry) == replace(first, last_received_at=9)


def test_of_one_reading_what_says_something_holds_before_a_void() -> None:
    void = event(kind="void", received_at=5, reading=3)
    said = event(received_at=9, reading=3)
    assert (
        newest(void, said)
        == newest(said, void)
        == replace(said, received_at=5, last_received_at=9, told_at=9)
    )
    assert newest(replace(void, reading=4), said).kind == "void"


@examples(normal=500, long=10_000)
@given(seed=st.integers(0, 2**63))
def test_tellings_of_an_event_join_to_the_same_in_any_order_and_groups(seed: int) -> None:
    rng = random.Random(seed)
    told = [
        event(
            callback_id=rng.choice("abc"),
            caller=rng.choice(("100", "200")),
            received_at=rng.randrange(4),
            reading=rng.choice((1, 2)),
            kind=rng.choice(("ring", "ring", "void")),
        )
        for _ in range(4)
    ]
    joined = reduce(newest, told)
    rng.shuffle(told)
    assert reduce(newest, told) == joined
    assert newest(newest(told[0], told[1]), newest(told[2], told[3])) == joined
    assert newest(joined, told[0]) == joined


def test_what_the_provider_wrote_otherwise_survives_its_topic_and_the_correlator() -> None:
    said = event(written={"a": "{A}"})
    assert CallEvent.from_json(said.to_json()) == said
    assert CallEvent.from_kept(said.to_dict()) == said
