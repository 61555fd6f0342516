"""Clients that aren't our own: clickhouse-connect over HTTP, and what others say on the native protocol.

clickhouse-connect is ClickHouse's own Python client, on which BI tools and dbt are built.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import clickhouse_connect
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_driver.errors import ServerException

from compose.embedded.clickhouse.blocks import BLOCK_INFO, header, read_block, render, skip_info, split
from compose.embedded.clickhouse.errors import ServerError
from compose.embedded.clickhouse.wire import ProtocolError, Reader, text, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from clickhouse_connect.driver.client import Client
    from clickhouse_driver import Client as NativeClient

    from compose.embedded.clickhouse.node import ClickHouseNode

TABLE = """
    CREATE TABLE t (
        n UInt64, name String, kind LowCardinality(Nullable(String)), at DateTime64(6, 'UTC'),
        tags Array(String), counts Map(String, UInt8), share Nullable(Float64), id UUID
    ) ENGINE = MergeTree ORDER BY n
"""
AT = datetime(2026, 7, 28, 9, 30, 0, 123456, tzinfo=UTC)
ID = UUID(int=7)
ROWS = [
    [1, "a\tb", "x", AT, ["p", "q"], {"k": 1}, 0.5, ID],
    [2, "it's \\", None, AT, [], {}, None, ID],
]
GO_REVISION = 54460
"""What clickhouse-go offers, which is behind Grafana's data source."""


@pytest.fixture
def connect_client(node: ClickHouseNode, database: str) -> Iterator[Client]:
    client = clickhouse_connect.get_client(
        host=node.host, port=node.http_port, username="default", database=database
    )
    client.command(TABLE)
    yield client
    client.close()


def _first(rows: Any) -> list[Any]:
    return [row[0] for row in rows]


def test_inserted_rows_are_read_back(connect_client: Client) -> None:
    assert connect_client.insert("t", ROWS).written_rows == 2
    result = connect_client.query("SELECT * FROM t ORDER BY n", tz_mode="aware")
    assert [list(row) for row in result.result_rows] == ROWS
    assert result.column_names == ("n", "name", "kind", "at", "tags", "counts", "share", "id")


def test_what_describes(connect_client: Client) -> None:
    described = connect_client.query("DESCRIBE TABLE t").result_rows
    assert described[0][:2] == ("n", "UInt64")
    assert len(described) == 8
    assert _first(connect_client.query("SHOW TABLES").result_rows) == ["t"]
    assert connect_client.query("EXISTS TABLE t").first_row == (1,)
    assert connect_client.command("EXISTS TABLE nothing") == 0
    assert "t" in str(connect_client.query("SHOW CREATE TABLE t").first_row)
    explained = _first(connect_client.query("EXPLAIN SELECT number FROM numbers(3)").result_rows)
    assert any("ReadFrom" in line for line in explained)


def test_commands_change_tables(connect_client: Client) -> None:
    connect_client.insert("t", ROWS)
    connect_client.command("ALTER TABLE t DELETE WHERE n = 1 SETTINGS mutations_sync = 2")
    assert connect_client.command("SELECT count() FROM t") == 1
    connect_client.command("INSERT INTO t (n) SELECT 9")
    assert _first(connect_client.query("SELECT n FROM t ORDER BY n").result_rows) == [2, 9]


def test_parameters_and_settings(connect_client: Client) -> None:
    asked = {"n": 7, "s": "it's\t\\", "day": AT.date()}
    sql = "SELECT {n:UInt8}, {s:String}, {day:Date}, getSetting('max_threads')"
    row = connect_client.query(sql, parameters=asked, settings={"max_threads": 1}).first_row
    assert row is not None
    assert tuple(row) == (7, "it's\t\\", AT.date(), 1)


def test_errors_keep_their_code(connect_client: Client) -> None:
    with pytest.raises(DatabaseError, match="code: 60"):
        connect_client.query("SELECT 1 FROM nowhere")
    with pytest.raises(DatabaseError, match="code: 62"):
        connect_client.command("SELEC 1")
    assert connect_client.query("SELECT 1").first_row == (1,)


def test_results_in_columns_and_in_pieces(connect_client: Client) -> None:
    sql = "SELECT number, toString(number) AS name FROM numbers(200000)"
    columns = connect_client.query(sql, column_oriented=True).result_columns
    assert (len(columns[0]), columns[1][-1]) == (200_000, "199999")
    with connect_client.query_row_block_stream(sql) as blocks:
        assert sum(len(block) for block in blocks) == 200_000
    assert connect_client.raw_query("SELECT 1 AS a", fmt="CSVWithNames") == b'"a"\n1\n'


@pytest.mark.parametrize("compress", ["lz4", "gzip", False])
def test_bodies_packed_as_clients_pack_them(
    node: ClickHouseNode, connect_client: Client, *, compress: str | bool
) -> None:
    client = clickhouse_connect.get_client(
        host=node.host, port=node.http_port, database=connect_client.database, compress=compress
    )
    client.insert("t", [[n, "x" * 90, None, AT, [], {}, None, ID] for n in range(20_000)])
    assert client.query("SELECT count(), uniq(name) FROM t").first_row == (20_000, 1)
    client.close()


