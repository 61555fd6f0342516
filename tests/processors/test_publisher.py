"""The publisher on a real broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiokafka.errors import MessageSizeTooLargeError, NotLeaderForPartitionError
from aiokafka.structs import ConsumerRecord as AioRecord
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from processors import worker
from processors.dead_letters import KEPT_BYTES, dead_letter, refused
from processors.publisher import Outgoing, Publisher
from runtime.kafka import client_options
from runtime.stuck import Progress
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.topics import Topic
from tests.processors.worker_in_loop import started

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

    from runtime.settings import Settings

NOW = 1_600_000_000_000_000
LIMIT = 20_000


async def publish(settings: Settings, messages: list[Outgoing]) -> None:
    app = worker.new_app("publisher", settings.kafka, batch=100)
    publisher = Publisher(app, lambda message: refused(settings.kafka.prefix, message, Stage.CORRELATE, NOW))
    async with started(app):
        await publisher.publish(messages)


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


def limit(settings: Settings, topic: Topic, most: int = LIMIT) -> None:
    admin = KafkaAdminClient(**client_options(settings.kafka))
    admin.delete_topics([settings.kafka.topic(topic)])
    admin.create_topics(
        {
            settings.kafka.topic(topic): {
                "num_partitions": settings.kafka.partitions,
                "replication_factor": 1,
                "configs": {"max.message.bytes": str(most)},
            }
        }
    )
    admin.close()


def test_what_the_broker_never_takes_is_a_dead_letter_and_its_neighbours_go_through(
    topics_settings: Settings,
) -> None:
    limit(topics_settings, Topic.RECORDS)
    small = [b"%05d" % number * 1_000 for number in range(9)]
    large = b"x" * (KEPT_BYTES + 7)
    topic = topics_settings.kafka.topic(Topic.RECORDS)
    values = [*small[:5], large, *small[5:]]
    messages = [Outgoing(topic, b"acme/a", value, partition=0) for value in values]
    asyncio.run(publish(topics_settings, messages))
    assert [record.value for record in read(topics_settings, Topic.RECORDS, len(small))] == small
    (letter,) = read(topics_settings, Topic.REJECTED, 1)
    assert letter.value == large[:KEPT_BYTES]
    headers = dict(letter.headers)
    (reason,) = orjson.loads(headers["reasons"])
    assert (headers["stage"], headers["account"], reason["code"]) == (b"correlate", b"acme", "too-large")
    assert str(len(b"acme/a" + large)) in reason["message"]


def test_a_dead_letter_that_is_refused_is_replaced_by_one_that_says_where_its_message_is(
    topics_settings: Settings,
) -> None:
    rejected = topics_settings.kafka.topic(Topic.REJECTED)
    limit(topics_settings, Topic.REJECTED)
    reason = Reason("status", "missing", "must be there")
    headers = Rejection(Stage.NORMALIZE, (reason,), "callbacks.raw", 2, 17).headers()
    by_value = Outgoing(rejected, None, b"x" * LIMIT * 2, headers, partition=0)
    by_headers = Outgoing(rejected, None, b"", [*headers, ("query", b"x" * LIMIT * 2)], partition=0)
    asyncio.run(publish(topics_settings, [by_value, by_headers]))
    for letter in read(topics_settings, Topic.REJECTED, 2):
        callback, rejection = Callback.from_message(letter.value, letter.headers), rejection_of(letter)
        assert (callback.payload, rejection.reasons[0].code) == (b"", "too-large")
        assert "raise max.message.bytes of " + rejected in rejection.reasons[0].message
        assert "callbacks.raw/2/17" in rejection.reasons[0].message


def test_a_dead_letter_that_can_not_be_made_smaller_ends_the_work(topics_settings: Settings) -> None:
    limit(topics_settings, Topic.REJECTED, 100)
    letter = Outgoing(topics_settings.kafka.topic(Topic.REJECTED), None, b"x" * 200, partition=0)
    with pytest.raises(MessageSizeTooLargeError):
        asyncio.run(publish(topics_settings, [letter]))


class Refusing(Publisher):
    """Sends nothing: two messages are too large together, and one fails at its first attempt."""

    def __init__(self, progress: Progress) -> None:
        app: Any = SimpleNamespace(progress=progress)
        super().__init__(app, lambda message: message)
        self._progress = progress
        self.reasons: list[list[str]] = []

    async def _send(self, topic: str, partition: int, messages: list[Outgoing]) -> None:
        assert (topic, partition) == ("t", 0)
        self.reasons.append(self._progress.reasons())
        if len(messages) > 1:
            raise MessageSizeTooLargeError
        if len(self.reasons) == 2:
            raise NotLeaderForPartitionError


def test_what_fails_one_by_one_is_named_while_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.backoff.FIRST_SECONDS", 0.0)
    now = [0.0]
    progress = Progress(60, now=lambda: now[0])
    progress.begin()
    now[0] = 61.0
    publisher = Refusing(progress)
    asyncio.run(publisher.publish([Outgoing("t", None, b"x", partition=0) for _ in range(2)]))
    first, alone, again, *_ = publisher.reasons
    stuck = "the same batch has been tried for 61 s"
    assert (first, alone, again) == ([stuck], [stuck], [f"{stuck} (NotLeaderForPartitionError)"])
    assert progress.reasons() == [stuck], "it succeeded"


def test_of_a_large_message_that_can_not_be_read_the_beginning_is_kept() -> None:
    reason = Reason("", "unreadable", "not a callback")
    large = b"x" * KEPT_BYTES + b"end"
    letter = dead_letter("", record(large), Stage.NORMALIZE, reason)
    assert letter.value == large[:KEPT_BYTES]
    assert (kept := Rejection.from_headers(letter.headers))
    assert [each.code for each in kept.reasons] == ["unreadable", "cut"]
    assert str(len(large)) in kept.reasons[1].message
    whole = dead_letter("", record(large[:KEPT_BYTES]), Stage.NORMALIZE, reason)
    assert whole.value == large[:KEPT_BYTES]
    assert (kept := Rejection.from_headers(whole.headers))
    assert kept.reasons == (reason,)


def record(value: bytes) -> AioRecord[bytes, bytes]:
    return AioRecord("callbacks.raw", 0, 1, 0, 0, None, value, None, 0, len(value), ())


def rejection_of(letter: ConsumerRecord) -> Rejection:
    rejection = Rejection.from_headers(letter.headers)
    assert rejection is not None
    return rejection
