"""What we changed in Faust, each on a real broker, in a way that Faust's own behaviour fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from faust.types import TP
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from processors import worker
from processors.correlate.table import LegTable
from processors.departures import FETCH_WAIT_MS
from runtime.kafka import client_options
from schemas.topics import Topic
from tests.processors.worker_in_loop import committed, started, until

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from processors.departures import App, Batch
    from runtime.settings import Settings

MESSAGES = 3_000


def fill(settings: Settings, count: int = MESSAGES, start: int = 0) -> None:
    producer = KafkaProducer(**client_options(settings.kafka), acks="all")
    for number in range(start, start + count):
        producer.send(
            settings.kafka.topic(Topic.EVENTS),
            value=b"%d" % number,
            key=b"k",
            partition=number % settings.kafka.partitions,
        )
    producer.flush()
    producer.close()


def app_of(settings: Settings, agent: Any) -> App:
    app = worker.new_app("departures", settings.kafka, batch=100)
    app.agent(app.batches(settings.kafka.topic(Topic.EVENTS)))(agent)
    return app


def passing_over(skips: Callable[[Any], bool], seen: list[int]) -> Any:
    """An agent that finishes every batch but those whose event is skipped."""

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            if not skips(event):
                seen.extend(numbers(event.value))
                event.value.done = True
                event.ack()

    return agent


def numbers(batch: Batch) -> list[int]:
    return [int(record.value) for record in batch.records]


def committed_now(settings: Settings) -> list[int]:
    return committed(settings, settings.kafka.group("departures"), settings.kafka.topic(Topic.EVENTS))


def test_the_loop_of_the_consumer_is_given_to_whoever_watches_it(topics_settings: Settings) -> None:
    watched: dict[str, AbstractEventLoop] = {}

    async def agent(stream: Any) -> None:
        await worker.work(stream, lambda _: asyncio.sleep(0))

    async def run() -> None:
        app = app_of(topics_settings, agent)
        app.watch_loop = watched.__setitem__
        async with started(app):
            await until(lambda: bool(watched), "the consumer has begun")
        assert list(watched) == ["the consumer's loop"]
        assert watched["the consumer's loop"] is not asyncio.get_running_loop()

    asyncio.run(run())


def test_a_unit_is_what_one_fetch_brought_of_one_partition(topics_settings: Settings) -> None:
    fill(topics_settings)
    seen: list[tuple[int, list[int]]] = []

    async def agent(stream: Any) -> None:
        async def handle(batch: Batch) -> None:
            seen.append((batch.tp.partition, numbers(batch)))

        await worker.work(stream, handle)

    async def scenario() -> None:
        async with started(app_of(topics_settings, agent)) as app:
            await until(lambda: sum(len(found) for _, found in seen) >= MESSAGES, "all is read")
            await app.consumer.commit()

    asyncio.run(scenario())
    assert len(seen) < MESSAGES / 10
    for partition in range(topics_settings.kafka.partitions):
        read = [number for of, found in seen if of == partition for number in found]
        assert read == list(range(partition, MESSAGES, topics_settings.kafka.partitions))
    assert sum(committed_now(topics_settings)) == MESSAGES


def test_a_batch_that_got_lost_on_the_way_is_read_again_and_nothing_behind_it_is_committed(
    topics_settings: Settings,
) -> None:
    fill(topics_settings)
    lost: set[int] = set()
    seen: list[int] = []

    def loses(event: Any) -> bool:
        partition = event.value.tp.partition
        if partition in lost:
            return False
        lost.add(partition)
        event.ack()  # as Faust's stream does with what it skips: nobody has finished this batch
        return True

    async def scenario() -> None:
        async with started(app_of(topics_settings, passing_over(loses, seen))) as app:
            await until(lambda: set(seen) == set(range(MESSAGES)), "what was lost comes again")
            await until(lambda: sum(app.committed(tp) for tp in data(app)) == MESSAGES, "all is committed")

    def data(app: App) -> list[TP]:
        return [
            tp for tp in app.consumer.assignment() if tp.topic == topics_settings.kafka.topic(Topic.EVENTS)
        ]

    asyncio.run(scenario())
    assert lost == set(range(topics_settings.kafka.partitions))
    assert sum(committed_now(topics_settings)) == MESSAGES


def test_nothing_is_committed_behind_a_batch_that_nobody_finished(topics_settings: Settings) -> None:
    fill(topics_settings)
    held: list[Batch] = []
    seen: list[int] = []

    def holds(event: Any) -> bool:
        batch: Batch = event.value
        if batch.tp.partition != 0 or batch.records[0].offset != 0:
            return False
        held.append(batch)  # under way, and never finished, however often it arrives
        return True

    async def scenario() -> None:
        async with started(app_of(topics_settings, passing_over(holds, seen))) as app:
            await until(
                lambda: len(set(seen)) > MESSAGES * 3 / 4 and len(held) > 2, "it comes again and again"
            )
            await app.consumer.commit()

    asyncio.run(scenario())
    assert committed_now(topics_settings)[0] == 0
    assert all(offset > 0 for offset in committed_now(topics_settings)[1:])


def test_a_full_buffer_does_not_put_a_partition_aside(topics_settings: Settings) -> None:
    async def agent(stream: Any) -> None:
        async for _ in stream:
            pass

    async def scenario() -> None:
        async with started(app_of(topics_settings, agent)) as app:
            await until(
                lambda: bool(app.consumer.assignment()) and not app.rebalancing, "partitions are there"
            )
            tp = TP(topics_settings.kafka.topic(Topic.EVENTS), 0)
            consumer: Any = app.consumer
            active = consumer._get_active_partitions
            await until(lambda: tp in active(), "the partition is active")
            app.consumer.on_buffer_full(tp)
            assert tp in active()

    asyncio.run(scenario())


def test_a_quiet_partition_does_not_hold_up_a_busy_one(topics_settings: Settings) -> None:
    async def agent(stream: Any) -> None:
        async for _ in stream:
            pass

    async def scenario() -> None:
        async with started(app_of(topics_settings, agent)) as app:
            consumer: Any = app.consumer
            thread = consumer._thread
            await until(lambda: thread._consumer is not None, "the consumer is made")
            await until(lambda: bool(app.consumer.assignment()), "it is a member")
            fetcher = thread._consumer._fetcher
            assert fetcher._fetch_max_wait_ms == FETCH_WAIT_MS

    asyncio.run(scenario())


def test_a_hole_that_kafka_itself_has_is_passed(topics_settings: Settings) -> None:
    """Retention took what came after the committed offset: the group goes on behind it."""
    fill(topics_settings, 400)
    topic = topics_settings.kafka.topic(Topic.EVENTS)
    seen: list[int] = []

    async def agent(stream: Any) -> None:
        async def handle(batch: Batch) -> None:
            seen.extend(numbers(batch))

        await worker.work(stream, handle)

    async def once(count: int, end: int) -> None:
        async with started(app_of(topics_settings, agent)) as app:
            await until(lambda: len(set(seen)) == count, "all that is left is read")
            await until(lambda: sum(app.committed(tp) for tp in events(app)) == end, "all is committed")

    def events(app: App) -> list[TP]:
        return [tp for tp in app.consumer.assignment() if tp.topic == topic]

    asyncio.run(once(400, 400))
    fill(topics_settings, 400, start=400)
    admin = KafkaAdminClient(**client_options(topics_settings.kafka))
    admin.delete_records({TopicPartition(topic, 0): 150})
    admin.close()
    seen.clear()
    asyncio.run(once(350, 800))
    assert sum(committed_now(topics_settings)) == 800


def while_a_rebalance_begins(consumer: Any, active: set[TP]) -> set[TP]:
    consumer.stop_flow()
    asyncio.get_running_loop().call_later(0.1, consumer.resume_flow)
    return active


def for_an_assignment_that_is_over(consumer: Any, active: set[TP]) -> set[TP]:
    return {tp for tp in active if not consumer._is_changelog_tp(tp)}


@pytest.mark.parametrize("fetched", [while_a_rebalance_begins, for_an_assignment_that_is_over])
def test_what_a_recovery_lost_on_the_way_is_read_again(
    topics_settings: Settings, fetched: Callable[[Any, set[TP]], set[TP]]
) -> None:
    """Faust waits for it without end, or goes on without it."""
    lost: set[TP] = set()

    def losing(consumer: Any) -> Any:
        fetch = consumer._wait_next_records

        async def first_in_vain(patience: float) -> Any:
            records, active = await fetch(patience)
            news = {tp for tp in records or {} if consumer._is_changelog_tp(tp)} - lost
            lost.update(news)
            return records, fetched(consumer, active) if news else active

        return first_in_vain

    async def agent(stream: Any) -> None:
        async for _ in stream:
            pass

    async def scenario() -> None:
        app = app_of(topics_settings, agent)
        table = LegTable(app)
        app.tables.add(table)
        fill_changelog(topics_settings, table.changelog_topic.get_topic_name())
        consumer: Any = app.consumer
        consumer._wait_next_records = losing(consumer)
        async with started(app):
            await until(lambda: sum(len(legs) for legs in table.held().values()) == MESSAGES, "all is known")

    asyncio.run(scenario())
    assert len(lost) == topics_settings.kafka.partitions


def slow_to_recover(settings: Settings, app: App) -> None:
    """It has a state to recover, and the broker takes its time to say what is committed."""
    table = LegTable(app)
    app.tables.add(table)
    fill_changelog(settings, table.changelog_topic.get_topic_name())
    consumer: Any = app.consumer
    make = consumer._thread._create_worker_consumer

    def made(transport: Any) -> Any:
        of_the_thread = make(transport)
        committed = of_the_thread.committed

        async def later(tp: TP) -> Any:
            await asyncio.sleep(0.1)
            return await committed(tp)

        of_the_thread.committed = later
        return of_the_thread

    consumer._thread._create_worker_consumer = made


def test_a_start_reads_on_from_where_all_is_finished_however_slow_the_broker_is(
    topics_settings: Settings,
) -> None:
    """Of data that comes before the committed offset is known, nobody takes that offset for 0."""
    seen: list[int] = []

    async def agent(stream: Any) -> None:
        async def handle(batch: Batch) -> None:
            seen.extend(numbers(batch))

        await worker.work(stream, handle)

    async def once(prepare: Callable[[Settings, App], None], count: int, end: int) -> None:
        app = app_of(topics_settings, agent)
        prepare(topics_settings, app)
        async with started(app):
            await until(lambda: len(set(seen)) == count, "all is read")
            await until(lambda: sum(app.committed(tp) for tp in of_events(app)) == end, "all is committed")

    def of_events(app: App) -> list[TP]:
        topic = topics_settings.kafka.topic(Topic.EVENTS)
        return [tp for tp in app.consumer.assignment() if tp.topic == topic]

    fill(topics_settings)
    asyncio.run(once(lambda *_: None, MESSAGES, MESSAGES))
    fill(topics_settings, start=MESSAGES)
    seen.clear()
    asyncio.run(once(slow_to_recover, MESSAGES, 2 * MESSAGES))
    assert set(seen) == set(range(MESSAGES, 2 * MESSAGES))


def noting(app: App, commits: dict[TP, list[int]]) -> App:
    """It notes what it commits."""
    consumer: Any = app.consumer
    commit = consumer._commit

    async def noted(offsets: dict[TP, int]) -> Any:
        for tp, offset in offsets.items():
            commits.setdefault(tp, []).append(offset)
        return await commit(offsets)

    consumer._commit = noted
    return app


def test_what_was_finished_for_an_earlier_assignment_is_not_committed_in_a_later_one(
    topics_settings: Settings,
) -> None:
    """Another worker had the partitions in between, and has finished more."""
    fill(topics_settings)
    partitions = topics_settings.kafka.partitions
    commits: dict[TP, list[int]] = {}
    unfinished: dict[int, Any] = {}

    async def slow(stream: Any) -> None:
        async for event in stream.noack().events():
            unfinished.setdefault(event.value.tp.partition, event)

    async def quick(stream: Any) -> None:
        await worker.work(stream, lambda _: asyncio.sleep(0))

    async def finish(*_: Any, **__: Any) -> None:
        for event in unfinished.values():
            event.value.done = True
            event.ack()

    async def scenario() -> None:
        first, second = (noting(app_of(topics_settings, agent), commits) for agent in (slow, quick))
        first.on_partitions_revoked.connect(finish)

        async def commit(*_: Any, **__: Any) -> None:
            await first.consumer.commit()  # as the timer does at any moment

        first.on_partitions_assigned.connect(commit)
        async with started(first):
            await until(lambda: len(unfinished) == partitions, "a batch of each is here")
            async with started(second):
                theirs = MESSAGES // partitions
                await until(
                    lambda: any(offsets[-1] == theirs for offsets in commits.values()), "the other is done"
                )
            await until(lambda: len(first.consumer.assignment()) == partitions, "all is back")
        assert all(offsets == sorted(offsets) for offsets in commits.values()), commits

    asyncio.run(scenario())


def fill_changelog(settings: Settings, topic: str) -> None:
    admin = KafkaAdminClient(**client_options(settings.kafka))
    compacted = {"cleanup.policy": "compact"}
    admin.create_topics([NewTopic(topic, settings.kafka.partitions, 1, topic_configs=compacted)])
    admin.close()
    producer = KafkaProducer(**client_options(settings.kafka), acks="all")
    for number in range(MESSAGES):
        producer.send(topic, key=b"%d\0w" % number, value=b"{}", partition=number % settings.kafka.partitions)
    producer.close()
