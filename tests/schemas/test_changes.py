"""What each event changed: by the order in which events first came, however they are told."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.calls import Call, call_of
from schemas.changes import Change, changes, text, texts
from schemas.records import join, record_of
from tests.kit.events import AT, event
from tests.scale import examples
from tests.sinks.strategies import events

SECOND = 1_000_000

FLAGS = {each.name for each in fields(Call) if each.type == "bool"}
"""What is false before anything is known: the rest is nothing."""

REQUEST = event(
    event_id="e1", kind="requested", tag="spring", requested_by="200", variables={"B": "2", "A": "1"}
)
RING = event(event_id="e2", occurred_at=AT + 3 * SECOND, received_at=AT + 4 * SECOND, side="a")
LATE_CDR = event(
    event_id="e3",
    kind="cdr",
    received_at=AT + 600 * SECOND,
    outcome="answered",
    talk_time=1_500_000,
    ring_time=0,
    ended_at=AT + 60 * SECOND,
)


def test_what_came_late_is_told_field_by_field() -> None:
    told = changes([LATE_CDR, RING, REQUEST])
    by_event = {each: [change for change in told if change.event_id == each] for each in ("e1", "e2", "e3")}
    assert [change.revision for change in told] == sorted(change.revision for change in told)
    assert {(change.field, change.before, change.after) for change in by_event["e1"]} == {
        ("legs", None, "a"),
        ("source", None, "shanghai"),
        ("dialect", None, "common-api"),
        ("state", None, "requested"),
        ("tag", None, "spring"),
        ("requested_by", None, "200"),
        ("variables", None, "A=1, B=2"),
        ("requested_at", None, "2020-09-13 12:26:40.000000"),
    }
    assert {(change.field, change.before, change.after) for change in by_event["e2"]} == {
        ("state", "requested", "ringing"),
        ("has_ring", "false", "true"),
        ("rang_at", None, "2020-09-13 12:26:43.000000"),
        ("request_to_ring_seconds", None, "3"),
    }
    assert {(change.field, change.before, change.after) for change in by_event["e3"]} == {
        ("state", "ringing", "complete"),
        ("has_cdr", "false", "true"),
        ("outcome", None, "answered"),
        ("talk_seconds", None, "1.5"),
        ("ring_seconds", None, "0"),
        ("ended_at", None, "2020-09-13 12:27:40.000000"),
    }
    assert {change.received_at for change in by_event["e3"]} == {LATE_CDR.received_at}


def test_an_event_that_says_nothing_new_changes_nothing() -> None:
    again = replace(RING, event_id="e9", received_at=RING.received_at + 1)
    assert changes([RING, again]) == changes([RING])


@examples(normal=200, long=5_000)
@given(told=st.lists(events(), min_size=1, max_size=6), seed=st.integers(0, 2**32))
def test_any_order_and_any_repetition_changes_the_same_and_ends_as_the_call(
    told: list[Any], seed: int
) -> None:
    found = changes(told)
    order = random.Random(seed)
    assert changes(order.sample(told, len(told)) + order.choices(told, k=2)) == found
    last: dict[str, str | None] = {}
    for change in found:
        assert change.before != change.after
        assert last.get(change.field, change.before) == change.before
        last[change.field] = change.after
    ends = {
        name: value for name, value in texts(call_of(reduce(join, map(record_of, told)))).items() if value
    }
    assert {name: value for name, value in last.items() if value} == {
        name: value for name, value in ends.items() if name not in FLAGS or value != "false"
    }


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("ring_time", None, ""),
        ("ring_time", 1, "0.000001"),
        ("ring_time", 100_000_000, "100"),
        ("ring_time", 2**50, "1125899906.842624"),
        ("started_at", 1, "1970-01-01 00:00:00.000001"),
        ("has_cdr", False, "false"),
        ("legs", ("a", "b"), "a, b"),
        ("variables", {}, ""),
        ("round", 0, "0"),
        ("uuid", None, ""),
    ],
)
def test_a_value_as_text(name: str, value: Any, written: str) -> None:
    assert text(name, value) == written


def test_a_change_knows_its_place() -> None:
    first = changes([REQUEST])[0]
    assert isinstance(first, Change)
    assert (first.revision, first.event_id, first.received_at) == (1, "e1", REQUEST.received_at)
