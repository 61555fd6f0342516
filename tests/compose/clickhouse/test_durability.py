"""What survives: an orderly stop, a SIGKILL, a second server on the same data."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import RowOrientedBlock
from clickhouse_driver.errors import Error

from compose.embedded.clickhouse.node import ClickHouseNode
from compose.embedded.node import NodeError, PortTakenError
from runtime.addresses import free_port, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "CREATE TABLE t (n UInt64, b String COMMENT 'text') ENGINE = MergeTree ORDER BY n"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ClickHouseNode]:
    """A server that the test may stop and kill."""
    server = ClickHouseNode(tmp_path / "data", port=free_port(), http_port=free_port(), database="mine")
    with server:
        yield server


def test_acknowledged_rows_survive_a_kill(own: ClickHouseNode) -> None:
    """Insert without a pause, SIGKILL at any moment, start, four times; every insert is whole or absent."""
    with Client(own.host, own.port) as client:
        client.execute(TABLE)
        client.execute("CREATE VIEW v AS SELECT count() AS c FROM t")
    acknowledged: set[int] = set()
    for first in range(0, 4_000_000, 1_000_000):
        writer = threading.Thread(target=_write_until_killed, args=(own, first, acknowledged))
        enough = len(acknowledged) + 20
        writer.start()
        deadline = time.monotonic() + 60
        while len(acknowledged) < enough:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        own.kill()
        writer.join()
        own.start()
        with Client(own.host, own.port) as client:
            batches = client.execute("SELECT intDiv(n, 1000) AS batch, count() FROM t GROUP BY batch")
            assert {count for _, count in batches} == {100}
            assert acknowledged <= {batch for batch, _ in batches}
    with Client(own.host, own.port) as client:
        assert client.execute("SELECT comment FROM system.columns WHERE table = 't' AND name = 'b'") == [
            ("text",)
        ]
        assert client.execute("SELECT c FROM v")[0][0] >= 100 * len(acknowledged)


def _write_until_killed(node: ClickHouseNode, first: int, acknowledged: set[int]) -> None:
    """Insert batches of 100 rows; batch k has the numbers from 1000 k on."""
    with Client(node.host, node.port) as client:
        for number in range(first, first + 1_000_000, 1000):
            rows = [(number + n, "x" * 50) for n in range(100)]
            try:
                client.execute("INSERT INTO t VALUES", rows)
            except (Error, EOFError, OSError):
                return
            acknowledged.add(number // 1000)


def test_everything_survives_a_stop(own: ClickHouseNode) -> None:
    with Client(own.host, own.port) as client:
        client.execute(TABLE)
        client.execute("INSERT INTO t VALUES", [(1, "x")])
    own.stop()
    own.start()
    with Client(own.host, own.port) as client:
        assert client.execute("SELECT currentDatabase(), n, b FROM t") == [("mine", 1, "x")]


def test_a_stop_waits_for_an_insert_under_way(own: ClickHouseNode) -> None:
    with Client(own.host, own.port) as client:
        client.execute(TABLE)
        connection = client.connection
        connection.send_query("INSERT INTO t VALUES")
        connection.send_external_tables(None)
        connection.receive_packet()
        stopping = threading.Thread(target=own.stop)
        stopping.start()
        _wait_refused(own)
        connection.send_data(RowOrientedBlock([("n", "UInt64"), ("b", "String")], [(7, "late")]))
        connection.send_data(RowOrientedBlock())
        client.receive_end_of_insert_query()
        stopping.join()
    own.start()
    with Client(own.host, own.port) as client:
        assert client.execute("SELECT * FROM t") == [(7, "late")]


def _wait_refused(node: ClickHouseNode) -> None:
    """Until the server takes no more connections: it is stopping."""
    deadline = time.monotonic() + 60
    while listening(node.host, node.port):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_server_on_the_same_data(own: ClickHouseNode) -> None:
    second = ClickHouseNode(own.data, port=free_port(), http_port=free_port())
    with pytest.raises(NodeError, match=rf"in use by process {own.pid}: stop it"):
        second.start()
    ended = subprocess.run(second.command(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"in use by process {own.pid}" in ended.stderr
    with Client(own.host, own.port) as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_a_port_that_is_taken(own: ClickHouseNode, tmp_path: Path) -> None:
    for port, http_port in ((own.port, free_port()), (free_port(), own.http_port)):
        second = ClickHouseNode(tmp_path / "other", port=port, http_port=http_port)
        with pytest.raises(PortTakenError):
            second.start()
        ended = subprocess.run(second.command(), capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 1
        assert "another program listens there" in ended.stderr


def test_a_password_and_a_log_without_queries(tmp_path: Path) -> None:
    class Guarded(ClickHouseNode):
        def command(self) -> list[str]:
            secret = tmp_path / "secret"
            secret.write_text("let me in\n")
            return [*super().command(), "--user", "ann", "--password-file", str(secret)]

    server = Guarded(tmp_path / "data", port=free_port(), http_port=free_port())
    with server:
        with Client(server.host, server.port, user="ann", password="let me in") as client:
            assert client.execute("SELECT 'number 4711'") == [("number 4711",)]
            with pytest.raises(Error):
                client.execute("SELECT 'number 4711', nothing")
        with Client(server.host, server.port) as client, pytest.raises(Error, match="516"):
            client.execute("SELECT 1")
    log = server.log.read_text()
    assert "listens on" in log
    assert "UNKNOWN_IDENTIFIER" in log
    assert "AUTHENTICATION_FAILED" in log
    assert "4711" not in log
    assert "let me in" not in log
