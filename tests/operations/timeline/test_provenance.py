from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.provenance import ROW, is_empty, provenance
from schemas.calls import call_of
from schemas.tellers import DESCRIBED
from tests.kit.events import AT, event
from tests.operations.timeline.wholes import calls_of
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.events import CallEvent

SECOND = 1_000_000


def told(events: tuple[CallEvent, ...]) -> list[str]:
    """The ids of the events that decided."""
    return [each.event_id for each in events]


seeds = st.integers(0, 2**63)


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_whatever_the_row_says_some_events_decided(seed: int) -> None:
    for events in calls_of(seed):
        row, found = call_of(events), provenance(events)
        for name in ROW:
            if not is_empty(getattr(row, name)):
                assert found[name], name
            assert set(told(found[name])) <= set(told(tuple(events)))


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_a_field_is_another_without_an_event_that_is_needed(seed: int) -> None:
    for events in calls_of(seed):
        row, found = call_of(events), provenance(events)
        for name in ROW:
            for each in events:
                others = [other for other in events if other.event_id != each.event_id]
                if others and getattr(call_of(others), name) != getattr(row, name):
                    assert each.event_id in told(found[name]), name


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_a_bill_decides_what_it_says(seed: int) -> None:
    for events in calls_of(seed):
        row, found = call_of(events), provenance(events)
        for name in DESCRIBED:
            if getattr(row, f"cdr_{name}") is not None:
                assert {each.kind for each in found[name]} == {"cdr"}


@examples(normal=40, long=2_000)
@given(seed=seeds, data=st.data())
def test_neither_order_nor_repetition_matters(seed: int, data: st.DataObject) -> None:
    for events in calls_of(seed):
        rng = data.draw(st.randoms(use_true_random=False))
        shuffled = rng.sample([*events, *events], 2 * len(events))
        assert provenance(shuffled) == provenance(events)


def leg(kind: str, at: float, **said: Any) -> CallEvent:
    """An event of a leg of its own kind, so many seconds after the start."""
    name = f"{kind}-{at:g}"
    time = AT + round(at * SECOND)
    given = {"event_id": name, "callback_id": f"c-{name}", "occurred_at": time}
    return event(kind, **{**given, "received_at": time + SECOND, **said})


RING, ANSWER, HANGUP = leg("ring", 0, caller="100"), leg("answer", 5), leg("hangup", 65)
CDR = leg("cdr", 70, caller="100", ring_time=5 * SECOND, outcome="answered", answered_at=AT + 5 * SECOND)


def test_a_duration_names_the_events_at_both_ends() -> None:
    found = provenance([RING, ANSWER, HANGUP])
    assert told(found["ring_time"]) == ["ring-0", "answer-5"]
    assert told(found["talk_time"]) == ["answer-5", "hangup-65"]


def test_where_event_and_cdr_say_the_same_it_is_the_cdr_that_is_believed() -> None:
    found = provenance([RING, ANSWER, HANGUP, CDR])
    for name in ("caller", "ring_time", "answered_at", "outcome", "state", "has_cdr"):
        assert told(found[name]) == ["cdr-70"], name
    assert told(found["has_answer"]) == ["answer-5"]
    assert told(found["rang_at"]) == ["ring-0"]


def test_a_cdr_also_decides_what_is_not() -> None:
    unanswered = replace(CDR, answered_at=None, outcome="unanswered")
    assert told(provenance([RING, ANSWER, unanswered])["answered_at"]) == ["cdr-70"]


def test_a_later_cdr_takes_the_place_of_the_first() -> None:
    second = replace(CDR, event_id="cdr-2", received_at=CDR.received_at + SECOND, caller="200")
    assert told(provenance([RING, CDR, second])["caller"]) == ["cdr-2"]


def test_a_retried_callback_is_the_same_event() -> None:
    again = replace(RING, callback_id="retry", received_at=RING.received_at + 9 * SECOND)
    found = provenance([again, RING, ANSWER])
    assert [each.callback_id for each in found["caller"]] == ["c-ring-0"]
    assert told(found["last_received_at"]) == ["ring-0"]


def test_of_many_reasons_of_which_any_would_do_the_first_is_named() -> None:
    rings = [leg("ring", 0), leg("ring", 1), leg("ring", 2)]
    assert told(provenance(rings)["has_ring"]) == ["ring-0"]
    assert told(provenance(rings)["source"]) == ["ring-0"]


def test_a_call_closed_in_silence_was_closed_by_its_closing() -> None:
    closed = leg("closed", 1, callback_id="", received_at=RING.received_at, extra={"reason": "timeout"})
    assert told(provenance([RING, closed])["close_reason"]) == ["ring-0", "closed-1"]


def test_an_open_call_is_open_for_its_legs_that_have_not_ended() -> None:
    first = leg("dial", 0, dialect="extension-events")
    second = leg("dial", 2, dialect="extension-events", ids=("a", "b"), leg="b")
    ended = leg("hangup", 4, dialect="extension-events")
    assert told(provenance([first, second, ended])["ended_at"]) == ["dial-2"]
