"""Topics filled beforehand, so that a processor works as fast as it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kafka import KafkaProducer

from runtime.kafka import client_options
from schemas.topics import Topic, partition_of, topic_key
from tests.bench import calls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.settings import Settings
    from schemas.callbacks import Headers


class Message(NamedTuple):
    """What is published."""

    partition: int
    key: bytes | None
    value: bytes
    headers: Headers
    at: int | None = None
    """When it was published, microseconds since 1970 UTC; now by default."""


def callbacks(settings: Settings, payloads: Iterable[calls.Payload]) -> int:
    """Publish them to `callbacks.raw`, partition by partition in turn; how many there were."""
    callbacks = (calls.callback(payload) for payload in payloads)
    messages = (
        Message(number % settings.kafka.partitions, None, callback.payload, callback.headers())
        for number, callback in enumerate(callbacks)
    )
    return publish(settings, settings.kafka.topic(Topic.RAW), messages)


def events(settings: Settings, payloads: Iterable[calls.Payload]) -> int:
    """Publish to `calls.events` what the normalizer would make of them; how many there were."""
    return publish(settings, settings.kafka.topic(Topic.EVENTS), _event_messages(settings, payloads))


def _event_messages(settings: Settings, payloads: Iterable[calls.Payload]) -> Iterable[Message]:
    for payload in payloads:
        event = calls.event(payload)
        key = topic_key(event.account, event.ids[0])
        yield Message(partition_of(key, settings.kafka.partitions), key, event.to_json(), [])


def publish(settings: Settings, topic: str, messages: Iterable[Message]) -> int:
    """Send messages, and return how many once all are acknowledged."""
    producer = KafkaProducer(
        **client_options(settings.kafka), acks="all", linger_ms=20, batch_size=256 * 1024
    )
    failures: list[BaseException] = []
    count = 0
    for count, message in enumerate(messages, 1):  # noqa: B007 - returned
        sent = producer.send(
            topic,
            value=message.value,
            key=message.key,
            headers=message.headers,
            partition=message.partition,
            timestamp_ms=None if message.at is None else message.at // 1000,
        )
        sent.add_errback(failures.append)
    producer.flush()
    producer.close()
    if failures:
        raise failures[0]
    return count
