"""What the rest of the project asks of ClickHouse, through clickhouse-driver."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clickhouse_driver import Client

FIRST = dt.datetime(2021, 2, 9, 2, 0, 3, tzinfo=dt.UTC)
LAST = dt.datetime(2021, 2, 9, 2, 0, 15, 250000, tzinfo=dt.UTC)

RECORDS = """
    CREATE TABLE records
    (
        account LowCardinality(String) COMMENT 'whose it is',
        call_id String COMMENT 'the smallest leg id',
        first_at SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'earliest',
        last_at SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))) COMMENT 'latest',
        legs SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'all of them',
        lags SimpleAggregateFunction(minMap, Map(String, Int64)) COMMENT 'smallest of each',
        talk SimpleAggregateFunction(max, Nullable(Int64)) COMMENT 'seconds',
        cdr SimpleAggregateFunction(
            max, Tuple(received_at DateTime64(6, 'UTC'), cause Nullable(String), talk Int64)
        ) COMMENT 'the last one as a whole'
    )
    ENGINE = AggregatingMergeTree
    ORDER BY (account, call_id)
    COMMENT 'one row a call, once merged'
"""


def _insert_records(client: Client) -> None:
    none = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    for first, last, legs, lags, talk, cdr in (
        (LAST, LAST, ["b", "a"], {"x": 5, "y": 1}, None, (none, None, 0)),
        (FIRST, None, ["a", "c"], {"x": 3}, 12, (LAST, "busy", 12)),
        (None, FIRST, [], {}, 7, (FIRST, "zzz", 99)),
    ):
        columns = [["acme"], ["call-1"], [first], [last], [legs], [lags], [talk], [cdr]]
        assert client.execute("INSERT INTO records VALUES", columns, columnar=True) == 1


def test_aggregating_records(client: Client) -> None:
    client.execute(RECORDS)
    _insert_records(client)
    query = "SELECT first_at, last_at, arraySort(legs), lags, talk, cdr FROM records FINAL"
    merged = (FIRST, LAST, ["a", "b", "c"], {"x": 3, "y": 1}, 12, (LAST, "busy", 12))
    assert client.execute(query) == [merged]
    assert client.execute(query + " WHERE account = %(a)s AND call_id = 'call-1'", {"a": "acme"}) == [merged]
    client.execute("OPTIMIZE TABLE records FINAL")
    assert client.execute(query.removesuffix(" FINAL")) == [merged]
    assert client.execute("SELECT cdr.cause, tupleElement(cdr, 'talk') FROM records") == [("busy", 12)]


def test_replacing(client: Client) -> None:
    client.execute("CREATE TABLE t (id String, v UInt8) ENGINE = ReplacingMergeTree ORDER BY id")
    for value in (1, 2, 3):
        client.execute("INSERT INTO t VALUES", [["a", "b"], [value, value]], columnar=True)
    assert client.execute("SELECT * FROM t FINAL ORDER BY id") == [("a", 3), ("b", 3)]


def test_comments(client: Client) -> None:
    client.execute(RECORDS)
    comments = client.execute(
        "SELECT name, comment FROM system.columns WHERE table = 'records' AND comment != ''"
    )
    assert len(comments) == 8
    query = "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'records'"
    assert client.execute(query) == [("one row a call, once merged",)]
    client.execute("ALTER TABLE records COMMENT COLUMN talk 'other'")
    assert ("talk", "other") in [(row[0], row[4]) for row in client.execute("DESCRIBE TABLE records")]


def test_views(client: Client) -> None:
    client.execute(RECORDS)
    _insert_records(client)
    client.execute("CREATE VIEW calls (call_id String COMMENT 'its id') AS SELECT call_id FROM records FINAL")
    assert client.execute("SELECT * FROM calls", with_column_types=True) == (
        [("call-1",)],
        [("call_id", "String")],
    )
    client.execute(
        "CREATE VIEW since AS SELECT talk FROM records FINAL WHERE first_at >= {start:DateTime64(6, 'UTC')}"
    )
    query = "SELECT * FROM since(start = %(start)s)"
    assert client.execute(query, {"start": "2021-02-09 02:00:03"}) == [(12,)]
    assert client.execute(query, {"start": "2021-02-09 02:00:04"}) == []


def test_a_materialized_view_sees_inserts(client: Client) -> None:
    client.execute("CREATE TABLE source (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("CREATE TABLE sums (a UInt8, n UInt64) ENGINE = SummingMergeTree ORDER BY a")
    client.execute("CREATE MATERIALIZED VIEW feed TO sums AS SELECT a, count() AS n FROM source GROUP BY a")
    client.execute("INSERT INTO source VALUES", [(1,), (1,), (2,)])
    assert client.execute("SELECT * FROM sums ORDER BY a") == [(1, 2), (2, 1)]


def test_databases(client: Client, database: str) -> None:
    other = f"{database}_other"
    client.execute(f"CREATE DATABASE {other}")
    client.execute(f"CREATE TABLE {other}.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute(f"INSERT INTO {other}.t VALUES", [(1,)])
    assert client.execute(f"SELECT * FROM {other}.t") == [(1,)]
    client.execute(f"DROP DATABASE {other}")
    assert client.execute("SELECT count() FROM system.databases WHERE name = %(n)s", {"n": other}) == [(0,)]


def test_alter_delete_and_truncate(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a AS SELECT number FROM numbers(10)")
    client.execute("ALTER TABLE t ADD COLUMN b Nullable(String) COMMENT 'new' AFTER a")
    client.execute("ALTER TABLE t DELETE WHERE a < 5", settings={"mutations_sync": 2})
    client.execute("DELETE FROM t WHERE a = 9")
    assert client.execute("SELECT a, b FROM t ORDER BY a") == [(a, None) for a in range(5, 9)]
    client.execute("TRUNCATE TABLE t")
    assert client.execute("SELECT count() FROM t") == [(0,)]


def test_a_constraint_is_checked(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(Exception, match="VIOLATED_CONSTRAINT"):
        client.execute("INSERT INTO t VALUES", [(1,), (200,)])
    assert client.execute("SELECT count() FROM t") == [(0,)]


def test_partitions_and_ttl(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a UInt8, at DateTime64(6, 'UTC')) ENGINE = MergeTree PARTITION BY a ORDER BY at"
        " TTL toDateTime(at) + INTERVAL 30 DAY"
    )
    client.execute("INSERT INTO t VALUES", [(1, dt.datetime.now(dt.UTC)), (2, dt.datetime.now(dt.UTC))])
    client.execute("ALTER TABLE t DROP PARTITION 1")
    assert client.execute("SELECT a FROM t") == [(2,)]


def test_parts_are_merged_in_the_background(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    for _ in range(30):
        client.execute("INSERT INTO t VALUES", [(1,)])
    query = "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 't'"
    deadline = time.monotonic() + 60
    while client.execute(query)[0][0] > 15:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert client.execute("SELECT count() FROM t") == [(30,)]
