"""Calls in the tables as correlate and the sink leave them: events, and the rows that they fold to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime import clickhouse
from schemas.calls import is_call
from schemas.legs import Tellings
from schemas.readings import newest
from schemas.records import row_of
from schemas.topics import Topic
from sinks.batch import Batch
from sinks.rows import Poison, read
from sinks.store import Store
from tests.kit.messages import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.settings import Settings
    from schemas.events import CallEvent
    from schemas.records import Record


def joined(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Each event once, in its newest reading."""
    found: dict[str, CallEvent] = {}
    for event in events:
        found[event.event_id] = newest(found.get(event.event_id, event), event)
    return list(found.values())


def record_of(events: Iterable[CallEvent]) -> Record:
    """What correlate emits of a call that has these events, of one connected call."""
    events = joined(events)
    if not is_call(events):
        raise AssertionError("these events say nothing")
    call_id = min(leg for event in events for leg in event.ids)
    return row_of(events[0].account, call_id, Tellings(events))


def batch_of(*calls: Iterable[CallEvent]) -> Batch:
    """What the sink gathers of these calls, each with all its events; messages have no call."""
    batch = Batch()
    for events in map(list, calls):
        for event in events:
            add(batch, Topic.EVENTS, event.to_json())
        named = [event for event in events if event.ids]
        if named:
            add(batch, Topic.RECORDS, record_of(named).to_json())
    return batch


def add(batch: Batch, topic: Topic, value: bytes) -> None:
    message = StoredMessage(topic.value, 0, batch.messages, value)
    outcome = read(topic, message)
    assert not isinstance(outcome, Poison), outcome.reasons
    batch.add(message, outcome, 0.0)


def insert(settings: Settings, batch: Batch) -> None:
    """Write the batch; all of it is taken."""
    store = Store(settings)
    for _, taken in store.insert(batch.inserts()):
        assert taken.error is None, taken.error
        assert not taken.refused
    store.close()


VERSIONS_BEGIN = (
    "INSERT INTO call_versions (account, day, call_id, version, is_gone, visible_at) "
    "VALUES ('nobody', '2001-01-01', 'none', 1, 1, '2001-01-01 00:00:00')"
)
"""So that no version of any call of a test was dropped: their callbacks were received years ago."""


def versions_begin(settings: Settings) -> None:
    """Keep call_versions since before all calls of tests."""
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(VERSIONS_BEGIN)


def write(settings: Settings, *calls: Iterable[CallEvent]) -> None:
    """Write these calls, each with all its events, as one batch of the sink."""
    insert(settings, batch_of(*calls))
