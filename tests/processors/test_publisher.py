"""The publisher on a real broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from processors import worker
from processors.dead_letters import REFUSED_BYTES, refused
from processors.publisher import Outgoing, Publisher
from runtime.kafka import client_options
from schemas.callbacks import Stage
from schemas.topics import Topic
from tests.processors.worker_in_loop import started

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

    from runtime.settings import Settings

NOW = 1_600_000_000_000_000
LIMIT = 20_000


async def publish(settings: Settings, values: list[bytes]) -> None:
    app = worker.new_app("publisher", settings.kafka, batch=100)
    publisher = Publisher(app, lambda message: refused(settings.kafka.prefix, message, Stage.CORRELATE, NOW))
    topic = settings.kafka.topic(Topic.RECORDS)
    async with started(app):
        await publisher.publish([Outgoing(topic, b"acme/a", value, partition=0) for value in values])


def read(settings: Settings, topic: Topic, count: int) -> list[ConsumerRecord]:
    consumer = KafkaConsumer(
        settings.kafka.topic(topic), **client_options(settings.kafka), auto_offset_reset="earliest"
    )
    try:
        found: list[ConsumerRecord] = []
        while len(found) < count:
            found += [record for some in consumer.poll(timeout_ms=500).values() for record in some]
        return found
    finally:
        consumer.close()


def limit(settings: Settings) -> None:
    admin = KafkaAdminClient(**client_options(settings.kafka))
    admin.delete_topics([settings.kafka.topic(Topic.RECORDS)])
    admin.create_topics(
        {
            settings.kafka.topic(Topic.RECORDS): {
                "num_partitions": settings.kafka.partitions,
                "replication_factor": 1,
                "configs": {"max.message.bytes": str(LIMIT)},
            }
        }
    )
    admin.close()


def test_what_the_broker_never_takes_is_a_dead_letter_and_its_neighbours_go_through(
    stack_settings: Settings,
) -> None:
    limit(stack_settings)
    small = [b"%05d" % number * 1_000 for number in range(9)]
    large = b"x" * (REFUSED_BYTES + 7)
    asyncio.run(publish(stack_settings, [*small[:5], large, *small[5:]]))
    assert [record.value for record in read(stack_settings, Topic.RECORDS, len(small))] == small
    (letter,) = read(stack_settings, Topic.REJECTED, 1)
    assert letter.value == large[:REFUSED_BYTES]
    headers = dict(letter.headers)
    (reason,) = orjson.loads(headers["reasons"])
    assert (headers["stage"], headers["account"], reason["code"]) == (b"correlate", b"acme", "too-large")
    assert str(len(large)) in reason["message"]
