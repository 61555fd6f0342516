"""A producer outside the stages: for commands that put messages of their own into a topic."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaProducer
from kafka.errors import KafkaError

from runtime import topics
from runtime.departures import close_producer
from runtime.errors import StartError
from runtime.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runtime.settings import KafkaSettings
    from schemas.callbacks import Headers

CONNECT_SECONDS = 3.0
"""A person is waiting at a terminal."""
CLOSE_SECONDS = 2.0
REQUEST_BYTES = 2 * 1024 * 1024
"""What was rejected may be as large as a message can be, and gets more headers when it is sent again."""


class UnpublishedError(StartError):
    """Kafka has not acknowledged a message. It may have it; sending it again is safe."""


class Producer:
    """Sends to one topic, and waits for all replicas."""

    def __init__(self, settings: KafkaSettings, topic: str, producer: KafkaProducer, patience: float) -> None:
        """`topic` is the full name; `patience` is how many seconds an acknowledgement may take."""
        self._settings = settings
        self._topic = topic
        self._producer = producer
        self._patience = patience

    def send(self, messages: Iterable[tuple[bytes, Headers]]) -> None:
        """Return once all are acknowledged; raise `UnpublishedError` otherwise."""
        try:
            sent = [
                self._producer.send(self._topic, value=value, headers=headers) for value, headers in messages
            ]
            for each in sent:
                each.get(timeout=self._patience)
        except (KafkaError, OSError) as error:
            raise UnpublishedError(topics.trouble(self._settings, error)) from None


@contextmanager
def producing(settings: KafkaSettings, topic: str, patience: float) -> Iterator[Producer]:
    """Yield a producer to a Kafka that answers and has the topic; raise `StartError` otherwise."""
    name, producer = settings.topic(topic), None
    try:
        # A client that finds nobody leaves its thread and its sockets behind (kafka-python 3.0.12).
        topics.await_listener(settings, CONNECT_SECONDS)
        producer = KafkaProducer(
            **client_options(settings),
            acks="all",
            linger_ms=5,
            max_request_size=REQUEST_BYTES,
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            max_block_ms=int(patience * 1000),
            delivery_timeout_ms=int(patience * 1000),
            request_timeout_ms=int(patience * 500),
            metrics_enabled=False,
        )
        producer.partitions_for(name)
    except (KafkaError, OSError) as error:
        if producer is not None:
            close_producer(producer, CLOSE_SECONDS)
        raise StartError(topics.trouble(settings, error)) from None
    try:
        yield Producer(settings, name, producer, patience)
    finally:
        close_producer(producer, CLOSE_SECONDS)
