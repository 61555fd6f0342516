"""What an HTTP request asks for: its statement, parameters and settings. No I/O except on the spool."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl

from compose.embedded.clickhouse.errors import Code
from compose.embedded.clickhouse.sql import Insert, parse_insert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_QUERY_BYTES = 16 * 1024 * 1024  # of a statement, without an INSERT's data
_HEAD_BYTES = 1024 * 1024  # an INSERT's data must start within this
_READS_ONLY = "2"  # readonly: no changes of data, settings may change
_NOT_SETTINGS = frozenset[str]().union(
    ("buffer_size", "client_protocol_version", "close_session", "compress", "database", "decompress"),
    ("default_format", "password", "query", "query_id", "quota_key", "role", "session_check", "session_id"),
    ("session_timeout", "stacktrace", "user", "wait_end_of_query"),
)


@dataclass(frozen=True)
class Parameters:
    """The query string, sorted by purpose."""

    own: dict[str, str]
    """For the HTTP interface itself."""
    settings: dict[str, str]
    substitutions: dict[str, str]
    """Values of `{name:Type}`: parameters named `param_name`."""


def parse_parameters(query_string: str, *, may_change: bool) -> Parameters:
    """Parse the query string; a GET may not change anything (`may_change`), as in ClickHouse."""
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Code.BAD_ARGUMENTS.error("The query string can't be decoded.") from None
    own, settings, substitutions = {}, {}, {}
    for name, value in pairs:
        if name in _NOT_SETTINGS:
            own[name] = value
        elif name.startswith("param_"):
            substitutions[name.removeprefix("param_")] = value
        else:
            settings[name] = value
    if not may_change and settings.get("readonly", "0") == "0":
        settings.pop("readonly", None)
        settings["readonly"] = _READS_ONLY  # last: settings before it can still be set
    return Parameters(own, settings, substitutions)


def credentials(own: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """User and password: from the X-ClickHouse headers, basic authorization, or the query string.

    Names in `headers` are in lower case.
    """
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user or "default", password
    return own.get("user") or "default", own.get("password", "")


@dataclass(frozen=True)
class Statement:
    """A statement; an INSERT's data are in the spool."""

    sql: str
    insert: Insert | None


def assemble(url_query: str, body: Iterator[bytes], spool: IO[bytes]) -> Statement:
    """Assemble the statement: the URL's part, a line break, the body. An INSERT's data go to `spool`.

    Exception 62 without a statement, 229 for one that is too long, 36 for one that isn't UTF-8.
    """
    start = bytearray(url_query.encode() + b"\n" if url_query else b"")
    limit = _HEAD_BYTES + len(start)
    for piece in body:
        start += piece
        if len(start) > limit:
            break
    text = url_query or start[:_HEAD_BYTES].decode("utf-8", "surrogateescape")
    if (insert := parse_insert(text)) is not None:
        _refuse_undecodable(insert.head + insert.settings)
        at = len(text[: insert.data_at].encode("utf-8", "surrogateescape"))
        if insert.data_at == len(url_query):
            at += 1  # the line break between the two
        spool.write(start[at:])
        for piece in body:
            spool.write(piece)
        spool.flush()
        return Statement("", insert)
    for piece in body:
        start += piece
        if len(start) > MAX_QUERY_BYTES:
            raise Code.QUERY_IS_TOO_LARGE.error(f"The query is longer than {MAX_QUERY_BYTES} bytes.")
    try:
        sql = start.decode()
    except UnicodeDecodeError:
        raise Code.BAD_ARGUMENTS.error("The query is not UTF-8.") from None
    if not sql.strip():
        raise Code.SYNTAX_ERROR.error("Syntax error: Empty query")
    return Statement(sql, None)


def _refuse_undecodable(sql: str) -> None:
    try:
        sql.encode()
    except UnicodeEncodeError:
        raise Code.BAD_ARGUMENTS.error("The query is not UTF-8.") from None