def test_a_packed_body_that_is_cut_off_inserts_nothing(http: httpx.Client, connect_client: Client) -> None:
    packed = lz4.frame.compress(b"1\n" * 100_000)
    headers = {"Content-Encoding": "lz4"}
    for body in (packed[:-20], packed[:10] + b"nonsense" + packed[18:], packed + b"more"):
        answer = http.post(
            "/", params={"query": "INSERT INTO t (n) FORMAT TSV"}, content=body, headers=headers
        )
        assert answer.status_code == 400
    assert connect_client.command("SELECT count() FROM t") == 0


@pytest.mark.parametrize("revision", [0, 54405, GO_REVISION])
@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS a, 'x' AS b", "DESCRIBE TABLE t", "SELECT number FROM numbers(200000)"]
)
def test_native_is_in_the_revision_that_the_client_names(
    http: httpx.Client, connect_client: Client, sql: str, revision: int
) -> None:
    wanted = {"query": sql, "default_format": "Native", "client_protocol_version": str(revision)}
    content = http.get("/", params=wanted).content
    plain = http.get("/", params={**wanted, "client_protocol_version": "0"}).content
    assert content.startswith(BLOCK_INFO) == (revision > 0)
    assert b"".join(_plain_blocks(content, revision)) == plain


def _plain_blocks(content: bytes, revision: int) -> Iterator[bytes]:
    pieces = iter((content,))
    source = Reader(lambda: next(pieces, b""), len(content) + 1)
    source.more()
    while source.waiting:
        if revision:
            skip_info(source)
        yield read_block(source, revision).data


def test_each_revision_is_rendered_from_the_plain_one() -> None:
    block = header([("a", "UInt8")]) + varint(1) + varint(2) + text("a") + text("UInt8") + b"\x01\x02"
    assert render(block, 0) == block
    assert [each.rows for each in split(block)] == [0, 2]
    new = render(block, GO_REVISION)
    assert new.count(BLOCK_INFO) == 2
    assert list(_plain_blocks(new, GO_REVISION)) == [each.data for each in split(block)]
    assert render(block, 51903).count(BLOCK_INFO) == 2


def test_columns_that_cannot_be_sent_are_named() -> None:
    block = varint(1) + varint(1) + text("a") + text("JSON") + b"\x00"
    with pytest.raises(ServerError, match="JSON can't be transferred"):
        render(block, GO_REVISION)


def test_a_serialization_of_its_own_is_refused() -> None:
    block = varint(1) + varint(1) + text("a") + text("UInt8") + b"\x01\x01\x05"
    pieces = iter((block,))
    with pytest.raises(ProtocolError, match="sparse"):
        read_block(Reader(lambda: next(pieces, b""), 1000), GO_REVISION)


@pytest.mark.parametrize("revision", [54429, 54459, GO_REVISION, 54468])
def test_parameters_by_the_native_protocol(connect: Callable[..., NativeClient], revision: int) -> None:
    """Older revisions have none, and the driver then refuses."""
    client = connect(client_revision=revision, settings={"server_side_params": True})
    client.execute("CREATE VIEW one AS SELECT 1")
    sql = "SELECT {n:UInt64}, {s:String} FROM {t:Identifier} LIMIT 1"
    asked = {"n": 7, "s": "it's\t\\ '", "t": "one"}
    if revision < 54459:
        with pytest.raises(ServerException):
            client.execute(sql, asked)
    else:
        assert client.execute(sql, asked) == [(7, "it's\t\\ '")]
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("revision", [54429, 54459, 54468])
def test_rows_by_each_revision(connect: Callable[..., NativeClient], revision: int) -> None:
    client = connect(client_revision=revision)
    client.execute("DROP TABLE IF EXISTS t")
    client.execute(TABLE)
    assert client.execute("INSERT INTO t VALUES", ROWS, types_check=True) == 2
    assert [list(row)[:3] for row in client.execute("SELECT * FROM t ORDER BY n")] == [
        row[:3] for row in ROWS
    ]
    assert client.execute("DESCRIBE TABLE t")[0][:2] == ("n", "UInt64")
    with pytest.raises(ServerException):
        client.execute("INSERT INTO t (nothing) VALUES", [(1,)])


def test_a_query_as_clickhouse_go_sends_it(node: ClickHouseNode) -> None:
    """Its bytes, by its `lib/proto/query.go`: client info with a trace, a parameter as a field's dump."""
    hello = varint(0) + text("clickhouse-go/2.51.0") + varint(1) + varint(10) + varint(GO_REVISION)
    info = b"\x01" + text("") + text("") + text("127.0.0.1:5") + bytes(8) + b"\x01"
    info += text("user") + text("host") + text("clickhouse-go") + varint(1) + varint(10) + varint(GO_REVISION)
    info += text("") + varint(0) + varint(0)
    info += b"\x01" + bytes(range(24)) + text("state") + b"\x01" + varint(0) * 3
    settings = text("max_execution_time") + varint(0) + text("60") + text("") + text("")
    parameter = text("s") + varint(2) + text(r"'it\'s \\\\'") + text("")
    query = (
        varint(1) + text("") + info + settings + varint(2) + varint(0) + text("SELECT {s:String}") + parameter
    )
    empty = varint(2) + text("") + BLOCK_INFO + varint(0) + varint(0)
    with socket.create_connection((node.host, node.port), timeout=60) as sock:
        sock.sendall(hello + text("") + text("default") + text("") + text("") + query + empty)
        said = b""
        while not said.endswith(varint(5)):
            said += sock.recv(65536)
    assert text("String") + b"\x00" + text("it's \\") in said
