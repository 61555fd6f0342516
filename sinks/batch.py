"""What waits to be inserted, and up to which offsets it was read. Pure: time is passed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from schemas.records import Record
from schemas.topics import Topic
from sinks.rows import LEG_VERSION, VERSION, Poison, Written, call_rows, leg_rows
from sinks.tables import CALLS, DEAD_LETTERS, IN_ORDER, LEGS, SUSPECTS, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sinks.rows import Message, Outcome

PATIENCE = 3
"""Callbacks and events wait so many times as long as what `calls` is made of: people wait for that."""

MAX_BYTES = 32 * 1024 * 1024
"""Payloads may be large: so many bytes are a full batch, however few rows."""

Partition = tuple[str, int]
"""A topic's name on the cluster, and a partition's number."""

Leg = tuple[str, str]
"""Account and leg id."""

CALL_KEYS = 3
LEG_KEYS = 4
"""How many of a row's values are its key."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for one table, each with its message; None for rows of our own."""

    table: Table
    rows: list[Row]
    origins: list[Message | None]
    oldest: int | None = None
    """When the earliest and the latest callback of them was received, microseconds since 1970 UTC."""
    newest: int | None = None

    def half(self, second: int) -> Insert:
        middle = len(self.rows) // 2
        part = slice(middle, None) if second else slice(middle)
        return Insert(self.table, self.rows[part], self.origins[part], self.oldest, self.newest)

    def only(self, numbers: Iterable[int]) -> Insert:
        kept = list(numbers)
        return replace(self, rows=[self.rows[n] for n in kept], origins=[self.origins[n] for n in kept])

    def put_into(self, inserts: list[Insert]) -> None:
        """Add these rows to the insert for their table if there is one: a table takes one at a time."""
        for number, known in enumerate(inserts):
            if known.table is self.table:
                rows, origins = known.rows + self.rows, known.origins + self.origins
                inserts[number] = replace(known, rows=rows, origins=origins)
                return
        inserts.append(self)


@dataclass(slots=True)
class _Rows:
    """Rows of one table; of rows with the same key only the highest version."""

    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    origins: dict[tuple[Any, ...], Message] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)

    def add(self, row: Row, message: Message, received_at: int | None = None) -> None:
        self._put((len(self.rows),), row, message, received_at)

    def add_version(
        self, keys: int, version: int, row: Row, message: Message, received_at: int | None
    ) -> None:
        """Take the row unless a higher version is here; `keys` of its values are its key."""
        known = self.rows.get(row[:keys])
        if known is None or known[version] <= row[version]:
            self._put(row[:keys], row, message, received_at)

    def _put(self, key: tuple[Any, ...], row: Row, message: Message, received_at: int | None) -> None:
        self.rows[key], self.origins[key] = row, message
        if received_at is not None:
            self.times.append(received_at)

    def insert(self, table: Table) -> Insert:
        oldest, newest = min(self.times, default=None), max(self.times, default=None)
        return Insert(table, list(self.rows.values()), list(self.origins.values()), oldest, newest)


