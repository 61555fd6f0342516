"""The answers of the HTTP contract, as JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from flask import Response

from ingest.wsgi import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from schemas.callbacks import Reason

HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
"""Of every answer: nobody between the provider and us may keep it."""

METHODS = ("GET", "POST", "HEAD", "OPTIONS")
ALLOWED = ", ".join(METHODS)
"""HEAD and OPTIONS are asked by providers that try a URL before they use it."""

MESSAGES = {
    HTTPStatus.BAD_REQUEST: "the request can't be read",
    HTTPStatus.NOT_FOUND: "there is nothing here",
    HTTPStatus.UNAUTHORIZED: "the signature or the credentials are wrong",
    HTTPStatus.METHOD_NOT_ALLOWED: "callbacks come by POST or GET",
    HTTPStatus.REQUEST_TIMEOUT: "the request took too long",
    HTTPStatus.LENGTH_REQUIRED: "the body must have a Content-Length",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "the URL is too long",
    HTTPStatus.TOO_MANY_REQUESTS: "more than this source may send; please send it again later",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "the headers are too large",
    HTTPStatus.SERVICE_UNAVAILABLE: "not now; please send it again",
}
"""One text for every request with the same answer: a wrong token can't be told from a wrong path."""


class Accepted(Response):
    """The answer of the hot path: werkzeug would take 25 µs to make it and to check its headers again."""

    def __init__(self, body: bytes) -> None:  # what werkzeug keeps of a response, this one has not
        self._body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        del environ
        start_response("200 OK", [*HEADERS])
        return [self._body]


def accepted(callback_id: str) -> Response:
    return Accepted(b'{"status":"accepted","id":"%s"}\n' % callback_id.encode())


def rejected(callback_id: str, reasons: tuple[Reason, ...]) -> Response:
    """Answer that the payload can't be decoded, and was archived."""
    errors = [reason.to_json() for reason in reasons]
    return json(HTTPStatus.BAD_REQUEST, {"status": "rejected", "id": callback_id, "errors": errors})


def probed() -> Response:
    """Answer an empty request, a test of the URL: the URL is right, and nothing is archived."""
    return json(HTTPStatus.OK, {"status": "ready"}, {"Allow": ALLOWED})


def refused(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """Answer a request that was not read."""
    return json(status, refusal(status), headers)


def unavailable(retry_after_seconds: int) -> Response:
    """Ask the provider to send the callback again later."""
    return json(
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"status": "unavailable", "message": "not acknowledged; please send it again"},
        {"Retry-After": str(retry_after_seconds)},
    )


def json(status: HTTPStatus, document: dict[str, object], headers: dict[str, str] | None = None) -> Response:
    """Make a JSON document that ends in a line feed, for terminals."""
    response = answer(status, orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    response.headers.update(headers or {})
    return response


def answer(status: HTTPStatus, body: bytes) -> Response:
    return Response(body, int(status), list(HEADERS))


def plain(status: HTTPStatus, retry_after_seconds: int) -> bytes:
    """Return all bytes of the answer to a request that can't be parsed; the connection closes after it."""
    headers = [*HEADERS]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(retry_after_seconds)))
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ALLOWED))
    body = orjson.dumps(refusal(status), option=orjson.OPT_APPEND_NEWLINE)
    return encode(f"{int(status)} {status.phrase}", headers, len(body), keep_alive=False) + body


def refusal(status: HTTPStatus) -> dict[str, object]:
    """Make the document which says that a request was not kept."""
    return {"status": "refused", "message": MESSAGES.get(status, status.phrase.lower())}
