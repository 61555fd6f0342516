"""What a leg that began with nothing is told of its earlier life."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer

from runtime.clock import SystemClock
from runtime.kafka import client_options
from schemas.calls import days_of
from schemas.legs import Tellings
from schemas.links import MOST_BYTES, Events, Link, Suspected, told_from_json, told_to_json
from schemas.records import FOR_GOOD, Record, Suspect, row_of
from schemas.times import SECOND, day_of
from schemas.topics import MIB, Topic, partition_of
from simulator.identifiers import Identifiers
from sinks import lookup
from sinks.batch import Batch
from sinks.recall import Recall, young
from sinks.store import Store
from sinks.tied import is_young, tied
from sinks.unread import Unread
from sinks.walk import Found, Naming
from tests.rows import select, until
from tests.servers import eventually
from tests.sinks.flow import Flow
from tests.sinks.folded import add, insert, joined, write
from tests.sinks.queries.telling import DAY, START, event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runtime.settings import Settings
    from schemas.events import CallEvent
    from tests.pipeline import Worker

FIRST = event("ring", "b", START, ids=("b", "c"))
SECOND_EVENT = event("answer", "b", START + DAY, ids=("a", "b"))
STRANGER = event("ring", "z", START)
OTHER = event("ring", "b", START, account="other")
MUCH_LATER = START + 30 * DAY


@pytest.fixture
def recall(store_settings: Settings) -> Iterator[Recall]:
    store = Store(store_settings)
    recall = Recall(store_settings, store, Unread(young(store_settings.correlate)))
    yield recall
    recall.close()
    store.close()


def test_events_are_tied_from_id_to_id() -> None:
    told = [FIRST, SECOND_EVENT, STRANGER, OTHER]
    (found,) = tied([("acme", "c"), ("acme", "n")], named(told), told)
    assert (found.account, found.ids, found.asked) == ("acme", ("a", "b", "c"), ("c",))
    assert found.events == (FIRST, SECOND_EVENT)
    assert found.days == (date(2020, 8, 28), date(2020, 8, 29))
    (asked, link), (root, events) = ((leg, told_from_json(value)) for leg, value in found.messages())
    assert (asked, link, root) == ("c", Link("a"), "a")
    assert event_ids([events]) == [FIRST.event_id, SECOND_EVENT.event_id]


def test_the_smallest_leg_is_told_no_link_and_no_message_is_too_large() -> None:
    many = [event("ring", "a", START + n, caller="1" * 1000) for n in range(500)]
    (found,) = tied([("acme", "a")], named(many), many)
    messages = list(found.messages())
    assert {leg for leg, _ in messages} == {"a"}
    assert all(len(value) < MOST_BYTES + 2_000 for _, value in messages)
    assert event_ids([told_from_json(value) for _, value in messages]) == [each.event_id for each in many]


def test_an_id_that_was_made_lately_needs_no_look_up() -> None:
    made = Identifiers(random.Random(1)).at(START)
    hour = 3600 * SECOND
    assert is_young(("acme", made), START, START)
    assert is_young(("acme", made), START - hour, START + hour)
    assert not is_young(("acme", made), START + SECOND, START + hour)  # it may be of an old call
    assert not is_young(("acme", made), START - 3 * hour, START - 2 * hour)  # its clock is fast
    assert not is_young(("acme", "b"), 0, START)


def test_a_long_way_from_id_to_id_is_found_in_any_order() -> None:
    names = [f"{number:02}" for number in range(30)]
    told = [event("ring", small, START, ids=(small, large)) for small, large in pairwise(names)]
    for order in (told, told[::-1], random.Random(1).sample(told, len(told))):
        (found,) = tied([("acme", names[-1])], named(order), order)
        assert found.ids == tuple(names)
        assert {each.event_id for each in found.events} == {each.event_id for each in told}


def test_what_a_reading_tied_stays_tied_and_an_event_is_void_where_it_was() -> None:
    moved = replace(FIRST, reading=7, ids=("c", "d"), leg="d")
    read = [FIRST, replace(FIRST, ids=("x",)), moved, SECOND_EVENT]
    a, x = tied([("acme", "d"), ("acme", "x")], named(read), [moved, SECOND_EVENT])
    assert (a.ids, a.asked) == (("a", "b", "c", "d"), ("d",))
    assert a.events == (moved, SECOND_EVENT)
    assert (x.ids, x.asked) == (("x",), ("x",))
    (void,) = x.events
    assert (void.event_id, void.kind, void.ids, void.reading) == (FIRST.event_id, "void", ("x",), 6)


def named(events: Iterable[CallEvent]) -> Found:
    return Found(
        [
            Naming(each.account, name, day_of(each.received_at), each.event_id, tuple({*each.ids} - {name}))
            for each in events
            for name in each.ids
        ]
    )


def event_ids(told: Iterable[object]) -> list[str]:
    return [each.event_id for some in told if isinstance(some, Events) for each in some.events]


def test_a_leg_that_only_an_earlier_reading_named_is_linked_too() -> None:
    """It may not have been forgotten, and no event that the root gets would tell it."""
    moved = replace(FIRST, reading=7, ids=("a", "c"), leg="a")
    (found,) = tied([("acme", "c")], named([FIRST, moved]), [moved])
    links = [
        (leg, told) for leg, value in found.messages() if isinstance(told := told_from_json(value), Link)
    ]
    assert links == [("b", Link("a")), ("c", Link("a"))]


def test_all_that_is_tied_is_found_in_its_newest_reading(store_settings: Settings, recall: Recall) -> None:
    corrected = replace(FIRST, reading=7, extension="200")
    retried = replace(SECOND_EVENT, callback_id="again", received_at=START + 2 * DAY)
    write(store_settings, [FIRST, SECOND_EVENT, retried], [STRANGER], [OTHER], [corrected])
    (found,) = recall.find([("acme", "c")], MUCH_LATER)
    assert found.ids == ("a", "b", "c")
    assert sorted(found.events, key=lambda each: each.event_id) == [
        corrected,
        replace(SECOND_EVENT, last_received_at=retried.received_at),
    ]
    assert recall.find([("acme", "new"), ("other", "c")], MUCH_LATER) == []


def test_late_news_finds_what_any_reading_tied_whichever_was_stored_last(
    store_settings: Settings, recall: Recall
) -> None:
    """From each of the ids, also those that neither the newest reading names nor the one before."""
    readings = [(1, ("a", "b")), (5, ("a", "c")), (9, ("c",))]
    named = [replace(FIRST, reading=number, ids=ids, leg=ids[0]) for number, ids in readings]
    for each in random.Random(3).sample(named, len(named)):
        write(store_settings, [each])
    alone = event("hangup", "b", START)
    write(store_settings, [alone])
    for asked in "abc":
        (found,) = recall.find([("acme", asked)], MUCH_LATER)
        assert (found.ids, found.asked) == (("a", "b", "c"), (asked,))
        assert {each.event_id: each.ids for each in found.events} == {
            FIRST.event_id: ("c",),
            alone.event_id: ("b",),
        }


def test_of_one_reading_the_tables_show_what_says_something_before_a_void(store_settings: Settings) -> None:
    said = replace(FIRST, reading=7, callback_id="second", received_at=START + DAY)
    write(store_settings, [replace(FIRST, reading=7, kind="void"), said])
    (row,) = select(store_settings, "SELECT kind, callback_ids FROM call_events")
    assert (row["kind"], sorted(row["callback_ids"])) == ("ring", sorted([FIRST.callback_id, "second"]))


def test_late_news_of_a_leg_whose_events_moved_away_is_told_that_they_are_void(
    store_settings: Settings, recall: Recall
) -> None:
    """Its row is gone with their readings: news that did not count them would never be seen."""
    moved = replace(FIRST, reading=9, ids=("m",), leg="m", named_before=("l",))
    write(store_settings, [replace(FIRST, ids=("l",), leg="l")])
    write(store_settings, [moved])
    (found,) = recall.find([("acme", "l")], MUCH_LATER)
    assert [(each.kind, each.ids, each.reading) for each in found.events] == [("void", ("l",), 8)]
    (found,) = recall.find([("acme", "m")], MUCH_LATER)
    assert (found.ids, found.events) == (("m",), (moved,))


def test_what_the_state_still_has_is_not_looked_up(store_settings: Settings, recall: Recall) -> None:
    write(store_settings, [FIRST])
    young = int(store_settings.correlate.silence_seconds / 2 * SECOND)
    assert recall.find([("acme", "c")], START + young) == []
    assert len(recall.find([("acme", "c")], START + young + 1)) == 1


def suspected(settings: Settings, leg: str) -> None:
    batch = Batch()
    suspect = Suspect(since=START, at=START, source="shop")
    add(batch, Topic.RECORDS, Record(account="acme", call_id=leg, suspect=suspect).to_json())
    insert(settings, batch)


def write_call(settings: Settings, call_id: str, *events: CallEvent) -> None:
    """As correlate leaves a call whose id is not the smallest that its events name."""
    batch = Batch()
    for each in events:
        add(batch, Topic.EVENTS, each.to_json())
    add(batch, Topic.RECORDS, row_of("acme", call_id, Tellings(joined(events))).to_json())
    insert(settings, batch)


def write_event(settings: Settings, event: CallEvent) -> None:
    """As of a call of very many events, whose row does not list it."""
    batch = Batch()
    add(batch, Topic.EVENTS, event.to_json())
    insert(settings, batch)


def test_a_suspect_id_ties_nothing_by_itself(store_settings: Settings, recall: Recall) -> None:
    write_call(store_settings, "c", FIRST)
    write_call(store_settings, "a", event("ring", "a", START, ids=("a", "b")))
    suspected(store_settings, "b")
    assert select(store_settings, "SELECT id, source FROM suspect_ids") == [{"id": "b", "source": "shop"}]
    found, told = recall.find([("acme", "c"), ("acme", "b")], MUCH_LATER)
    assert (found.ids, found.events, found.asked) == (("c",), (FIRST,), ("c",))
    assert list(told.messages()) == [("b", told_to_json(Suspected(START)))], "it shall go on as such"
    assert len(recall.find([("acme", "a"), ("acme", "c"), ("other", "b")], MUCH_LATER)) == 2


@pytest.mark.parametrize("few", [lookup.FEW, 0])
def test_what_a_suspect_id_had_tied_stays_tied(
    store_settings: Settings, recall: Recall, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks, the others of its call are found, and what names the id alone; not what it left alone."""
    monkeypatch.setattr(lookup, "FEW", few)
    early = [event("ring", leg, START, ids=("b", leg)) for leg in ("c", "d")]
    alone = event("answer", "b", START)
    write_call(store_settings, "b", *early, alone)
    write_call(store_settings, "e", event("ring", "e", START, ids=("b", "e")))
    suspected(store_settings, "b")
    for asked in "bcd":
        (found,) = recall.find([("acme", asked)], MUCH_LATER)
        assert (found.ids, found.asked, found.suspects) == (("b", "c", "d"), (asked,), {"b": START})
        assert {each.event_id for each in found.events} == {each.event_id for each in (*early, alone)}
    (found,) = recall.find([("acme", "e")], MUCH_LATER)
    assert found.ids == ("e",)


