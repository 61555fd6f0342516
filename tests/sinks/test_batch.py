from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from runtime.backoff import MOST_SECONDS, delays
from runtime.stuck import Progress
from schemas.legs import Leg
from schemas.records import FOR_GOOD, Record
from schemas.topics import Topic
from sinks.batch import MAX_BYTES, Batch, Batches, Insert, begun_together
from sinks.readiness import Readiness
from sinks.rows import GONE, GONE_QUIETLY, read
from sinks.tables import CALLBACKS, CALLS, DEAD_LETTERS, LEGS
from tests.kit.messages import StoredMessage
from tests.sinks.folded import record_of
from tests.sinks.test_rows import EVENT, callback_message

if TYPE_CHECKING:
    from schemas.calls import Call

ROW = record_of([EVENT])
MONDAY, TUESDAY, WEDNESDAY = (date(2024, 3, day) for day in (4, 5, 6))


def known(
    call_id: str = "a", version: int = 1, *, received_at: int = 8, days: tuple[date, ...] = (MONDAY,)
) -> Record:
    call: Call | None = ROW.call
    assert call is not None
    call = replace(call, call_id=call_id, last_received_at=received_at)
    return replace(ROW, call_id=call_id, version=version, days=days, call=call)


def gone(call_id: str, *days: date) -> Record:
    return Record(
        account="acme",
        call_id=call_id,
        version=FOR_GOOD,
        days=days,
        legs=(Leg(leg_id="x"),),
        gone=True,
        part_of="a",
    )


def versions(batch: Batch) -> dict[tuple[object, ...], int]:
    """Of each key the version that is written."""
    (calls,) = (insert for insert in batch.inserts() if insert.table is CALLS)
    return {row[:3]: row[3] for row in calls.rows}


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


def two_batches() -> Batches:
    """A callback that came at 10.0 and may wait for three seconds, and a record that came at 12.5."""
    batches = Batches(3.0)
    batches.add(Topic.RAW, StoredMessage("c", 0, 3), read(Topic.RAW, callback_message()), 10.0)
    batches.add(Topic.RECORDS, StoredMessage("r", 0, 5), known(), 12.5)
    return batches


def test_callbacks_and_events_are_written_right_behind_records_of_calls() -> None:
    assert Batches(3.0).due(1e9, rows=1, seconds=1) == []
    batches = two_batches()
    calls, rest = batches.all()
    assert (calls.offsets, rest.offsets, batches.messages) == ({("r", 0): 6}, {("c", 0): 4}, 2)
    assert batches.due(13.4, rows=2, seconds=1) == []
    assert batches.due_in(13.4, seconds=1) == pytest.approx(0.1)
    assert batches.due(13.5, rows=2, seconds=1) == [calls, rest]
    assert batches.due(13.4, rows=1, seconds=1) == [calls, rest], "full"
    batches.forget([("c", 0)])
    assert rest.offsets == {}


def test_without_records_of_calls_the_others_wait_for_their_own_time() -> None:
    batches = two_batches()
    calls, rest = batches.all()
    batches.written(calls)
    assert (batches.messages, batches.all()[1]) == (1, rest)
    assert batches.due_in(12.75, seconds=0.5) == 0.25
    assert batches.due(12.9, rows=2, seconds=1) == []
    assert batches.due(13.0, rows=2, seconds=1) == [rest]


def test_while_records_of_calls_are_postponed_the_others_wait_for_their_own_time() -> None:
    batches = two_batches()
    calls, rest = batches.all()
    batches.postpone_calls(14.0)
    assert batches.due(12.9, rows=9, seconds=0.1) == []
    assert batches.due_in(12.9, seconds=0.1) == pytest.approx(0.1)
    assert batches.due(13.0, rows=9, seconds=0.1) == [rest]
    batches.written(rest)
    assert batches.due(13.9, rows=1, seconds=0.1) == [], "though it is full"
    assert batches.due_in(13.9, seconds=0.2) == pytest.approx(0.1)
    assert batches.due(14.0, rows=9, seconds=0.1) == [calls]
    batches.written(calls)
    batches.add(Topic.RECORDS, StoredMessage("r", 0, 6), known(), 13.0)
    assert batches.due(13.5, rows=9, seconds=0.5) == [batches.all()[0]]


