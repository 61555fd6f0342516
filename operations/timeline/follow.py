"""Reads `calls.records` from its end, all partitions, without a consumer group."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from runtime.errors import StartError
from runtime.kafka import client_options
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from kafka.consumer.fetcher import ConsumerRecord

    from runtime.settings import KafkaSettings

BOOTSTRAP_MS = 5_000
ANSWER_MS = 5_000
CLOSE_MS = 2_000
POLL_MS = 500
ASK_SECONDS = 3.0
"""So often the broker is asked whether it is there, which a consumer itself never says, and which partitions
there are: whether or not messages come."""
RETRY_SECONDS = 1.0
METADATA_MS = 10_000


def follow(kafka: KafkaSettings, say: Callable[[str], None]) -> Generator[ConsumerRecord, None, None]:
    """Return every message of `calls.records` from now on, until the caller stops.

    `say` gets a sentence when Kafka stops answering and when it answers again; once the first connection
    was made, no message is missed. Raises `StartError` if the topic does not exist.
    """
    connection = _Connection(kafka, say)
    try:
        yield from connection.messages()
    finally:
        connection.close()


class Due:
    """Says when an interval is over, and begins the next one. Pure: the time is an argument."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._next = now + seconds

    def is_over(self, now: float) -> bool:
        """Return True once for each interval; however late, the next one begins now."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class _Connection:
    def __init__(self, kafka: KafkaSettings, say: Callable[[str], None]) -> None:
        self._kafka = kafka
        self._say = say
        self._topic = kafka.topic(Topic.RECORDS)
        self._away = False
        self._consumer: KafkaConsumer | None = None

    def messages(self) -> Iterator[ConsumerRecord]:
        consumer = self._consumer = self._connected()
        self._say("Following calls from now on; Ctrl-C ends.")
        due = Due(ASK_SECONDS, time.monotonic())
        while True:
            for records in self._polled(consumer):
                yield from records
            if due.is_over(time.monotonic()):
                self._ask(consumer)

    def close(self) -> None:
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):  # no broker, nothing to say goodbye to
                self._consumer.close(autocommit=False, timeout_ms=CLOSE_MS)

    def _connected(self) -> KafkaConsumer:
        """Wait for a broker, and go to the end of every partition."""
        while True:
            try:
                consumer = KafkaConsumer(
                    **client_options(self._kafka),
                    client_id="callweave-tail",
                    group_id=None,
                    enable_auto_commit=False,
                    auto_offset_reset="latest",
                    allow_auto_create_topics=False,
                    bootstrap_timeout_ms=BOOTSTRAP_MS,
                    metadata_max_age_ms=METADATA_MS,
                    metrics_enabled=False,
                )
            except KafkaError as error:
                self._lost(error)
                time.sleep(RETRY_SECONDS)
                continue
            try:
                self._stand_at_the_end(consumer)
            except KafkaError as error:
                consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
                self._lost(error)
                time.sleep(RETRY_SECONDS)
                continue
            except StartError:
                consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
                raise
            self._found()
            return consumer

    def _stand_at_the_end(self, consumer: KafkaConsumer) -> None:
        numbers = consumer.partitions_for_topic(self._topic)
        if not numbers:
            raise StartError(f"Kafka has no topic {self._topic}: run `callweave topics`.")
        partitions = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        for partition, offset in consumer.end_offsets(partitions, timeout_ms=ANSWER_MS).items():
            consumer.seek(partition, offset)

    def _polled(self, consumer: KafkaConsumer) -> list[list[ConsumerRecord]]:
        try:
            polled: dict[TopicPartition, list[ConsumerRecord]] = consumer.poll(timeout_ms=POLL_MS)
        except KafkaError as error:
            self._lost(error)
            time.sleep(RETRY_SECONDS)
            return []
        if polled:
            self._found()
        return list(polled.values())

    def _ask(self, consumer: KafkaConsumer) -> None:
        """Return whether the broker answers; newly added partitions are read from their start."""
        try:
            consumer.end_offsets(list(consumer.assignment()), timeout_ms=ANSWER_MS)
        except KafkaError as error:
            self._lost(error)
            return
        self._found()
        known = {each.partition for each in consumer.assignment()}
        added = (consumer.partitions_for_topic(self._topic) or set()) - known
        if added:
            fresh = [TopicPartition(self._topic, number) for number in sorted(added)]
            places = {each: consumer.position(each) for each in consumer.assignment()}
            consumer.assign([*places, *fresh])
            for partition, offset in (places | dict.fromkeys(fresh, 0)).items():
                consumer.seek(partition, offset)

    def _lost(self, error: KafkaError) -> None:
        if not self._away:
            where = self._kafka.bootstrap_servers
            self._say(f"Kafka at {where} does not answer ({type(error).__name__}): waiting for it.")
        self._away = True

    def _found(self) -> None:
        if self._away:
            self._say("Kafka answers again.")
        self._away = False
