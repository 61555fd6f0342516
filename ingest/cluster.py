"""The cluster as the ingress needs it: who leads which partition, and one request for many messages.

Not kafka-python's producer, but its record batches, protocol and SASL: the producer takes 570 µs of processor
for a request and 25 µs for each message in it, and hands every request from thread to thread under Python's
global lock; this takes 160 µs and 4 µs in the thread that waits for it (tests/bench/ingest.py). What a broker
may have taken is never sent again here, since the provider repeats what got a 503; so idempotence would have
nothing to do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
)
from kafka.protocol.producer import ProduceRequest
from kafka.record.memory_records import MemoryRecordsBuilder

from ingest.wire import PRODUCE_VERSION, Wire, bootstrap, metadata, raise_for, remaining

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.groups import Message
    from ingest.wire import Address, Options

MAGIC = 2
"""The record format of every broker since 0.11."""
NO_COMPRESSION = 0
BATCH_BYTES = 1_000_000
"""Brokers take 1,048,588 by default; a larger single message makes a batch of its own."""
ALL = -1
"""acks: every in-sync replica has it."""
NOT_WRITTEN = (LeaderNotAvailableError, NotLeaderForPartitionError, UnknownTopicOrPartitionError)
"""After these alone a batch may be sent again: the broker did not take it, and another will."""
RETRY_SECONDS = 0.05


class Cluster:
    """A cluster that answered. Any error in `send` leaves it unusable."""

    def __init__(self, options: Options, topics: Iterable[str], deadline: float) -> None:
        """Connect by `deadline` (monotonic seconds); raise `KafkaError` or OSError."""
        self._options = options
        self._topics = tuple(topics)
        self._turn = 0
        self._wires: dict[Address, Wire] = {}
        self._control = bootstrap(options, deadline)
        try:
            self._leaders = self._find_leaders(self._control, deadline)
        except BaseException:
            self._control.close()
            raise

    def send(self, messages: list[Message], deadline: float) -> None:
        """Publish together; return once all are acknowledged; raise `KafkaError` or OSError otherwise.

        For one thread at a time. All go to one partition of their topic, the next in turn.
        """
        self._turn += 1
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(message.topic, []).append(message)
        for topic, group in by_topic.items():
            for records in batches(group):
                self._write(topic, records, deadline)

    def refresh(self, deadline: float) -> None:
        """Ask who leads now; raise `KafkaError` or OSError when the broker does not answer."""
        self._leaders = self._find_leaders(self._control, deadline)

    def close(self) -> None:
        """Close every connection, under the hands of whoever waits for an answer too."""
        for wire in (self._control, *list(self._wires.values())):
            wire.close()

    def _write(self, topic: str, records: bytes, deadline: float) -> None:
        """Have a batch acknowledged; when leaders are moving, as often as that takes and time allows."""
        while True:
            leaders = self._leaders[topic]
            partition, address = leaders[self._turn % len(leaders)]
            try:
                return self._produce(address, topic, partition, records, deadline)
            except NOT_WRITTEN:
                time.sleep(min(RETRY_SECONDS, remaining(deadline)))
                self._leaders = self._find_leaders(self._wire(address, deadline), deadline)

    def _produce(self, address: Address, topic: str, partition: int, records: bytes, deadline: float) -> None:
        data = ProduceRequest.TopicProduceData
        request = ProduceRequest(
            transactional_id=None,
            acks=ALL,
            timeout_ms=int(remaining(deadline) * 1000),
            topic_data=[
                data(name=topic, partition_data=[data.PartitionProduceData(index=partition, records=records)])
            ],
            version=PRODUCE_VERSION,
        )
        answer = self._wire(address, deadline).ask(request, deadline)
        for of_topic in answer.responses:
            for of_partition in of_topic.partition_responses:
                raise_for(of_partition.error_code)

    def _wire(self, address: Address, deadline: float) -> Wire:
        wire = self._wires.get(address)
        if wire is not None and not wire.usable():
            wire.close()
            wire = None
        if wire is None:
            wire = self._wires[address] = Wire(address, self._options, deadline)
        return wire

    def _find_leaders(self, wire: Wire, deadline: float) -> dict[str, list[tuple[int, Address]]]:
        """Of each topic, the partitions that have a leader, and where it is."""
        answer = metadata(wire, self._topics, deadline)
        brokers = {broker.node_id: (broker.host, broker.port) for broker in answer.brokers}
        leaders = {topic.name: list(led(topic, brokers)) for topic in answer.topics}
        if not all(leaders.get(topic) for topic in self._topics):
            raise LeaderNotAvailableError("a topic has no partition with a leader")
        return leaders


def led(topic: Any, brokers: dict[int, Address]) -> Iterator[tuple[int, Address]]:
    """The partitions of a topic that have a leader, and where it is; raise `KafkaError` if it is missing."""
    raise_for(topic.error_code)
    for partition in topic.partitions:
        if partition.leader_id in brokers:
            yield partition.partition_index, brokers[partition.leader_id]


def batches(messages: list[Message]) -> Iterator[bytes]:
    """The messages as record batches, each as large as a broker takes."""
    timestamp = time.time_ns() // 1_000_000
    builder = MemoryRecordsBuilder(MAGIC, NO_COMPRESSION, BATCH_BYTES)
    for message in messages:
        if builder.append(timestamp, None, message.value, message.headers) is None:
            yield closed(builder)
            builder = MemoryRecordsBuilder(MAGIC, NO_COMPRESSION, BATCH_BYTES)
            if builder.append(timestamp, None, message.value, message.headers) is None:
                raise KafkaError("a message fits into no batch")
    yield closed(builder)


def closed(builder: MemoryRecordsBuilder) -> bytes:
    """The finished bytes of a batch."""
    builder.close()
    records: bytes = builder.buffer()
    return records
