"""Who may connect, and what becomes of clients that don't speak the protocol."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from compose.embedded.clickhouse.wire import text, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compose.embedded.clickhouse.node import ClickHouseNode

HELLO = (
    varint(0) + text("test") + varint(1) + varint(1) + varint(54429) + text("") + text("default") + text("")
)
QUERY_HEAD = varint(1) + text("") + b"\x00" + text("") + varint(2) + varint(0)  # no client info, no settings
EMPTY_BLOCK = b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"


@pytest.fixture
def raw(node: ClickHouseNode) -> Iterator[socket.socket]:
    with socket.create_connection((node.host, node.port), timeout=60) as sock:
        yield sock


def _until_end(sock: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    said = b""
    with contextlib.suppress(OSError):  # it may end before it has read all we sent
        while piece := sock.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"user": "default", "password": "wrong"}, 516),
        ({"user": "nobody"}, 516),
        ({"user": ""}, 516),
        ({"database": "nothing"}, 81),
    ],
)
def test_who_may_not_enter(node: ClickHouseNode, login: dict[str, str], code: int) -> None:
    with Client(node.host, node.port, **login) as client, pytest.raises(ServerException) as caught:
        client.execute("SELECT 1")
    assert caught.value.code == code


def test_the_default_database(node: ClickHouseNode) -> None:
    with Client(node.host, node.port) as client:
        assert client.execute("SELECT currentDatabase()") == [("callweave",)]


def test_a_ping_and_a_query_by_hand(raw: socket.socket) -> None:
    raw.sendall(HELLO + varint(4) + QUERY_HEAD + text("SELECT 'answer'") + EMPTY_BLOCK)
    said = b""
    while b"answer" not in said or not said.endswith(b"\x05"):
        said += raw.recv(65536)
    assert said.startswith(varint(0) + text("ClickHouse"))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(4096),
        b"\xff" * 64,
        HELLO.replace(varint(54429), varint(50000)),
        HELLO + varint(77),
        HELLO + EMPTY_BLOCK,
        HELLO + varint(1) + varint(2**40) + b"x",
        HELLO + QUERY_HEAD + text("SELECT 1") + varint(4),
        HELLO + QUERY_HEAD + text(b"SELECT '\xff'") + EMPTY_BLOCK,
        HELLO + QUERY_HEAD + text("SELECT 1") + b"\x02\x00\x09",
        HELLO + QUERY_HEAD + text("SELECT 1") + b"\x02\x00\x00" + varint(2**60) + varint(1),
        HELLO
        + QUERY_HEAD
        + text("SELECT 1")
        + b"\x02\x00\x00\x01"
        + varint(2**60)
        + text("a")
        + text("UInt64"),
        HELLO + QUERY_HEAD + text("SELECT 1") + b"\x02\x00\x00\x01\x01" + text("a") + text("Array(" * 9999),
    ],
    ids=range(13),
)
def test_nonsense_ends_its_own_connection(node: ClickHouseNode, raw: socket.socket, sent: bytes) -> None:
    with Client(node.host, node.port) as other:
        other.execute("SELECT 1")
        connection = other.connection
        with contextlib.suppress(OSError):  # it may end the connection before it has read all we sent
            raw.sendall(sent)
        _until_end(raw)
        assert other.execute("SELECT 1") == [(1,)]
        assert other.connection is connection


@pytest.mark.parametrize("length", range(1, len(HELLO + QUERY_HEAD + text("SELECT 1") + EMPTY_BLOCK), 7))
def test_a_client_that_goes_in_the_middle(node: ClickHouseNode, raw: socket.socket, length: int) -> None:
    raw.sendall((HELLO + QUERY_HEAD + text("SELECT 1") + EMPTY_BLOCK)[:length])
    raw.shutdown(socket.SHUT_WR)
    _until_end(raw)
    with Client(node.host, node.port) as other:
        assert other.execute("SELECT 1") == [(1,)]


def test_a_damaged_compressed_frame(node: ClickHouseNode, raw: socket.socket) -> None:
    compressed = varint(1) + text("") + b"\x00" + text("") + varint(2) + varint(1) + text("SELECT 1")
    raw.sendall(
        HELLO
        + compressed
        + b"\x02\x00"
        + b"\x00" * 16
        + b"\x82"
        + b"\x0a\x00\x00\x00"
        + b"\x01\x00\x00\x00\x00"
    )
    assert b"checksum" in _until_end(raw)
    with Client(node.host, node.port) as other:
        assert other.execute("SELECT 1") == [(1,)]
