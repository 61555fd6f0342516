"""The answers of the HTTP contract, as JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from flask import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from schemas.callbacks import Reason

HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
"""Of every answer: nobody between the provider and us may keep it."""

MESSAGES = {
    HTTPStatus.BAD_REQUEST: "the request can't be read",
    HTTPStatus.NOT_FOUND: "there is nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "callbacks come by POST or GET",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "the URL is too long",
}
"""One text for every request with the same answer: a wrong token can't be told from a wrong path."""


class Accepted(Response):
    """The answer of the hot path: werkzeug would look into every header again before sending, for 10 µs."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body, int(HTTPStatus.OK), list(HEADERS))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        del environ
        start_response(self.status, self.headers.to_wsgi_list())
        return [self.get_data()]


def accepted(callback_id: str) -> Response:
    """The broker has acknowledged the callback."""
    return Accepted(b'{"status":"accepted","id":"%s"}\n' % callback_id.encode())


def rejected(callback_id: str, reasons: tuple[Reason, ...]) -> Response:
    """The payload can't be decoded; it is kept."""
    errors = [reason.to_json() for reason in reasons]
    return json(HTTPStatus.BAD_REQUEST, {"status": "rejected", "id": callback_id, "errors": errors})


def refused(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """The request was not read."""
    message = MESSAGES.get(status, status.phrase.lower())
    return json(status, {"status": "refused", "message": message}, headers)


def unavailable(retry_after_seconds: int) -> Response:
    """Nothing is claimed: the provider is asked to come again."""
    return json(
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"status": "unavailable", "message": "not acknowledged; please send it again"},
        {"Retry-After": str(retry_after_seconds)},
    )


def json(status: HTTPStatus, document: dict[str, object], headers: dict[str, str] | None = None) -> Response:
    """A JSON document with a line feed at its end, as it is read in terminals."""
    response = answer(status, orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    response.headers.update(headers or {})
    return response


def answer(status: HTTPStatus, body: bytes) -> Response:
    """A response with our headers."""
    return Response(body, int(status), list(HEADERS))
