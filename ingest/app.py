"""The HTTP contract as a Flask app: which request gets which answer, and what is kept of it."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ingest import answers, metrics
from ingest.body import BodyTooLargeError, BrokenOffError, read_body
from ingest.groups import UnacknowledgedError
from schemas.callbacks import Callback, Rejection, Stage
from schemas.payload.decode import Undecodable, decode
from schemas.topics import Topic

if TYPE_CHECKING:
    from ingest.publisher import Publisher
    from runtime.clock import Clock
    from runtime.settings import Settings
    from runtime.sources import SourcesFile
    from schemas.callbacks import Reason

log = structlog.get_logger(__name__)
DEBUGGING = logging.getLogger(__name__)
"""Asked before a callback is logged: structlog takes 20 µs to find that it shall say nothing."""

MAX_PATH = 1024
"""Characters of a path; a callback URL has 54."""
MAX_CONTENT_TYPE = 1024
"""Characters that are kept of a Content-Type: it travels beside a body that may fill a message."""
METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
"""All go to one place, which refuses the most of them: Flask would answer HEAD and OPTIONS by itself."""


class Ingress:
    """What a request is answered from."""

    def __init__(
        self, settings: Settings, sources_file: SourcesFile, publisher: Publisher, clock: Clock
    ) -> None:
        self.limits = settings.ingest
        self.sources = sources_file
        self.publisher = publisher
        self.clock = clock
        self.raw = settings.kafka.prefix + Topic.RAW
        self.rejected = settings.kafka.prefix + Topic.REJECTED

    def receive(self, token: str) -> Response:
        """`/callbacks/<token>`."""
        environ = request.environ  # what `request` is asked for goes through three layers each time
        method: Literal["GET", "POST"]
        match environ["REQUEST_METHOD"]:
            case "POST":
                method = "POST"
            case "GET":
                method = "GET"
            case _:
                return refuse(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, POST"})
        query = environ.get("QUERY_STRING", "").encode("latin-1")
        if len(query) > self.limits.max_query_bytes or len(environ["PATH_INFO"]) > MAX_PATH:
            return refuse(HTTPStatus.REQUEST_URI_TOO_LONG)
        source = self.sources.current().by_token(token)
        if source is None:
            return refuse(HTTPStatus.NOT_FOUND)
        try:
            body = read_body(environ, self.limits.max_body_bytes)
        except BodyTooLargeError:
            return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"})
        except BrokenOffError:
            return refuse(HTTPStatus.BAD_REQUEST)  # nobody is there to read this
        callback = Callback(
            id=str(uuid.uuid4()),
            source=source.name,
            account=source.account,
            received_at=self.clock.now(),
            method=method,
            content_type=environ.get("CONTENT_TYPE", "")[:MAX_CONTENT_TYPE],
            peer=environ.get("REMOTE_ADDR", ""),
            payload=query if method == "GET" else body,
            query=b"" if method == "GET" else query,
        )
        metrics.IN_FLIGHT.inc()
        try:
            return self.keep(callback)
        finally:
            metrics.IN_FLIGHT.dec()

    def keep(self, callback: Callback) -> Response:
        """Publish to where it belongs, and answer once that is acknowledged."""
        topic, headers, answer = self.raw, callback.headers(), "accepted"
        reasons: tuple[Reason, ...] = ()
        try:
            decode(callback.method, callback.content_type, callback.payload, callback.query)
        except Undecodable as error:
            reasons = error.reasons
            topic, answer = self.rejected, "rejected"
            headers += Rejection(stage=Stage.INGEST, reasons=reasons).headers()
        start = time.perf_counter()
        try:
            self.publisher.publish(topic, callback.payload, headers)
        except UnacknowledgedError as error:
            metrics.answered(callback.source, "unacknowledged").inc()
            log.debug("callback not acknowledged", id=callback.id, source=callback.source, error=str(error))
            return answers.unavailable(self.limits.retry_after_seconds)
        metrics.PUBLISH_SECONDS.observe(time.perf_counter() - start)
        metrics.answered(callback.source, answer).inc()
        if DEBUGGING.isEnabledFor(logging.DEBUG):
            log.debug("callback kept", id=callback.id, source=callback.source, answer=answer)
        if not reasons:
            return answers.accepted(callback.id)
        for reason in reasons:
            metrics.REASONS.labels(reason.code).inc()
        return answers.rejected(callback.id, reasons)


def refuse(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """Answer a request that was not read, and count it."""
    metrics.REFUSED.labels(str(int(status))).inc()
    return answers.refused(status, headers)


def create_app(
    settings: Settings,
    sources_file: SourcesFile,
    publisher: Publisher,
    clock: Clock,
) -> Flask:
    """The ingress."""
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    ingress = Ingress(settings, sources_file, publisher, clock)
    app.add_url_rule(
        "/callbacks/<token>",
        view_func=ingress.receive,
        endpoint="callbacks",
        methods=METHODS,
        provide_automatic_options=False,
    )
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, lambda error: on_defect(error, settings.ingest.retry_after_seconds))
    return app


def on_http_error(error: HTTPException) -> Response:
    """What Flask and werkzeug refuse by themselves."""
    status = HTTPStatus(error.code or HTTPStatus.NOT_FOUND)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = error.get_response().headers.get("Allow", "")
        return refuse(status, {"Allow": "GET, POST" if "POST" in allowed else allowed})
    return refuse(status)


def on_defect(error: Exception, retry_after_seconds: int) -> Response:
    """Trouble of our own: the provider shall come again. The message of the error may hold what it sent."""
    metrics.FAILED.inc()
    where = traceback.format_tb(error.__traceback__)[-3:]
    log.error("request failed", error=type(error).__name__, where=where)
    return answers.unavailable(retry_after_seconds)
