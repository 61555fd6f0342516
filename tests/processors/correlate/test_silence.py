from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.leg import Leg
from processors.correlate.silence import Quiet, Silences, close, forget, is_open
from processors.correlate.step import step
from schemas.calls import call_of
from tests.processors.correlate.traffic import call_events
from tests.scale import examples

HOUR = 3_600_000_000


def ringing() -> Leg:
    """A leg with a ring and nothing else."""
    event = next(e for seed in range(99) for e in call_events(random.Random(seed)) if e.kind == "ring")
    leg, _ = step(event.leg, Leg(), [replace(event, ids=(event.leg,))], now=HOUR)
    return leg


def own(leg: Leg) -> str:
    return str(leg.record["ids"][0])


def test_a_call_without_news_is_closed_with_a_reason_and_only_once() -> None:
    leg = ringing()
    assert is_open(own(leg), leg)
    closed, record = close(leg, "timeout")
    assert call_of(record).close_reason == "timeout"
    assert call_of(record).state == "ringing"
    assert not is_open(own(leg), closed)


def test_late_news_reopens_a_closed_call() -> None:
    leg = ringing()
    closed, record = close(leg, "timeout")
    later = replace(closed, record={**closed.record, "last_received_at": record["last_received_at"] + 1})
    assert call_of(later.record).close_reason == ""
    assert is_open(own(leg), later)


def test_a_complete_call_a_merged_leg_and_a_leg_that_knows_nothing_are_not_open() -> None:
    leg = ringing()
    complete = replace(leg, record={**leg.record, "cdr": [1, "e", {"outcome": "answered"}]})
    assert not is_open(own(leg), complete)
    assert not is_open(own(leg), replace(leg, peers=frozenset({"0"})))
    assert not is_open("a", Leg())


def test_links_live_longer_than_records() -> None:
    linked = replace(ringing(), peers=frozenset({"0"}), told=frozenset({"z"}))
    for quiet in (Quiet.CLOSE, Quiet.FORGET):
        assert forget(linked, quiet) == replace(linked, record={}, told=frozenset())
        assert forget(ringing(), quiet) is None
    assert forget(linked, Quiet.FORGET_LINKS) is None


def test_a_key_is_due_for_each_step_in_turn() -> None:
    silences: Silences[str] = Silences(silence_us=10, forget_us=100)
    silences.touch("a", 0)
    silences.touch("b", 5)
    assert silences.due(9, 99) == []
    assert silences.due(10, 99) == [("a", Quiet.CLOSE)]
    assert silences.due(15, 99) == [("b", Quiet.CLOSE)]
    assert silences.due(15, 99) == []
    silences.touch("b", 50)
    assert silences.due(100, 99) == [("b", Quiet.CLOSE), ("a", Quiet.FORGET)]
    assert silences.due(1_000, 1) == [("b", Quiet.FORGET)]
    assert silences.due(1_000, 99) == [("a", Quiet.FORGET_LINKS), ("b", Quiet.FORGET_LINKS)]
    assert silences.due(9_999, 99) == []


@examples(normal=300, long=5_000)
@given(touches=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=40), most=st.integers(1, 5))
def test_every_key_is_due_once_for_each_step_after_its_last_news(
    touches: list[tuple[int, int]], most: int
) -> None:
    silences: Silences[int] = Silences(silence_us=10, forget_us=100)
    now = 0
    last: dict[int, int] = {}
    for key, pause in touches:
        now += pause
        for due, _ in silences.due(now, most):
            assert last[due] + 10 <= now
        silences.touch(key, now)
        last[key] = now
    found = []
    while ripe := silences.due(now + 1_000, most):
        assert len(ripe) <= most
        found += ripe
    assert {key for key, quiet in found if quiet is Quiet.FORGET_LINKS} == set(last)
    assert len(found) == len(set(found))
