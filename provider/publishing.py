"""Publish a callback of our own to `callbacks.raw`, beside those of providers."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from runtime import topics
from runtime.errors import StartError
from runtime.kafka import client_options
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import KafkaSettings
    from schemas.callbacks import Callback

CONNECT_SECONDS = 3.0
"""Somebody is waiting at a terminal."""
ACKNOWLEDGE_SECONDS = 10.0
CLOSE_SECONDS = 2.0


class UnpublishedError(StartError):
    """Kafka has not acknowledged the callback. It may have it; publishing it again is safe."""


class Publisher(Protocol):
    """What the commands need from Kafka."""

    def publish(self, callback: Callback) -> None:
        """Return once it is acknowledged by all replicas; raise `UnpublishedError` otherwise."""


class KafkaPublisher:
    def __init__(self, settings: KafkaSettings, producer: KafkaProducer) -> None:
        """The producer must wait for all replicas."""
        self._settings = settings
        self._producer = producer

    def publish(self, callback: Callback) -> None:
        """Return once it is acknowledged by all replicas; raise `UnpublishedError` otherwise."""
        topic = self._settings.topic(Topic.RAW)
        try:
            sent = self._producer.send(topic, value=callback.payload, headers=callback.headers())
            sent.get(timeout=ACKNOWLEDGE_SECONDS)
        except (KafkaError, OSError) as error:
            raise UnpublishedError(topics.trouble(self._settings, error)) from None


@contextmanager
def publishing(settings: KafkaSettings) -> Iterator[KafkaPublisher]:
    """A publisher to a Kafka that answers; raise `StartError` otherwise."""
    producer = None
    try:
        # A client that finds no broker leaves its thread and its sockets behind (kafka-python 3.0.12).
        topics.await_listener(settings, CONNECT_SECONDS)
        producer = KafkaProducer(
            **client_options(settings),
            acks="all",
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            max_block_ms=int(ACKNOWLEDGE_SECONDS * 1000),
            delivery_timeout_ms=int(ACKNOWLEDGE_SECONDS * 1000),
            request_timeout_ms=int(ACKNOWLEDGE_SECONDS * 500),
        )
        producer.partitions_for(settings.topic(Topic.RAW))
    except (KafkaError, OSError) as error:
        _close(producer)
        raise StartError(topics.trouble(settings, error)) from None
    try:
        yield KafkaPublisher(settings, producer)
    finally:
        _close(producer)


def _close(producer: KafkaProducer | None) -> None:
    if producer is not None:
        with suppress(KafkaError):  # what is still under way was given up already
            producer.close(timeout=CLOSE_SECONDS)
