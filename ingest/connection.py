"""One provider's connection: HTTP/1.1 read with llhttp, each request whole before anybody works on it.

So a slow sender costs a connection and never a thread. Every phase has a time limit; what is not HTTP, or too
large, is answered and closed. A chunked body counts once its last chunk has come, not when the sender goes.
"""

from __future__ import annotations

import asyncio
import re
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from ingest import metrics
from ingest.answers import plain
from ingest.wsgi import Request

if TYPE_CHECKING:
    from runtime.settings import IngestSettings

MAX_HEAD_BYTES = 65_536
"""The limit for a request line with its headers, for a trailer, and for what stands between two chunks."""
PIECE_BYTES = 16_384
"""How much is parsed before it is counted: llhttp doesn't say where in a piece a request begins or ends."""
MAX_BUFFERED_BYTES = 128 * 1024 * 1024
"""Of all bodies that are not whole."""
LINGER_SECONDS = 2.0
"""How long what a refused client still sends is read, unseen: else it would never see its answer."""
UNREAD_BYTES = 65_536
"""How much of the next requests may be buffered while one is answered."""
NEVER = float("inf")
VERSIONS = ("1.0", "1.1")
REQUEST_LINE = re.compile(rb"[A-Z]{1,20} \S+ HTTP/1\.[01]\r\n")


class Phase(Enum):
    IDLE = "the first byte of a request"
    HEAD = "the end of its headers"
    BODY = "the end of its body"
    ANSWER = "our answer"
    CLOSING = "the client to close"


class Host(Protocol):
    limits: IngestSettings
    stopping: bool
    buffered: int
    """Bytes of bodies that are not whole."""

    @property
    def now(self) -> float:
        """The time in seconds, on the clock of deadlines."""

    def enter(self, connection: Connection) -> bool:
        """Count the connection; return False if there is no room."""

    def leave(self, connection: Connection) -> None:
        """Count the connection out."""

    def make_room(self, but: Connection) -> None:
        """Drop the body that has been arriving for longest."""

    def work(self, connection: Connection, request: Request) -> None:
        """Have a request answered."""


