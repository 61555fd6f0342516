"""The Kafka topics between the stages: their names, keys, values, and how long they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY_MS = 24 * 3600 * 1000


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


SPECS: dict[Topic, TopicSpec] = {
    spec.topic: spec
    for spec in (
        TopicSpec(
            Topic.RAW,
            key="none",
            value="the payload's exact bytes: the body, or the query string of a GET",
            config={"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)},
        ),
        TopicSpec(
            Topic.REJECTED,
            key="none",
            value="the payload's exact bytes; the reasons are in the headers",
            config={"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)},
        ),
        TopicSpec(
            Topic.REPLAY,
            key="none",
            value="an archived callback's exact bytes; what the archive knows of it is in the headers",
            config={"cleanup.policy": "delete", "retention.ms": str(3 * DAY_MS)},
        ),
        TopicSpec(
            Topic.EVENTS,
            key="account/the smallest leg id that the event names",
            value="CallEvent, JSON",
            config={"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)},
        ),
        TopicSpec(
            Topic.LINKS,
            key="account/leg id",
            value="a link, a merge or a forwarded event, JSON; between correlators only",
            config={"cleanup.policy": "delete", "retention.ms": str(3 * DAY_MS)},
        ),
        TopicSpec(
            Topic.RECORDS,
            key="account/call id",
            value="CallRecord, JSON",
            config={"cleanup.policy": "compact"},
        ),
    )
}


def topic_key(account: str, leg: str) -> bytes:
    """The key of everything about one leg. It contains the account, so that tenants never share a leg."""
    return f"{account}/{leg}".encode()
