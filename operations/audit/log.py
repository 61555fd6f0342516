"""Questions to Kafka: where its logs begin and end, the offsets of each group, single messages."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaTimeoutError,
    NotCoordinatorError,
)

from runtime import topics
from runtime.errors import StartError
from runtime.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kafka.admin import KafkaAdminClient
    from kafka.consumer.fetcher import ConsumerRecord
    from kafka.structs import OffsetAndMetadata

    from operations.audit.offsets import Partition, Range
    from runtime.settings import KafkaSettings

POLL_MS = 500
RETRY_SECONDS = 0.2
COMING_UP = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
STALLED_SECONDS = 30.0
"""A broker that gives nothing for so long, where it has something, has failed."""


class Log:
    """The topics of one installation. It only reads, and joins no group."""

    def __init__(self, kafka: KafkaSettings, consumer: KafkaConsumer, admin: KafkaAdminClient) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._admin = admin

    def firsts(self, names: Iterable[str]) -> dict[Partition, int]:
        """Return the first offset that each partition of these topics still has."""
        return _plain(self._consumer.beginning_offsets(self._partitions(names)))

    def ends(self, names: Iterable[str]) -> dict[Partition, int]:
        """Return the offset that each partition's next message will have."""
        return _plain(self._consumer.end_offsets(self._partitions(names)))

    def committed(self, group: str, names: Iterable[str]) -> dict[Partition, int]:
        """Return a group's committed offsets; partitions without one are left out."""
        partitions = self._partitions(names)
        found = self._offsets(group, partitions) if partitions else {}
        return {(each.topic, each.partition): at.offset for each, at in found.items() if at.offset >= 0}

    def _offsets(
        self, group: str, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Ask for offsets, again while the group's coordinator moves or is created."""
        deadline = time.monotonic() + STALLED_SECONDS
        while True:
            try:
                found: dict[TopicPartition, OffsetAndMetadata]
                found = self._admin.list_group_offsets({group: partitions})[group]
            except COMING_UP:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return found

    def since(self, names: Iterable[str], milliseconds: int) -> dict[Partition, int]:
        """Return the first offset whose message was published at that time (µs since 1970 UTC) or later."""
        partitions = self._partitions(names)
        ends = self.ends(names)
        found = self._consumer.offsets_for_times(dict.fromkeys(partitions, max(0, milliseconds)))
        return {
            (each.topic, each.partition): ends[each.topic, each.partition] if at is None else at.offset
            for each, at in found.items()
        }

    def read(self, place: Partition, wanted: Range) -> Iterator[ConsumerRecord]:
        """Read the messages of a range; offsets without a message are passed over."""
        partition = TopicPartition(*place)
        self._consumer.assign([partition])
        self._consumer.seek(partition, wanted.first)
        moved = time.monotonic()
        position = wanted.first
        while position < wanted.end:
            for record in self._consumer.poll(timeout_ms=POLL_MS).get(partition, ()):
                if record.offset >= wanted.end:
                    return
                yield record
            now, reached = time.monotonic(), self._consumer.position(partition)
            if reached != position:
                position, moved = reached, now
            elif now - moved > STALLED_SECONDS:
                raise KafkaTimeoutError(f"nothing came of {place[0]}/{place[1]}")

    def _partitions(self, names: Iterable[str]) -> list[TopicPartition]:
        found = []
        for name in names:
            partitions = self._consumer.partitions_for_topic(name)
            if not partitions:
                raise StartError(f"Kafka has no topic {name}: run `callweave topics`.")
            found += [TopicPartition(name, number) for number in sorted(partitions)]
        return found


@contextmanager
def opened(kafka: KafkaSettings) -> Iterator[Log]:
    """Connect to Kafka; raise `StartError` when it does not answer."""
    with topics.admin(kafka) as admin:
        consumer = KafkaConsumer(
            **client_options(kafka),
            client_id="callweave-audit",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        try:
            yield Log(kafka, consumer, admin)
        finally:
            consumer.close()


def _plain(offsets: dict[TopicPartition, int]) -> dict[Partition, int]:
    return {(each.topic, each.partition): offset for each, offset in offsets.items()}