class Connection(asyncio.Protocol):
    """One client's connection; it belongs to the event loop's thread."""

    def __init__(self, server: Host) -> None:
        self.server = server
        self.phase = Phase.IDLE
        self.deadline = NEVER
        self.peer = ""
        self.size = 0
        """Bytes of the body received so far."""
        self._unfinished = 0
        """Bytes since the request began, or since its head or a part of its body ended."""
        self._begun = False
        """Whether a request has begun that is not whole."""
        self._ended = False
        """Whether the client sends nothing more."""
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._request: Request | None = None
        self._whole: list[Request] = []
        """Requests that arrived together: they are answered one after another."""
        self._unread = bytearray()
        self._refused: HTTPStatus | None = None
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else ""
        self.deadline = self.server.now + self.server.limits.header_seconds
        if not self.server.enter(self):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what is incomplete."""
        del exc
        if self._request is not None and self._request.chunks:
            metrics.REFUSED.labels("400").inc()  # it broke off: nobody is there to read that
        self.forget_body()
        self.phase = Phase.CLOSING
        self.server.leave(self)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            self._receive(data[start : start + PIECE_BYTES])

    def _receive(self, data: bytes) -> None:
        if self.phase is Phase.CLOSING:
            return
        if self.phase is Phase.ANSWER:
            self._unread += data
            if len(self._unread) > UNREAD_BYTES:
                self._transport.pause_reading()
            return
        self._feed(data)

    def eof_received(self) -> bool:
        """Keep the connection for an answer under way: the client sends no more, but reads."""
        self._ended = True
        return self.phase is Phase.ANSWER

    def pause_writing(self) -> None:
        """Drop a client that does not read: 64 KiB of answers wait."""
        self._transport.abort()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self._headers = []
        self._target = b""
        self._unfinished = 0
        self._begun = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; after a chunked body it is a trailer, which is ignored."""
        if self._request is None:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide whether the body is wanted."""
        self._request = Request(
            method=self._parser.get_method().decode(),
            target=self._target,
            version=self._parser.get_http_version(),
            peer=self.peer,
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
        )
        self.phase = Phase.BODY
        self.deadline = self.server.now + self.server.limits.body_seconds
        self._refused = self._refused or self._objection(self._request)
        if self._refused is None and dict(self._headers).get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        request = self._request
        if request is None or self._refused is not None:
            return
        self.size += len(data)
        self.server.buffered += len(data)
        request.chunks.append(data)
        if self.size > self.server.limits.max_body_bytes:
            self._refused = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        elif self.server.buffered > MAX_BUFFERED_BYTES:
            self.server.make_room(self)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        if request is None or self._refused is not None:
            return
        request.body = b"".join(request.chunks)
        request.chunks.clear()
        self.forget_body()
        self._whole.append(request)
        self._begun = False

    # What we do.

    def answered(self, answer: bytes, request: Request) -> None:
        """Send an answer, and continue with what has arrived meanwhile."""
        if self.phase is Phase.CLOSING:
            return
        self._transport.write(answer)
        if self._whole and request.keep_alive:
            self._work()
        elif self._refused is not None:
            self.refuse(self._refused)
        elif self._ended or not request.keep_alive or self.server.stopping:
            self.close()
        else:
            self._await_next()

    def _await_next(self) -> None:
        """Wait for the next request, which may have arrived in part."""
        limits = self.server.limits
        if self._request is not None:
            self.phase, seconds = Phase.BODY, limits.body_seconds
        elif self._begun:
            self.phase, seconds = Phase.HEAD, limits.header_seconds
        else:
            self.phase, seconds = Phase.IDLE, limits.keep_alive_seconds
        self.deadline = self.server.now + seconds
        if self._unread:
            data = bytes(self._unread)
            self._unread.clear()
            self._transport.resume_reading()
            self.data_received(data)

    def overdue(self) -> None:
        """Close, since a phase took too long."""
        match self.phase:
            case Phase.HEAD | Phase.BODY:
                self.refuse(HTTPStatus.REQUEST_TIMEOUT)
            case Phase.CLOSING:
                self._transport.abort()
            case _:
                self._transport.close()

    def refuse(self, status: HTTPStatus) -> None:
        """Answer a request that is not read to its end, and close."""
        metrics.REFUSED.labels(str(int(status))).inc()
        self._request = None
        self.forget_body()
        self._transport.write(plain(status, self.server.limits.retry_after_seconds))
        self.close()

    def close(self) -> None:
        """Send no more; discard what arrives until the client has closed or its time is up."""
        self.phase = Phase.CLOSING
        self.deadline = self.server.now + LINGER_SECONDS
        self._transport.resume_reading()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def abandon(self) -> None:
        """Close at once, to make room for others."""
        self.forget_body()
        self._transport.abort()

    def forget_body(self) -> None:
        """Forget the body's bytes: they were handed over or dropped."""
        self.server.buffered -= self.size
        self.size = 0

    def _feed(self, data: bytes) -> None:
        if self.phase is Phase.IDLE:
            self.phase = Phase.HEAD
            self.deadline = self.server.now + self.server.limits.header_seconds
        before = self.phase, self.size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # we speak HTTP/1.1 alone, and say so by our answer
            for request in self._whole:
                request.keep_alive = False
        except httptools.HttpParserInvalidMethodError:
            known = REQUEST_LINE.match(data)
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.BAD_REQUEST)
            return
        except httptools.HttpParserError:
            self.refuse(self._refused or HTTPStatus.BAD_REQUEST)
            return
        if self._whole:
            self._work()
            return
        # llhttp reports a header or a trailer only when it is complete; until then we count its bytes
        self._unfinished = self._unfinished + len(data) if before == (self.phase, self.size) else 0
        self._refused = self._refused or length_objection(self._unfinished, self._target)
        if self._refused is not None:
            self.refuse(self._refused)

    def _work(self) -> None:
        """Have the first complete request answered."""
        request = self._whole.pop(0)
        self.phase = Phase.ANSWER
        self.deadline = NEVER
        self.server.work(self, request)

    def _objection(self, request: Request) -> HTTPStatus | None:
        """Return why the body is refused, None if it is not."""
        if not request.target.isascii() or request.version not in VERSIONS:
            return HTTPStatus.BAD_REQUEST
        if (objection := length_objection(head_bytes(request), request.target)) is not None:
            return objection
        named = dict(request.headers)
        length = named.get(b"content-length")
        if length is not None and int(length) > self.server.limits.max_body_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if request.version == "1.0" and (
            b"transfer-encoding" in named or (request.method == "POST" and length is None)
        ):
            return HTTPStatus.LENGTH_REQUIRED  # where its body ends nobody can tell
        return None


def head_bytes(request: Request) -> int:
    """Return how long a request's line and headers are, written without needless spaces."""
    line = f"{request.method}  HTTP/{request.version}\r\n"
    headers = sum(len(name) + len(value) + len(": \r\n") for name, value in request.headers)
    return len(line) + len(request.target) + headers + len("\r\n")


def length_objection(length: int, target: bytes) -> HTTPStatus | None:
    """Return why a head, or a trailer, of this many bytes is refused, None if it is not."""
    if length <= MAX_HEAD_BYTES:
        return None
    if len(target) > MAX_HEAD_BYTES // 2:
        return HTTPStatus.REQUEST_URI_TOO_LONG
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
