"""One keep-alive connection to an HTTP server, one request at a time: small, because speed matters here.

`httpx` reaches a fifth of the rate that the simulator needs.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runtime.addresses import written
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from simulator.shapes import Request

LONGEST_HEAD = 64 * 1024


class NoAnswerError(Exception):
    """The server can't be reached, broke off, or does not speak HTTP as we know it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A callback URL, split. It holds the token: never log it."""

    host: str
    port: int
    tls: bool
    target: str
    """Path, and query if there is one."""

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """Take a URL apart; raise `CallweaveError` without repeating it."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise CallweaveError("a callback URL can't be read: its port is no number") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CallweaveError("a callback URL must begin with http:// or https:// and name a host")
        tls = parts.scheme == "https"
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.hostname, port or (443 if tls else 80), tls, (parts.path or "/") + query)

    @property
    def server(self) -> tuple[str, int, bool]:
        """Connections to the same server can be shared."""
        return self.host, self.port, self.tls

    def request(self, request: Request) -> bytes:
        path, _, ours = self.target.partition("?")
        query = "&".join(filter(None, (ours, request.query)))
        target = f"{path}{request.suffix}?{query}" if query else f"{path}{request.suffix}"
        headers = [("Host", written(self.host, self.port)), ("User-Agent", "callweave-simulate")]
        if request.content_type:
            headers.append(("Content-Type", request.content_type))
        if request.body or request.method == "POST":
            headers.append(("Content-Length", str(len(request.body))))
        lines = [f"{request.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (*headers, *request.headers)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    retry_after: float | None


class Connection:
    """Opened when needed, and again after it broke."""

    def __init__(self, server: tuple[str, int, bool]) -> None:
        self._host, self._port, self._tls = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: bytes, patience: float) -> Answer:
        """Send a request and wait for its whole answer; raise `NoAnswerError`."""
        try:
            async with asyncio.timeout(patience):
                return await self._exchange(request)
        except (
            OSError,
            EOFError,
            ValueError,
            asyncio.LimitOverrunError,
        ) as error:  # a time-out is an OSError
            self.close()
            raise NoAnswerError(type(error).__name__) from None
        except asyncio.CancelledError:
            self.close()
            raise

    @property
    def stale(self) -> bool:
        """Whether the server has closed it since: servers close connections that are idle for long."""
        return self._streams is not None and self._streams[0].at_eof()

    async def _exchange(self, request: bytes) -> Answer:
        if self.stale:
            self.close()
        if self._streams is None:
            context = ssl.create_default_context() if self._tls else None
            self._streams = await asyncio.open_connection(
                self._host, self._port, ssl=context, limit=LONGEST_HEAD
            )
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(_headers(head))
        if request.startswith(b"HEAD "):
            body = b""
        elif headers.get(b"transfer-encoding") == b"chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
        if headers.get(b"connection", b"").lower() == b"close":
            self.close()
        after = headers.get(b"retry-after", b"")
        return Answer(int(head[9:12]), body, float(after) if after.isdigit() else None)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _headers(head: bytes) -> list[tuple[bytes, bytes]]:
    parts = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return [(name.strip().lower(), value.strip()) for name, _, value in parts]


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body (RFC 9112, 7.1), without trailers."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body
