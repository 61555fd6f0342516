"""Inserts into ClickHouse, two at a time: a connection for each table, made anew after any error.

Written one after the other, a batch's tables took most of the time from a callback to its row; all at once,
each hinders the others.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from runtime import clickhouse
from runtime.errors import CallweaveError
from sinks import metrics, migrate, statements
from sinks.errors import Fate, fate, is_about_types
from sinks.fitting import unfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runtime.settings import Settings
    from sinks.batch import Insert
    from sinks.rows import Message

INSERT_SETTINGS = {
    # A user's profile may set it without waiting for the rows, and an insert that returns must mean rows.
    "async_insert": 0,
    # A profile may set it to pass over the tables that views fill: ids, versions, days.
    "materialized_views_ignore_errors": 0,
    # A partition is a day: a replay may touch any number of them.
    "max_partitions_per_insert_block": 0,
}

AT_ONCE = 2
ASKING = ""
"""In place of a table's name: the connection for questions."""
MOST_REFUSED = 100
"""ClickHouse may refuse this many rows of one insert: if it refuses more, it is not the rows that are wrong.
Rows that are refused before they are sent are wrong, however many they are, if their columns are ours."""
TYPES = """
SELECT table, name, type
FROM system.columns
WHERE database = currentDatabase() AND table IN %(tables)s
"""


class StoreError(Exception):
    """ClickHouse did not take rows, or may not have; the text is one sentence without any of their values."""

    def __init__(self, sentence: str, code: str, *, passes: bool) -> None:
        """`passes` says whether it may recover by itself."""
        super().__init__(sentence)
        self.code = code
        self.passes = passes


def changed(table: str, column: str, kind: str, ours: str) -> StoreError:
    """Return the error that a column is not of our type: `kind` is its own, '' if there is no such column."""
    sentence = f"{table}: its column {column} is {kind or 'gone'}, not {ours}: undo that."
    return StoreError(sentence, "column-type", passes=False)


@dataclass(frozen=True, slots=True)
class Taken:
    refused: Sequence[Message] = ()
    """The messages of rows that ClickHouse can never take; all others are in."""
    error: StoreError | None = None


