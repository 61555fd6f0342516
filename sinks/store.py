"""Inserts into ClickHouse, two at a time: a connection for each table, made anew after any error.

Written one after the other, a batch's tables took most of the time from a callback to its row; all at once,
each hinders the others.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from runtime import clickhouse
from runtime.errors import CallweaveError
from sinks import metrics, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runtime.settings import Settings
    from sinks.batch import Insert

TRANSIENT_CODES = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        285,  # TOO_FEW_LIVE_REPLICAS
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        999,  # KEEPER_EXCEPTION
    }
)
"""Errors that pass by themselves, from ClickHouse's ErrorCodes.cpp; all others need somebody."""

INSERT_SETTINGS = {
    # A user's profile may set it without waiting for the rows, and an insert that returns must mean rows.
    "async_insert": 0,
    # Tables for dashboards have a partition a day: a replay, or a clock gone astray, may touch any number.
    "max_partitions_per_insert_block": 0,
}

AT_ONCE = 2


class StoreError(Exception):
    """ClickHouse did not take rows, or may not have; the text is one sentence without any of their values."""

    def __init__(self, sentence: str, code: str, *, passes: bool) -> None:
        """`passes` says whether it may pass by itself."""
        super().__init__(sentence)
        self.code = code
        self.passes = passes


class Store:
    """Writes rows, each table's through a connection of its own. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is connected before the first call."""
        self._settings = settings
        self._connections: dict[str, Client] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="insert")

    def check(self) -> None:
        """Raise `StoreError` unless ClickHouse answers and has every table."""
        try:
            missing = migrate.pending_tables(self._settings)
        except CallweaveError as error:
            raise StoreError(str(error), type(error).__name__, passes=True) from None
        except ServerException as error:
            raise self._failure(error) from None
        if missing:
            sentence = f"ClickHouse has not got all tables ({', '.join(missing)}): run `callweave migrate`."
            raise StoreError(sentence, "migrations", passes=False)

    def insert(self, inserts: Sequence[Insert]) -> Iterator[tuple[Insert, StoreError | None]]:
        """Write them, at most one for each table, and give each as it ends, with what went wrong.

        Of one that failed some rows may be in, and it is safe to write them again.
        """
        under_way = {
            self._pool.submit(self._insert, self._connection(insert.table.name), insert): insert
            for insert in inserts
        }
        for done in as_completed(under_way):
            yield under_way[done], done.result()

    def _connection(self, table: str) -> Client:
        if table not in self._connections:
            self._connections[table] = Client(**clickhouse.client_options(self._settings.clickhouse))
        return self._connections[table]

    def _insert(self, connection: Client, insert: Insert) -> StoreError | None:
        begun = time.perf_counter()
        try:
            connection.execute(insert.table.insert(), insert.columns, columnar=True, settings=INSERT_SETTINGS)
        except (Error, OSError, EOFError) as error:
            connection.disconnect()  # what it still sends or awaits belongs to the failed insert
            return self._failure(error)
        metrics.INSERT_SECONDS.labels(insert.table.name).observe(time.perf_counter() - begun)
        metrics.ROWS.labels(insert.table.name).inc(insert.rows)
        return None

    def close(self) -> None:
        """Disconnect."""
        self._pool.shutdown()
        for connection in self._connections.values():
            connection.disconnect()

    def _failure(self, error: Exception) -> StoreError:
        sentence = clickhouse.trouble(self._settings.clickhouse, error)
        if isinstance(error, ServerException):
            return StoreError(sentence, str(error.code), passes=error.code in TRANSIENT_CODES)
        return StoreError(sentence, type(error).__name__, passes=True)