def test_a_suspect_id_is_found_in_the_call_of_which_its_own_became_part(
    store_settings: Settings, recall: Recall
) -> None:
    alone = event("answer", "b", START)
    write_call(store_settings, "b", alone)
    tying = event("ring", "a", START, ids=("a", "b"))
    write_call(store_settings, "a", tying, alone)
    gone = Record(
        account="acme", call_id="b", version=FOR_GOOD, days=days_of([alone]), gone=True, part_of="a"
    )
    batch = Batch()
    add(batch, Topic.RECORDS, gone.to_json())
    insert(store_settings, batch)
    suspected(store_settings, "b")
    for asked in "ab":
        (found,) = recall.find([("acme", asked)], MUCH_LATER)
        assert found.ids == ("a", "b")
        assert {each.event_id for each in found.events} == {tying.event_id, alone.event_id}
        told = [told_from_json(value) for leg, value in found.messages() if leg == "b"]
        assert told == ([Suspected(START), Link("a")] if asked == "b" else [Link("a")]), "no event's counts"


def test_an_event_that_names_suspect_ids_alone_is_where_it_was(
    store_settings: Settings, recall: Recall
) -> None:
    """It ties them if it was with both."""
    both = event("answer", "b", START, ids=("b", "c"))
    own = event("ring", "b", START)
    summed = event("ring", "b", START, ids=("b", "c"))
    write_call(store_settings, "c", both)
    write_call(store_settings, "b", own)
    write_event(store_settings, summed)
    for leg in "bc":
        suspected(store_settings, leg)

    def found(leg: str) -> tuple[tuple[str, ...], set[str]]:
        (group,) = recall.find([("acme", leg)], MUCH_LATER)
        return group.ids, {each.event_id for each in group.events}

    assert found("c") == (("c",), {both.event_id, summed.event_id})
    assert found("b") == (("b",), {own.event_id})
    write_call(store_settings, "b", own, both)
    assert found("b") == found("c") == (("b", "c"), {own.event_id, both.event_id, summed.event_id})


