"""A correlator can't have forgotten what it has not read yet.

After an outage a correlator works off what is hours old, and begins a state for each call in it. Of these the
tables know more than the correlator does, but only because it lags: the rest comes by itself. To look all of
that up and to send it would take more than to work it off, so a long outage might never be made good.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from runtime.clock import SystemClock
from runtime.kafka import client_options
from schemas.times import SECOND
from schemas.topics import Topic, partition_of, topic_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

SECONDS = 30.0
"""Between two looks."""
CLOCKS = 15 * 60 * SECOND
"""By less do the clocks of our own machines differ: what is received is published later, by another clock."""

ASK_MS = 5_000
POLL_MS = 200
CLOSE_MS = 1_000


@dataclass(frozen=True, slots=True)
class Look:
    """Where correlators stood at one time; all times are in microseconds since 1970 UTC."""

    at: int = 0
    """When that was, or somewhat earlier."""
    partitions: int = 1
    """How many `calls.events` has."""
    published: Mapping[int, int] = field(default_factory=dict)
    """By partition, when the next message that was to be read had been published. Partitions of which
    everything had been read are left out, and those of which nothing is known."""

    def has_unread(self, account: str, ids: tuple[str, ...], received_at: int) -> bool:
        """Whether an event that names these ids, and was received then, certainly had not been read."""
        partition = partition_of(topic_key(account, min(ids)), self.partitions)
        published = self.published.get(partition)
        return published is not None and received_at > published + CLOCKS


class Unread:
    """Looks of the last hours. One thread may take note of them while another one asks."""

    def __init__(self, kept: int) -> None:
        """`kept` is for how long a correlator keeps what it has read at least, in microseconds."""
        self._kept = kept
        self._looks: tuple[Look, ...] = ()

    def note(self, look: Look) -> None:
        """Take note of a look, the latest."""
        self._looks = (*(each for each in self._looks if each.at > look.at - self._kept), look)

    def by(self, at: int) -> Look:
        """Give the earliest look since which a leg that began at that time has forgotten nothing.

        What was not read then is in the correlator's state now, or still comes.
        """
        return next((look for look in self._looks if look.at >= at - self._kept), Look())


class Positions:
    """Asks Kafka where the correlators stand. It joins no group."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Raises `KafkaError` when no broker answers."""
        self._topic = kafka.topic(Topic.EVENTS)
        self._consumer = KafkaConsumer(
            **client_options(kafka),
            client_id="callweave-sink-unread",
            group_id=kafka.group("correlate"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=1,
            max_partition_fetch_bytes=1,  # a broker then gives one batch of messages
            metrics_enabled=False,
        )

    def look(self, now: int) -> Look:
        """Look at all partitions; `now` is in microseconds since 1970 UTC. Raises `KafkaError`."""
        numbers = self._consumer.partitions_for_topic(self._topic) or ()
        partitions = [TopicPartition(self._topic, each) for each in numbers]
        firsts = self._consumer.beginning_offsets(partitions, timeout_ms=ASK_MS)
        ends = self._consumer.end_offsets(partitions, timeout_ms=ASK_MS)
        following: dict[TopicPartition, int] = {}
        for each in partitions:
            # without a commit, or if what was committed is gone, correlators begin with the first message
            offset = max(self._consumer.committed(each, timeout_ms=ASK_MS) or 0, firsts[each])
            if offset < ends[each]:
                following[each] = offset
        return Look(now, len(partitions), self._published(following))

    def _published(self, offsets: dict[TopicPartition, int]) -> dict[int, int]:
        """When the messages at these offsets were published; those that do not come in time are left out."""
        self._consumer.assign(list(offsets))
        self._consumer.resume(*offsets)  # the last look paused them
        for partition, offset in offsets.items():
            self._consumer.seek(partition, offset)
        found: dict[int, int] = {}
        deadline = time.monotonic() + ASK_MS / 1000
        while len(found) < len(offsets) and time.monotonic() < deadline:
            for partition, records in self._consumer.poll(timeout_ms=POLL_MS).items():
                found[partition.partition] = records[0].timestamp * 1000
                self._consumer.pause(partition)
        return {number: at for number, at in found.items() if at > 0}

    def close(self) -> None:
        self._consumer.close(timeout_ms=CLOSE_MS)


def keep_looking(kafka: KafkaSettings, unread: Unread, stop: Event) -> None:
    """Look again and again until told to stop. While Kafka does not answer, nothing is known to be unread."""
    clock = SystemClock()
    while not stop.is_set():
        try:
            with closing(Positions(kafka)) as positions:
                unread.note(positions.look(clock.now()))
                while not stop.wait(SECONDS):
                    unread.note(positions.look(clock.now()))
        except KafkaError as error:
            log.info("how far correlators are is not known", error=type(error).__name__)
            stop.wait(SECONDS)
