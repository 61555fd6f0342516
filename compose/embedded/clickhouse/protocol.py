"""The packets of ClickHouse's native protocol at revision 54429: read from a `Reader`, written as bytes.

54429 is the last revision before blocks carry custom serializations, profile events and an addendum, and the
first whose settings are plain strings. A client and a server use the smaller of their revisions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from compose.embedded.clickhouse import blocks
from compose.embedded.clickhouse.frames import compress
from compose.embedded.clickhouse.wire import ProtocolError, text, varint

if TYPE_CHECKING:
    from compose.embedded.clickhouse.errors import ServerError
    from compose.embedded.clickhouse.wire import Reader

REVISION = 54429
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


def read_hello(source: Reader) -> Hello:
    client = source.text(_HELLO_TEXT)
    source.varint()
    source.varint()
    revision = source.varint()
    database, user, password = (source.text(_HELLO_TEXT) for _ in range(3))
    return Hello(client, revision, database, user, password)


def read_query(source: Reader) -> Query:
    query_id = source.text(_HELLO_TEXT)
    _skip_client_info(source)
    settings = {}
    while name := source.text(_HELLO_TEXT):
        source.varint()  # flags: important, custom; an unknown setting is an error here in any case
        settings[name] = source.text()
    source.varint()  # the stage to run the query to: this server always completes it
    compressed = source.varint()
    return Query(query_id, settings, bool(compressed), source.text())


def _skip_client_info(source: Reader) -> None:
    if source.integer(1) == 0:  # the kind of query: 0 is "none given"
        return
    for _ in ("initial user", "initial query id", "initial address"):
        source.binary()
    interface = source.integer(1)
    if interface == 1:  # TCP
        for _ in ("system user", "host", "client"):
            source.binary()
        for _ in ("major", "minor", "revision"):
            source.varint()
    elif interface == 2:  # HTTP, in a query that another server forwards
        source.skip(1)
        source.binary()
    else:
        raise ProtocolError(f"client info names an unknown interface {interface}")
    source.binary()  # quota key
    if interface == 1:
        source.varint()  # patch version


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


def data(block: bytes, *, compressed: bool) -> bytes:
    """A Data packet; `block` is in the Native format, without block info."""
    body = blocks.BLOCK_INFO + block
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


PONG = varint(Server.PONG)
END_OF_STREAM = varint(Server.END_OF_STREAM)
