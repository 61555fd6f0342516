"""The HTTP query interface: a thread for each connection, an engine session for each request."""

from __future__ import annotations

import json
import logging
import re
import uuid
import zlib
from contextlib import closing, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from compose.embedded.clickhouse import http_formats
from compose.embedded.clickhouse.blocks import render
from compose.embedded.clickhouse.connections import Connection
from compose.embedded.clickhouse.engine import NotStreamableError, Piece
from compose.embedded.clickhouse.errors import Code, ServerError
from compose.embedded.clickhouse.frames import compress
from compose.embedded.clickhouse.http_body import read_body
from compose.embedded.clickhouse.http_origin import is_foreign
from compose.embedded.clickhouse.http_request import (
    Parameters,
    Statement,
    assemble,
    credentials,
    parse_parameters,
)
from compose.embedded.clickhouse.http_status import http_status
from compose.embedded.clickhouse.sql import cut_format
from compose.embedded.clickhouse.wire import ProtocolError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from compose.embedded.clickhouse.access import Access
    from compose.embedded.clickhouse.engine import Engine, Session

log = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
WHOLE_RESULT_BYTES = 512 * 1024 * 1024  # for a result in a format that can't be streamed
_PLAY = Path(__file__).with_name("play.html").read_text("utf-8")
_PLAY_MAY = (
    "default-src 'none'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; img-src data:; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'"
)
_PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}
_ALIVE = ("/", "/ping", "/replicas_status")
_COUNTED = ("read_rows", "read_bytes", "written_rows", "written_bytes")
_QUERY_ID = re.compile(r"[\x21-\x7e]{1,256}")  # what a header may contain


class HttpConnection(Connection):
    """Kept alive over requests."""

    def __init__(self, sock: socket.socket, engine: Engine, access: Access) -> None:
        super().__init__(sock)
        self.engine = engine
        self.access = access

    def serve(self) -> None:
        with suppress(EOFError, ConnectionError, TimeoutError):  # the client is gone
            _Handler(self._socket, ("", 0), cast("Any", self))


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection; `server` is its `HttpConnection`."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Any  # the base class expects a socketserver here, and only passes it on
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def do_GET(self) -> None:
        self._request(may_change=False)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._request(may_change=True)

    def log_message(self, *_: Any) -> None:
        """Request lines contain queries: they aren't logged."""

    def version_string(self) -> str:
        """The base class would reveal Python's version."""
        return "ClickHouse"

    def _request(self, *, may_change: bool) -> None:
        connection: HttpConnection = self.server
        with connection.working():
            url = urlsplit(self.path)
            reply = _Reply(self, connection.engine)
            try:
                if url.path in _ALIVE and not url.query and not may_change:
                    reply.text(HTTPStatus.OK, "Ok.\n")
                elif url.path == "/play" and not may_change:
                    reply.page(_PLAY)
                elif url.path not in ("/", "/query"):
                    reply.close_after = True  # its body, if any, stays unread
                    reply.text(HTTPStatus.NOT_FOUND, f"There is no {url.path}\n\nUse /, /play or /ping.\n")
                else:
                    self._answer(connection, reply, url.query, may_change=may_change)
            except ServerError as error:
                log.info("http query failed: %d %s", error.code, error.name)
                reply.error(error)
            except ProtocolError as broken:
                reply.close_after = True
                reply.error(Code.BAD_ARGUMENTS.error(str(broken)))
            self.wfile.flush()
            self.close_connection = self.close_connection or connection.leaving

    def _answer(
        self, connection: HttpConnection, reply: _Reply, query_string: str, *, may_change: bool
    ) -> None:
        reply.close_after = True  # until the body is read
        parameters = parse_parameters(query_string, may_change=may_change)
        own, headers = parameters.own, {name.lower(): value for name, value in self.headers.items()}
        own.setdefault("default_format", headers.get("x-clickhouse-format", ""))
        if _QUERY_ID.fullmatch(own.get("query_id", "")):
            reply.query_id = own["query_id"]
        if is_foreign(headers, connection.engine.host_name):
            raise Code.ACCESS_DENIED.error(
                "Another web page sent this query: ask from /play or a client, by address or localhost."
            )
        roles = connection.access.check(*credentials(own, headers))
        with connection.engine.spool() as spool:
            body = read_body(self.rfile, headers, framed=own.get("decompress") == "1")
            statement = assemble(own.get("query", ""), body, spool.file)
            reply.close_after = False
            reply.choose_encoding(own, parameters.settings, headers.get("accept-encoding", ""))
            session = connection.engine.session(
                own.get("database") or headers.get("x-clickhouse-database", ""), roles
            )
            try:
                _run(session, statement, Path(spool.name), parameters, reply)
            finally:
                session.close()


def _run(session: Session, statement: Statement, data: Path, parameters: Parameters, reply: _Reply) -> None:
    if statement.insert is not None:
        session.configure(parameters.settings)
        insert = statement.insert
        session.check_insert(insert)
        form = http_formats.canonical(insert.format or "Values")
        reply.whole(form, session.insert(insert, form, data, parameters.substitutions))
        return
    revision = parameters.own.get("client_protocol_version", "")
    reply.revision = int(revision) if revision.isdecimal() else 0
    formatted = cut_format(statement.sql)
    named = formatted.format or parameters.own.get("default_format") or http_formats.DEFAULT_FORMAT
    form = http_formats.canonical(named)
    if http_formats.streams(form):
        session.configure(parameters.settings)
        with suppress(NotStreamableError):
            with closing(session.stream(formatted.sql, form, parameters.substitutions)) as pieces:
                reply.stream(form, pieces)
            return
    session.configure({"max_result_bytes": str(WHOLE_RESULT_BYTES), **parameters.settings})
    reply.whole(form, session.run(formatted.sql, form, parameters.substitutions))


