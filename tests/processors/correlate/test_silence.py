from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.leg import Leg
from processors.correlate.silence import (
    Quiet,
    Silences,
    close,
    close_after,
    forget,
    is_open,
    is_reopened,
)
from processors.correlate.step import step
from schemas.calls import call_of
from tests.kit.events import call_events
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
    assert call_of(later.record).reopened
    assert is_open(own(leg), later)
    assert is_reopened(closed, later)
    assert not is_reopened(closed, closed)
    assert not is_reopened(leg, replace(leg, record=later.record))
    assert not is_reopened(later, replace(later, record={**later.record, "last_received_at": 2**60}))


def test_a_request_whose_call_never_came_shows_as_such() -> None:
    event = call_events(random.Random(1))[0]
    leg, _ = step(event.leg, Leg(), [replace(event, kind="requested", ids=(event.leg,))], now=HOUR)
    assert is_open(own(leg), leg)
    _, record = close(leg, "timeout")
    assert (call_of(record).state, call_of(record).close_reason) == ("requested", "never_came")


def test_the_call_of_several_sources_waits_for_the_slowest_of_them() -> None:
    def told_by(*sources: str) -> Leg:
        return Leg({"sources": list(sources)})

    waits = {"hasty": 5, "slow": 50}
    assert close_after(told_by("hasty"), waits, 10) == 5
    assert close_after(told_by("slow"), waits, 10) == 50
    assert close_after(told_by("hasty", "slow"), waits, 10) == 50
    assert close_after(told_by("hasty", "usual"), waits, 10) == 10
    assert close_after(Leg(), waits, 10) == 10


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
    silences: Silences[str] = Silences(forget_us=100)
    silences.touch("a", 0, 10)
    silences.touch("b", 5, 10)
    assert silences.due(9, 99) == []
    assert silences.due(10, 99) == [("a", Quiet.CLOSE)]
    assert silences.due(15, 99) == [("b", Quiet.CLOSE)]
    assert silences.due(15, 99) == []
    silences.touch("b", 50, 10)
    assert silences.due(100, 99) == [("b", Quiet.CLOSE), ("a", Quiet.FORGET)]
    assert silences.due(1_000, 1) == [("b", Quiet.FORGET)]
    assert silences.due(1_000, 99) == [("a", Quiet.FORGET_LINKS), ("b", Quiet.FORGET_LINKS)]
    assert silences.due(9_999, 99) == []


def test_each_key_has_a_wait_of_its_own_which_news_may_change() -> None:
    silences: Silences[str] = Silences(forget_us=100)
    silences.touch("slow", 0, 60)
    silences.touch("hasty", 1, 5)
    assert silences.due(6, 99) == [("hasty", Quiet.CLOSE)]
    silences.touch("slow", 10, 5)
    silences.touch("hasty", 11, 60)
    assert silences.due(15, 99) == [("slow", Quiet.CLOSE)]
    assert silences.due(71, 99) == [("hasty", Quiet.CLOSE)]


def test_a_call_is_closed_before_it_is_forgotten_however_long_its_wait() -> None:
    silences: Silences[str] = Silences(forget_us=100)
    silences.touch("a", 0, 500)
    assert silences.due(499, 99) == []
    assert silences.due(500, 1) == [("a", Quiet.CLOSE)]
    assert silences.due(999, 99) == [("a", Quiet.FORGET)]
    assert silences.due(1_000, 99) == [("a", Quiet.FORGET_LINKS)]


def test_nothing_is_due_of_what_was_cleared() -> None:
    silences: Silences[str] = Silences(forget_us=100)
    silences.touch("a", 0, 10)
    silences.clear()
    assert silences.due(1_000, 99) == []


@examples(normal=300, long=5_000)
@given(
    touches=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from([3, 10, 10, 150])), max_size=40
    ),
    most=st.integers(1, 5),
)
def test_every_key_is_due_once_for_each_step_after_its_last_news(
    touches: list[tuple[int, int, int]], most: int
) -> None:
    silences: Silences[int] = Silences(forget_us=100)
    now = 0
    last: dict[int, tuple[int, int]] = {}
    for key, pause, wait in touches:
        now += pause
        for due, _ in silences.due(now, most):
            since, waited = last[due]
            assert since + waited <= now
        silences.touch(key, now, wait)
        last[key] = (now, wait)
    found = []
    while ripe := silences.due(now + 1_000, most):
        assert len(ripe) <= most
        found += ripe
    assert {key for key, quiet in found if quiet is Quiet.FORGET_LINKS} == set(last)
    assert len(found) == len(set(found))
    for key in last:
        steps = [quiet for each, quiet in found if each == key]
        assert steps == list(Quiet)[-len(steps) :]