def test_rows_of_earlier_lives_are_hidden(store_settings: Settings, recall: Recall) -> None:
    write(store_settings, [FIRST])
    write(store_settings, [SECOND_EVENT])
    store = Store(store_settings)
    found = recall.find([("acme", "c")], MUCH_LATER)
    for _, taken in store.insert(recall.hidden(found)):
        assert taken.error is None
    store.close()
    assert select(store_settings, "SELECT call_id FROM calls") == [{"call_id": "a"}]
    assert {row["call_id"] for row in select(store_settings, "SELECT call_id FROM call_legs")} == {"a"}


def test_ids_are_found_and_hidden_whatever_their_length(store_settings: Settings, recall: Recall) -> None:
    names = [f"{number:03}".ljust(255, "通") for number in range(400)]
    write(
        store_settings, *([event("ring", f"b{name}", START, ids=(f"a{name}", f"b{name}"))] for name in names)
    )
    found = recall.find([("acme", f"b{name}") for name in names], MUCH_LATER)
    assert [each.ids for each in found] == [(f"a{name}", f"b{name}") for name in names]
    (calls,) = recall.hidden(found)
    assert len(calls.rows) == 400


class Links:
    """What is sent back through calls.links."""

    def __init__(self, settings: Settings) -> None:
        self._partitions = settings.kafka.partitions
        self.told: dict[bytes, object] = {}
        self.consumer = KafkaConsumer(
            settings.kafka.topic(Topic.LINKS), auto_offset_reset="earliest", **client_options(settings.kafka)
        )

    def has(self, number: int) -> bool:
        for records in self.consumer.poll(timeout_ms=200).values():
            for record in records:
                assert record.partition == partition_of(record.key, self._partitions)
                self.told[record.key] = told_from_json(record.value)
        return len(self.told) == number


