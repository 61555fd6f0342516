from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.provenance import ROW, joined, paths, provenance
from schemas import lattice
from schemas.calls import call_of
from schemas.records import DESCRIBED, FIELDS, record_of
from tests.kit.events import AT, call_events, event, samples
from tests.processors.correlate.network import model
from tests.scale import examples

if TYPE_CHECKING:
    from operations.timeline.provenance import Origin, Path
    from schemas.events import CallEvent
    from schemas.records import Record

SECOND = 1_000_000

RECKONED = {"ring_time", "talk_time", "request_to_ring_time"}
"""Fields whose origins are what they were reckoned from; whether they are reckoned so hangs on more."""


def calls_of(seed: int) -> list[list[CallEvent]]:
    """The events of each call that random events make."""
    events = call_events(random.Random(seed), events=9)
    return [[each for each in events if each.ids[0] in known["ids"]] for known in model(events).values()]


def value_at(record: Record, path: Path) -> object:
    """What stands there; of a set, whether it has the element."""
    name, *inside = path
    rule = FIELDS[name].name
    if name not in record:
        return None
    if rule == lattice.UNION.name:
        return inside[0] in record[name]
    if rule == lattice.LATEST_WHOLE.name:
        return record[name]  # as a whole, or not at all
    return record[name].get(inside[0]) if inside else record[name]


def told(origins: tuple[Origin, ...]) -> list[str]:
    """The ids of the events that decided."""
    return [origin.event.event_id if origin.event else "" for origin in origins]


seeds = st.integers(0, 2**63)


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_whatever_the_row_says_some_events_decided(seed: int) -> None:
    for events in calls_of(seed):
        row, found = call_of(joined(events)), provenance(events)
        for name in ROW:
            if getattr(row, name) not in (None, "", False, (), {}):
                assert found[name], name
            assert all(origin.event in events for origin in found[name])


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_the_events_that_decided_a_field_are_enough_for_its_value(seed: int) -> None:
    for events in calls_of(seed):
        row = call_of(joined(events))
        for name, origins in provenance(events).items():
            deciders = [origin.event for origin in origins if origin.event is not None]
            if deciders and name not in RECKONED:
                assert getattr(call_of(joined(deciders)), name) == getattr(row, name), name


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_each_is_the_earliest_event_whose_own_record_carries_what_won(seed: int) -> None:
    for events in calls_of(seed):
        record = joined(events)
        for origins in provenance(events).values():
            for origin in origins:
                assert origin.event is not None
                for path in origin.paths:
                    won = value_at(record, path)
                    assert value_at(record_of(origin.event), path) == won
                    earlier = [each for each in events if came(each) < came(origin.event)]
                    assert all(value_at(record_of(each), path) != won for each in earlier)


def came(event: CallEvent) -> tuple[int, str, str]:
    return (event.received_at, event.event_id, event.callback_id)


@examples(normal=60, long=3_000)
@given(seed=seeds)
def test_what_a_call_is_described_by_comes_from_the_cdr_or_else_from_the_event_that_is_believed(
    seed: int,
) -> None:
    for events in calls_of(seed):
        record, found = joined(events), provenance(events)
        for name in DESCRIBED:
            if "cdr" in record and name in record["cdr"][2]:
                assert told(found[name]) == [record["cdr"][1]]
            elif name in record:
                (origin,) = found[name]
                assert origin.event is not None
                assert str(getattr(origin.event, name)) == record[name][2]


@examples(normal=40, long=2_000)
@given(seed=seeds, data=st.data())
def test_neither_order_nor_repetition_matters(seed: int, data: st.DataObject) -> None:
    for events in calls_of(seed):
        rng = data.draw(st.randoms(use_true_random=False))
        shuffled = rng.sample([*events, *events], 2 * len(events))
        assert provenance(shuffled) == provenance(events)
        retried = [
            replace(each, callback_id="again", received_at=each.received_at + 9 * SECOND)
            for each in events
            if each.kind != "cdr" and rng.random() < 0.5
        ]
        found = provenance([*shuffled, *retried])
        for name in ("caller", "started_at", "uuid", "first_received_at"):
            assert found[name] == provenance(events)[name]


@pytest.mark.parametrize("name", samples())
def test_every_rule_of_a_record_is_taken_apart(name: str) -> None:
    record = joined(samples()[name])
    assert {path[0] for path in paths(record)} == set(record) - {"legs"}


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
    assert [origin.paths for origin in found["ring_time"]] == [(("a_rang_at",),), (("a_answered_at",),)]


def test_where_event_and_cdr_say_the_same_it_is_the_cdr_that_is_believed() -> None:
    found = provenance([RING, ANSWER, HANGUP, CDR])
    for name in ("caller", "ring_time", "answered_at", "outcome", "state", "has_cdr"):
        assert told(found[name]) == ["cdr-70"], name
    assert found["caller"][0].paths == (("cdr", "caller"),)
    assert told(found["has_answer"]) == ["answer-5"]
    assert told(found["rang_at"]) == ["ring-0"]


def test_a_cdr_also_decides_what_is_not() -> None:
    unanswered = replace(CDR, answered_at=None, outcome="unanswered")
    assert told(provenance([RING, ANSWER, unanswered])["answered_at"]) == ["cdr-70"]


def test_a_later_cdr_takes_the_place_of_the_first() -> None:
    second = replace(CDR, event_id="cdr-2", received_at=CDR.received_at + SECOND)
    assert told(provenance([RING, CDR, second])["caller"]) == ["cdr-2"]


def test_a_retried_callback_is_named_only_for_when_it_came() -> None:
    again = replace(RING, callback_id="retry", received_at=RING.received_at + 3 * SECOND)
    found = provenance([again, RING])
    assert [each.event.callback_id for each in found["caller"] if each.event] == ["c-ring-0"]
    assert [each.event.callback_id for each in found["last_received_at"] if each.event] == ["retry"]


def test_of_two_reasons_of_which_either_would_do_both_are_named() -> None:
    dial = leg("dial", 1)
    assert told(provenance([RING, dial])["has_ring"]) == ["ring-0", "dial-1"]


def test_of_many_reasons_of_which_any_would_do_the_first_is_named() -> None:
    rings = [leg("ring", 0), leg("ring", 1), leg("ring", 2)]
    assert told(provenance(rings)["has_ring"]) == ["ring-0"]
    assert told(provenance(rings)["source"]) == ["ring-0"]


def test_a_call_closed_in_silence_was_closed_by_no_event() -> None:
    found = provenance([RING], {"closed": [1, RING.received_at, "timeout"]})
    assert [origin.event for origin in found["close_reason"]][-1] is None
    assert ("closed",) in found["close_reason"][-1].paths


def test_an_open_call_is_open_for_its_legs_that_have_not_ended() -> None:
    first = leg("dial", 0, dialect="extension-events")
    second = leg("dial", 2, dialect="extension-events", ids=("a", "b"), leg="b")
    ended = leg("hangup", 4, dialect="extension-events")
    assert told(provenance([first, second, ended])["ended_at"]) == ["dial-2"]
