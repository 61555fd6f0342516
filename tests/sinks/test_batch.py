from __future__ import annotations

import itertools
import random

import pytest

from runtime.backoff import MOST_SECONDS, delays
from schemas.records import record_of
from schemas.topics import Topic
from sinks.batch import MAX_BYTES, Batch, Batches
from sinks.readiness import Readiness
from sinks.rows import Known, read
from sinks.tables import CALLBACKS, DEAD_LETTERS, LEGS, RECORDS
from tests.kit.messages import StoredMessage
from tests.sinks.test_rows import EVENT, callback_message

RECORD = record_of(EVENT)


def known(call_id: str = "a", **fields: object) -> Known:
    return Known("acme", call_id, RECORD | fields)


def test_a_batch_is_due_by_rows_by_bytes_or_by_time() -> None:
    batch = Batch()
    assert not batch.is_due(1e9, rows=1, seconds=1)
    batch.add(StoredMessage("r"), known(), 10.0)
    assert batch.is_due(10.0, rows=1, seconds=1)
    assert not batch.is_due(10.5, rows=2, seconds=1)
    assert batch.is_due(11.0, rows=2, seconds=1)
    assert (batch.due_in(10.25, seconds=1), batch.due_in(12, seconds=1)) == (0.75, 0.0)
    batch.add(StoredMessage("r", value=bytes(MAX_BYTES)), known(), 10.5)
    assert batch.is_due(10.5, rows=100, seconds=1)


def test_while_more_is_at_hand_only_a_full_batch_is_due() -> None:
    batch = Batch()
    batch.add(StoredMessage("r"), known(), 10.0)
    assert not batch.is_due(99.0, rows=2, seconds=1, more=True)
    assert batch.is_due(99.0, rows=2, seconds=1, more=False)
    batch.add(StoredMessage("r"), known(), 10.0)
    assert batch.is_due(10.0, rows=2, seconds=1, more=True)
    assert not Batch().is_due(99.0, rows=2, seconds=1)


def test_callbacks_and_events_wait_three_times_as_long_as_records() -> None:
    batches = Batches()
    assert batches.due(1e9, rows=1, seconds=1) == []
    batches.add(Topic.RAW, StoredMessage("c", 0, 3), read(Topic.RAW, callback_message()), 10.0)
    batches.add(Topic.RECORDS, StoredMessage("r", 0, 5), known(), 10.5)
    calls, rest = batches.all()
    assert (calls.offsets, rest.offsets, batches.messages) == ({("r", 0): 6}, {("c", 0): 4}, 2)
    assert batches.due(11.4, rows=2, seconds=1) == []
    assert batches.due_in(11.4, seconds=1) == pytest.approx(0.1)
    assert batches.due(11.5, rows=2, seconds=1) == [calls]
    batches.written(calls)
    assert (batches.messages, batches.all()[1]) == (1, rest)
    assert batches.due_in(11.5, seconds=0.25) == 0
    assert batches.due(12.9, rows=2, seconds=1) == []
    assert batches.due(13.0, rows=2, seconds=1) == [rest]
    batches.forget([("c", 0)])
    assert rest.offsets == {}


def test_records_of_one_call_are_one_row() -> None:
    batch = Batch()
    batch.add(StoredMessage("r", 0, 5), known(last_received_at=7), 0.0)
    batch.add(StoredMessage("r", 0, 6), known(last_received_at=9), 0.0)
    batch.add(StoredMessage("r", 1, 2), known("b", last_received_at=8), 0.0)
    calls, legs = batch.inserts()
    assert (calls.table, legs.table) == (RECORDS, LEGS)
    assert (batch.messages, calls.rows, legs.rows) == (3, 2, 4)
    assert (calls.oldest, calls.newest) == (8, 9)
    assert batch.offsets == {("r", 0): 7, ("r", 1): 3}


def test_what_people_wait_for_is_written_first() -> None:
    batch = Batch()
    batch.add(StoredMessage("r"), known(), 0.0)
    poison = StoredMessage("e", value=b"{")
    batch.add(poison, read(Topic.EVENTS, poison), 0.0)
    raw = callback_message()
    batch.add(raw, read(Topic.RAW, raw), 0.0)
    assert [insert.table for insert in batch.inserts()] == [RECORDS, LEGS, CALLBACKS, DEAD_LETTERS]


def test_what_was_taken_away_is_written_but_not_committed() -> None:
    batch = Batch()
    batch.add(StoredMessage("r", 0, 5), known(), 0.0)
    batch.add(StoredMessage("r", 1, 5), known("b"), 0.0)
    batch.forget({("r", 0), ("r", 9)})
    assert batch.offsets == {("r", 1): 6}
    assert [insert.rows for insert in batch.inserts()] == [2, 4]
    # and when it comes back, it is read again from what was committed
    batch.add(StoredMessage("r", 0, 3), known(), 0.0)
    assert batch.offsets == {("r", 1): 6, ("r", 0): 4}


def test_a_merged_leg_belongs_to_the_smaller_call() -> None:
    batch = Batch()
    batch.add(StoredMessage("r"), known("b", merged_into="a"), 0.0)
    _, legs = batch.inserts()
    assert set(legs.columns[2]) == {"a"}


def test_an_empty_batch_has_nothing_to_insert() -> None:
    assert Batch().inserts() == []


def test_waits_grow_and_stay_bounded_and_differ() -> None:
    waits = list(itertools.islice(delays(random.Random(1)), 20))
    assert all(0.05 <= wait <= MOST_SECONDS for wait in waits)
    assert waits[0] <= 0.1
    assert min(waits[-5:]) >= MOST_SECONDS / 2
    assert waits != list(itertools.islice(delays(random.Random(2)), 20))


def test_readiness_names_what_is_wrong() -> None:
    readiness = Readiness()
    assert readiness() == (False, "starting")
    readiness.clear("start")
    assert readiness() == (True, "")
    readiness.hinder("insert", "ClickHouse is away")
    readiness.hinder("commit", "Kafka is away")
    assert readiness() == (False, "ClickHouse is away; Kafka is away")
    readiness.clear("insert")
    readiness.clear("commit")
    assert readiness() == (True, "")
