"""The resources as Flask routes: paths, fields and answers of documents 003 and 004.

Assumed, because the documents leave it open: bearer tokens and `/oauth/token`, `/client/{id}/limit/` with its
two fields, the fields of the call history, and errors as a status with a JSON `message`.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from provider.rest.models import CallbackRequest
from provider.subscriptions import EVENT_TYPES
from simulator.api.exchange import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.api.exchange import Exchange
    from simulator.api.faults import Fault, Resource

BASE = "/api/ver1.0"
OPTIONS = frozenset(CallbackRequest.model_fields)
LONGEST_WAIT_SECONDS = 60.0

Answer = Any
"""What `jsonify` takes."""


def create_app(exchange: Exchange) -> Flask:
    app = Flask(__name__, static_folder=None)
    api = _Api(exchange)
    extension, client = f"{BASE}/extension/<extension>", f"{BASE}/client/<client>"
    app.get(f"{extension}/event/")(api.list_events)
    app.post(f"{extension}/event/")(api.add_event)
    app.post(f"{extension}/callback/")(api.callback)
    app.get(f"{client}/call_history/<call_uuid>")(api.call_history)
    app.get(f"{client}/limit/")(api.limit)
    app.post("/oauth/token")(api.token)
    app.register_error_handler(Refused, lambda error: refusal(error.status, error.message))
    return app


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    answer = jsonify({"message": message})
    answer.status_code = status
    answer.headers.update(headers or {})
    return answer


class _Api:
    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def list_events(self, extension: str) -> Response:
        return self._answer(
            "events",
            lambda: [
                each.answer() for each in self.exchange.subscriptions_of(self.exchange.extension(extension))
            ],
        )

    def add_event(self, extension: str) -> Response:
        def add() -> Answer:
            body = _body("url", "event_type", "method")
            if body["event_type"] not in EVENT_TYPES or body["method"] not in {"GET", "POST"}:
                raise Refused(400, "Invalid event_type or method")
            found = self.exchange.extension(extension)
            return self.exchange.add_subscription(
                found, body["url"], body["method"], body["event_type"]
            ).answer()

        return self._answer("events", add)

    def callback(self, extension: str) -> Response:
        def start() -> Answer:
            body = _body("dst_num", "src_num")
            if not isinstance(body["src_num"], list) or not set(body) <= OPTIONS:
                raise Refused(400, "Invalid options")
            started = self.exchange.start_call(self.exchange.extension(extension), body)
            if self.exchange.answers_last:
                self.exchange.delivery.wait_for(started.call_id, LONGEST_WAIT_SECONDS)
            return {"call_id": started.call_id, "call_api_id": started.call_api_id}

        return self._answer("callback", start)

    def call_history(self, client: str, call_uuid: str) -> Response:
        def look_up() -> Answer:
            self._check_client(client)
            return self.exchange.history(call_uuid)

        return self._answer("call_history", look_up)

    def limit(self, client: str) -> Response:
        def look_up() -> Answer:
            self._check_client(client)
            if not self.exchange.tells_limits:
                raise Refused(404, "Not found")
            return {
                "extension_events": self.exchange.extension_events,
                "client_events": self.exchange.client_events,
            }

        return self._answer("limit", look_up)

    def token(self) -> Response:
        return self._answer("token", self._token, public=True)

    def _token(self) -> Answer:
        form = request.form
        token = self.exchange.issue_token(form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials" or token is None:
            raise Refused(401, "invalid_client")
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.exchange.token_seconds}

    def _check_client(self, client: str) -> None:
        if client not in {"@me", self.exchange.client_id}:
            raise Refused(404, "Client not found")

    def _answer(self, resource: Resource, act: Callable[[], Answer], *, public: bool = False) -> Response:
        """Do what is asked, unless the request is not authorised or must fail."""
        request.get_data()  # werkzeug waits for unread data as long as the client keeps the connection
        self.exchange.requests[resource] += 1
        if not public and not self._authorised():
            return refusal(401, "Unauthorized")
        fault = self.exchange.faults.take(resource)
        if fault is None:
            return jsonify(act())
        if fault.carried_out:
            act()
        return self._fail(fault)

    def _authorised(self) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in self.exchange.tokens

    def _fail(self, fault: Fault) -> Response:
        if fault.kind == "status":
            headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
            if fault.body is None:
                return refusal(fault.status, fault.message, headers)
            return Response(fault.body, fault.status, headers, content_type="application/json")
        if fault.kind == "silence":
            return Response(self._silence())
        connection: socket.socket = request.environ["werkzeug.socket"]
        if fault.kind == "cut":
            return Response(_cut(), headers={"Content-Length": "100"}, content_type="application/json")
        return Response(_reset(connection))

    def _silence(self) -> Iterator[bytes]:
        self.exchange.faults.released.wait()
        yield from _dropped()


def _body(*names: str) -> dict[str, Any]:
    """The request's JSON object, which must have these fields."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or any(not body.get(name) for name in names):
        raise Refused(400, "Missing options")
    return body


def _cut() -> Iterator[bytes]:
    yield b'{"call_'
    yield from _dropped()


def _reset(connection: socket.socket) -> Iterator[bytes]:
    """Close at once, with unread and unsent data: the other side sees a reset.

    The server goes on using its socket, so a socket that leads nowhere replaces it.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    here, nowhere = socket.socketpair()
    os.dup2(here.fileno(), connection.fileno())
    here.close()
    nowhere.close()
    yield from _dropped()


def _dropped() -> Iterator[bytes]:
    """End without another byte: the server thinks that the client left."""
    yield from ()
    raise ConnectionResetError