@pytest.fixture
def links(stack_settings: Settings) -> Iterator[Links]:
    links = Links(stack_settings)
    yield links
    links.consumer.close()


def test_an_event_as_large_as_a_topic_takes_is_sent_back(stack_settings: Settings) -> None:
    """Otherwise it would be tried for ever, and no call be written meanwhile."""
    large = event("requested", "a", START, variables={"note": "x" * (2 * MIB - 4096)})
    (found,) = tied([("acme", "a")], named([large]), [large])
    store = Store(stack_settings)
    recall = Recall(stack_settings, store, Unread(0))
    recall.send([found])
    recall.close()
    store.close()


def assert_all_of_it_is_told(told: dict[bytes, object]) -> None:
    link, events = told[b"acme/c"], told[b"acme/a"]
    assert link == Link("a")
    assert isinstance(events, Events)
    assert {each.event_id for each in events.events} == {FIRST.event_id, SECOND_EVENT.event_id}


ASKING = Record(account="acme", call_id="c", began=True).to_json()


def test_late_news_is_answered_through_links(stack_settings: Settings, sink: Worker, links: Links) -> None:
    write(stack_settings, [FIRST, SECOND_EVENT])
    sink.start()
    with Flow(stack_settings) as flow:
        flow.call()  # it has just begun: nothing is sent
        flow.publish(Topic.RECORDS, ASKING, key=b"acme/c")
        flow.flush()
        eventually(lambda: links.has(2), "link and events are sent")
        eventually(
            lambda: (
                {each["call_id"] for each in select(stack_settings, "SELECT call_id FROM calls")}
                >= flow.calls
            ),
            "the new call is there",
        )
    assert_all_of_it_is_told(links.told)


def test_after_an_outage_a_leg_is_looked_up_once_the_events_before_it_are_in(
    stack_settings: Settings, sink: Worker, links: Links
) -> None:
    """Records of calls are due before events are."""
    yesterday = SystemClock().now() - DAY
    with Flow(stack_settings) as flow:
        for each in (FIRST, SECOND_EVENT):
            flow.publish(Topic.EVENTS, each.to_json(), key=b"acme/b", at=yesterday)
        flow.publish(Topic.RECORDS, ASKING, key=b"acme/c")
        flow.flush()
        sink.start()
        eventually(lambda: links.has(2), "link and events are sent")
        assert_all_of_it_is_told(links.told)
        flow.call()
        flow.call()
        flow.flush()
        until(stack_settings, "SELECT count() FROM calls WHERE state = 'complete'", 2)
