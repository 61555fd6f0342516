from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.correlate.bounds import MOST_EVENTS, OPEN_EVENTS, bounded, summary_id
from processors.correlate.known import known
from processors.correlate.leg import Leg, confirm, join
from processors.correlate.silence import closing, is_open
from processors.correlate.step import Bounds, step
from schemas.calls import COLUMNS, Call, call_of, version_of
from schemas.events import HELD_BACK, MOST_DOUBTS, Doubt
from schemas.legs import MOST_LEGS, Tellings, legs_as_told, legs_of
from schemas.legs import Leg as LegRow
from schemas.links import Events, Link, told_from_json, told_to_json
from schemas.readings import newest
from schemas.topics import CHANGELOG_CONFIG
from tests.kit.events import AT, call_events, event
from tests.processors.correlate.network import ACCOUNT, Network
from tests.scale import examples, scaled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.correlate.known import Known
    from schemas.events import CallEvent, Kind, Outcome

LISTED = {"legs", "events", "truncated", "leg_count", "transferred_from", "transferred_to"}
LARGEST = 256 * 1024
SECOND = 1_000_000
DAY = 86_400 * SECOND


def figures(events: Iterable[CallEvent]) -> dict[str, Any]:
    """What a row says but for its lists, and what is counted leg by leg."""
    call = call_of(events)
    return {name: getattr(call, name) for name in COLUMNS if name not in LISTED}


@examples(normal=400, long=20_000)
@given(seed=st.integers(0, 2**63), most=st.integers(1, 12))
def test_the_figures_of_a_call_whose_events_were_summed_up_stay_right(seed: int, most: int) -> None:
    rng = random.Random(seed)
    passed_by = rng.choice(((None,), ("7", "8", None)))
    events = known(
        replace(event, ids=tuple(sorted({"0", *event.ids})), passed_by=rng.choice(passed_by))
        for event in call_events(rng, events=40)
    )
    events |= closed_and_void(rng, events)
    left = bounded("0", events, most)
    assert figures(left.values()) == figures(events.values())
    assert version_of(left.values()) == version_of(events.values())
    again = bounded("0", left, most)
    assert figures(again.values()) == figures(events.values())
    assert version_of(again.values()) == version_of(events.values())


