"""A webhook's receiver, which checks signatures as Standard Webhooks says."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import orjson
from standardwebhooks.webhooks import Webhook

from tests.kit.http import Quiet, serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class Receiver(ThreadingHTTPServer):
    """Takes messages, after it has refused the first `refusals`."""

    daemon_threads = True

    def __init__(self, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = refusals
        self.ids: list[str] = []
        self.messages: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server
        receiver.ids.append(self.headers["webhook-id"])
        if receiver.refusals:
            receiver.refusals -= 1
            self.send_error(503)
            return
        Webhook(SECRET).verify(body, dict(self.headers))
        receiver.messages.append(orjson.loads(body))
        self.send_response(204)
        self.end_headers()


def received(refusals: int = 0) -> AbstractContextManager[Receiver]:
    return serving(Receiver(refusals))
