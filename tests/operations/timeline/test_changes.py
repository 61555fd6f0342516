from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.changes import FIELDS, changes, texts
from schemas.calls import call_of, column
from tests.kit.events import AT, event
from tests.operations.timeline.wholes import calls_of
from tests.scale import examples

RING = event(caller="100", callee="200")
ANSWER = event(event_id="e2", kind="answer", occurred_at=AT + 3_000_000, received_at=AT + 4_000_000)
LATE = event(event_id="e3", kind="ring", occurred_at=AT - 1_500_000, received_at=AT + 9_000_000)


@examples(normal=60, long=3_000)
@given(seed=st.integers(0, 2**63))
def test_all_changes_in_their_order_make_the_row(seed: int) -> None:
    for events in calls_of(seed):
        shown: dict[str, str | None] = dict.fromkeys(map(column, FIELDS))
        for change in changes(events):
            assert shown[change.field] == change.before != change.after
            shown[change.field] = change.after
        assert shown == texts(call_of(events))


@examples(normal=40, long=2_000)
@given(seed=st.integers(0, 2**63))
def test_neither_order_nor_repetition_matters(seed: int) -> None:
    for events in calls_of(seed):
        shuffled = random.Random(seed).sample([*events, *events], 2 * len(events))
        assert changes(shuffled) == changes(events)


def test_what_came_late_changed_what_was_known() -> None:
    found = [each for each in changes([LATE, ANSWER, RING]) if each.revision > 1]
    assert [(each.event_id, each.field, each.before, each.after) for each in found] == [
        ("e2", "answered_at", None, "2020-09-13 12:26:43.000000"),
        ("e2", "ring_seconds", None, "3"),
        ("e2", "state", "ringing", "answered"),
        ("e2", "has_answer", None, "true"),
        ("e2", "kinds", "ring", "answer, ring"),
        ("e2", "reached_at", None, "2020-09-13 12:26:43.000000"),
        ("e3", "rang_at", "2020-09-13 12:26:40.000000", "2020-09-13 12:26:38.500000"),
        ("e3", "ring_seconds", "3", "4.5"),
    ]


def test_that_a_call_was_closed_is_a_change() -> None:
    closed = event(event_id="c", kind="closed", clock="ingress", extra={"reason": "timeout"})
    (change,) = [each for each in changes([closed, RING]) if each.revision > 1]
    assert (change.kind, change.field, change.after) == ("closed", "close_reason", "timeout")
