from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.known import known
from processors.correlate.leg import Leg
from processors.correlate.silence import (
    Quiet,
    Silences,
    close_after,
    closing,
    expects_nothing,
    is_open,
    is_reopened,
)
from processors.correlate.step import step
from schemas.calls import call_of, version_of
from tests.kit.events import call_events
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.events import CallEvent

HOUR = 3_600_000_000


def ring(**said: Any) -> CallEvent:
    """A ring of the leg `a`."""
    event = next(e for seed in range(99) for e in call_events(random.Random(seed)) if e.kind == "ring")
    return replace(event, **{"ids": ("a",), "leg": "a", "received_at": HOUR, **said})


def knowing(*events: CallEvent) -> Leg:
    return Leg(known(events))


def closed(leg: Leg) -> Leg:
    """The leg once its closing has come back."""
    return step("a", leg, [closing("acme", "a", leg, "timeout")], now=HOUR)[0]


def test_a_call_without_news_is_closed_with_a_reason_and_only_once() -> None:
    leg = knowing(ring())
    assert is_open("a", leg)
    after = closed(leg)
    call = call_of(after.events.values())
    assert (call.close_reason, call.state, call.reopened) == ("timeout", "ringing", False)
    assert (call.revision, call.events, call.kinds) == (1, (ring().event_id,), ("ring",))
    assert version_of(after.events.values()) == 2
    assert not is_open("a", after)
    assert closing("acme", "a", leg, "timeout") == closing("acme", "a", after, "timeout")


def test_late_news_reopens_a_closed_call_until_it_is_closed_again() -> None:
    leg = knowing(ring())
    late = ring(event_id="late", received_at=HOUR + 1)
    before = closed(leg)
    after = step("a", before, [late], now=HOUR)[0]
    call = call_of(after.events.values())
    assert (call.close_reason, call.reopened) == ("", True)
    assert is_open("a", after)
    assert is_reopened(before, after)
    assert not is_reopened(before, before)
    assert not is_reopened(leg, after)
    assert not is_reopened(Leg(), leg)
    assert not is_reopened(after, after)
    assert call_of(closed(after).events.values()).close_reason == "timeout"


def test_a_request_whose_call_never_came_shows_as_such() -> None:
    leg = knowing(ring(kind="requested"))
    assert is_open("a", leg)
    call = call_of(closed(leg).events.values())
    assert (call.state, call.close_reason) == ("requested", "never_came")


def test_the_call_of_several_sources_waits_for_the_slowest_of_them() -> None:
    def told_by(*sources: str) -> Leg:
        return knowing(*(ring(event_id=source, source=source) for source in sources))

    waits = {"hasty": 5, "slow": 50}
    assert close_after(told_by("hasty"), waits, 10) == 5
    assert close_after(told_by("slow"), waits, 10) == 50
    assert close_after(told_by("hasty", "slow"), waits, 10) == 50
    assert close_after(told_by("hasty", "usual"), waits, 10) == 10
    assert close_after(Leg(), waits, 10) == 10


def test_a_complete_call_a_merged_leg_and_a_leg_that_knows_nothing_are_not_open() -> None:
    leg = knowing(ring())
    complete = knowing(ring(), ring(event_id="bill", kind="cdr"))
    void = knowing(ring(kind="void"))
    merged = replace(leg, peers=frozenset({"0"}))
    for quiet in (complete, void, merged, Leg()):
        assert not is_open("a", quiet)
    for forgotten in (complete, void, Leg()):
        assert expects_nothing("a", forgotten)
    for kept in (leg, merged, closed(leg)):
        assert not expects_nothing("a", kept)


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
    assert silences.due(1_000, 99) == [("b", Quiet.FORGET)]
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
    assert silences.due(501, 99) == [("a", Quiet.FORGET)]


def test_however_many_are_due_all_are_given_a_few_at_a_time() -> None:
    silences: Silences[int] = Silences(forget_us=100)
    for key in range(5_000):
        silences.touch(key, key // 1_000, 10)
    found: list[tuple[int, Quiet]] = []
    while due := silences.due(1_000, 300):
        assert len(due) <= 300
        found += due
    assert len(found) == len(set(found)) == 10_000


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
    assert {key for key, quiet in found if quiet is Quiet.FORGET} == set(last)
    assert len(found) == len(set(found))
    for key in last:
        steps = [quiet for each, quiet in found if each == key]
        assert steps == list(Quiet)[-len(steps) :]