def test_of_one_call_the_highest_version_is_written() -> None:
    batch = Batch()
    for offset, version in enumerate((2, 5, 3, 5)):
        batch.add(StoredMessage("r", 0, offset), known(version=version, received_at=10 + version), 0.0)
    batch.add(StoredMessage("r", 1, 2), known("b", received_at=8), 0.0)
    calls, legs = batch.inserts()
    assert (calls.table, legs.table) == (CALLS, LEGS)
    assert versions(batch) == {("acme", MONDAY, "a"): 5, ("acme", MONDAY, "b"): 1}
    assert [len(insert.rows) for insert in (calls, legs)] == [2, 4]
    assert (batch.messages, calls.oldest, calls.newest) == (5, 8, 15)
    assert batch.offsets == {("r", 0): 4, ("r", 1): 3}


def test_under_later_days_a_call_is_gone_and_what_was_merged_away_under_all() -> None:
    batch = Batch()
    batch.add(StoredMessage("r"), gone("b", MONDAY, TUESDAY), 0.0)
    batch.add(StoredMessage("r"), known("b", 9, days=(MONDAY,)), 0.0)  # it came too late
    batch.add(StoredMessage("r"), known("a", 3, days=(MONDAY, TUESDAY, WEDNESDAY)), 0.0)
    assert versions(batch) == {
        ("acme", MONDAY, "a"): 3,
        ("acme", TUESDAY, "a"): GONE_QUIETLY,
        ("acme", WEDNESDAY, "a"): GONE_QUIETLY,
        ("acme", MONDAY, "b"): GONE,
        ("acme", TUESDAY, "b"): GONE,
    }


def test_a_leg_that_began_with_nothing_is_remembered_with_a_row_and_without() -> None:
    batch = Batch()
    message = StoredMessage("r")._replace(timestamp=5)
    batch.add(message, replace(known(), began=True), 0.0)
    batch.add(message._replace(timestamp=9), Record(account="acme", call_id="c", began=True), 0.0)
    batch.add(message._replace(timestamp=4), Record(account="acme", call_id="c", began=True), 0.0)
    batch.add(message, known("d"), 0.0)
    assert batch.began == {("acme", "a"): 5000, ("acme", "c"): 9000}
    assert versions(batch).keys() == {("acme", MONDAY, "a"), ("acme", MONDAY, "d")}


def test_no_leg_began_in_the_future_or_before_there_was_time() -> None:
    batch = Batch()
    for leg, milliseconds in (("past", 1), ("future", 3), ("never", -1)):
        message = StoredMessage("r")._replace(timestamp=milliseconds)
        batch.add(message, Record(account="acme", call_id=leg, began=True), 0.0)
    batch.began_by(2000)
    assert batch.began == {("acme", "past"): 1000, ("acme", "future"): 2000, ("acme", "never"): 2000}


def test_legs_are_looked_up_together_if_they_began_together() -> None:
    a, b, c, d = (("acme", name) for name in "abcd")
    assert begun_together({d: 31, b: 10, a: 20, c: 21}, within=10) == [([b, a], 20), ([c, d], 31)]
    assert begun_together({}, within=10) == []


def test_what_people_wait_for_is_written_first() -> None:
    batch = Batch()
    batch.add(StoredMessage("r"), known(), 0.0)
    poison = StoredMessage("e", value=b"{")
    batch.add(poison, read(Topic.EVENTS, poison), 0.0)
    raw = callback_message()
    batch.add(raw, read(Topic.RAW, raw), 0.0)
    assert [insert.table for insert in batch.inserts()] == [CALLS, LEGS, CALLBACKS, DEAD_LETTERS]