class _Reply:
    """The answer to one request, whole or in chunks."""

    def __init__(self, handler: _Handler, engine: Engine) -> None:
        self.query_id = str(uuid.uuid4())
        self.close_after = False
        self.revision = 0
        """The revision of the protocol that the client names: it decides how Native is written."""
        self._handler = handler
        self._engine = engine
        self._framed = False
        self._gzip_level: int | None = None
        self._sent = False
        self._numbers = dict.fromkeys((*_COUNTED, "result_rows"), 0)

    def choose_encoding(self, own: dict[str, str], settings: dict[str, str], accepted: str) -> None:
        """ClickHouse's frames with `compress=1`; gzip where it is enabled and accepted."""
        self._framed = own.get("compress") == "1"
        offered = [part.split(";")[0].strip().lower() for part in accepted.split(",")]
        if settings.get("enable_http_compression") == "1" and "gzip" in offered:
            level = settings.get("http_zlib_compression_level", "3")
            self._gzip_level = int(level) if level in tuple("123456789") else 3

    def text(self, status: HTTPStatus, body: str) -> None:
        """A short answer that is not a query's result."""
        self._send(status, _PLAIN, body.encode())

    def page(self, html: str) -> None:
        """A page that runs its own scripts and asks this server only."""
        headers = {"Content-Type": "text/html; charset=UTF-8", "Content-Security-Policy": _PLAY_MAY}
        self._send(HTTPStatus.OK, headers, html.encode())

    def error(self, error: ServerError) -> None:
        """Answer with the exception; if part of the result has been sent, append it."""
        message = f"{error} (version {self._engine.version})\n".encode()
        if self._sent:  # the missing last chunk shows that the result is cut off
            self.close_after = self._handler.close_connection = True
            self._chunk(message)
            return
        status = http_status(error.code)
        if self._framed and status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            message = b"".join(compress(message))
        self._send(status, _PLAIN | {"X-ClickHouse-Exception-Code": str(error.code)}, message)

    def whole(self, form: str, piece: Piece) -> None:
        self._count(piece)
        body = self._rendered(form, piece.data)
        if self._gzip_level is not None:
            body = zlib.compress(body, self._gzip_level, 31)
        elif self._framed:
            body = b"".join(compress(body))
        self._send(HTTPStatus.OK, self._result_headers(form), body)

    def stream(self, form: str, pieces: Iterator[Piece]) -> None:
        """A result piece by piece; the first piece decides between error and success."""
        first = next(pieces, Piece(b"", 0, 0, 0))
        second = next(pieces, None)
        self._count(first)
        if second is None or not second.data:
            self.whole(form, Piece(first.data, 0, 0, 0))
            return
        self._count(second)
        self._head(HTTPStatus.OK, self._result_headers(form), None)
        pack, finish = self._packer()
        cut = 0
        for piece in chain((first, second), pieces):
            if piece.data:
                self._chunk(pack(self._rendered(form, piece.data[cut:])))
                cut = cut or http_formats.header_size(form, piece.data)
        self._chunk(finish())
        if self._handler.request_version != "HTTP/1.0" and self._handler.command != "HEAD":
            self._handler.wfile.write(b"0\r\n\r\n")

    def _rendered(self, form: str, data: bytes) -> bytes:
        return render(data, self.revision) if form == "Native" else data

    def _packer(self) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
        if self._gzip_level is not None:
            gzip = zlib.compressobj(self._gzip_level, wbits=31)
            return gzip.compress, gzip.flush
        if self._framed:
            return (lambda data: b"".join(compress(data))), (lambda: b"")
        return (lambda data: data), (lambda: b"")

    def _count(self, piece: Piece) -> None:
        for name in _COUNTED:
            self._numbers[name] += getattr(piece, name)
        self._numbers["result_rows"] += piece.rows

    def _result_headers(self, form: str) -> dict[str, str]:
        headers = {
            "Content-Type": http_formats.content_type(form),
            "X-ClickHouse-Format": form,
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in self._numbers.items()}),
        }
        if self._gzip_level is not None:
            headers["Content-Encoding"] = "gzip"
        return headers

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes) -> None:
        self._head(status, headers, len(body))
        self._body(body)

    def _head(self, status: HTTPStatus, headers: dict[str, str], size: int | None) -> None:
        """`size` is the body's in bytes; None for chunks."""
        handler = self._handler
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("X-ClickHouse-Query-Id", self.query_id)
        handler.send_header("X-ClickHouse-Server-Display-Name", self._engine.host_name)
        if size is not None:
            handler.send_header("Content-Length", str(size))
        elif handler.request_version != "HTTP/1.0":
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_after = True
        if self.close_after:
            handler.send_header("Connection", "close")  # the base class then ends the connection
        handler.end_headers()
        self._sent = True

    def _body(self, body: bytes) -> None:
        if self._handler.command != "HEAD":
            self._handler.wfile.write(body)

    def _chunk(self, data: bytes) -> None:
        if data and self._handler.request_version != "HTTP/1.0":
            data = b"%x\r\n" % len(data) + data + b"\r\n"
        self._body(data)