class Store:
    """Writes rows, with a connection for each table. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Connects at the first call."""
        self._settings = settings
        self._connections: dict[str, Client] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="insert")

    def check(self) -> None:
        """Raise `StoreError` unless ClickHouse answers and has every table."""
        try:
            missing = migrate.pending_tables(self._settings)
        except ServerException as error:  # first: `RefusedError` is a `CallweaveError` too
            raise self._failure(error) from None
        except CallweaveError as error:
            raise StoreError(str(error), type(error).__name__, passes=True) from None
        if missing:
            sentence = f"ClickHouse lacks tables ({', '.join(missing)}): run `callweave migrate`."
            raise StoreError(sentence, "migrations", passes=False)

    def insert(self, inserts: Sequence[Insert]) -> Iterator[tuple[Insert, Taken]]:
        """Write at most one insert for each table, and yield each as it ends, with its result.

        If one failed, some of its rows may be written; it is safe to write them again. Two of one table
        raise `ValueError`: they would share a connection.
        """
        if len({insert.table for insert in inserts}) < len(inserts):
            raise ValueError("two inserts for one table")
        under_way = {
            self._pool.submit(self._insert, self._connection(insert.table.name), insert): insert
            for insert in inserts
        }
        for done in as_completed(under_way):
            yield under_way[done], done.result()

    def ask(self, query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query's answer. Raises `StoreError`."""
        connection = self._connection(ASKING)
        try:
            rows: list[tuple[Any, ...]] = connection.execute(query, values)
        except (Error, OSError, EOFError) as error:
            connection.disconnect()
            raise self._failure(error) from None
        return rows

    def _connection(self, table: str) -> Client:
        if table not in self._connections:
            self._connections[table] = Client(**clickhouse.client_options(self._settings.clickhouse))
        return self._connections[table]

    def _insert(self, connection: Client, insert: Insert) -> Taken:
        begun = time.perf_counter()
        try:
            refused = self._take(connection, insert)
        except StoreError as error:
            return Taken(error=error)
        metrics.INSERT_SECONDS.labels(insert.table.name).observe(time.perf_counter() - begun)
        metrics.ROWS.labels(insert.table.name).inc(len(insert.rows) - len(refused))
        return Taken(refused)

    def _take(self, connection: Client, insert: Insert) -> list[Message]:
        """Insert all rows except those that can never be taken, and return these rows' messages."""
        if (error := self._try(connection, insert)) is None:
            return []
        if fate(error) is Fate.UNSENT:
            return self._take_what_fits(connection, insert, error)
        refused: list[Message] = []
        self._halve(connection, insert, error, refused)
        return refused

    def _try(self, connection: Client, insert: Insert) -> Exception | None:
        """Insert all rows; return why they are not in."""
        columns = [list(column) for column in zip(*insert.rows, strict=True)]
        try:
            connection.execute(insert.table.insert(), columns, columnar=True, settings=INSERT_SETTINGS)
        except (Error, OSError, EOFError, *clickhouse.REFUSED_BY_DRIVER) as error:
            connection.disconnect()  # what it still sends or awaits belongs to the failed insert
            return error
        return None

    def _halve(self, connection: Client, insert: Insert, error: Exception, refused: list[Message]) -> None:
        """Find the rows for which ClickHouse refused these, and insert the others."""
        kind, origin = fate(error), insert.origins[0]
        if kind in {Fate.ROW, Fate.FEWER} and len(insert.rows) > 1:
            for half in (insert.half(0), insert.half(1)):
                if (another := self._try(connection, half)) is not None:
                    self._halve(connection, half, another, refused)
        elif kind is Fate.ROW and origin is not None and len(refused) < MOST_REFUSED:
            if is_about_types(error):
                self._check_types(connection, insert)
            refused.append(origin)
        else:
            raise self._failure(error, insert)

    def _take_what_fits(self, connection: Client, insert: Insert, error: Exception) -> list[Message]:
        unsent = self._unfit(connection, insert)
        origins = [insert.origins[number] for number in sorted(unsent)]
        refused = [origin for origin in origins if origin is not None]
        if not unsent or len(refused) < len(origins):
            raise self._failure(error, insert)
        rest = insert.only(number for number in range(len(insert.rows)) if number not in unsent)
        return refused + (self._take(connection, rest) if rest.rows else [])

    def _unfit(self, connection: Client, insert: Insert) -> set[int]:
        """Return the positions of the rows that don't fit their table, if the table is ours."""
        name, found = insert.table.name, set[int]()
        ours, types = statements.column_types()[name], self._types(connection, insert, [name])
        for column, values in zip(insert.table.columns, zip(*insert.rows, strict=True), strict=True):
            kind = types.get((name, column), "")
            if wrong := unfit(connection, kind, values):
                if kind != ours[column]:
                    raise changed(name, column, kind, ours[column])
                found |= wrong
        return found

    def _check_types(self, connection: Client, insert: Insert) -> None:
        """Raise `StoreError` if some table is not ours: then it is not the rows that are wrong."""
        ours = statements.column_types()
        types = self._types(connection, insert, list(ours))
        for table, columns in ours.items():
            for column, kind in columns.items():
                if (found := types.get((table, column), "")) != kind:
                    raise changed(table, column, found, kind)

    def _types(self, connection: Client, insert: Insert, tables: Sequence[str]) -> dict[tuple[str, str], str]:
        """Return the type of each column of these tables, by table and column."""
        try:
            found = connection.execute(TYPES, {"tables": tables})
        except (Error, OSError, EOFError) as error:
            connection.disconnect()
            raise self._failure(error, insert) from None
        return {(table, column): kind for table, column, kind in found}

    def close(self) -> None:
        self._pool.shutdown()
        for connection in self._connections.values():
            connection.disconnect()

    def _failure(self, error: Exception, insert: Insert | None = None) -> StoreError:
        sentence = clickhouse.trouble(self._settings.clickhouse, error)
        if insert is not None:
            sentence = f"{insert.table.name}: {sentence}"
        if isinstance(error, ServerException):
            return StoreError(sentence, str(error.code), passes=fate(error) in {Fate.AGAIN, Fate.FEWER})
        return StoreError(sentence, type(error).__name__, passes=fate(error) is Fate.AGAIN)
