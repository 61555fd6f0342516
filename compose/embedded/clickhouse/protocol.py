"""The packets of ClickHouse's native protocol up to revision 54459: read from a `Reader`, written as bytes.

A client and a server use the smaller of their revisions. 54459 is the first with parameters of a query;
54429, the oldest that is served, the first whose settings are plain strings.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from compose.embedded.clickhouse import blocks
from compose.embedded.clickhouse.frames import compress
from compose.embedded.clickhouse.sql import unescape
from compose.embedded.clickhouse.wire import ProtocolError, text, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compose.embedded.clickhouse.errors import ServerError
    from compose.embedded.clickhouse.wire import Reader

REVISION = 54459
OLDEST_REVISION = 54429
_SECRET, _TRACE, _DEPTH, _START_TIME, _REPLICAS = 54441, 54442, 54448, 54449, 54453
_FORWARDED, _REFERER, _EVENTS, _ADDENDUM, _PARAMETERS = 54443, 54447, 54456, 54458, 54459
"""From which revision on a packet has these, as ClickHouse's ProtocolDefines.h names them."""
_TRACE_BYTES = 24
_CUSTOM = 2
_HELLO_TEXT = 64 * 1024  # bytes of one string in a Hello


class Client(IntEnum):
    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class Server(IntEnum):
    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6
    PROFILE_EVENTS = 14


@dataclass(frozen=True)
class Hello:
    """Who connects, and to which database ('' is the server's default)."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True)
class Query:
    """One statement; an INSERT's data follow in packets of their own."""

    query_id: str
    settings: dict[str, str]
    compressed: bool
    sql: str
    parameters: dict[str, str]
    """Values of `{name:Type}`."""


def read_hello(source: Reader) -> Hello:
    client = source.text(_HELLO_TEXT)
    source.varint()
    source.varint()
    revision = source.varint()
    database, user, password = (source.text(_HELLO_TEXT) for _ in range(3))
    return Hello(client, revision, database, user, password)


def skip_addendum(source: Reader, revision: int) -> None:
    """Skip what a client adds once it has the answer to its Hello."""
    if revision >= _ADDENDUM:
        source.binary(_HELLO_TEXT)  # quota key


def read_query(source: Reader, revision: int) -> Query:
    query_id = source.text(_HELLO_TEXT)
    _skip_client_info(source, revision)
    settings = {name: value for name, _, value in _pairs(source)}
    if revision >= _SECRET:
        source.binary(_HELLO_TEXT)  # between servers
    source.varint()  # the stage to run the query to: this server always completes it
    compressed = source.varint()
    sql = source.text()
    parameters = {}
    if revision >= _PARAMETERS:
        parameters = {name: _restored(value) if custom else value for name, custom, value in _pairs(source)}
    return Query(query_id, settings, bool(compressed), sql, parameters)


def _pairs(source: Reader) -> Iterator[tuple[str, bool, str]]:
    """Names, whether they are the client's own, and values, up to an empty name."""
    while name := source.text(_HELLO_TEXT):
        flags = source.varint()  # the other one, important: an unknown setting is an error here in any case
        yield name, bool(flags & _CUSTOM), source.text()


def _restored(dump: str) -> str:
    """The text in quotes that clients make of a parameter's value."""
    if len(dump) > 1 and dump[0] == dump[-1] == "'":
        return unescape(dump[1:-1])
    return dump


def _skip_client_info(source: Reader, revision: int) -> None:
    if source.integer(1) == 0:  # the kind of query: 0 is "none given"
        return
    for _ in ("initial user", "initial query id", "initial address"):
        source.binary()
    if revision >= _START_TIME:
        source.skip(8)
    interface = source.integer(1)
    if interface not in _INTERFACES:
        raise ProtocolError(f"client info names an unknown interface {interface}")
    _INTERFACES[interface](source, revision)
    source.binary()  # quota key
    if revision >= _DEPTH:
        source.varint()
    if interface == _TCP:
        source.varint()  # patch version
    _skip_tracing(source, revision)


def _skip_tcp(source: Reader, _revision: int) -> None:
    for _ in ("system user", "host", "client"):
        source.binary()
    for _ in ("major", "minor", "revision"):
        source.varint()


def _skip_http(source: Reader, revision: int) -> None:
    """In a query that another server forwards."""
    source.skip(1)
    source.binary()
    for since in (_FORWARDED, _REFERER):
        if revision >= since:
            source.binary()


_TCP = 1
_INTERFACES = {_TCP: _skip_tcp, 2: _skip_http}


def _skip_tracing(source: Reader, revision: int) -> None:
    if revision >= _TRACE and source.integer(1):
        source.skip(_TRACE_BYTES)
        source.binary()
        source.skip(1)
    if revision >= _REPLICAS:
        for _ in ("with the initiator", "how many", "which"):
            source.varint()


def hello(version: str, timezone: str, display_name: str) -> bytes:
    """The answer to a Hello; `version` as in "26.9.2.1"."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return (
        varint(Server.HELLO)
        + text("ClickHouse")
        + varint(major)
        + varint(minor)
        + varint(REVISION)
        + text(timezone)
        + text(display_name)
        + varint(patch)
    )


def exception(error: ServerError) -> bytes:
    """An exception, without stack trace and nested ones."""
    name = f" ({error.name})" if error.name else ""
    return (
        varint(Server.EXCEPTION)
        + struct.pack("<i", error.code)
        + text("DB::Exception")
        + text(f"DB::Exception: {error.text}{name}")
        + text("")
        + b"\x00"
    )


def data(block: bytes, revision: int, *, compressed: bool) -> bytes:
    """A Data packet; `block` is in the plain format."""
    body = blocks.render(block, revision)
    head = varint(Server.DATA) + text("")  # the name of a temporary table: none
    return head + (b"".join(compress(body)) if compressed else body)


def progress(
    *, read_rows: int = 0, read_bytes: int = 0, written_rows: int = 0, written_bytes: int = 0
) -> bytes:
    """Progress since the last such packet; the total to read is never known here."""
    numbers = (read_rows, read_bytes, 0, written_rows, written_bytes)
    return varint(Server.PROGRESS) + b"".join(map(varint, numbers))


def profile_info(*, rows: int, block_count: int, size: int) -> bytes:
    """Rows, blocks and bytes of a result; without limits applied."""
    return varint(Server.PROFILE_INFO) + varint(rows) + varint(block_count) + varint(size) + b"\x00\x00\x00"


def profile_events(revision: int) -> bytes:
    """That nothing was counted. Clients wait for this after every block that they insert."""
    if revision < _EVENTS:
        return b""
    return varint(Server.PROFILE_EVENTS) + text("") + blocks.render(_NO_EVENTS, revision)


_NO_EVENTS = blocks.header(
    (
        ("host_name", "String"),
        ("current_time", "DateTime"),
        ("thread_id", "UInt64"),
        ("type", "Enum8('increment' = 1, 'gauge' = 2)"),
        ("name", "String"),
        ("value", "Int64"),
    )
)
PONG = varint(Server.PONG)
END_OF_STREAM = varint(Server.END_OF_STREAM)
