"""The consumer on a real broker: what kafka-python does not do by itself."""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient, TopicPartition

from runtime.clock import SystemClock
from runtime.kafka import client_options
from schemas.topics import Topic
from sinks import consumer
from sinks.consumer import TOPICS, Consumer, want_until_joined
from sinks.horizon import Horizon
from tests.servers import eventually
from tests.sinks.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka.coordinator.consumer import ConsumerCoordinator

    from runtime.settings import Settings

# kafka-python leaves a socket open when it is closed in the middle of joining
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

STARTS = 15
AN_HOUR_AGO = SystemClock().now() // 1000 - 3_600_000
"""Milliseconds since 1970 UTC."""
SHORT_SECONDS = 0.005
"""Shorter than joining takes, so that `poll` always gives up in the middle."""


@pytest.fixture
def opened(topics_settings: Settings) -> Iterator[list[Consumer]]:
    """Consumers to close at the end."""
    opened: list[Consumer] = []
    yield opened
    for each in opened:
        each.close()
    opened.clear()
    gc.collect()  # while the warning is passed over


def has_all(reader: Consumer, partitions: int, seconds: float = SHORT_SECONDS) -> bool:
    list(reader.poll(seconds))
    return len(reader.partitions()) == partitions


def test_a_poll_that_gives_up_while_joining_costs_no_partitions(
    topics_settings: Settings, opened: list[Consumer]
) -> None:
    partitions = len(TOPICS) * topics_settings.kafka.partitions
    for _ in range(STARTS):
        reader = Consumer(topics_settings.kafka)
        opened.append(reader)
        eventually(partial(has_all, reader, partitions), "it has all partitions")
        reader.close()


