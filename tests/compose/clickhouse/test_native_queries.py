"""Queries through clickhouse-driver."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from clickhouse_driver.errors import ErrorCodes, ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_driver import Client
    from clickhouse_driver.connection import Connection


@pytest.fixture(params=[False, "lz4", "lz4hc"])
def any_client(request: pytest.FixtureRequest, connect: Callable[..., Client]) -> Client:
    return connect(compression=request.param)


def test_a_row_with_its_columns(client: Client) -> None:
    rows, columns = client.execute("SELECT 1 AS one, 'a' AS letter", with_column_types=True)
    assert rows == [(1, "a")]
    assert columns == [("one", "UInt8"), ("letter", "String")]


def test_no_rows_still_have_columns(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a LowCardinality(String), b Nullable(Int8)) ENGINE = MergeTree ORDER BY a"
    )
    expected: tuple[list[object], list[tuple[str, str]]]
    expected = ([], [("a", "LowCardinality(String)"), ("b", "Nullable(Int8)")])
    assert client.execute("SELECT * FROM t -- none yet\n;", with_column_types=True) == expected
    assert client.execute("SHOW TABLES LIKE 'nothing'", with_column_types=True) == ([], [("name", "String")])


def test_many_blocks(any_client: Client) -> None:
    query = "SELECT number, toString(number) FROM numbers(300000)"
    assert any_client.execute(query) == [(n, str(n)) for n in range(300_000)]
    numbers, texts = any_client.execute(query, columnar=True)
    assert (len(numbers), texts[-1]) == (300_000, "299999")


def test_rows_one_by_one(any_client: Client) -> None:
    rows = any_client.execute_iter("SELECT number FROM numbers(200000)", settings={"max_block_size": 1000})
    assert sum(number for (number,) in rows) == 199_999 * 200_000 // 2


def test_rows_one_by_one_left_early(client: Client) -> None:
    rows = client.execute_iter("SELECT number FROM system.numbers")
    assert [next(rows) for _ in range(3)] == [(0,), (1,), (2,)]
    client.disconnect()
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW TABLES",
        "DESCRIBE t",
        "EXPLAIN SELECT 1",
        "EXISTS t",
        "SHOW CREATE TABLE t",
        "SELECT a FROM t FORMAT JSON",
    ],
)
def test_statements_with_results(client: Client, statement: str) -> None:
    client.execute("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a AS SELECT 1")
    rows, columns = client.execute(statement, with_column_types=True)
    assert rows
    assert columns


def test_progress(client: Client) -> None:
    progress = client.execute_with_progress("SELECT count() FROM numbers(1000000)")
    read = [done for done, _ in progress]
    assert read[-1] == 1_000_000
    assert progress.get_result() == [(1_000_000,)]


def test_parameters_of_the_client(client: Client) -> None:
    query = "SELECT %(text)s, %(list)s, %(none)s IS NULL"
    assert client.execute(query, {"text": "it's \\ \n", "list": [1, 2], "none": None}) == [
        ("it's \\ \n", [1, 2], 1)
    ]


def test_parameters_that_were_set(client: Client) -> None:
    client.execute("SET param_least = 3")
    assert client.execute("SELECT number FROM numbers(5) WHERE number >= {least:UInt64}") == [(3,), (4,)]


def test_settings_hold_for_their_query(client: Client) -> None:
    query = "SELECT getSetting('max_block_size')"
    (before,) = client.execute(query)
    assert client.execute(query, settings={"max_block_size": 77}) == [(77,)]
    assert client.execute(query) == [before]


def test_settings_of_the_connection(connect: Callable[..., Client]) -> None:
    client = connect(settings={"max_block_size": 77})
    query = "SELECT getSetting('max_block_size')"
    assert client.execute(query) == [(77,)]
    client.execute("SET max_threads = 1")
    assert client.execute(query, settings={"max_block_size": 5, "max_insert_threads": 1}) == [(5,)]
    assert client.execute(query + ", getSetting('max_threads')") == [(77, 1)]


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"readonly": 1}, ErrorCodes.READONLY), ({"no_such_setting": 1}, ErrorCodes.UNKNOWN_SETTING)],
)
def test_settings_that_a_query_fails_on_are_gone_with_it(
    connection: Connection, settings: dict[str, int], code: int
) -> None:
    connection.context.settings = settings
    assert _code(connection, "CREATE TABLE t (a Int8) ENGINE = Memory") == code
    connection.context.settings = {}
    assert _code(connection, "CREATE TABLE t (a Int8) ENGINE = Memory") is None


def test_a_database_is_the_connections(client: Client, database: str) -> None:
    client.execute("CREATE TABLE here (a Int8) ENGINE = Memory")
    assert client.execute(f"EXISTS {database}.here") == [(1,)]
    client.execute("USE default")
    assert client.execute("SELECT currentDatabase()") == [("default",)]
    assert client.execute("SELECT currentDatabase()", settings={"max_threads": 1}) == [("default",)]


@pytest.mark.parametrize(
    ("query", "code", "name"),
    [
        ("SELECT nothing", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM nothing", 60, "UNKNOWN_TABLE"),
        ("SELECT FROM WHERE", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT no_function(1)", 46, "UNKNOWN_FUNCTION"),
        ("SELECT {missing:UInt8}", 456, "UNKNOWN_QUERY_PARAMETER"),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115, "UNKNOWN_SETTING"),
        ("SELECT throwIf(number = 200000) FROM numbers(300000)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("DROP TABLE nothing", 60, "UNKNOWN_TABLE"),
    ],
)
def test_errors_have_their_code_and_the_connection_goes_on(
    connection: Connection, query: str, code: int, name: str
) -> None:
    error = _error(connection, query)
    assert error is not None
    assert error.code == code
    assert f"({name})" in error.message
    assert _error(connection, "SELECT 1") is None


def test_a_value_that_is_no_utf8(connect: Callable[..., Client]) -> None:
    client = connect(settings={"strings_as_bytes": True})
    assert client.execute("SELECT unhex('FF00FE')") == [(b"\xff\x00\xfe",)]


def test_external_tables_are_refused_by_name(client: Client) -> None:
    table = {"name": "mine", "structure": [("a", "Int32")], "data": [{"a": 1}]}
    with pytest.raises(ServerException, match="External tables"):
        client.execute("SELECT * FROM mine", external_tables=[table])


def test_cancel_ends_a_query_that_streams(client: Client) -> None:
    rows = client.execute_iter("SELECT number FROM system.numbers")
    next(rows)
    client.cancel()
    assert client.execute("SELECT 1") == [(1,)]


def test_cancel_ends_a_query_that_thinks(connection: Connection) -> None:
    connection.send_query("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
    connection.send_external_tables(None)
    connection.send_cancel()
    while (packet := connection.receive_packet()).type != ServerPacketTypes.END_OF_STREAM:
        assert packet.type != ServerPacketTypes.EXCEPTION, packet.exception
        assert packet.block is None or packet.block.num_rows == 0
    assert _error(connection, "SELECT 1") is None


def test_a_query_whose_client_has_gone_is_stopped(client: Client, connect: Callable[..., Client]) -> None:
    mark = "SELECT count() FROM numbers(1000000000001) WHERE sipHash64(number) = 1"
    other = connect()
    other.execute("SELECT 1")
    other.make_query_settings({})
    other.connection.send_query(mark)
    other.connection.send_external_tables(None)
    running = "SELECT count() FROM system.processes WHERE query = %(query)s"
    eventually(lambda: client.execute(running, {"query": mark}) == [(1,)], "the query runs")
    other.disconnect()
    eventually(lambda: client.execute(running, {"query": mark}) == [(0,)], "the query is stopped")


def test_a_slow_reader_holds_nobody_up(client: Client, connect: Callable[..., Client]) -> None:
    slow = [connect().execute_iter("SELECT number FROM system.numbers") for _ in range(5)]
    for rows in slow:
        assert next(rows) == (0,)  # the server now waits for these clients to read on
    client.execute("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t VALUES", [[1], [2]])
    assert client.execute("SELECT sum(a) FROM t") == [(3,)]


def test_queries_run_side_by_side(connect: Callable[..., Client]) -> None:
    """Each of them waits for the next one to have started: one after the other they would never end."""
    clients = [connect() for _ in range(4)]
    seen = threading.Barrier(len(clients), timeout=60)

    def stream(client: Client) -> None:
        next(client.execute_iter("SELECT number FROM system.numbers"))
        seen.wait()

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(stream, clients))


def _error(connection: Connection, query: str) -> ServerException | None:
    connection.send_query(query)
    connection.send_external_tables(None)
    while True:
        packet = connection.receive_packet()
        if packet.type == ServerPacketTypes.EXCEPTION:
            error: ServerException = packet.exception
            return error
        if packet.type == ServerPacketTypes.END_OF_STREAM:
            return None


def _code(connection: Connection, query: str) -> int | None:
    error = _error(connection, query)
    return None if error is None else error.code
