"""A whole request as WSGI has it, and what a WSGI application says as bytes."""

from __future__ import annotations

import io
import re
import sys
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import httptools

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


GLUED = re.compile(rb"&|%3F", re.IGNORECASE)
"""Where a sender adds its parameters to a URL without looking: as if it had some, or encoded."""


@dataclass(slots=True)
class Request:
    """A complete request."""

    method: str
    target: bytes
    version: str
    peer: str
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    keep_alive: bool = True
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    """Of a body that is not whole yet."""


class NotATargetError(Exception):
    """The request's target is not a URL."""


def environ_of(request: Request) -> WSGIEnvironment:
    """Return the environment that PEP 3333 asks for; raise `NotATargetError`."""
    path, query = split(request.target)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "callweave",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": request.peer,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name == "CONTENT_TYPE":
            environ[name] = value
        elif b"_" not in raw_name and name != "CONTENT_LENGTH":  # X_Peer must not pass for X-Peer
            key = f"HTTP_{name}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def split(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target; raise `NotATargetError`.

    A `#` in a query is a sign like others: it may be dialled, and no client sends what follows one in a URL.
    """
    if target[:1] != b"/":
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise NotATargetError from None
        return url.path or b"/", url.query or b""
    path, _, query = target.partition(b"?")
    path, *glued = GLUED.split(path.partition(b"#")[0], maxsplit=1)
    return path, b"&".join(filter(None, (*glued, query)))


def respond(app: WSGIApplication, environ: WSGIEnvironment, *, keep_alive: bool) -> bytes:
    """Return the bytes of the application's answer, none if the answer follows later."""
    began: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        began.append((status, headers))

    parts = app(environ, start_response)
    body = b"".join(parts)
    if not began:
        return b""
    status, headers = began[-1]
    length = len(body)
    if environ["REQUEST_METHOD"] == "HEAD":
        length, body = next((int(v) for n, v in headers if n.lower() == "content-length"), 0), b""
    kept = ((name, value) for name, value in headers if name.lower() not in {"content-length", "connection"})
    return encode(status, kept, length, keep_alive=keep_alive) + body


def encode(status: str, headers: Iterable[tuple[str, str]], length: int, *, keep_alive: bool) -> bytes:
    """Return an answer's head."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    connection = "" if keep_alive else "Connection: close\r\n"
    date = http_date(int(time.time()))
    head = f"HTTP/1.1 {status}\r\nDate: {date}\r\n{lines}{connection}Content-Length: {length}\r\n\r\n"
    return head.encode("latin-1")


@lru_cache(maxsize=4)
def http_date(second: int) -> str:
    """Format a time for HTTP; cached, since hundreds of answers share it."""
    return formatdate(second, usegmt=True)
