"""/metrics, /healthz and /readyz of a process, on a port of its own.

All of our metrics are named `callweave_…` (`NAMESPACE`). Labels are sources, stages and codes, never tokens,
phone numbers or ids of calls.
"""

from __future__ import annotations

import errno
import platform
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from prometheus_client import REGISTRY, Info
from prometheus_client.exposition import choose_encoder

from runtime.addresses import written
from runtime.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMESPACE = "callweave"

BUILD = Info("build", "The release that runs here.", namespace=NAMESPACE)
BUILD.info({"version": version("callweave"), "python": platform.python_version()})

Ready = tuple[bool, str]
"""Whether the process can do its work now, and if not, why, in a sentence without secrets."""


class MetricsServer(ThreadingHTTPServer):
    """A running server; leaving the context stops it."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, *_, where = found[0]
        super().__init__((str(where[0]), address[1]), handler)
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self.server_port

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server_address[:2]
        return str(host), port

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that go away in mid-answer."""

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(
    port: int,
    ready: Callable[[], Ready],
    *,
    host: str = "127.0.0.1",
    alive: Callable[[], Ready] = lambda: (True, ""),
) -> MetricsServer:
    """Answer on `port` (0: a free one) from a thread; raise `StartError` when the address can't be used.

    `ready` is called in that thread for each /readyz, `alive` for each /healthz; one that raises means
    no.
    """

    class Handler(_Handler):
        checks = MappingProxyType({"/readyz": (ready, "ready"), "/healthz": (alive, "alive")})

    try:
        return MetricsServer((host, port), Handler)
    except OSError as error:
        raise StartError(_refusal(host, port, error)) from None


def render(accept: str = "") -> tuple[bytes, str]:
    """Return all metrics in the format that an Accept header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(REGISTRY), content_type


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    """Seconds until a client that says nothing is dropped."""

    checks: Mapping[str, tuple[Callable[[], Ready], str]]
    """By path, what is asked, and the word for yes."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            body, content_type = render(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, body, content_type)
        elif path in self.checks:
            self._answer_check(*self.checks[path])
        else:
            self._answer_json(HTTPStatus.NOT_FOUND, {"status": "not found"})

    def _answer_check(self, check: Callable[[], Ready], word: str) -> None:
        try:
            holds, reason = check()
        except Exception as error:  # noqa: BLE001 - a probe that fails, for whatever reason, means no
            holds, reason = False, f"the check failed: {type(error).__name__}"
        status = HTTPStatus.OK if holds else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer_json(status, {"status": word if holds else f"not {word}", "reason": reason})

    def _answer_json(self, status: HTTPStatus, document: dict[str, str]) -> None:
        self._answer(status, orjson.dumps(document) + b"\n", "application/json")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds: no access log."""


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Metrics need {written(host, port)}, but another program listens there: "
            "stop it, or choose another port with --metrics-port (0 takes a free one)."
        )
    return f"Metrics can't listen on {written(host, port)}: {error.strerror or type(error).__name__}."