class Batch:
    """Rows by table, in order of arrival; of each call only the highest version."""

    def __init__(self) -> None:
        self.topics: Counter[str] = Counter()
        """How many messages, by the topic's name on the cluster."""
        self.bytes = 0
        self.since: float | None = None
        """When its first message came, by the clock that `add` was told."""
        self.offsets: dict[Partition, int] = {}
        """Of each partition, the offset after the last message in here."""
        self.began: dict[Leg, int] = {}
        """When each leg whose state began with nothing said so last, microseconds since 1970 UTC."""
        self._rows: dict[Table, _Rows] = {table: _Rows() for table in IN_ORDER}

    @property
    def messages(self) -> int:
        return self.topics.total()

    def add(self, message: Message, outcome: Outcome, now: float) -> None:
        """Take a message; those of one partition arrive in order."""
        if self.since is None:
            self.since = now
        self.topics[message.topic] += 1
        self.bytes += len(message.value or b"")
        self.offsets[message.topic, message.partition] = message.offset + 1
        if isinstance(outcome, Record):
            self._add_record(message, outcome)
        elif isinstance(outcome, Written):
            self._rows[outcome.table].add(outcome.row, message, outcome.received_at)
        elif isinstance(outcome, Poison):
            self._rows[DEAD_LETTERS].add(outcome.row, message)

    def _add_record(self, message: Message, record: Record) -> None:
        if record.began:
            leg = record.account, record.call_id
            self.began[leg] = max(self.began.get(leg, 0), message.timestamp * 1000)
        if (suspect := record.suspect) is not None:
            row = record.account, record.call_id, suspect.source, suspect.since, suspect.at
            self._rows[SUSPECTS].add(row, message)
        received_at = None if record.call is None else record.call.last_received_at
        for row in call_rows(record):
            self._rows[CALLS].add_version(CALL_KEYS, VERSION, row, message, received_at)
        for row in leg_rows(record):
            self._rows[LEGS].add_version(LEG_KEYS, LEG_VERSION, row, message, None)

    def began_by(self, now: int) -> None:
        """Let no leg have begun later: a fast clock makes no time of the future, and no time is now."""
        for leg, at in self.began.items():
            if not 0 < at <= now:
                self.began[leg] = now

    def is_due(self, now: float, *, rows: int, seconds: float, more: bool = False) -> bool:
        """Return whether it is full, or its first message has waited long enough.

        A write takes nearly as long for a few rows as for many: while there is `more` to read, it
        waits.
        """
        waited = not more and self.since is not None and now - self.since >= seconds
        return waited or self.is_full(rows)

    def is_full(self, rows: int) -> bool:
        """Return whether it shall grow no more."""
        return self.messages >= rows or self.bytes >= MAX_BYTES

    def due_in(self, now: float, *, seconds: float) -> float:
        """Return how long its first message may still wait; `seconds` if there is none."""
        return seconds if self.since is None else max(0.0, self.since + seconds - now)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Commit nothing of these partitions: another worker reads them from what was committed.

        Their rows stay and are written twice, which merges undo.
        """
        for partition in partitions:
            self.offsets.pop(partition, None)

    def inserts(self) -> list[Insert]:
        """Return one insert for each table that has rows, in the order in which they must be written."""
        return [self._rows[table].insert(table) for table in IN_ORDER if self._rows[table].rows]


def begun_together(began: Mapping[Leg, int], within: int) -> list[tuple[list[Leg], int]]:
    """Divide legs by when they began, so that those of a group did `within` microseconds; earliest first.

    With each group is the time of its last leg.
    """
    groups: list[list[Leg]] = []
    for leg in sorted(began, key=began.__getitem__):
        if not groups or began[leg] - began[groups[-1][0]] > within:
            groups.append([])
        groups[-1].append(leg)
    return [(legs, began[legs[-1]]) for legs in groups]


class Batches:
    """Two batches side by side: records of calls, which are soon due, and everything else.

    An insert of few rows costs ClickHouse nearly as much as one of many: fewer inserts of callbacks and
    events leave more for the calls. A topic's messages are in only one of the two, so that a partition's
    committed messages are all in the tables.
    """

    def __init__(self, rest_seconds: float) -> None:
        """`rest_seconds` is how long callbacks and events may wait."""
        self._rest_seconds = rest_seconds
        self._calls = Batch()
        self._rest = Batch()
        self._postponed_until: float | None = None

    @property
    def messages(self) -> int:
        return self._calls.messages + self._rest.messages

    def add(self, topic: Topic, message: Message, outcome: Outcome, now: float) -> None:
        """Take a message; those of one partition arrive in order."""
        batch = self._calls if topic is Topic.RECORDS else self._rest
        batch.add(message, outcome, now)

    def due(self, now: float, *, rows: int, seconds: float, more: bool = False) -> list[Batch]:
        """Return those that are due; `seconds` is how long records of calls may wait. See `Batch.is_due`.

        What else is due is written right behind records of calls: before them, it would hold them up.
        """
        due = [
            batch
            for batch, wait in self._waits(seconds)
            if batch.is_due(now, rows=rows, seconds=wait, more=more) and not self._is_postponed(batch, now)
        ]
        soon = self._calls.messages and self._postponed_until is None
        waits = due == [self._rest] and soon and not self._rest.is_full(rows)
        return [] if waits else due

    def due_in(self, now: float, *, seconds: float) -> float:
        """Return how long it takes until one is due."""
        calls = self._calls.due_in(now, seconds=seconds)
        rest = self._rest.due_in(now, seconds=self._rest_seconds)
        if self._postponed_until is not None:
            return min(max(calls, self._postponed_until - now), rest)
        if self._calls.messages:  # the rest goes with them
            return calls
        return min(calls, rest)

    def postpone_calls(self, until: float) -> None:
        """Let records of calls wait until then, and meanwhile nothing else for them."""
        self._postponed_until = until

    def written(self, batch: Batch) -> None:
        """Replace a written batch by an empty one."""
        if batch is self._calls:
            self._calls = Batch()
            self._postponed_until = None
        else:
            self._rest = Batch()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Commit nothing of these partitions. See `Batch.forget`."""
        for batch in self.all():
            batch.forget(partitions)

    def all(self) -> tuple[Batch, Batch]:
        """Return both, the more urgent one first."""
        return self._calls, self._rest

    def _is_postponed(self, batch: Batch, now: float) -> bool:
        return batch is self._calls and self._postponed_until is not None and now < self._postponed_until

    def _waits(self, seconds: float) -> tuple[tuple[Batch, float], ...]:
        return (self._calls, seconds), (self._rest, self._rest_seconds)
