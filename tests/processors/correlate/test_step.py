from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from processors.correlate.known import known
from processors.correlate.leg import ASKED, Leg, confirm, join
from processors.correlate.step import MOST_PEERS, Bounds, step
from schemas.calls import call_of, is_call, version_of
from schemas.legs import legs_of
from schemas.links import Events, HandedOn, Link
from schemas.records import FOR_GOOD
from tests.kit.events import call_events
from tests.processors.correlate.network import ACCOUNT, Network, calls_of
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.calls import Call
    from schemas.events import CallEvent
    from schemas.links import Told

DAY = 86_400_000_000


def tellings(rng: random.Random, events: list[CallEvent]) -> list[CallEvent]:
    """Events in some order; some days later, again as a provider's retry, or in a new reading, maybe void."""
    later = (0, 0, 0, 3 * DAY, 400 * DAY)
    events = [replace(event, received_at=event.received_at + rng.choice(later)) for event in events]
    told = list(events)
    for event in rng.sample(events, rng.randint(0, len(events)) // 2):
        kind = rng.choice((event.kind, event.kind, "hangup", "void"))
        told.append(replace(event, reading=2, kind=kind, caller=rng.choice(("300", None))))
    for event in rng.sample(events, rng.randint(0, len(events)) // 3):
        if event.kind == "cdr":
            continue  # which of several bills holds depends on their receipts, and so on having seen them all
        told.append(
            replace(event, received_at=event.received_at + rng.randrange(2 * DAY), callback_id="again")
        )
    rng.shuffle(told)
    return told


def without_receipts(call: Call) -> Call:
    """Two rows of one version may differ in the receipts of single events, when one has not seen a retry."""
    heard = tuple((source, events, legs, 0) for source, events, legs, _ in call.heard)
    return replace(
        call, first_received_at=0, last_received_at=0, cdr_received_at=None, reopened=False, heard=heard
    )


def converge(seed: int, *, forgetful: bool) -> Network:
    rng = random.Random(seed)
    told = tellings(rng, call_events(rng, events=rng.choice((3, 12))))
    bounds = Bounds(peers=rng.choice((0, 1, MOST_PEERS)))
    network = Network(rng, crashes=rng.choice((0, 0.1, 0.4)), duplicates=rng.choice((0, 0.3)), bounds=bounds)
    for event in told:
        network.feed([event])
        network.work_a_little()
        if forgetful and rng.random() < 0.25:
            network.run()
            network.forget()
    network.run()
    expected = {place: part for place, part in calls_of(told).items() if is_call(part.values())}
    rows = network.tables.rows
    assert set(rows) == set(expected)
    for place, events in expected.items():
        assert rows[place].version == version_of(events.values())
        call = rows[place].call
        assert call is not None
        assert without_receipts(call) == without_receipts(call_of(events.values()))
        assert rows[place].legs == legs_of(events.values())
    return network


@examples(normal=500, long=100_000)
@given(seed=st.integers(0, 2**63))
def test_any_order_any_duplication_any_crash_gives_the_rows_of_everything_at_once(seed: int) -> None:
    network = converge(seed, forgetful=False)
    for name, leg in network.legs.items():
        assert leg.root(name) <= name
        assert Leg.from_json(leg.to_json()) == leg


@examples(normal=500, long=100_000)
@given(seed=st.integers(0, 2**63))
def test_what_was_forgotten_comes_back_from_the_tables(seed: int) -> None:
    converge(seed, forgetful=True)


def read_otherwise(rng: random.Random, event: CallEvent, names: list[str], reading: int) -> list[CallEvent]:
    """The event in a new reading that names other legs, and void where it was."""
    ids = tuple(sorted(rng.sample(names, rng.randint(1, min(3, len(names))))))
    anew = replace(event, reading=reading, ids=ids, leg=ids[0], named_before=event.ids)
    moved = ids[0] != event.ids[0]
    return [anew, replace(event, kind="void", reading=reading - 1)] if moved else [anew]


def tied_by(told: list[CallEvent]) -> dict[str, set[str]]:
    """By call id, the events of each call: whatever a reading tied is tied."""
    parent = {name: name for event in told for name in event.ids}

    def root(name: str) -> str:
        return name if parent[name] == name else root(parent[name])

    for event in told:
        smallest = min(root(name) for name in event.ids)
        parent.update((root(name), smallest) for name in event.ids)
    calls: dict[str, set[str]] = defaultdict(set)
    for event in known(told).values():
        calls[root(event.ids[0])].add(event.event_id)
    return calls


@examples(normal=300, long=100_000)
@given(seed=st.integers(0, 2**63))
@example(seed=22743733318)  # the leg that two readings share is forgotten, and the first one's root is not
def test_what_a_reading_tied_stays_tied_and_each_event_is_in_one_row_also_after_forgetting(seed: int) -> None:
    rng = random.Random(seed)
    events = call_events(rng, events=rng.choice((3, 12)))
    names = sorted({name for event in events for name in event.ids})
    network = Network(rng, crashes=rng.choice((0, 0.1)), duplicates=rng.choice((0, 0.3)))
    *events, late = events
    newest = {event.event_id: event for event in events}
    told: list[CallEvent] = []
    batches = [events]
    for reading in (10, 20):
        again = [
            read_otherwise(rng, event, names, reading) for event in newest.values() if rng.random() < 0.5
        ]
        newest |= {anew.event_id: anew for anew, *_ in again}
        batches.append([event for each in again for event in each])
    for batch in (*batches, [late]):
        told += batch
        for event in batch:
            network.feed([event])
            network.work_a_little()
        network.run()
        if rng.random() < 0.7:
            network.forget()
    rows = {call_id: row.call.events for (_, call_id), row in network.tables.rows.items() if row.call}
    assert {call_id: set(events) for call_id, events in rows.items()} == tied_by(told)


@examples(normal=200, long=10_000)
@given(seed=st.integers(0, 2**63))
def test_repeating_a_batch_on_the_resulting_state_sends_the_same(seed: int) -> None:
    rng = random.Random(seed)
    events = tellings(rng, call_events(rng, legs=3))
    own = min(name for event in events for name in event.ids)
    mine = [event for event in events if event.ids[0] == own]
    leg, sends = step(own, Leg(), mine, now=1)
    again, repeated = step(own, leg, mine, now=2)
    assert repeated == sends
    assert again.events == leg.events


def event_of(seed: int, own: str = "b", *others: str) -> CallEvent:
    event = call_events(random.Random(seed), legs=1, events=1)[0]
    return replace(event, event_id=f"e{seed}", ids=tuple(sorted((own, *others))), leg=own)


def test_a_leg_told_of_a_smaller_one_hands_its_events_over_and_forwards_what_comes_later() -> None:
    first, second = event_of(1), event_of(2)
    leg, _ = step("b", Leg(), [first], now=1)
    leg, sends = step("b", leg, [Link("a")], now=2)
    assert sends.told == [("a", Events((first,)))]
    record = sends.record(ACCOUNT, "b")
    assert record is not None
    assert (record.gone, record.version, [leg.leg_id for leg in record.legs]) == (True, FOR_GOOD, ["b"])
    leg, sends = step("b", confirm(leg, sends.for_good()), [second], now=3)
    assert sends.told == [("a", Events((second,)))]
    assert known(sends.gone) == known([first, second])


def test_a_leg_that_knows_two_smaller_ones_tells_the_larger_of_them() -> None:
    leg, sends = step("c", Leg(), [Link("b")], now=1)
    assert sends.told == []
    leg, sends = step("c", leg, [Link("a")], now=2)
    assert sends.told == [("b", Link("a"))]
    assert leg.root("c") == "a"


def test_a_leg_that_ever_new_smaller_ones_are_linked_to_stays_small() -> None:
    """A provider's "null" in place of an id, in a few calls an hour: it is not suspect, and never quiet."""
    leg, linked = Leg(), set[str]()
    names = [f"{number:05}" for number in random.Random(1).sample(range(10 * MOST_PEERS), 5 * MOST_PEERS)]
    for name in names:
        leg, sends = step("null", leg, [Link(name)], now=1)
        again, repeated = step("null", leg, [Link(name)], now=2)
        assert repeated == sends
        assert {told for _, told in sends.told} <= {Link(min(linked | {name}))}
        leg = confirm(again, sends.for_good())
        linked.add(name)
        assert leg.root("null") == min(linked)
        assert len(leg.peers | leg.told) <= MOST_PEERS + 3


def test_a_link_that_the_broker_acknowledged_is_not_sent_again() -> None:
    event = event_of(1, "b", "c", "d")
    leg, sends = step("b", Leg(), [event], now=1)
    assert sends.for_good() == {"c", "d", ASKED}
    assert step("b", confirm(leg, sends.for_good()), [event], now=2)[1].for_good() == frozenset()


def test_a_leg_that_began_with_nothing_says_so_until_the_broker_has_it() -> None:
    leg, sends = step("b", Leg(), [Link("a")], now=1)
    for each in (sends, step("b", leg, [Link("a")], now=2)[1]):
        record = each.record(ACCOUNT, "b")
        assert record is not None
        assert (record.began, record.gone, record.call, record.days) == (True, False, None, ())
    assert step("b", confirm(leg, sends.for_good()), [Link("a")], now=2)[1].record(ACCOUNT, "b") is None


def test_a_call_whose_events_say_nothing_any_more_is_gone_until_they_do_again() -> None:
    event = event_of(1)
    leg, _ = step("b", Leg(), [event], now=1)
    leg, sends = step("b", leg, [replace(event, kind="void", reading=5)], now=2)
    record = sends.record(ACCOUNT, "b")
    assert record is not None
    assert (record.gone, record.version, record.call) == (True, 5, None)
    record = step("b", leg, [replace(event, reading=9)], now=3)[1].record(ACCOUNT, "b")
    assert record is not None
    assert (record.gone, record.version) == (False, 9)


def test_a_row_has_the_id_of_its_record_whatever_legs_its_events_name() -> None:
    moved = replace(event_of(1), reading=9, named_before=("a", "b"))
    void = replace(event_of(1, "b", "a"), kind="void", reading=8)
    by_id: dict[str, list[Told]] = {
        "a": [void, Events((moved,))],
        "b": [HandedOn(event_of(2, "b", "a"))],
    }
    for own, messages in by_id.items():
        record = step(own, Leg(), messages, now=1)[1].record(ACCOUNT, own)
        assert record is not None
        assert record.call is not None
        assert (record.call_id, record.call.call_id) == (own, own)


def test_a_link_to_oneself_or_to_a_larger_leg_changes_nothing() -> None:
    leg, sends = step("b", Leg(), [Link("b"), Link("c")], now=1)
    assert leg.root("b") == "b"
    assert sends.told == []


@examples(normal=100, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_two_versions_of_a_leg_join_to_what_both_knew(seed: int) -> None:
    rng = random.Random(seed)
    network = Network(rng)
    network.feed(tellings(rng, call_events(rng)))
    network.run()
    for leg in network.legs.values():
        assert join(leg, Leg()) == leg
        assert join(leg, leg) == leg
