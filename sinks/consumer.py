"""Messages from Kafka, and commits. One consumer of the group, for one thread.

A rebalance happens inside `poll`, on a thread of kafka-python's own: the listener only notes what was taken
away, and the caller asks `taken()` afterwards.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from runtime.kafka import client_options
from schemas.topics import Topic
from sinks.metrics import LAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kafka.consumer.fetcher import ConsumerRecord
    from kafka.coordinator.consumer import ConsumerCoordinator

    from runtime.settings import KafkaSettings
    from sinks.batch import Partition

TOPICS = (Topic.RAW, Topic.REJECTED, Topic.EVENTS, Topic.RECORDS)

BOOTSTRAP_MS = 5_000
COMMIT_MS = 5_000
ASK_MS = 2_000
"""How long a question about offsets may take: nothing is written meanwhile."""
CLOSE_MS = 5_000
FETCH_WAIT_MS = 100
"""How long the broker may gather for an answer. A partition that was read to the end meanwhile is asked about
only in the next request: more would add to the delay of its messages."""
FETCH_LEAST_BYTES = 512 * 1024
"""With so much it answers at once: to answer each message as it comes took more than to write it. It is less
than what may come of one partition, or the broker would wait for more than it may send."""
METADATA_MS = 10_000
"""How soon new topics and partitions are noticed."""
MAX_POLL_RECORDS = 2_000
FETCH_BYTES = 8 * 1024 * 1024
"""What one answer of a broker may hold, and so about what waits here beside a batch."""


class Consumer:
    """Reads all topics of the sink."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Raises `KafkaError` when no broker answers."""
        self._kafka = kafka
        self._topics = {kafka.topic(topic): topic for topic in TOPICS}
        self._taken: set[Partition] = set()
        self._done: dict[TopicPartition, int] = {}
        """By partition, the offset up to which all that was read here is committed."""
        self._read: dict[TopicPartition, int] = {}
        """By partition, the offset after the last message that was read here."""
        self._withheld: set[str] = set()
        session_ms = int(kafka.session_timeout_seconds * 1000)
        self._consumer = KafkaConsumer(
            **client_options(kafka),
            client_id="callweave-sink",
            group_id=kafka.group("sink"),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            max_poll_records=MAX_POLL_RECORDS,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_LEAST_BYTES,
            fetch_max_bytes=FETCH_BYTES,
            metadata_max_age_ms=METADATA_MS,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
            metrics_enabled=False,
        )
        want_until_joined(self._consumer._coordinator)  # noqa: SLF001 - there is no other way to it
        self._consumer.subscribe(list(self._topics), listener=_Listener(self._taken))

    def poll(self, seconds: float) -> Iterator[tuple[Topic, ConsumerRecord]]:
        """Wait for messages at most so long; those of one partition are in order."""
        if self._withheld:
            self._consumer.pause(*self._partitions_of(self._withheld))
        polled = self._consumer.poll(timeout_ms=int(seconds * 1000))
        for partition, records in polled.items():
            self._done.setdefault(partition, records[0].offset)
            self._read[partition] = records[-1].offset + 1
        return (
            (self._topics[partition.topic], record)
            for partition, records in polled.items()
            for record in records
        )

    def hold(self, seconds: float) -> None:
        """Stay in the group for so long without taking messages; `resume` continues where `poll` stopped."""
        self._consumer.pause(*self._consumer.assignment())
        # a partition that a rebalance gives us in here is not paused yet: give back what it brings
        for partition, records in self._consumer.poll(timeout_ms=int(seconds * 1000)).items():
            self._consumer.seek(partition, records[0].offset)

    def resume(self) -> None:
        """Take messages again after `hold`."""
        self._consumer.resume(*(self._consumer.paused() - self._partitions_of(self._withheld)))

    def withhold(self, topics: Iterable[Topic]) -> None:
        """Take nothing of these topics from now on, and messages of all others again."""
        names = {self._kafka.topic(topic) for topic in topics}
        again = self._partitions_of(self._withheld - names)
        self._withheld = names
        self._consumer.resume(*again)

    def taken(self) -> set[Partition]:
        """Return the partitions that others have read since the last call, even if they are ours again."""
        taken = set(self._taken)
        self._taken -= taken
        for name, number in taken:
            self._done.pop(TopicPartition(name, number), None)
            self._read.pop(TopicPartition(name, number), None)
            with contextlib.suppress(KeyError):  # it may never have had a lag
                LAG.remove(name, number)
        return taken

    def commit(self, offsets: dict[Partition, int]) -> None:
        """Commit these offsets. After a `KafkaError` it may be tried again."""
        named = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        self._consumer.commit(
            {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in named.items()},
            timeout_ms=COMMIT_MS,
        )
        self._done |= named

    def ends_before(self, topic: Topic, time: int) -> dict[Partition, int]:
        """Return the offset after the last message of each partition that is there now and older than `time`.

        `time` is in milliseconds since 1970 UTC. Raises `KafkaError`.
        """
        partitions = self._partitions(topic)
        later = self._consumer.offsets_for_times(dict.fromkeys(partitions, time), timeout_ms=ASK_MS)
        ends = self._consumer.end_offsets(partitions, timeout_ms=ASK_MS)  # last: too late is waited for
        return {
            (each.topic, each.partition): ends[each] if later[each] is None else later[each].offset
            for each in partitions
        }

    def has_committed(self, offsets: dict[Partition, int]) -> bool:
        """Return whether the group has committed these offsets, false if there are none.

        What the broker no longer has needs no commit, be it deleted or lost. Raises `KafkaError`.
        """
        partitions = [TopicPartition(*each) for each in offsets]
        first = self._consumer.beginning_offsets(partitions, timeout_ms=ASK_MS)
        ends = self._consumer.end_offsets(partitions, timeout_ms=ASK_MS)
        for each, offset in zip(partitions, offsets.values(), strict=True):
            needed = min(offset, ends[each])
            if needed > first[each] and (self._consumer.committed(each, timeout_ms=ASK_MS) or 0) < needed:
                return False
        return bool(partitions)

    def partitions_of(self, topic: Topic) -> set[Partition]:
        """Return all partitions of a topic, whoever reads them."""
        return {(each.topic, each.partition) for each in self._partitions(topic)}

    def _partitions(self, topic: Topic) -> list[TopicPartition]:
        name = self._kafka.topic(topic)
        return [TopicPartition(name, each) for each in self._consumer.partitions_for_topic(name)]

    def partitions(self) -> set[Partition]:
        return {(each.topic, each.partition) for each in self._consumer.assignment()}

    def is_member(self) -> bool:
        """Return whether we are in the group, with or without partitions."""
        return bool(self._consumer.group_metadata().generation_id >= 0)

    def report_lag(self) -> int:
        """Set the lag of each of our partitions, and return the sum; before a fetch a lag is unknown."""
        total = 0
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is None:
                continue
            done = self._done_before(partition, end)
            if done is not None:
                lag = max(0, end - done)
                LAG.labels(partition.topic, partition.partition).set(lag)
                total += lag
        return total

    def _done_before(self, partition: TopicPartition, end: int) -> int | None:
        """Return the offset before which all is committed or deleted, None if that is not known yet."""
        done = self._done.get(partition)
        if done is not None and (done >= end or done < self._read.get(partition, 0)):
            return done
        offset: int | None = self._consumer.position(partition, timeout_ms=100)  # beyond what was deleted
        return offset

    def _partitions_of(self, names: set[str]) -> set[TopicPartition]:
        return {each for each in self._consumer.assignment() if each.topic in names}

    def close(self) -> None:
        """Leave the group, so that others need not wait for the session to end."""
        with contextlib.suppress(KafkaError):  # no broker, no group to leave
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_MS)


def want_until_joined(coordinator: ConsumerCoordinator) -> None:
    """Make good a defect of kafka-python 3.0.12 that leaves a consumer without partitions for good.

    The leader of a group rejoins when its metadata has changed since it assigned partitions (at its start,
    for one). `need_rejoin` compares the two, and they are equal again as soon as it has assigned anew. If
    `poll` runs out of time in that moment, before the broker's answer, then the next one sees no need to
    rejoin, and nobody takes the assignment that comes. `rejoin_needed` stays set until it was taken.
    """
    compare = coordinator.need_rejoin

    def need_rejoin() -> bool:
        if compare():
            coordinator.rejoin_needed = True
        return bool(coordinator.rejoin_needed)

    coordinator.need_rejoin = need_rejoin


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # its base has no types
    def __init__(self, taken: set[Partition]) -> None:
        self._taken = taken

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._taken |= {(each.topic, each.partition) for each in revoked}

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        pass
