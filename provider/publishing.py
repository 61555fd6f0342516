"""Publish a callback of our own to `callbacks.raw`, beside those of providers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from runtime.producer import producing
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.producer import Producer
    from runtime.settings import KafkaSettings
    from schemas.callbacks import Callback

ACKNOWLEDGE_SECONDS = 10.0


class Publisher(Protocol):
    """What the commands need from Kafka."""

    def publish(self, callback: Callback) -> None:
        """Return once it is acknowledged by all replicas; raise `UnpublishedError` otherwise."""


class KafkaPublisher:
    """A publisher on one producer."""

    def __init__(self, producer: Producer) -> None:
        """`producer` sends to `callbacks.raw`."""
        self._producer = producer

    def publish(self, callback: Callback) -> None:
        """Return once it is acknowledged by all replicas; raise `UnpublishedError` otherwise."""
        self._producer.send([(callback.payload, callback.headers())])


@contextmanager
def publishing(settings: KafkaSettings) -> Iterator[KafkaPublisher]:
    """A publisher to a Kafka that answers, or else a `StartError`."""
    with producing(settings, Topic.RAW, ACKNOWLEDGE_SECONDS) as producer:
        yield KafkaPublisher(producer)