def closed_and_void(rng: random.Random, events: Known) -> Known:
    """Closings after some of the events, and voids."""
    some = [dict(rng.sample(list(events.items()), rng.randint(1, len(events)))) for _ in range(2)]
    closings = [closing(ACCOUNT, "0", Leg(part), "timeout") for part in some[: rng.randint(0, 2)]]
    sampled = rng.sample(list(events.values()), rng.randint(0, len(events)) // 4)
    voids = [
        replace(each, event_id=f"{each.event_id} void", kind="void", received_at=AT + rng.randrange(DAY))
        for each in sampled
    ]
    return known(closings, voids)


def test_a_call_with_few_events_is_left_as_it_is() -> None:
    events = known(call_events(random.Random(1)))
    assert bounded("0", events, len(events)) is events


def queue(agents: int, rounds: int, *, talk: int | None = None) -> list[CallEvent]:
    """A queue that rings its agents in turn, again and again: every ring is a leg.

    Each talks for a second if `talk`, how many seconds of it the queue speaks of in the end, is said.
    """
    sample = next(event for seed in range(99) for event in call_events(random.Random(seed)))
    said: list[CallEvent] = []

    def say(kind: Kind, leg: str, second: int, **more: Any) -> None:
        at = AT + second * SECOND
        said.append(
            replace(
                sample,
                event_id=f"{kind} {leg}",
                dialect="extension-events",
                kind=kind,
                ids=tuple(sorted({"0", leg})),
                leg=leg,
                received_at=at,
                occurred_at=at,
                **{"outcome": None, "talk_time": None, "bridged": None, "side": None, "uuid": "0", **more},
            )
        )

    say("dial", "0", 0)
    for number in range(agents * rounds):
        leg, second = f"leg-{number:06d}-0123456789abcdef", number * 3
        say("dial", leg, second + 1, side="b", extension=str(number % agents))
        if talk is None:
            say("hangup", leg, second + 3, side="b", outcome="unanswered", transferred=number % 100 == 0)
        else:
            say("hangup", leg, second + 3, side="b", outcome="answered", talk_time=SECOND)
    if talk is not None:
        end = agents * rounds * 3 + 60
        say("hangup", "0", end, bridged=True, outcome="answered", talk_time=talk * SECOND)
    return said


@pytest.mark.parametrize("talk", [100, 400, 500])
def test_what_a_queue_says_in_the_end_is_the_talk_that_was_summed_up(talk: int) -> None:
    events = queue(agents=40, rounds=10, talk=talk)
    leg = Leg()
    for start in range(0, len(events), 20):
        leg, _ = step("0", leg, events[start : start + 20], now=1)
    call = call_of(leg.events.values())
    assert call.truncated
    assert call.talk_time == call_of(events).talk_time == max(400, talk) * SECOND


def test_a_queue_that_rings_for_hours_is_one_small_call_with_the_right_figures() -> None:
    events = queue(agents=50, rounds=max(20, scaled(20, 300)))
    leg, largest = Leg(), 0
    for start in range(0, len(events), 100):
        batch = events[start : start + 100]
        for again in (False, True):  # it died after the state was saved, and sees the batch again
            leg, sends = step("0", leg, batch, now=1)
            record = sends.record(ACCOUNT, "0")
            assert record is not None
            written = [leg.to_json(), record.to_json(), *(told_to_json(told) for _, told in sends.told)]
            largest = max(largest, *map(len, written))
            if again:
                leg = confirm(Leg.from_json(leg.to_json()), sends.for_good())
    assert largest < LARGEST
    assert len(leg.events) <= MOST_EVENTS
    call, whole = call_of(leg.events.values()), call_of(events)
    assert figures(leg.events.values()) == figures(events)
    assert (call.truncated, call.leg_count, call.transfers) == (True, whole.leg_count, whole.transfers)
    assert (call.revision, len(call.legs) <= MOST_LEGS) == (len(events), True)
    assert len(legs_of(leg.events.values())) <= MOST_LEGS
    assert version_of(leg.events.values()) == len(events)
    late = replace(events[0], event_id="bill", kind="cdr", received_at=events[-1].received_at + SECOND)
    leg, _ = step("0", leg, [late], now=1)
    assert without_lists(call_of(leg.events.values())) == without_lists(call_of([*events, late]))


def rung_at_once(agents: int) -> list[CallEvent]:
    """A call that rings very many agents, all of whom hang up."""
    names = [f"{number:04}" for number in random.Random(1).sample(range(10_000), agents)]
    return [
        event(
            kind,
            leg,
            event_id=f"{kind} {leg}",
            ids=("0", leg),
            dialect="extension-events",
            received_at=AT + place * SECOND,
            occurred_at=AT + place * SECOND,
        )
        for place, (kind, leg) in enumerate((kind, leg) for kind in ("dial", "hangup") for leg in names)
    ]


@pytest.mark.parametrize("events", [queue(agents=5, rounds=70), rung_at_once(agents=MOST_LEGS + 60)])
@pytest.mark.parametrize("size", [1, 50, 200, 1_000])
def test_every_leg_has_a_row_with_all_of_its_news_whatever_comes_together(
    events: list[CallEvent], size: int
) -> None:
    """Also a leg that is not among those listed, or whose events are summed up at once."""
    leg, rows = Leg(), dict[str, LegRow]()
    for start in range(0, len(events), size):
        leg, sends = step("0", leg, events[start : start + size], now=1)
        record = sends.record(ACCOUNT, "0")
        assert record is not None
        rows |= {row.leg_id: row for row in record.legs}
    names = {each.leg for each in events}
    assert rows == {row.leg_id: row for row in legs_as_told(Tellings(events), names)}


def test_a_call_of_very_many_legs_that_is_merged_away_takes_their_rows_along() -> None:
    leg, listed = Leg(), set[str]()
    for each in rung_at_once(agents=MOST_LEGS + 60)[: MOST_LEGS + 60]:
        leg, sends = step("0", leg, [each], now=1)
        row = sends.record(ACCOUNT, "0")
        assert row is not None
        listed |= {each.leg_id for each in row.legs}
    gone = step("0", leg, [Link("/")], now=1)[1].record(ACCOUNT, "0")
    assert gone is not None
    assert gone.gone
    assert {each.leg_id for each in gone.legs} == listed


def test_a_call_of_large_events_takes_no_more_room_than_a_broker_gives() -> None:
    long = "回" * 1024
    texts: dict[str, Any] = dict.fromkeys(
        ("customer_ref", "tag", "agent_id", "campaign", "display_number", "method"), long
    )
    events = [replace(event, **texts) for event in queue(agents=5, rounds=60)]
    for size in (1, 7, 300):
        leg = Leg()
        for start in range(0, len(events), size):
            leg, _ = step("0", leg, events[start : start + size], now=1)
            written = leg.to_json()
            assert len(written) < int(CHANGELOG_CONFIG["max.message.bytes"]) / 2
            leg = Leg.from_json(written)
        assert figures(leg.events.values()) | SHORTENED == figures(events) | SHORTENED
        _, sends = step("0", leg, [Link("/")], now=1)
        for _, told in sends.told:
            assert len(told_to_json(told)) < LARGEST


def test_a_call_of_very_many_doubts_takes_no_more_room_than_a_broker_gives() -> None:
    doubts = tuple(Doubt("\1" * 440 + str(number), "malformed-text", "") for number in range(1_000))
    held_back = Doubt("status", HELD_BACK, "")
    events = [replace(each, doubts=(*doubts, held_back)) for each in queue(agents=5, rounds=60)]
    leg = Leg()
    for each in events:
        leg, _ = step("0", leg, [each], now=1)
        written = leg.to_json()
        assert len(written) < int(CHANGELOG_CONFIG["max.message.bytes"]) / 2
        leg = Leg.from_json(written)
    assert all(each.is_held_back for each in leg.events.values() if each.kind != "summed")
    assert call_of(leg.events.values()).doubts == MOST_DOUBTS * len(events)


SHORTENED: dict[str, Any] = dict.fromkeys(
    each
    for name in ("customer_ref", "tag", "agent_id", "campaign", "display_number", "method")
    for each in (name, f"event_{name}")
)


def test_legs_that_never_end_are_no_reason_to_grow_without_end() -> None:
    begun = [event for event in queue(agents=50, rounds=40) if event.kind == "dial"]
    leg = Leg()
    for start in range(0, len(begun), 50):
        leg, _ = step("0", leg, begun[start : start + 50], now=1)
    call, whole = call_of(leg.events.values()), call_of(begun)
    assert len(leg.events) <= MOST_EVENTS + OPEN_EVENTS + 1
    assert (call.revision, call.leg_count, call.state) == (len(begun), whole.leg_count, whole.state)


def without_lists(call: Call) -> Call:
    return replace(call, legs=(), events=(), truncated=False, transferred_from=(), transferred_to=())


def test_of_very_many_bills_those_stay_that_say_when_the_call_began_and_ended() -> None:
    def bill(number: int, outcome: Outcome, seconds: int) -> CallEvent:
        began, leg = AT + number * SECOND, f"{number:03}"
        ended = began + seconds * SECOND
        said = {"started_at": began, "ended_at": ended, "occurred_at": ended, "outcome": outcome}
        return event("cdr", leg, event_id=leg, ids=tuple({"000": 0, leg: 0}), **said)

    answered = [bill(number, "answered", 1) for number in range(1, 70)]
    events = known([bill(0, "unanswered", 100), *answered])
    left = bounded("000", events, 60)
    assert call_of(left.values()).truncated
    assert figures(left.values()) == figures(events.values())


def test_what_was_summed_up_goes_along_to_a_smaller_leg() -> None:
    events = queue(agents=5, rounds=80)
    leg, _ = step("0", Leg(), events, now=1)
    name = summary_id(ACCOUNT, "0")
    assert name in leg.events
    smaller, _ = step("/", Leg(), [leg.events[name], *leg.events.values()], now=1)
    assert call_of(smaller.events.values()).revision == len(events)


def test_a_leg_that_is_heard_of_again_is_linked_again_when_it_was_forgotten() -> None:
    events = queue(agents=5, rounds=80)
    leg, sends = step("0", Leg(), events, now=1)
    leg, _ = step("0", confirm(leg, sends.for_good()), events[-2:], now=1)
    assert len(leg.told) <= MOST_EVENTS
    kept = {event.leg for event in leg.events.values()}
    forgotten = next(event for event in events if event.leg not in kept)
    assert forgotten.leg not in leg.told
    late = replace(forgotten, event_id="late", received_at=events[-1].received_at)
    assert forgotten.leg in dict(step("0", leg, [late], now=1)[1].told)


def tied_late(rng: random.Random, events: list[CallEvent]) -> list[CallEvent]:
    """The same as calls of their own, which are tied to one call when much was said of each."""
    calls = rng.sample(("a", "b", "c"), rng.randint(2, 3))
    told = [
        replace(each, ids=tuple(sorted({calls[number // 2 % len(calls)], each.leg})))
        for number, each in enumerate(events)
    ]
    for one, other in pairwise((*calls, "0")):
        place = rng.randrange(len(events) // 2, len(told))
        tie = replace(told[place], event_id=f"{one} {other}", kind="notice", ids=tuple(sorted((one, other))))
        told.insert(place, replace(tie, leg=one, side=None, extension=None))
    return told


def read_again(rng: random.Random, events: list[CallEvent]) -> list[CallEvent]:
    """The same and replays: some events come again in newer readings, at any time after they came first."""
    told = list(events)
    for reading in sorted(rng.sample(range(2, 2_000), rng.randint(1, 3))):
        for each in rng.sample(events, rng.randint(1, len(events) // 4)):
            place = rng.randint(told.index(each) + 1, len(told))
            told.insert(place, replace(each, reading=reading, named_before=each.ids))
    return told


@examples(normal=20, long=2_000)
@given(seed=st.integers(0, 2**63))
def test_what_was_summed_up_is_counted_once_however_it_comes_again(seed: int) -> None:
    """Batches repeated after crashes, versions of workers that stood still, recalls by each new leg, replays.

    A version is the sum of the readings of all that is known, so that it never falls.
    """
    rng = random.Random(seed)
    events = queue(agents=rng.randint(2, 4), rounds=rng.randint(8, 15))
    if rng.random() < 0.5:
        events = tied_late(rng, events)
    events = read_again(rng, events) if rng.random() < 0.5 else events
    network = Network(rng, crashes=rng.choice((0, 0.2)), duplicates=rng.choice((0, 0.1)), bounds=Bounds(20))
    for each in events:
        network.feed([each])
        network.run()
        if rng.random() < 0.02:
            network.forget()
    (record,) = network.tables.rows.values()
    assert record.call is not None
    assert (record.call.truncated, record.version) == (True, version_of(known(events).values()))
    figures_of_all = call_of(known(events).values())
    for name in COLUMNS:
        if name not in LISTED - {"leg_count"}:
            assert getattr(record.call, name) == getattr(figures_of_all, name), name


def test_a_retry_of_what_was_summed_up_changes_nothing_but_receipts() -> None:
    events = queue(agents=5, rounds=80)
    leg, _ = step("0", Leg(), events, now=1)
    before = figures(leg.events.values())
    at = events[-1].received_at + SECOND
    retried = [replace(event, received_at=at) for event in events if event.event_id not in leg.events]
    leg, sends = step("0", leg, retried, now=1)
    assert figures(leg.events.values()) == before | {"last_received_at": at}
    assert sends.call


def test_versions_of_which_one_has_summed_up_more_are_joined_to_that() -> None:
    events = queue(agents=5, rounds=35)
    few, _ = step("0", Leg(), events[:290], now=1)
    many, _ = step("0", few, events[290:], now=1)
    for joined in (join(few, many), join(many, few)):
        assert figures(joined.events.values()) == figures(events)


def test_of_two_versions_the_one_that_stands_for_more_holds_though_the_other_has_a_newer_reading() -> None:
    events = queue(agents=5, rounds=80)
    replayed = replace(events[41], reading=10**6, named_before=events[41].ids)
    few, _ = step("0", Leg(), [*events[:310], replayed], now=1)
    many, _ = step("0", Leg(), events[:310], now=1)
    many, _ = step("0", many, events[310:], now=1)
    for joined in (join(few, many), join(many, few)):
        assert figures(joined.events.values()) == figures(events)
        assert version_of(joined.events.values()) == version_of(known(events, [replayed]).values())


@examples(normal=40, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_versions_of_a_sum_join_to_the_same_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    told = read_again(rng, queue(agents=2, rounds=rng.randint(8, 15)))
    a, b, c = (sum_of(told[: rng.randint(len(told) // 2, len(told))], rng.randint(10, 16)) for _ in range(3))
    joined = newest(newest(a, b), c).to_json()
    assert newest(a, newest(b, c)).to_json() == newest(newest(c, a), b).to_json() == joined
    assert newest(newest(a, b), b).to_json() == newest(a, b).to_json()


def sum_of(told: list[CallEvent], most: int) -> CallEvent:
    """What the leg "0" sums up of events that come one by one."""
    leg = Leg()
    for each in told:
        leg, _ = step("0", leg, [each], 1, Bounds(most))
    return leg.events[summary_id(ACCOUNT, "0")]


def test_a_version_does_not_fall_when_a_sum_goes_since_another_stands_for_the_same() -> None:
    events = queue(agents=5, rounds=80)
    sums = {own: step(own, Leg(), events[:each], now=1)[0].events for own, each in (("a", 400), ("b", 500))}
    replayed = [replace(each, reading=9, named_before=each.ids) for each in events[:50]]
    small, large = (step(own, Leg(sums[own]), news, now=1)[0] for own, news in (("a", replayed), ("b", [])))
    for batches in ([small, large], [large, small]):
        leg, before = Leg(), 0
        for batch in batches:
            leg, _ = step("0", leg, list(batch.events.values()), now=1)
            assert version_of(leg.events.values()) >= before
            before = version_of(leg.events.values())
        assert before == version_of(known(events[:500], replayed).values())


def test_of_several_sums_of_the_same_events_one_is_left() -> None:
    events = queue(agents=5, rounds=80)
    replayed = [replace(each, reading=9, named_before=each.ids) for each in events[:20]]
    legs = [step(own, Leg(), events[:some], now=1)[0] for own, some in (("a", 400), ("b", 450), ("c", 500))]
    legs[0], _ = step("a", legs[0], replayed, now=1)
    everything = known(events[:500], replayed)
    for order in permutations(legs):
        leg = Leg()
        for each in order:
            leg, _ = step("0", leg, list(each.events.values()), now=1)
        assert figures(leg.events.values()) == figures(everything.values())
        assert version_of(leg.events.values()) == version_of(everything.values())
    at_once, _ = step("0", Leg(), [event for each in legs for event in each.events.values()], now=1)
    assert figures(at_once.events.values()) == figures(everything.values())
    assert version_of(at_once.events.values()) == version_of(everything.values())


def test_a_late_answer_of_a_leg_whose_end_was_summed_up_is_no_talk_until_the_end_of_the_call() -> None:
    *events, last = queue(agents=40, rounds=10, talk=400)
    dial = next(each for each in events if each.leg.startswith("leg-000005"))
    at = last.received_at + 60 * SECOND
    end = replace(last, event_id="end", side="a", bridged=None, talk_time=None)
    late = replace(dial, event_id="late", kind="answer", occurred_at=dial.occurred_at + 1, received_at=at)
    leg = Leg()
    for start in range(0, len(events), 50):
        leg, _ = step("0", leg, events[start : start + 50], now=1)
    leg, _ = step("0", leg, [end], now=1)
    before = call_of(leg.events.values())
    leg, _ = step("0", leg, [late], now=1)
    after = call_of(leg.events.values())
    assert (after.state, after.talk_time) == (before.state, before.talk_time) == ("complete", 400 * SECOND)
    (row,) = (each for each in legs_of(leg.events.values()) if each.leg_id == late.leg)
    assert (row.answered_at, row.busy_until) == (late.occurred_at, None)


@pytest.mark.parametrize("kind", ["dial", "answer"])
def test_a_call_waits_for_no_leg_whose_end_was_summed_up(kind: Kind) -> None:
    *events, last = queue(agents=5, rounds=80)
    dial = next(each for each in events if each.leg.startswith("leg-000010"))
    events.remove(dial)
    late = replace(dial, event_id="late", kind=kind, received_at=last.received_at + SECOND)
    end = replace(
        last, event_id="end", kind="hangup", ids=("0",), leg="0", side="a", received_at=late.received_at
    )
    leg = Leg()
    for start in range(0, len(events), 50):
        leg, _ = step("0", leg, events[start : start + 50], now=1)
    leg, _ = step("0", leg, [last, end], now=1)
    leg, _ = step("0", leg, [late], now=1)
    call, whole = call_of(leg.events.values()), call_of([*events, last, late, end])
    assert late.event_id in leg.events
    assert (call.state, call.ended_at, call.outcome) == ("complete", whole.ended_at, whole.outcome)
    again = replace(late, event_id="again", occurred_at=end.occurred_at + SECOND)
    leg, _ = step("0", leg, [again], now=1)
    assert call_of(leg.events.values()).state != "complete"


def test_a_closing_is_never_summed_up_so_that_the_call_stays_closed() -> None:
    begun = [event for event in queue(agents=50, rounds=40) if event.kind == "dial"]
    leg = Leg()
    for start in range(0, len(begun), 50):
        leg, _ = step("0", leg, begun[start : start + 50], now=1)
    assert is_open("0", leg)
    leg, _ = step("0", leg, [closing(ACCOUNT, "0", leg, "timeout")], now=1)
    assert not is_open("0", leg)
    assert call_of(leg.events.values()).close_reason == "timeout"


def test_a_truncated_call_is_closed_when_a_retry_was_the_last_of_it() -> None:
    events = queue(agents=5, rounds=30)
    retry = replace(events[3], received_at=events[-1].received_at + SECOND)
    leg, _ = step("0", Leg(), [*events, retry], now=1)
    assert retry.event_id not in leg.events
    closed, _ = step("0", leg, [closing(ACCOUNT, "0", leg, "timeout")], now=1)
    call = call_of(closed.events.values())
    assert (call.close_reason, call.reopened, is_open("0", closed)) == ("timeout", False, False)


def test_what_a_replay_reads_again_of_events_that_were_summed_up_is_not_counted_twice() -> None:
    events = queue(agents=5, rounds=80)
    leg, _ = step("0", Leg(), events, now=1)
    kept = {event.leg for event in leg.events.values()}
    gone = [event for event in events if event.leg not in kept]
    again = [replace(event, reading=7, named_before=event.ids) for event in gone]
    read, _ = step("0", leg, again, now=1)
    assert figures(read.events.values()) == figures(leg.events.values())
    assert version_of(read.events.values()) == version_of(known(events, again).values())
    assert step("0", read, again, now=1)[0].events == read.events
    by_callback = [replace(event, callback_id=f"of {event.event_id}") for event in again]
    otherwise = [replace(event, event_id=f"{event.event_id} otherwise") for event in by_callback]
    voids = [replace(event, kind="void", reading=event.reading - 1) for event in by_callback]
    read, _ = step("0", leg, [*otherwise, *voids], now=1)
    assert figures(read.events.values()) == figures(leg.events.values())
    assert version_of(read.events.values()) == version_of(known(events, otherwise, voids).values())
    assert step("0", read, [*voids, *otherwise], now=1)[0].events == read.events
    first, _ = step("0", leg, otherwise[:3], now=1)
    first, _ = step("0", first, [*otherwise, *voids], now=1)
    assert figures(first.events.values()) == figures(leg.events.values())
    assert version_of(first.events.values()) == version_of(read.events.values())
    anew, _ = step("0", Leg(), [*leg.events.values(), *otherwise, *voids], now=1)
    assert figures(anew.events.values()) == figures(leg.events.values())
    # as another leg sends them on
    sent = told_from_json(told_to_json(Events((*otherwise, *voids))))
    read, _ = step("0", leg, [sent], now=1)
    assert figures(read.events.values()) == figures(leg.events.values())
    # what no reading made before was not there to be summed up, and is counted once
    new = [replace(event, event_id=f"new {event.event_id}", reading=7) for event in gone]
    for _ in range(2):
        leg, _ = step("0", leg, new, now=1)
        assert call_of(leg.events.values()).revision == len(events) + len(new)
