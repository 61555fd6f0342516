"""Publish and know: `publish` returns once the broker has acknowledged, or says in time that it has not.

A kafka-python producer can't be built while no broker is there, and one whose broker went away keeps requests
waiting. So a thread of its own builds the producer, asks the broker every second whether it still answers,
and gives a producer up as soon as an acknowledgement or an answer is overdue. While there is none, publishing
fails at once: requests don't pile up behind a broker that is away.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from callweave.kafka import client_options
from ingest.groups import Groups, Message, UnacknowledgedError
from ingest.metrics import BROKER_UP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callweave.settings import KafkaSettings
    from schemas.callbacks import Headers

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
"""Between two questions to a broker that answers, and between two attempts at one that does not."""
WARN_SECONDS = 30.0
"""Between two warnings that the broker is away."""


class Publisher(Protocol):
    """What the app needs of Kafka."""

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        """Return once the broker has acknowledged; raise `UnacknowledgedError` otherwise, within its time."""

    def answering(self) -> bool:
        """Whether the broker answered when last asked."""


class Connection:
    """A producer whose broker answered, and the partitions that have a leader."""

    def __init__(self, options: dict[str, object], topics: Iterable[str]) -> None:
        """Connect; raise `KafkaError` or OSError."""
        self.producer = KafkaProducer(**options)
        self._topics = tuple(topics)
        self._turn = 0
        try:
            for topic in self._topics:
                self.producer.partitions_for(topic)
        except KafkaError:
            self.close(0)
            raise
        self._partitions = self.led_partitions()

    def send(self, messages: list[Message], deadline: float) -> None:
        """Publish together; return once all are acknowledged, raise `KafkaError` when any is not in time.

        They go to one partition, the next in turn: what a request to the broker costs in Python is then paid
        once for all of them.
        """
        self._turn += 1
        futures = [
            self.producer.send(
                message.topic,
                value=message.value,
                headers=message.headers,
                partition=self.partition(message.topic),
            )
            for message in messages
        ]
        for future in futures:
            future.get(timeout=max(0.0, deadline - time.monotonic()))

    def partition(self, topic: str) -> int:
        """The partition whose turn it is."""
        partitions = self._partitions[topic]
        return partitions[self._turn % len(partitions)]

    def led_partitions(self) -> dict[str, list[int]]:
        """Of each topic, the partitions that have a leader; raise `KafkaError` for a topic with none."""
        cluster = self.producer._metadata  # noqa: SLF001 - what its own partitioner looks at
        led = {topic: sorted(cluster.available_partitions_for_topic(topic) or ()) for topic in self._topics}
        if not all(led.values()):
            raise KafkaError("a topic has no partition with a leader")
        return led

    def answers(self, timeout_seconds: float) -> bool:
        """Whether the broker answers a request for metadata in time."""
        answered = threading.Event()
        future = self.producer._metadata.request_update()  # noqa: SLF001 - the only question it lets us ask
        future.add_both(lambda *_: answered.set())
        self.producer._sender.wakeup()  # noqa: SLF001 - as its own send() does after such a request
        if not answered.wait(timeout_seconds) or not future.succeeded():
            return False
        try:
            self._partitions = self.led_partitions()
        except KafkaError:
            return False
        return True

    def close(self, timeout_seconds: float) -> None:
        """Close for good, even if it can't flush: the producer's own close() stops half-way then."""
        try:
            self.producer.close(timeout=timeout_seconds)
        except KafkaError:
            self.producer._sender.force_close()  # noqa: SLF001 - what its close() would do next
            self.producer._unregister_cleanup()  # noqa: SLF001
            self.producer._closed = True  # noqa: SLF001 - or its __del__ tries again


class KafkaPublisher:
    """A publisher that comes up with the broker, whenever that is."""

    def __init__(self, kafka: KafkaSettings, topics: Iterable[str], timeout_seconds: float) -> None:
        """`topics` are full names; `timeout_seconds` is how long an acknowledgement may take."""
        self._topics = tuple(topics)
        self._timeout = timeout_seconds
        milliseconds = int(timeout_seconds * 1000)
        self._options = client_options(kafka) | {
            "client_id": "callweave-ingest",
            "acks": "all",
            "enable_idempotence": True,
            "allow_auto_create_topics": False,
            "bootstrap_timeout_ms": milliseconds,
            "max_block_ms": milliseconds,
            "request_timeout_ms": milliseconds,
            "delivery_timeout_ms": milliseconds,
            "linger_ms": 0,  # groups are made by whoever waits anyway
            "batch_size": 1024 * 1024,
            "metrics_enabled": False,
        }
        self._connection: Connection | None = None
        self._groups = Groups(self._send)
        self._lost = threading.Event()
        self._closed = threading.Event()
        self._warned_at = -WARN_SECONDS
        self._thread = threading.Thread(target=self._keep, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to look for the broker; returns at once."""
        self._thread.start()

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        """Return once the broker has acknowledged; raise `UnacknowledgedError` otherwise, within the time."""
        if self._connection is None:
            raise UnacknowledgedError("the broker is away")
        self._groups.publish(Message(topic, value, headers), self._timeout)

    def answering(self) -> bool:
        """Whether the broker answered when last asked."""
        return self._connection is not None

    def close(self, timeout_seconds: float) -> None:
        """Flush what is under way, and stop."""
        self._closed.set()
        self._lost.set()
        self._thread.join(timeout_seconds)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(timeout_seconds)

    def _send(self, messages: list[Message], deadline: float) -> None:
        """Publish a group; raise `UnacknowledgedError` for all of it."""
        connection = self._connection
        if connection is None:
            raise UnacknowledgedError("the broker is away")
        try:
            connection.send(messages, deadline)
        except KafkaError as error:
            self._give_up(connection, type(error).__name__)
            raise UnacknowledgedError(type(error).__name__) from None

    def _keep(self) -> None:
        """Have a connection that answers, as often as there is one to be had."""
        while not self._closed.is_set():
            connection = self._connection
            if connection is None:
                self._connect()
            elif not connection.answers(self._timeout):
                self._give_up(connection, "no answer")
                continue
            if self._lost.wait(CHECK_SECONDS):
                self._lost.clear()

    def _connect(self) -> None:
        try:
            self._connection = Connection(self._options, self._topics)
        except (KafkaError, OSError) as error:
            self._warn("the broker is away", type(error).__name__)
        else:
            BROKER_UP.set(1)
            log.info("the broker answers")

    def _give_up(self, connection: Connection, why: str) -> None:
        """Stop using a connection. Closing it waits for its batches to expire: not in this thread."""
        if self._connection is not connection:
            return
        self._connection = None
        BROKER_UP.set(0)
        self._warn("the broker does not answer", why)
        self._lost.set()
        threading.Thread(target=connection.close, args=(self._timeout + 1,), daemon=True).start()

    def _warn(self, event: str, error: str) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            log.warning(event, error=error)
