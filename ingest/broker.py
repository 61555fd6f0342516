"""A cluster that answers: kafka-python's producer, and a question now and then whether anyone is there.

The producer finds leaders, brokers and partitions by itself. Ours is which partition a group goes to: all of
it to one, so that it makes one request, and not to one that could not be written a moment ago.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, LeaderNotAvailableError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner.abc import Partitioner

from runtime.departures import close_producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kafka.cluster import ClusterMetadata
    from kafka.producer.future import FutureRecordMetadata

    from schemas.callbacks import Headers

Options = dict[str, Any]
"""As `runtime.kafka.client_options` gives them."""

BATCH_BYTES = 1_000_000
"""Brokers take 1,048,588 by default; a larger single message makes a batch of its own."""
AVOID_SECONDS = 5.0
"""How long nothing goes to a partition that could not be written."""


class Turns(Partitioner):  # type: ignore[misc] # kafka-python has no types
    """Chooses partitions in turn: each group goes to the next that has a leader and has not just failed."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._turn = 0
        self._chosen: dict[str, int] = {}
        self._avoided: dict[tuple[str, int], float] = {}

    def next(self) -> None:
        """Begin a group."""
        self._turn += 1
        self._chosen.clear()

    def chosen(self, topic: str) -> int | None:
        """Return the partition for the group's messages of a topic."""
        return self._chosen.get(topic)

    def avoid(self, topic: str, partition: int) -> None:
        """Note that a partition could not be written."""
        self._avoided[topic, partition] = self._monotonic() + AVOID_SECONDS

    def partition(self, topic: str, *message: Any) -> int:
        """Choose; kafka-python gives key and value, each as they are and serialized, and its cluster.

        Raise `LeaderNotAvailableError` if the topic has just gone from what the cluster says.
        """
        cluster: ClusterMetadata = message[-1]
        found = self._chosen.get(topic)
        if found is None:
            led = cluster.available_partitions_for_topic(topic) or cluster.partitions_for_topic(topic)
            if not led:
                raise LeaderNotAvailableError(f"{topic} has no partition")
            now = self._monotonic()
            good = [number for number in led if self._avoided.get((topic, number), 0.0) <= now] or led
            found = self._chosen[topic] = sorted(good)[self._turn % len(good)]
        return found


class Broker:
    """A cluster that has answered, for one thread at a time."""

    def __init__(self, options: Options, topics: Iterable[str], turns: Turns, timeout_seconds: float) -> None:
        """Connect; raise `KafkaError` or OSError within a few times the timeout.

        A message whose acknowledgement takes longer than the timeout is given up.
        """
        self._topics = list(topics)
        self._timeout = timeout_seconds
        milliseconds = int(timeout_seconds * 1000)
        common = options | {"request_timeout_ms": milliseconds, "bootstrap_timeout_ms": milliseconds}
        self._admin = connected(KafkaAdminClient, common)
        try:
            self.ask()
            self._producer = connected(
                KafkaProducer,
                common
                | {
                    "partitioner": turns,
                    "batch_size": BATCH_BYTES,
                    "delivery_timeout_ms": milliseconds,
                    "max_block_ms": milliseconds,
                    "allow_auto_create_topics": False,
                    "metrics_enabled": False,
                },
            )
            for topic in self._topics:
                self._producer.partitions_for(topic)
        except BaseException:
            self.close()
            raise

    def send(self, topic: str, value: bytes, headers: Headers) -> FutureRecordMetadata:
        """Hand a message over; the result says later what became of it; raise `KafkaError`."""
        return self._producer.send(topic, value, headers=headers)

    def ask(self) -> None:
        """Return if the cluster answers and each topic has a leader; raise `KafkaError` or OSError."""
        for topic in self._admin.describe_topics(self._topics):
            if topic["error_code"] or all(part["leader_id"] < 0 for part in topic["partitions"]):
                raise LeaderNotAvailableError(f"{topic['name']} has no partition with a leader")

    def close(self) -> None:
        """Let go and return at once; messages under way have until their time-out, then they fail."""
        for client in (getattr(self, "_producer", None), self._admin):
            if client is not None:
                threading.Thread(target=end, args=(client, self._timeout), daemon=True).start()


def end(client: Any, timeout_seconds: float) -> None:
    """Close a client; a producer has twice the time-out to settle what was handed to it, the rest fails."""
    try:
        if isinstance(client, KafkaProducer):
            close_producer(client, 2 * timeout_seconds)
        else:
            client.close()
    except (KafkaError, OSError):
        return  # nobody is there to say farewell to


def connected(kind: Callable[..., Any], options: Options) -> Any:
    """Return one of kafka-python's clients; raise `KafkaError` or OSError.

    If no broker answers, kafka-python 3.0.12 leaves its thread and sockets behind: they are ended here.
    """
    made: list[Any] = []

    def remembered(**configs: Any) -> Any:
        made.append(KafkaNetClient(**configs))
        return made[-1]

    try:
        return kind(kafka_client=remembered, **options)
    except BaseException:
        for client in made:
            client.close()
        raise
