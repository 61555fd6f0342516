from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.known import known
from processors.correlate.leg import Leg, join
from processors.correlate.step import Bounds, step
from processors.correlate.ties import HOUR, MOST_CALLS, Ties
from schemas.links import HandedOn, Link, Tie
from tests.kit.events import AT, call_events
from tests.processors.correlate.network import ACCOUNT, Network, Tables, calls_of
from tests.scale import examples

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from processors.correlate.known import Known
    from schemas.events import CallEvent
    from schemas.links import Told

SHARED = "m"
"""An id that a provider's fault puts into every callback: some others are smaller, and some larger."""
SHARED_TOO = ("l", "n")
"""More such ids, one on either side."""


def tangled(rng: random.Random, calls: int, also: Sequence[str] = ()) -> list[CallEvent]:
    """Events of several calls of up to three legs each, some of which name the shared id too.

    `also` are ids that all of these name beside it.
    """
    sample = next(event for seed in range(99) for event in call_events(random.Random(seed)))
    sample = replace(sample, uuid=None, kind="ring", written=None)
    told: list[CallEvent] = []
    for call in range(calls):
        legs = [f"{rng.choice('abcxyz')}{call}{part}" for part in range(rng.randint(1, 3))]
        for number, (leg, other) in enumerate(zip(legs, legs[1:] + legs[:1], strict=True)):
            at = AT + rng.randrange(2) * HOUR
            shared = [SHARED, *also] if number == 0 or rng.random() < 0.5 else []
            said = replace(sample, event_id=f"{call} {number}", leg=leg, uuid=f"call {call}")
            told.append(
                replace(said, ids=tuple(sorted({leg, other, *shared})), received_at=at, occurred_at=at)
            )
    rng.shuffle(told)
    return told


class YoungTables(Tables):
    """All events are younger than those that are recalled."""

    def recall(self, leg: str) -> list[tuple[str, Told]]:
        del leg
        return []


class AgedTables(Tables):
    """Events are recalled once they are old."""

    def __init__(self) -> None:
        super().__init__()
        self.young: list[CallEvent] = []

    def hear(self, event: CallEvent) -> None:
        self.young.append(event)

    def age(self) -> None:
        for event in self.young:
            super().hear(event)
        self.young = []


def rows_of(network: Network) -> dict[tuple[date, str], set[str]]:
    return {
        place: set(record.call.events)
        for place, record in network.tables.rows.items()
        if record.call is not None
    }


def without_shared(events: list[CallEvent]) -> dict[tuple[date, str], Known]:
    shared = {SHARED, *SHARED_TOO}
    return calls_of(
        [replace(event, ids=tuple(name for name in event.ids if name not in shared)) for event in events]
    )


