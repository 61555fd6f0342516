"""Inserts into ClickHouse: one connection, made anew after any error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from callweave import clickhouse
from callweave.errors import CallweaveError
from sinks import metrics, migrate

if TYPE_CHECKING:
    from callweave.settings import Settings
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
}


class StoreError(Exception):
    """ClickHouse did not take rows, or may not have; the text is one sentence without any of their values."""

    def __init__(self, sentence: str, code: str, *, passes: bool) -> None:
        """`passes` says whether it may pass by itself."""
        super().__init__(sentence)
        self.code = code
        self.passes = passes


class Store:
    """Writes rows. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is connected before the first call."""
        self._settings = settings
        self._client = Client(**clickhouse.client_options(settings.clickhouse))

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

    def insert(self, insert: Insert) -> None:
        """Write all rows or raise `StoreError`; then some may be in, and it is safe to write them again."""
        begun = time.perf_counter()
        try:
            self._client.execute(
                insert.table.insert(), insert.columns, columnar=True, settings=INSERT_SETTINGS
            )
        except (Error, OSError, EOFError) as error:
            self._client.disconnect()  # what it still sends or awaits belongs to the failed insert
            raise self._failure(error) from None
        metrics.INSERT_SECONDS.labels(insert.table.name).observe(time.perf_counter() - begun)
        metrics.ROWS.labels(insert.table.name).inc(insert.rows)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()

    def _failure(self, error: Exception) -> StoreError:
        sentence = clickhouse.trouble(self._settings.clickhouse, error)
        if isinstance(error, ServerException):
            return StoreError(sentence, str(error.code), passes=error.code in TRANSIENT_CODES)
        return StoreError(sentence, type(error).__name__, passes=True)
