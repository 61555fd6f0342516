from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.leg import Leg, confirm, join
from processors.correlate.step import step
from schemas import records
from schemas.calls import call_of
from schemas.links import Link, Merge, told_from_json, told_to_json
from tests.kit.events import call_events
from tests.processors.correlate.network import Network, model
from tests.scale import examples


def converge(seed: int) -> Network:
    rng = random.Random(seed)
    events = call_events(rng)
    network = Network(rng, crashes=rng.choice((0, 0.1, 0.4)), duplicates=rng.choice((0, 0.3)))
    network.feed(events)
    network.run()
    expected = model(events)
    assert {name for name, record in network.emitted.items() if "merged_into" not in record} == set(expected)
    for call_id, record in expected.items():
        assert network.emitted[call_id] == record
        assert call_of(network.emitted[call_id]) == call_of(record)
    for name, leg in network.legs.items():
        assert leg.root(name) <= name
        assert Leg.from_json(leg.to_json()) == leg
    return network


@examples(normal=5_000, long=100_000)
@given(seed=st.integers(0, 2**63))
def test_any_order_any_duplication_any_crash_gives_the_record_of_everything_at_once(seed: int) -> None:
    converge(seed)


@examples(normal=500, long=10_000)
@given(seed=st.integers(0, 2**63), data=st.data())
def test_the_lattice_is_commutative_associative_and_idempotent(seed: int, data: st.DataObject) -> None:
    known = [records.record_of(event) for event in call_events(random.Random(seed))]
    a, b, c = (data.draw(st.sampled_from(known)) for _ in range(3))
    assert records.join(a, b) == records.join(b, a)
    assert records.join(records.join(a, b), c) == records.join(a, records.join(b, c))
    assert records.join(a, a) == a
    assert records.join(a, {}) == a


@examples(normal=500, long=10_000)
@given(seed=st.integers(0, 2**63))
def test_repeating_a_batch_on_the_resulting_state_sends_at_least_the_same_knowledge(seed: int) -> None:
    rng = random.Random(seed)
    events = call_events(rng, legs=3)
    own = min(name for event in events for name in event.ids)
    mine = [event for event in events if event.ids[0] == own]
    leg, sends = step(own, Leg(), mine, now=1)
    again, repeated = step(own, leg, mine, now=2)
    assert repeated == sends
    assert again.record == leg.record


def test_a_leg_told_of_a_smaller_one_hands_its_record_over_and_forwards_what_comes_later() -> None:
    event = call_events(random.Random(1), legs=1, events=1)[0]
    own = event.ids[0]
    leg, _ = step(own, Leg(), [event], now=1)
    leg, sends = step(own, leg, [Link("0")], now=2)
    assert sends.told == [("0", Merge(records.record_of(event)))]
    merged = {**records.record_of(event), "merged_into": "0"}
    assert sends.record == merged
    assert step(own, leg, [event], now=3)[1].record == merged
    leg, sends = step(own, confirm(leg, sends.for_good(own)), [event], now=3)
    assert sends.told == [("0", event)]
    assert sends.record is None


def test_a_leg_that_knows_two_smaller_ones_tells_the_larger_of_them() -> None:
    leg, sends = step("c", Leg(), [Link("b")], now=1)
    assert sends.told == []
    leg, sends = step("c", leg, [Link("a")], now=2)
    assert sends.told == [("b", Link("a"))]
    assert leg.root("c") == "a"


def test_a_link_that_the_broker_acknowledged_is_not_sent_again() -> None:
    event = next(
        event for seed in range(100) for event in call_events(random.Random(seed)) if len(event.ids) > 1
    )
    own = event.ids[0]
    leg, sends = step(own, Leg(), [event], now=1)
    assert sends.for_good(own) == set(event.ids[1:])
    told = Leg(leg.record, leg.peers, sends.for_good(own), 1)
    assert step(own, told, [event], now=2)[1].for_good(own) == frozenset()


def test_a_link_to_oneself_or_to_a_larger_leg_changes_nothing() -> None:
    leg, sends = step("b", Leg(), [Link("b"), Link("c")], now=1)
    assert leg.root("b") == "b"
    assert sends.told == []


@examples(normal=300, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_messages_between_correlators_survive_their_json(seed: int) -> None:
    for event in call_events(random.Random(seed)):
        for told in (event, Link("x"), Merge(records.record_of(event))):
            assert told_from_json(told_to_json(told)) == told


@examples(normal=300, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_two_versions_of_a_leg_merge_to_what_both_knew(seed: int) -> None:
    rng = random.Random(seed)
    network = Network(rng)
    network.feed(call_events(rng))
    network.run()
    for leg in network.legs.values():
        assert join(leg, Leg()) == leg
        assert join(leg, leg) == leg
