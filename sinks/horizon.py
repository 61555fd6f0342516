"""Up to which time all events are in the tables, whichever sink writes them.

A leg is looked up to find what its correlator had forgotten when it asked. A sink that works off hours, or
one of several, may read the question before those events are written: then the answer would be incomplete,
and nobody would ask again. So records of calls wait until the events are in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.topics import Topic

if TYPE_CHECKING:
    from sinks.consumer import Consumer


class Horizon:
    """Asks the broker what the group has committed, and remembers the answer. Not thread-safe."""

    def __init__(self, consumer: Consumer, margin: int) -> None:
        """`margin`, microseconds, is how far beyond what is needed it looks, so that it rarely has to ask."""
        self._consumer = consumer
        self._margin = margin
        self._known = 0

    def reaches(self, time: int) -> bool:
        """Return whether all events are in that were published before (microseconds since 1970 UTC).

        Raises `KafkaError`.
        """
        for until in (time + self._margin, time):
            if until <= self._known:
                return True
            if self._consumer.has_committed(Topic.EVENTS, until // 1000):
                self._known = until
        return time <= self._known