def test_what_was_taken_away_is_written_but_not_committed() -> None:
    batch = Batch()
    batch.add(StoredMessage("r", 0, 5), known(), 0.0)
    batch.add(StoredMessage("r", 1, 5), known("b"), 0.0)
    batch.forget({("r", 0), ("r", 9)})
    assert batch.offsets == {("r", 1): 6}
    assert [len(insert.rows) for insert in batch.inserts()] == [2, 4]
    # and when it comes back, it is read again from what was committed
    batch.add(StoredMessage("r", 0, 3), known(), 0.0)
    assert batch.offsets == {("r", 1): 6, ("r", 0): 4}


def test_rows_join_the_insert_for_their_table() -> None:
    poison, refused = StoredMessage("e", 0, 1), StoredMessage("e", 0, 2)
    calls, letters = Insert(CALLS, [("c",)], [refused], 1, 2), Insert(DEAD_LETTERS, [("p",)], [poison])
    more = Insert(DEAD_LETTERS, [("r",)], [None])
    inserts = [letters, calls]
    more.put_into(inserts)
    assert inserts == [Insert(DEAD_LETTERS, [("p",), ("r",)], [poison, None]), calls]
    alone = [calls]
    more.put_into(alone)
    assert alone == [calls, more]


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


def test_work_that_does_not_go_on_is_not_ready() -> None:
    now = [0.0]
    progress = Progress(60, now=lambda: now[0])
    progress.begin()
    progress.lag(5)
    now[0] = 50.0
    progress.committed()
    assert (progress.same_batch(), progress.no_commit(), progress.reasons()) == (50, 0, [])
    now[0] = 61.0
    assert progress.reasons() == ["the same batch has been tried for 61 s"]
    now[0] = 111.0
    progress.end()
    assert progress.reasons() == ["nothing was committed for 61 s although there is lag"]
    progress.lag(0)
    assert progress.reasons() == []
    progress.lag(1)
    now[0] = 171.0
    assert progress.reasons() == []


def test_of_several_batches_the_oldest_counts_and_the_last_error_is_named() -> None:
    now = [0.0]
    progress = Progress(60, now=lambda: now[0])
    progress.begin("a")
    now[0] = 30.0
    progress.begin("b")
    progress.tried(["NotEnoughReplicasError"])
    now[0] = 61.0
    assert progress.reasons() == ["the same batch has been tried for 61 s (NotEnoughReplicasError)"]
    progress.end("a")
    assert (progress.same_batch(), progress.reasons()) == (31, [])
    progress.tried([])
    now[0] = 91.0
    assert progress.reasons() == ["the same batch has been tried for 61 s"]
    progress.end("b")
    assert progress.reasons() == []


def test_of_which_call_another_became_part_is_not_overwritten() -> None:
    """By the same call's absence under a later day."""
    batch = Batch()
    batch.add(StoredMessage("r"), gone("b", MONDAY, TUESDAY), 0.0)
    batch.add(StoredMessage("r"), known("b", 3, days=(MONDAY, TUESDAY)), 0.0)
    (calls,) = (insert for insert in batch.inserts() if insert.table is CALLS)
    part_of = CALLS.columns.index("part_of")
    assert {row[:3]: row[part_of] for row in calls.rows} == {
        ("acme", MONDAY, "b"): "a",
        ("acme", TUESDAY, "b"): "a",
    }


def test_what_says_nothing_any_more_is_gone_until_a_later_reading() -> None:
    silent = replace(gone("b", MONDAY, TUESDAY), version=5, part_of="")
    batch = Batch()
    batch.add(StoredMessage("r"), silent, 0.0)
    assert versions(batch) == {("acme", MONDAY, "b"): 5, ("acme", TUESDAY, "b"): GONE_QUIETLY}
    batch.add(StoredMessage("r"), known("b", 9, days=(MONDAY,)), 0.0)
    assert versions(batch)["acme", MONDAY, "b"] == 9
