"""What waits to be inserted, and up to which offsets it was read. Pure: time is passed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.records import join
from schemas.topics import Topic
from sinks import records
from sinks.rows import Known, Poison, Written
from sinks.tables import DEAD_LETTERS, IN_ORDER, LEGS, RECORDS, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.records import Record
    from sinks.rows import Message, Outcome

PATIENCE = 3
"""Callbacks and events wait so many times as long as what `calls` is made of: people wait for that."""

MAX_BYTES = 32 * 1024 * 1024
"""Payloads may be large: so many bytes are a full batch, however few rows."""

Partition = tuple[str, int]
"""A topic's name on the cluster, and a partition's number."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for one table, column by column."""

    table: Table
    columns: list[list[Any]]
    oldest: int | None
    """When the earliest and the latest of what they tell of was received, microseconds since 1970 UTC."""
    newest: int | None

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.columns[0])


class Batch:
    """Rows by table, in the order in which they came; records of one call are joined as they come."""

    def __init__(self) -> None:
        """It begins empty."""
        self.topics: Counter[str] = Counter()
        """How many messages, by the topic's name on the cluster."""
        self.bytes = 0
        self.since: float | None = None
        """When its first message came, by the clock that `add` was told."""
        self.offsets: dict[Partition, int] = {}
        """Of each partition, the offset after the last message in here."""
        self._rows: dict[Table, list[Row]] = {table: [] for table in IN_ORDER}
        self._times: dict[Table, list[int]] = {table: [] for table in IN_ORDER}
        self._records: dict[tuple[str, str], Record] = {}

    @property
    def messages(self) -> int:
        """How many messages are in here."""
        return self.topics.total()

    def add(self, message: Message, outcome: Outcome, now: float) -> None:
        """Take a message in; messages of one partition come in their order."""
        if self.since is None:
            self.since = now
        self.topics[message.topic] += 1
        self.bytes += len(message.value or b"")
        self.offsets[message.topic, message.partition] = message.offset + 1
        if isinstance(outcome, Known):
            key = (outcome.account, outcome.call_id)
            known = self._records.get(key)
            self._records[key] = outcome.record if known is None else join(known, outcome.record)
        elif isinstance(outcome, Written):
            self._rows[outcome.table].append(outcome.row)
            self._times[outcome.table].append(outcome.received_at)
        elif isinstance(outcome, Poison):
            self._rows[DEAD_LETTERS].append(outcome.row)

    def is_due(self, now: float, *, rows: int, seconds: float, more: bool = False) -> bool:
        """Whether it is full, or its first message has waited long enough.

        A write takes nearly as long for a few rows as for many: while there is `more` at hand, it waits.
        """
        full = self.messages >= rows or self.bytes >= MAX_BYTES
        return self.since is not None and (full or (not more and now - self.since >= seconds))

    def due_in(self, now: float, *, seconds: float) -> float:
        """How long its first message may still wait; `seconds` when there is none."""
        return seconds if self.since is None else max(0.0, self.since + seconds - now)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Commit nothing of these partitions: another worker reads them now, from what was committed.

        Their rows stay and are written twice, which merges make good.
        """
        for partition in partitions:
            self.offsets.pop(partition, None)

    def inserts(self) -> list[Insert]:
        """One for each table that has rows, in the order in which they must be written."""
        rows = {**self._rows, RECORDS: [], LEGS: []}
        for (account, call_id), record in self._records.items():
            rows[RECORDS].append(records.row(account, call_id, record))
            rows[LEGS].extend(records.leg_rows(account, call_id, record))
        last = [each["last_received_at"] for each in self._records.values() if "last_received_at" in each]
        times = {**self._times, RECORDS: last, LEGS: []}
        return [
            Insert(
                table,
                [list(column) for column in zip(*rows[table], strict=True)],
                min(times[table], default=None),
                max(times[table], default=None),
            )
            for table in IN_ORDER
            if rows[table]
        ]


class Batches:
    """Two batches side by side: records of calls, which are soon due, and all else.

    An insert of few rows takes nearly as much of ClickHouse as one of many: fewer inserts of callbacks and
    events leave more for the calls. A topic's messages are in one of the two alone, so that what is committed
    of a partition is what is in the tables.
    """

    def __init__(self) -> None:
        """Both begin empty."""
        self._calls = Batch()
        self._rest = Batch()

    @property
    def messages(self) -> int:
        """How many messages are in here."""
        return self._calls.messages + self._rest.messages

    def add(self, topic: Topic, message: Message, outcome: Outcome, now: float) -> None:
        """Take a message in; messages of one partition come in their order."""
        batch = self._calls if topic is Topic.RECORDS else self._rest
        batch.add(message, outcome, now)

    def due(self, now: float, *, rows: int, seconds: float, more: bool = False) -> list[Batch]:
        """Give those that are due; `seconds` is how long records of calls may wait. See `Batch.is_due`."""
        return [
            batch
            for batch, wait in self._waits(seconds)
            if batch.is_due(now, rows=rows, seconds=wait, more=more)
        ]

    def due_in(self, now: float, *, seconds: float) -> float:
        """How long it may take until one is due."""
        return min(batch.due_in(now, seconds=wait) for batch, wait in self._waits(seconds))

    def written(self, batch: Batch) -> None:
        """Let go of a batch and begin another in its place."""
        if batch is self._calls:
            self._calls = Batch()
        else:
            self._rest = Batch()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Commit nothing of these partitions. See `Batch.forget`."""
        for batch in self.all():
            batch.forget(partitions)

    def all(self) -> tuple[Batch, Batch]:
        """Both, the more urgent one first."""
        return self._calls, self._rest

    def _waits(self, seconds: float) -> tuple[tuple[Batch, float], ...]:
        return (self._calls, seconds), (self._rest, seconds * PATIENCE)