def test_who_leads_a_group_and_has_assigned_anew_still_wants_to_join(
    topics_settings: Settings, opened: list[Consumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[ConsumerCoordinator] = []
    monkeypatch.setattr(consumer, "want_until_joined", met.append)
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    partitions = len(TOPICS) * topics_settings.kafka.partitions
    eventually(partial(has_all, reader, partitions, seconds=1.0), "it leads its group")
    (coordinator,) = met
    assert forgets(coordinator), "kafka-python needs our help no longer"
    want_until_joined(coordinator)
    assert not forgets(coordinator)


def test_it_knows_whether_its_group_has_committed_what_is_older(
    topics_settings: Settings, opened: list[Consumer]
) -> None:
    reader, other = Consumer(topics_settings.kafka), Consumer(topics_settings.kafka)
    opened += [reader, other]
    assert has_all_before(reader, AN_HOUR_AGO), "there is nothing older"
    with Flow(topics_settings) as flow:
        for second in range(3):
            sent = flow.publish(Topic.EVENTS, b"", key=b"k", at=(AN_HOUR_AGO + second * 1000) * 1000)
        flow.flush()
    partition = topics_settings.kafka.topic(Topic.EVENTS), sent.get(timeout=10).partition
    partitions = len(TOPICS) * topics_settings.kafka.partitions
    eventually(partial(has_all, reader, partitions), "it has all partitions, and the other none")
    assert has_all_before(reader, AN_HOUR_AGO)
    assert not has_all_before(reader, AN_HOUR_AGO + 1)
    reader.commit({partition: 2})
    for each in opened:
        assert has_all_before(each, AN_HOUR_AGO + 1001)
        assert not has_all_before(each, AN_HOUR_AGO + 2001)
    reader.commit({partition: 3})
    assert has_all_before(other, AN_HOUR_AGO + 99_000_000)


def has_all_before(reader: Consumer, time: int) -> bool:
    return reader.has_committed(reader.ends_before(Topic.EVENTS, time))


def test_what_the_broker_does_not_have_is_not_waited_for(
    topics_settings: Settings, opened: list[Consumer]
) -> None:
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    name = topics_settings.kafka.topic(Topic.EVENTS)
    assert reader.has_committed({(name, 0): 5})
    assert not reader.has_committed({})


def test_events_that_come_while_earlier_ones_are_waited_for_are_not_waited_for(
    topics_settings: Settings, opened: list[Consumer]
) -> None:
    """Their times may be earlier still: the clock of who publishes them is slow."""
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    horizon = Horizon(reader, margin=0)
    then = AN_HOUR_AGO * 1000
    partitions = len(TOPICS) * topics_settings.kafka.partitions
    eventually(partial(has_all, reader, partitions), "it has all partitions")
    with Flow(topics_settings) as flow:
        sent = flow.publish(Topic.EVENTS, b"", key=b"k", at=then - 1000)
        flow.flush()
        assert not horizon.reaches(then)
        flow.publish(Topic.EVENTS, b"", key=b"k", at=then - 1000)
        flow.flush()
    partition = topics_settings.kafka.topic(Topic.EVENTS), sent.get(timeout=10).partition
    reader.commit({partition: 1})
    assert horizon.reaches(then)
    assert not horizon.reaches(then + 1000), "another time is another question"
    reader.commit({partition: 2})
    assert horizon.reaches(then + 1000)


def test_what_is_withheld_comes_afterwards(topics_settings: Settings, opened: list[Consumer]) -> None:
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    partitions = len(TOPICS) * topics_settings.kafka.partitions
    eventually(partial(has_all, reader, partitions), "it has all partitions")
    reader.withhold([Topic.RECORDS])
    with Flow(topics_settings) as flow:
        flow.publish(Topic.RECORDS, b"record")
        flow.publish(Topic.EVENTS, b"first")
        flow.flush()
        assert taken(reader, 1) == [b"first"]
        reader.hold(0.1)
        reader.resume()
        flow.publish(Topic.EVENTS, b"second")
        flow.flush()
        assert taken(reader, 1) == [b"second"]
    reader.withhold([])
    assert taken(reader, 1) == [b"record"]


def test_what_was_read_and_is_not_committed_is_lag(topics_settings: Settings, opened: list[Consumer]) -> None:
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    with Flow(topics_settings) as flow:
        sent = flow.publish(Topic.EVENTS, b"1", key=b"k")
        for value in (b"2", b"3"):
            flow.publish(Topic.EVENTS, value, key=b"k")
        flow.flush()
    partition = topics_settings.kafka.topic(Topic.EVENTS), sent.get(timeout=10).partition
    assert taken(reader, 3) == [b"1", b"2", b"3"]
    assert reader.report_lag() == 3
    reader.commit({partition: 2})
    assert reader.report_lag() == 1
    reader.commit({partition: 3})
    assert reader.report_lag() == 0


def test_what_the_broker_has_deleted_unread_is_no_lag(
    topics_settings: Settings, opened: list[Consumer]
) -> None:
    reader = Consumer(topics_settings.kafka)
    opened.append(reader)
    with Flow(topics_settings) as flow:
        sent = flow.publish(Topic.EVENTS, b"read", key=b"k")
        flow.flush()
        partition = topics_settings.kafka.topic(Topic.EVENTS), sent.get(timeout=10).partition
        assert taken(reader, 1) == [b"read"]
        reader.commit({partition: 1})
        reader.withhold([Topic.EVENTS])
        list(reader.poll(0.2))
        flow.publish(Topic.EVENTS, b"unread", key=b"k")
        flow.flush()
    admin = KafkaAdminClient(**client_options(topics_settings.kafka))
    admin.delete_records({TopicPartition(*partition): 2})
    admin.close()
    reader.withhold([])

    client = reader._consumer  # noqa: SLF001 - nobody else says what the broker has answered

    def knows_the_end() -> bool:
        assert list(reader.poll(0.2)) == []
        return bool(client.highwater(TopicPartition(*partition)) == 2)

    eventually(knows_the_end, "it has asked again")
    assert reader.report_lag() == 0


def taken(reader: Consumer, number: int) -> list[bytes]:
    """The values of the next messages, of which it waits for so many."""
    values: list[bytes] = []

    def are_there() -> bool:
        values.extend(message.value for _, message in reader.poll(0.2))
        return len(values) >= number

    eventually(are_there, f"{number} messages")
    return values


def forgets(coordinator: ConsumerCoordinator) -> bool:
    """Whether it has no wish to join any more once it has assigned: `poll` may run out of time just then."""
    state = vars(coordinator)
    state["_metadata_snapshot"] |= {f"topic-{len(state['_metadata_snapshot'])}": {0}}
    state["_assignment_snapshot"] = {}
    assert coordinator.need_rejoin(), "what it assigned is no longer all there is"
    state["_assignment_snapshot"] = state["_metadata_snapshot"]
    return not coordinator.need_rejoin()
