"""Up to which time all events are in the tables, whichever sink writes them.

A leg is looked up to find what its correlator had forgotten when it asked. A sink that works off hours, or
one of several, may read the question before those events are written: then the answer would be incomplete,
and nobody would ask again. So records of calls wait until the events are in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.topics import Topic

if TYPE_CHECKING:
    from sinks.batch import Partition
    from sinks.consumer import Consumer


class Horizon:
    """Asks the broker what the group has committed, and remembers the answer. Not thread-safe."""

    def __init__(self, consumer: Consumer, margin: int) -> None:
        """`margin`, microseconds, is how far beyond what is needed it looks, so that it rarely has to ask."""
        self._consumer = consumer
        self._margin = margin
        self._known = 0
        self._needed: dict[int, dict[Partition, int]] = {}
        """By time, where its events ended when it was asked for first. Later events may bear an earlier time,
        by a slow clock: who also waited for those would wait for as long as events come."""

    def reaches(self, time: int) -> bool:
        """Return whether all events are in that were published before (microseconds since 1970 UTC).

        Raises `KafkaError`.
        """
        looked_at = (time + self._margin, time)
        self._needed = {each: needed for each, needed in self._needed.items() if each in looked_at}
        for until in looked_at:
            if until <= self._known:
                return True
            if self._consumer.has_committed(self._needed_until(until)):
                self._known = until
        return time <= self._known

    def _needed_until(self, time: int) -> dict[Partition, int]:
        needed = self._needed.get(time)
        if needed is None or needed.keys() != self._consumer.partitions_of(Topic.EVENTS):
            needed = self._needed[time] = self._consumer.ends_before(Topic.EVENTS, time // 1000)
        return needed
