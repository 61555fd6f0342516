"""What a writer says of commits that fail: with a consumer and tables that are only played."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from kafka.errors import CommitFailedError

from runtime.settings import SinkSettings
from schemas.topics import Topic
from sinks.readiness import Readiness
from sinks.store import Taken
from sinks.writer import Trouble, Writer
from tests.kit.events import event
from tests.kit.messages import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sinks.batch import Insert, Partition
    from sinks.consumer import Consumer
    from sinks.recall import Recall
    from sinks.rows import Message
    from sinks.store import Store

EVENTS = "calls.events"


class LosesItsPartition:
    """A consumer whose group goes on without it as it commits; what it read then belongs to others."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._unread: list[tuple[Topic, Message]] = [
            (Topic.EVENTS, StoredMessage(EVENTS, 0, 5, event("ring", "a").to_json()))
        ]
        self._taken: set[Partition] = set()
        self.refused = 0

    def poll(self, _: float) -> list[tuple[Topic, Message]]:
        if self.refused and not self._taken:
            self._taken = {(EVENTS, 0)}
        elif self.refused:
            self._stop.set()
        messages, self._unread = self._unread, []
        return messages

    def taken(self) -> set[Partition]:
        return self._taken

    def commit(self, _: dict[Partition, int]) -> None:
        self.refused += 1
        raise CommitFailedError

    def is_member(self) -> bool:
        return True

    def report_lag(self) -> int:
        return 0

    def resume(self) -> None:
        pass


class TakesAll:
    """Tables, and legs that nobody forgot."""

    margin = 0

    def insert(self, inserts: Sequence[Insert]) -> Iterator[tuple[Insert, Taken]]:
        return ((each, Taken()) for each in inserts)


def test_what_others_have_taken_over_need_not_be_committed_any_more() -> None:
    stop, readiness = threading.Event(), Readiness()
    consumer, tables = LosesItsPartition(stop), TakesAll()
    writer = Writer(
        SinkSettings(batch_seconds=0.01),
        cast("Consumer", consumer),
        cast("Store", tables),
        cast("Recall", tables),
        Trouble(readiness),
        stop=stop,
    )
    writer.run()
    assert consumer.refused
    assert readiness() == (True, "")
