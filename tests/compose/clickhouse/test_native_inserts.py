"""Inserts through clickhouse-driver."""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from clickhouse_driver.block import ColumnOrientedBlock, RowOrientedBlock
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_driver import Client
    from clickhouse_driver.connection import Connection, Packet

NOON = dt.datetime(2021, 2, 9, 12, 0, 3, 123456, tzinfo=dt.UTC)
VALUES = [
    ("Int8", [-128, 127]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float32", [0.5, -1.25]),
    ("Bool", [True, False]),
    ("String", ["", "x" * 200, "日本", "\0\n"]),
    ("FixedString(3)", ["abc", "de"]),
    ("Date", [dt.date(2021, 2, 9)]),
    ("Date32", [dt.date(1950, 2, 9)]),
    ("DateTime('UTC')", [NOON.replace(microsecond=0, tzinfo=None)]),
    ("DateTime64(6, 'UTC')", [NOON]),
    ("Decimal(9, 2)", [decimal.Decimal("1.25")]),
    ("Decimal(38, 2)", [decimal.Decimal("-12345678901234567890.25")]),
    ("UUID", [uuid.UUID(int=7)]),
    ("IPv4", [ipaddress.IPv4Address("127.0.0.1")]),
    ("IPv6", [ipaddress.IPv6Address("::1")]),
    ("Enum8('a (1)' = 1, 'b''s' = -2)", ["a (1)", "b's"]),
    ("Enum16('a' = 1000)", ["a"]),
    ("Nullable(String)", [None, "a", None]),
    ("Nullable(DateTime64(6, 'UTC'))", [None, NOON]),
    ("Array(String)", [[], ["a", "b" * 300]]),
    ("Array(Array(Nullable(Int32)))", [[], [[1, None], []]]),
    ("LowCardinality(String)", ["a", "b", "a"]),
    ("LowCardinality(Nullable(String))", ["a", None]),
    ("Array(LowCardinality(String))", [[], ["a", "b", "a"]]),
    ("Tuple(DateTime64(6, 'UTC'), Nullable(String), UInt8)", [(NOON, None, 1), (NOON, "a", 2)]),
    ("Map(String, Int64)", [{}, {"a": 1, "b": -2}]),
    ("Map(LowCardinality(String), Array(UInt8))", [{"a": [1, 2]}, {}]),
    ("SimpleAggregateFunction(max, Nullable(Int64))", [None, 4]),
    ("Point", [(1.5, 2.5)]),
]


@pytest.fixture(params=[False, "lz4"])
def any_client(request: pytest.FixtureRequest, connect: Callable[..., Client]) -> Client:
    return connect(compression=request.param)


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_values_come_back(client: Client, kind: str, values: list[object]) -> None:
    client.execute(f"CREATE TABLE t (n UInt32, a {kind}) ENGINE = Memory")
    rows = list(enumerate(values))
    assert client.execute("INSERT INTO t VALUES", rows) == len(rows)
    assert client.execute("SELECT * FROM t ORDER BY n") == rows


def test_rows_and_columns_of_many_blocks(any_client: Client) -> None:
    any_client.execute("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    rows = [(n, "x" * (n % 300)) for n in range(20_000)]
    settings = {"insert_block_size": 1000}
    assert any_client.execute("INSERT INTO t (a, b) VALUES", rows, settings=settings) == 20_000
    columns = [[n + 20_000 for n, _ in rows], [text for _, text in rows]]
    assert (
        any_client.execute("INSERT INTO t FORMAT Native", columns, columnar=True, settings=settings) == 20_000
    )
    expected = [(40_000, 39_999, 2 * sum(n % 300 for n in range(20_000)))]
    assert any_client.execute("SELECT count(), max(a), sum(length(b)) FROM t") == expected
    assert any_client.execute(
        "SELECT count() FROM system.parts WHERE table = 't' AND level = 0 AND rows = 20000"
    ) == [(2,)]


def test_dictionaries_and_generators(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8, b String) ENGINE = Memory")
    client.execute("INSERT INTO t (b, a) VALUES", ({"a": n, "b": str(n)} for n in range(3)))
    assert client.execute("SELECT * FROM t ORDER BY a") == [(0, "0"), (1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("columns", "row", "stored"),
    [
        ("", (1, "x"), (1, "x", 8, 2)),
        ("(a)", (1,), (1, "none", 8, 2)),
        ("(`b`, a)", ("x", 1), (1, "x", 8, 2)),
        ("(* EXCEPT(b))", (1,), (1, "none", 8, 2)),
        ("(a, e)", (1, 41), (1, "none", 42, 2)),
    ],
)
def test_columns_with_defaults(
    client: Client, columns: str, row: tuple[object], stored: tuple[object]
) -> None:
    client.execute(
        "CREATE TABLE t (a UInt8, b String DEFAULT 'none', e UInt8 EPHEMERAL 7, m UInt8 MATERIALIZED e + 1,"
        " l UInt8 ALIAS a + 1) ENGINE = Memory"
    )
    client.execute(f"INSERT INTO t {columns} VALUES", [row])
    assert client.execute("SELECT a, b, m, l FROM t") == [stored]


def test_data_in_the_statement(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8, b String) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES (1, 'x'), (1 + 1, lower('Y'))")
    client.execute('INSERT INTO t FORMAT JSONEachRow {"a": 3, "b": "z"}')
    client.execute("INSERT INTO t SELECT 4, 'four'")
    assert client.execute("SELECT * FROM t ORDER BY a") == [(1, "x"), (2, "y"), (3, "z"), (4, "four")]


def test_no_rows(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    assert client.execute("INSERT INTO t VALUES", []) == 0
    assert client.execute("SELECT * FROM t") == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("INSERT INTO nothing VALUES", 60),
        ("INSERT INTO t (nothing) VALUES", 16),
        ("INSERT INTO t SETTINGS nothing = 1 VALUES", 115),
        ("INSERT INTO t (a VALUES", 62),
        ("INSERT INTO states VALUES", 50),
    ],
)
def test_errors_before_the_data(client: Client, statement: str, code: int) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    client.execute("CREATE TABLE states (a AggregateFunction(sum, UInt64)) ENGINE = Memory")
    with pytest.raises(ServerException) as caught:
        client.execute(statement, [(1,)])
    assert caught.value.code == code


def test_a_table_that_another_client_changes_between_two_inserts(connect: Callable[..., Client]) -> None:
    client, other = connect(), connect()
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [(1,)])
    other.execute("DROP TABLE t")
    with pytest.raises(ServerException) as raised:
        client.execute("INSERT INTO t VALUES", [(2,)])
    assert raised.value.code == 60
    other.execute("CREATE TABLE t (a String, b UInt8) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [("x", 3)])
    assert client.execute("SELECT * FROM t") == [("x", 3)]


def test_a_database_that_is_changed_between_two_inserts(connect: Callable[..., Client]) -> None:
    client = connect()
    (database,) = client.execute("SELECT currentDatabase()")[0]
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [(1,)])
    client.execute(f"CREATE DATABASE {database}_2")
    client.execute(f"CREATE TABLE {database}_2.t (a String) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [(2,)])
    client.execute(f"USE {database}_2")
    client.execute("INSERT INTO t VALUES", [("x",)])
    assert client.execute(f"SELECT * FROM {database}_2.t") == [("x",)]
    client.execute(f"DROP DATABASE {database}_2")


def test_a_statement_that_was_checked_is_not_checked_again(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")

    def queries() -> int:
        """What the engine has been asked so far, this question included."""
        (number,) = client.execute("SELECT value FROM system.events WHERE event = 'Query'")[0]
        return int(number)

    before, asked = queries(), []
    for _ in range(3):
        client.execute("INSERT INTO t VALUES", [(1,)])
        before, after = queries(), before
        asked.append(before - after - 1)
    assert asked[0] > asked[1] == asked[2] == 1


def test_an_error_in_the_data_inserts_nothing_and_the_connection_goes_on(connection: Connection) -> None:
    _finish(
        connection, "CREATE TABLE t (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a"
    )
    _begin(connection, "INSERT INTO t VALUES")
    for rows in ([(1,)], [(200,)]):
        connection.send_data(RowOrientedBlock([("a", "UInt8")], rows))
    connection.send_data(RowOrientedBlock())
    packet = _packet(connection)
    assert packet.type == ServerPacketTypes.EXCEPTION
    assert packet.exception.code == 469  # VIOLATED_CONSTRAINT
    assert _finish(connection, "SELECT count() FROM t") == [0]


def test_the_engine_converts_types_and_orders_columns(connection: Connection) -> None:
    _finish(connection, "CREATE TABLE t (a UInt64, b String) ENGINE = Memory")
    _begin(connection, "INSERT INTO t VALUES")
    connection.send_data(RowOrientedBlock([("b", "String"), ("a", "UInt8")], [("x", 7)]))
    connection.send_data(RowOrientedBlock())
    assert _packet(connection).type == ServerPacketTypes.PROGRESS
    assert _packet(connection).type == ServerPacketTypes.END_OF_STREAM
    assert _finish(connection, "SELECT a FROM t WHERE b = 'x'") == [7]


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_a_connection_that_drops_leaves_nothing(connect: Callable[..., Client], compression: str) -> None:
    client = connect(compression=False if compression == "none" else compression)
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    _begin(client.connection, "INSERT INTO t VALUES")
    block = ColumnOrientedBlock([("a", "UInt64")], [list(range(1000))])
    for _ in range(3):
        client.connection.send_data(block)
    client.connection.socket.sendall(b"\x02\x00\x01")  # the first bytes of one more
    client.disconnect()
    fresh = connect()
    fresh.execute("INSERT INTO t VALUES", [[7]])
    assert fresh.execute("SELECT count() FROM t") == [(1,)]


def test_cancelled_while_sending(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    _begin(client.connection, "INSERT INTO t VALUES")
    client.connection.send_data(RowOrientedBlock([("a", "UInt64")], [(1,)]))
    client.connection.send_cancel()
    assert _packet(client.connection).type == ServerPacketTypes.END_OF_STREAM
    assert _finish(client.connection, "SELECT count() FROM t") == [0]


def test_several_writers_and_readers(connect: Callable[..., Client]) -> None:
    connect().execute("CREATE TABLE t (writer UInt8, n UInt64) ENGINE = MergeTree ORDER BY n")

    def write(writer: int, client: Client) -> None:
        for batch in range(10):
            client.execute("INSERT INTO t VALUES", [(writer, batch * 100 + n) for n in range(100)])
            client.execute("SELECT count() FROM t WHERE writer = %(writer)s", {"writer": writer})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6), [connect() for _ in range(6)]))
    expected = [(writer, 1000, 1000) for writer in range(6)]
    query = "SELECT writer, count(), uniqExact(n) FROM t GROUP BY writer ORDER BY writer"
    assert connect().execute(query) == expected


def _begin(connection: Connection, statement: str) -> None:
    """Send an INSERT and take its sample block."""
    connection.send_query(statement)
    connection.send_external_tables(None)
    packet = _packet(connection)
    assert packet.type == ServerPacketTypes.DATA, packet.exception


def _packet(connection: Connection) -> Packet:
    """The next packet that says something; each inserted block is answered with empty profile events."""
    while (packet := connection.receive_packet()).type == ServerPacketTypes.PROFILE_EVENTS:
        pass
    return packet


def _finish(connection: Connection, query: str) -> list[object]:
    """The first column of a result."""
    connection.send_query(query)
    connection.send_external_tables(None)
    values: list[object] = []
    while (packet := _packet(connection)).type != ServerPacketTypes.END_OF_STREAM:
        assert packet.type != ServerPacketTypes.EXCEPTION, packet.exception
        if packet.block is not None and packet.block.num_rows:
            values += packet.block.get_column_by_index(0)
    return values
