"""Of what correlators have not read yet they can't have forgotten anything."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from runtime.clock import SystemClock
from runtime.kafka import client_options
from schemas.records import Record
from schemas.times import SECOND
from schemas.topics import Topic, partition_of, topic_key
from sinks.recall import Recall, young
from sinks.store import Store
from sinks.unread import CLOCKS, Look, Positions, Unread
from tests.servers import eventually
from tests.sinks.flow import Flow
from tests.sinks.folded import write
from tests.sinks.queries.telling import DAY, START, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka.consumer.fetcher import ConsumerRecord

    from runtime.settings import Settings
    from tests.pipeline import Worker

HOUR = 3600 * SECOND
PARTITIONS = 4
STOPPED = START + DAY
"""When the message was published that correlators read next."""
EVERYWHERE = Look(STOPPED + 9 * HOUR, PARTITIONS, dict.fromkeys(range(PARTITIONS), STOPPED))


def test_unread_is_what_came_later_than_the_next_message_by_any_clock() -> None:
    assert EVERYWHERE.has_unread("acme", ("b",), STOPPED + CLOCKS + 1)
    assert not EVERYWHERE.has_unread("acme", ("b",), STOPPED + CLOCKS)
    assert not Look().has_unread("acme", ("b",), STOPPED + DAY)


def test_it_is_the_partition_of_the_smallest_id_that_counts() -> None:
    own = partition_of(topic_key("acme", "a"), PARTITIONS)
    behind = Look(STOPPED, PARTITIONS, {own: STOPPED})
    assert behind.has_unread("acme", ("b", "a"), STOPPED + DAY)
    others = Look(STOPPED, PARTITIONS, {each: STOPPED for each in range(PARTITIONS) if each != own})
    assert not others.has_unread("acme", ("b", "a"), STOPPED + DAY)


def test_the_look_that_counts_is_the_earliest_since_which_nothing_was_forgotten() -> None:
    unread = Unread(2 * HOUR)
    assert unread.by(STOPPED) == Look()
    looks = [Look(STOPPED + hour * HOUR) for hour in range(3)]
    for look in looks:
        unread.note(look)
    assert unread.by(STOPPED + 2 * HOUR) == looks[1], "the first one is out of date"
    assert unread.by(STOPPED + 3 * HOUR) == looks[1]
    assert unread.by(STOPPED + 3 * HOUR + 1) == looks[2]
    assert unread.by(STOPPED + 5 * HOUR) == Look()


@pytest.fixture
def unread(store_settings: Settings) -> Unread:
    return Unread(young(store_settings.correlate))


@pytest.fixture
def recall(store_settings: Settings, unread: Unread) -> Iterator[Recall]:
    store = Store(store_settings)
    recall = Recall(store_settings, store, unread)
    yield recall
    recall.close()
    store.close()


def test_after_an_outage_only_what_was_read_before_it_is_looked_up(
    store_settings: Settings, unread: Unread, recall: Recall
) -> None:
    before = event("ring", "c", STOPPED - HOUR, ids=("b", "c"))
    late = event("hangup", "c", STOPPED + 2 * HOUR, ids=("c",))
    new = [event(kind, "n", STOPPED + 3 * HOUR, ids=("m", "n")) for kind in ("ring", "hangup")]
    write(store_settings, [before, late], new)
    began = [("acme", each) for each in "cmn"]
    at = EVERYWHERE.at + SECOND
    assert {each.ids: len(each.events) for each in recall.find(began, at)} == {("b", "c"): 2, ("m", "n"): 2}
    unread.note(EVERYWHERE)
    (found,) = recall.find(began, at)
    assert (found.ids, found.asked, found.events) == (("b", "c"), ("c",), (before,))


def test_kafka_tells_what_correlators_read_next(topics_settings: Settings) -> None:
    kafka = topics_settings.kafka
    first = SystemClock().now() - 3 * HOUR
    with closing(Positions(kafka)) as positions:
        assert positions.look(first) == Look(first, kafka.partitions, {})
        with Flow(topics_settings) as flow:
            for hour in range(3):
                sent = flow.publish(Topic.EVENTS, b"", key=b"k", at=first + hour * HOUR)
            flow.flush()
        partition = sent.get(timeout=10).partition
        read_next = [first // 1000 * 1000 + hour * HOUR for hour in range(3)]
        assert positions.look(first).published == {partition: read_next[0]}
        commit(topics_settings, partition, 2)
        assert positions.look(first).published == {partition: read_next[2]}
        commit(topics_settings, partition, 3)
        assert positions.look(first).published == {}


def test_a_sink_sends_nothing_that_correlators_have_not_read(stack_settings: Settings, sink: Worker) -> None:
    """Two legs ask one after the other, and are answered in one partition, the first one first."""
    unread, forgotten = "unread", "zz"
    partitions, now = stack_settings.kafka.partitions, SystemClock().now()
    while of_leg(unread, partitions) != of_leg(forgotten, partitions):
        unread += "-"
    write(stack_settings, [event("ring", forgotten, START)])
    with Flow(stack_settings) as flow, closing(links(stack_settings)) as told:
        lags = event("ring", unread, now - 20 * HOUR).to_json()
        for number in range(20 * partitions):  # so that every partition has some
            flow.publish(Topic.EVENTS, lags, key=b"%d" % number, at=now - 30 * HOUR)
        flow.flush()
        sink.start()

        def answered() -> list[str]:
            for leg in (unread, forgotten):
                asking = Record(account="acme", call_id=leg, began=True)
                flow.publish(Topic.RECORDS, asking.to_json(), key=topic_key("acme", forgotten))
            flow.flush()
            keys: list[str] = []
            while not keys or keys[-1] != forgotten:
                keys += [each.key.decode().partition("/")[2] for each in polled(told)]
            return keys

        eventually(lambda: answered() == [forgotten], "the sink has looked")


def of_leg(leg: str, partitions: int) -> int:
    return partition_of(topic_key("acme", leg), partitions)


def links(settings: Settings) -> KafkaConsumer:
    name = settings.kafka.topic(Topic.LINKS)
    return KafkaConsumer(name, auto_offset_reset="earliest", **client_options(settings.kafka))


def polled(consumer: KafkaConsumer) -> list[ConsumerRecord]:
    return [record for records in consumer.poll(timeout_ms=200).values() for record in records]


def commit(settings: Settings, partition: int, offset: int) -> None:
    """As a correlator does."""
    consumer = KafkaConsumer(
        **client_options(settings.kafka), group_id=settings.kafka.group("correlate"), enable_auto_commit=False
    )
    place = TopicPartition(settings.kafka.topic(Topic.EVENTS), partition)
    consumer.assign([place])
    consumer.commit({place: OffsetAndMetadata(offset, "", -1)})
    consumer.close()
