"""Every call's webhooks tell what happened in it, whatever their order, and whichever hangups are lost."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import common_api, expected, extension_events
from simulator.common_api import CallCentre
from simulator.extension_events import Office
from simulator.identifiers import Identifiers
from simulator.model import SimulatedCall
from tests.scale import examples
from tests.simulator.reading import NOW, ZONE, row

CENTRE = [pytest.param(CallCentre, each, id=f"centre {each.__name__}") for each in common_api.SCENARIOS]
OFFICE = [pytest.param(Office, each, id=f"office {each.__name__}") for each in extension_events.SCENARIOS]
EACH_SCENARIO = pytest.mark.parametrize(("model", "scenario"), [*CENTRE, *OFFICE])

Scenario = Callable[[Any, int], SimulatedCall]


def call_of(model: type[CallCentre | Office], scenario: Scenario, seed: int) -> SimulatedCall:
    """A call of one kind."""
    rng = Random(seed)
    ids = Identifiers(rng)
    return scenario(CallCentre(rng, ids, ZONE) if model is CallCentre else Office(rng, ids), NOW)


@EACH_SCENARIO
@given(seed=st.integers(0, 2**32), chance=st.randoms(use_true_random=False))
@examples(40, 5000)
def test_the_row_is_what_happened(
    model: type[CallCentre | Office], scenario: Scenario, seed: int, chance: Random
) -> None:
    call = call_of(model, scenario, seed)
    hangups = [place for place, each in enumerate(call.webhooks) if each.kind == "hangup"]
    lost = {place for place in hangups if chance.random() < 0.3}
    places = [place for place in range(len(call.webhooks)) if place not in lost]
    places += [place for place in places if chance.random() < 0.2]
    chance.shuffle(places)
    want = expected.columns(call, lost)
    found = row(call, places)
    assert {name: found[name] for name in want} == want


@EACH_SCENARIO
@given(seed=st.integers(0, 2**32))
@examples(15, 2000)
def test_a_call_is_told_in_the_order_of_time(
    model: type[CallCentre | Office], scenario: Scenario, seed: int
) -> None:
    call = call_of(model, scenario, seed)
    times = [each.at for each in call.webhooks]
    assert times == sorted(set(times))
    assert times[0] >= NOW
    assert call.truth.started_at >= NOW - 1_000_000  # a bill has whole seconds
    assert call.truth.ended_at >= (call.truth.answered_at or call.truth.started_at)


def test_every_scenario_and_every_outcome_happens() -> None:
    rng = Random(7)
    ids = Identifiers(rng)
    centre, office = CallCentre(rng, ids, ZONE), Office(rng, ids)
    truths = [model.call(NOW).truth for model in (centre, office) for _ in range(2000)]
    assert {each.outcome for each in truths} == {
        "answered",
        "unanswered",
        "busy",
        "cancelled",
        "congestion",
        "unavailable",
    }
    assert len({each.scenario for each in truths}) == 13
    assert any(each.campaign and each.outcome == "answered" and each.extension is None for each in truths)
    assert any(len(each.legs) > 4 for each in truths if each.scenario == "queue")
