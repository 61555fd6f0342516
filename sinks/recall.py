"""Tell a leg whose state began with nothing what the tables know of it, through `calls.links`.

The correlator forgets calls that have been quiet for long; late news of one begins a new state. One look-up a
batch finds what is tied to such legs in the table of events. Of a call that has just begun there is nothing:
only events count that are older than half of the shortest time after which state is dropped, and younger ones
are in the state. Nor do those count that correlators had not read by then, since they lag. A leg whose own id
proves that it is young is not looked up. What any reading of an event tied stays tied here as in the state.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kafka import KafkaProducer

from runtime.departures import close_producer
from runtime.kafka import ByKey, client_options
from runtime.portions import portions
from runtime.producer import REQUEST_BYTES
from schemas.times import SECOND
from schemas.topics import Topic, topic_key
from sinks import metrics
from sinks.batch import Insert
from sinks.lookup import LookUp
from sinks.rows import gone_call, gone_leg
from sinks.tables import CALLS, LEGS
from sinks.tied import is_young, tied
from sinks.told import SELECTED, events_of
from sinks.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runtime.settings import CorrelateSettings, Settings
    from schemas.events import CallEvent
    from sinks.batch import Leg
    from sinks.store import Store
    from sinks.tables import Row
    from sinks.tied import Tied
    from sinks.unread import Unread

SEND_SECONDS = 30.0
CLOSE_SECONDS = 1.0

READ = """
SELECT $selected
FROM stored_events FINAL
WHERE (account, day, event_id) IN %(keys)s
""".replace("$selected", SELECTED)
NAMED = """
SELECT DISTINCT account, day, call_id, leg_id
FROM stored_legs
WHERE (account, day, call_id) IN %(keys)s
"""


def young(settings: CorrelateSettings) -> int:
    """Give for how long everything is in a correlator's state, whatever happens; microseconds."""
    return int(settings.silence_seconds / 2 * SECOND)


class Recall:
    """Looks legs up, and sends back what it finds. Not thread-safe."""

    def __init__(self, settings: Settings, store: Store, unread: Unread) -> None:
        """Connects only when something is to be sent. `unread` tells how far correlators are."""
        self._kafka = settings.kafka
        self._store = store
        self._unread = unread
        self._young = young(settings.correlate)
        self._producer: KafkaProducer | None = None

    @property
    def margin(self) -> int:
        """Events that are younger are in the state of a correlator, and not looked up; microseconds."""
        return self._young

    def find(self, legs: Iterable[Leg], at: int) -> list[Tied]:
        """Return everything that is tied to these legs and was old enough when they asked.

        `at` is in microseconds since 1970 UTC. Raises `StoreError`.
        """
        begun = time.perf_counter()
        before, look = at - self._young, self._unread.by(at)
        asked = [leg for leg in legs if not is_young(leg, before, at)]
        found = walk(asked, LookUp(self._store, before, look))
        events = self._read(sorted({(each.account, each.day, each.event_id) for each in found.namings}))
        metrics.RECALL_SECONDS.observe(time.perf_counter() - begun)
        return tied(asked, found, events)

    def hidden(self, found: Iterable[Tied]) -> list[Insert]:
        """Return rows that hide each id but the smallest: it once was a call. Raises `StoreError`."""
        roots = {
            (each.account, day, call_id): each.root
            for each in found
            for call_id in each.ids[1:]
            for day in each.days
        }
        calls: list[Row] = [gone_call(*key, part_of=root) for key, root in roots.items()]
        legs: list[Row] = [gone_leg(*row) for row in self._in_portions(NAMED, "keys", list(roots))]
        return [
            Insert(table, rows, [None] * len(rows)) for table, rows in ((CALLS, calls), (LEGS, legs)) if rows
        ]

    def send(self, found: Iterable[Tied]) -> None:
        """Return once the broker has all of it. Raises `KafkaError`."""
        if self._producer is None:
            self._producer = KafkaProducer(
                **client_options(self._kafka),
                client_id="callweave-recall",
                partitioner=ByKey(),
                acks="all",
                max_request_size=REQUEST_BYTES,
                max_block_ms=int(SEND_SECONDS * 1000),
                metrics_enabled=False,
            )
        topic = self._kafka.topic(Topic.LINKS)
        sent = [
            self._producer.send(topic, key=topic_key(each.account, leg), value=value)
            for each in found
            for leg, value in each.messages()
        ]
        for each in sent:
            each.get(timeout=SEND_SECONDS)
        metrics.RECALLED.inc(sum(len(each.asked) for each in found))

    def close(self) -> None:
        if self._producer is not None:
            close_producer(self._producer, CLOSE_SECONDS)

    def _read(self, keys: list[tuple[Any, ...]]) -> list[CallEvent]:
        return events_of(self._in_portions(READ, "keys", keys))

    def _in_portions(self, query: str, name: str, keys: list[Any]) -> Iterator[tuple[Any, ...]]:
        for some in portions(keys):
            yield from self._store.ask(query, {name: some})
