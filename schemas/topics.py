"""The Kafka topics between the stages: their names, keys, values, and how long they are kept."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

DAY_MS = 24 * 3600 * 1000
MIB = 1024 * 1024


class Topic(StrEnum):
    """A topic's name, without the installation's prefix."""

    RAW = "callbacks.raw"
    REJECTED = "callbacks.rejected"
    REPLAY = "callbacks.replay"
    EVENTS = "calls.events"
    LINKS = "calls.links"
    RECORDS = "calls.records"


@dataclass(frozen=True)
class TopicSpec:
    """What a topic carries and how Kafka keeps it."""

    topic: Topic
    key: str
    value: str
    config: dict[str, str]


def _kept(days: int, *, largest: int = 2 * MIB) -> dict[str, str]:
    """Kafka's settings of a topic: kept by time, and nothing is lost to a broker that fell behind."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * DAY_MS),
        "retention.bytes": "-1",
        "compression.type": "producer",
        "max.message.bytes": str(largest),
        "unclean.leader.election.enable": "false",
    }


SPECS: dict[Topic, TopicSpec] = {
    spec.topic: spec
    for spec in (
        TopicSpec(
            Topic.RAW,
            key="none",
            value="the payload's exact bytes: the body, or the query string of a GET",
            config=_kept(14, largest=MIB),
        ),
        TopicSpec(
            Topic.REJECTED,
            key="none",
            value="the payload's exact bytes; the reasons are in the headers",
            config=_kept(90, largest=3 * MIB),
        ),
        TopicSpec(
            Topic.REPLAY,
            key="none",
            value="an archived callback's exact bytes; what the archive knows of it is in the headers",
            config=_kept(14),
        ),
        TopicSpec(
            Topic.EVENTS,
            key="account/the smallest leg id that the event names",
            value="CallEvent, JSON",
            config=_kept(14),
        ),
        TopicSpec(
            Topic.LINKS,
            key="account/leg id",
            value="a link, or events that go to another leg, JSON; from correlators and the sink",
            config=_kept(14),
        ),
        TopicSpec(
            Topic.RECORDS,
            key="account/call id",
            value="CallRecord, JSON: the row of a call with those of its legs",
            config=_kept(14),
        ),
    )
}
"""None is kept shorter than what it is made from, so that whoever comes late can begin with any of them."""


CHANGELOG_CONFIG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * MIB),  # only closed segments are compacted
    "min.cleanable.dirty.ratio": "0.1",
    "max.message.bytes": str(2 * MIB),
    "unclean.leader.election.enable": "false",
}
"""Of the topic that keeps the correlator's state; correlate makes it."""


def insync_replicas(replication_factor: int) -> int:
    """How many brokers must have a message before it is acknowledged: one of them may be down."""
    return max(1, replication_factor - 1)


def topic_key(account: str, leg: str) -> bytes:
    """The key of everything about one leg. It contains the account, so that tenants never share a leg."""
    return f"{account}/{leg}".encode()


def partition_of(key: bytes | None, partitions: int) -> int:
    """Give the partition of a key: CRC-32, as librdkafka's `consistent` partitioner, in C and quick.

    Everything about one leg must meet on one number, in `calls.events`, `calls.links` and the changelog.
    """
    return zlib.crc32(key or b"") % partitions