@examples(normal=100, long=20_000)
@given(seed=st.integers(0, 2**63))
def test_whatever_the_order_each_event_is_in_one_row_and_few_calls_are_tied_by_a_suspect_id(
    seed: int,
) -> None:
    rng = random.Random(seed)
    most = rng.randint(2, 4)
    also = rng.sample(SHARED_TOO, rng.randint(0, len(SHARED_TOO)))
    told = tangled(rng, calls=rng.randint(1, 12), also=also)
    network = Network(
        rng, crashes=rng.choice((0, 0.1, 0.4)), duplicates=0.2, zombies=False, bounds=Bounds(calls=most)
    )
    network.tables = YoungTables()
    for event in told:
        network.feed([event])
        network.work_a_little()
    network.run()
    rows = rows_of(network)
    places = Counter(name for events in rows.values() for name in events)
    assert places == Counter({event.event_id: 1 for event in told})
    apart = [{event.event_id for event in part.values()} for part in without_shared(told).values()]
    # what is tied by other ids stays together, whether or not the shared one ties it to more
    for call in apart:
        assert any(call <= row for row in rows.values())
    legs = [network.legs[name] for name in (SHARED, *also)]
    hours = {event.received_at // HOUR for event in told}
    assert all(len(calls) <= most for leg in legs for calls in leg.ties.hours.values())
    assert max(sum(call <= row for call in apart) for row in rows.values()) <= most * len(hours) * len(legs)
    if any(record.suspect for record in network.records):
        assert any(leg.ties.suspect_at for leg in legs)
    else:
        assert rows == {place: set(part) for place, part in calls_of(told).items()}


def read_again(event: CallEvent, without: Collection[str]) -> list[CallEvent]:
    """As a replay tells of an event which does not name these ids any more, unless it has no others."""
    ids = tuple(name for name in event.ids if name not in without) or event.ids
    again = replace(event, ids=ids, leg=ids[0], reading=7, named_before=event.ids)
    return [again] if ids[0] == event.ids[0] else [again, replace(event, kind="void", reading=6)]


@examples(normal=100, long=20_000)
@given(seed=st.integers(0, 2**63))
def test_late_news_of_calls_that_a_suspect_id_had_tied_is_in_their_row(seed: int) -> None:
    """Again and again all comes to rest, and some of it is forgotten; then all may be read again.

    That is left out for events that name several suspect ids and no others: a replay may find the ids in
    another life, in which others of them tie the event.
    """
    rng = random.Random(seed)
    most = rng.randint(1, 3)
    also = rng.sample(SHARED_TOO, rng.randint(0, len(SHARED_TOO)))
    told = tangled(rng, calls=rng.randint(2, 12), also=also)
    again = rng.choice(((), ("",), (SHARED, *also)))
    lone = [
        replace(told[0], event_id=f"lone {number}", uuid=f"call {number}", ids=ids, leg=ids[0])
        for number in range(rng.randint(0, 3))
        for ids in [tuple(sorted(rng.sample([SHARED, *also], 1 if again else rng.randint(1, 1 + len(also)))))]
    ]
    told = rng.sample([*told, *lone], len(told) + len(lone))
    network = Network(
        rng, crashes=rng.choice((0, 0.1, 0.4)), duplicates=0.2, zombies=False, bounds=Bounds(calls=most)
    )
    network.tables = tables = AgedTables()
    parts = rng.randint(2, 4)
    for part in range(parts):
        for event in told[part::parts]:
            network.feed([event])
            network.work_a_little()
        network.run()
        network.forget()
        tables.age()
    if again:
        for event in rng.sample(told, len(told)):
            network.feed(read_again(event, without=again))
            network.work_a_little()
        network.run()
    rows = rows_of(network)
    places = Counter(name for events in rows.values() for name in events)
    assert places == Counter({event.event_id: 1 for event in told})
    for call in without_shared([event for event in told if event not in lone]).values():
        assert any(call.keys() <= row for row in rows.values())


def links(count: int, hour: int = 0) -> list[Link]:
    return [Link(f"a{number}", Tie(f"{number}", hour * HOUR + number, "shop")) for number in range(count)]


@examples(normal=100, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_a_batch_that_is_seen_again_is_decided_as_it_was_the_first_time(seed: int) -> None:
    rng = random.Random(seed)
    leg, bounds = Leg(), Bounds(calls=rng.randint(2, 4))
    for _ in range(3):
        ties = [
            Link(f"a{number}", Tie(f"{number}", rng.randint(1, 4) * HOUR, "shop"))
            for number in (rng.randrange(12) for _ in range(rng.randint(1, 9)))
        ]
        leg, sends = step(SHARED, leg, ties, 1, bounds)
        again, repeated = step(SHARED, leg, ties, 1, bounds)
        assert (again.peers, again.ties.suspect_at) == (leg.peers, leg.ties.suspect_at)
        assert repeated == sends


def test_a_suspect_id_says_so_and_hands_on_what_comes_after() -> None:
    leg, sends = step(SHARED, Leg(), links(MOST_CALLS), now=1)
    assert (sends.suspect, len(leg.peers)) == (None, MOST_CALLS)
    event = next(event for event in tangled(random.Random(1), calls=9) if event.ids[0] == SHARED)
    event = replace(event, received_at=HOUR - 1)
    leg, sends = step(SHARED, leg, [event], now=2)
    record = sends.record(ACCOUNT, SHARED)
    assert record is not None
    assert record.suspect is not None
    assert (record.suspect.since, record.suspect.at, record.suspect.source) == (
        HOUR - 1,
        HOUR - 1,
        event.source,
    )
    assert sends.told == [(event.ids[1], HandedOn(event))]
    assert Leg.from_json(leg.to_json()) == leg


def test_so_many_calls_in_two_hours_are_no_reason_for_suspicion() -> None:
    leg, _ = step(SHARED, Leg(), links(MOST_CALLS, hour=0), now=1)
    late = [replace(link, tie=Tie(f"later {link.to}", 5 * HOUR, "shop")) for link in links(MOST_CALLS)]
    leg, sends = step(SHARED, leg, late, now=2)
    assert sends.suspect is None
    leg, sends = step(SHARED, leg, [Link("z", Tie("z", 5 * HOUR, "shop"))], now=2)
    assert sends.suspect is not None


def test_an_id_is_suspect_though_a_clock_was_wrong_before() -> None:
    """By hours, and twice: its last receipts seem to be yet to come."""
    told = [*links(1, hour=8), *links(1, hour=9), *links(MOST_CALLS + 1, hour=5)]
    leg = Leg()
    for link in told:
        assert leg.ties.suspect_at == 0
        leg, _ = step(SHARED, Leg.from_json(leg.to_json()), [link], now=1)
    assert leg.ties.suspect_at == 5 * HOUR + MOST_CALLS


def test_very_many_legs_of_one_call_are_no_reason_either() -> None:
    sample = replace(tangled(random.Random(1), calls=1)[0], uuid=SHARED, caller="100", direction="inbound")
    agents = [
        replace(sample, event_id=f"{number}", ids=(SHARED, f"z{number}"), leg=f"z{number}")
        for number in range(3 * MOST_CALLS)
    ]
    leg, sends = step(SHARED, Leg(), agents, now=1)
    assert sends.suspect is None
    assert len(known(agents)) == len(leg.events) == 3 * MOST_CALLS


def test_two_versions_of_ties_join_to_what_both_knew() -> None:
    one, other = Ties({1: frozenset("a")}, 9), Ties({1: frozenset("b"), 2: frozenset("a")}, 5)
    joined = join(Leg(ties=one), Leg(ties=other)).ties
    assert joined == Ties({1: frozenset("ab"), 2: frozenset("a")}, 5)
    assert join(Leg(ties=one), Leg()).ties == one
