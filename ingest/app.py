"""The HTTP contract as a Flask app: which request gets which answer, and what is kept of it."""

from __future__ import annotations

import logging
import math
import re
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ingest import answers, metrics
from ingest.defects import defect
from ingest.groups import Message
from ingest.later import Later
from ingest.limits import Buckets
from ingest.senders import objection, peer_of
from runtime.senders import SecretError
from runtime.sources import SourcesError
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.payload.decode import Undecodable, payloads
from schemas.times import SECOND
from schemas.topics import Topic

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ingest.publisher import Publisher
    from runtime.clock import Clock
    from runtime.settings import Settings
    from runtime.sources import Source, SourcesFile

log = structlog.get_logger(__name__)
DEBUGGING = logging.getLogger(__name__)
"""Asked before a callback is logged: structlog takes 20 µs to find that it shall say nothing."""

MAX_PATH = 1024
"""Characters of a path; a callback URL has 54."""
MAX_CONTENT_TYPE = 1024
"""Characters that are kept of a Content-Type: it travels beside a body that may fill a message."""
KEPT = (
    "content-encoding",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-signature",
    "x-timestamp",
    "x-hub-signature",
    "x-hub-signature-256",
)
"""Of every request: a source whose signatures nobody asks for yet can be verified later, too."""
MAX_KEPT = 1024
"""Characters of a header that is kept."""
SENDER_MESSAGES = {
    "network": "the request comes from an address that the source does not name",
    "credentials": "the credentials that the source asks for are missing or wrong",
    "signature": "the signature is missing or wrong",
    "time": "the time that was signed is missing, or too far from ours",
}
AROUND_TOKENS = " \t\r\n.,;\"'<>()"
"""Characters that people paste along with a URL."""
ONLY_ITS_OWN = re.compile(rb"(?:myid=(?:(?!%3D)[^=])*)?", re.IGNORECASE)
"""Queries that only test the URL: they have no parameter but one that is part of it (document 003). An
encoded `=` is that of another one, which a sender has added."""
CALLBACK_METHODS = ("GET", "POST")
METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
"""All go to one place: Flask would answer HEAD and OPTIONS by itself, whatever the token."""


class RefusedError(Exception):
    """The request is answered without being kept."""

    def __init__(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Ingress:
    def __init__(
        self, settings: Settings, sources_file: SourcesFile, publisher: Publisher, clock: Clock
    ) -> None:
        self.limits = settings.ingest
        self.sources = sources_file
        self.publisher = publisher
        self.clock = clock
        self.buckets = Buckets()
        asked = filter(None, settings.ingest.keep_headers.lower().split(","))
        self.kept_keys = {name: environ_key(name) for name in (*KEPT, *asked)}
        self.raw = settings.kafka.prefix + Topic.RAW
        self.rejected = settings.kafka.prefix + Topic.REJECTED

    def receive(self, token: str) -> Response:
        """Answer `/callbacks/<token>`."""
        environ = request.environ  # what `request` is asked for goes through three layers each time
        try:
            source = self.source_of(token.strip(AROUND_TOKENS), environ)
            method, query, body = self.read(environ)
            if method not in CALLBACK_METHODS or _is_probe(query, body):
                return answers.probed()
            callback = self.callback_of(source, environ, query, body)
            why = self.objection(source, callback, environ)
        except RefusedError as refused:
            return refuse(refused.status, refused.headers)
        if why is not None:
            return self.stranger(source, callback, why)
        return self.keep(callback, source.charset or "")

    def callback_of(self, source: Source, environ: WSGIEnvironment, query: bytes, body: bytes) -> Callback:
        posted = environ["REQUEST_METHOD"] == "POST"
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        return Callback(
            id=str(uuid.uuid4()),
            source=source.name,
            account=source.account,
            received_at=self.clock.now(),
            method="POST" if posted else "GET",
            content_type=environ.get("CONTENT_TYPE", "")[:MAX_CONTENT_TYPE],
            peer=peer_of(environ.get("REMOTE_ADDR", ""), forwarded, self.limits.trusted_proxies),
            payload=body if posted or body else query,
            query=query if posted or body else b"",
            revision=source.revision,
            kept_headers=self.kept_headers(source, environ),
        )

    def kept_headers(self, source: Source, environ: WSGIEnvironment) -> bytes:
        """Return the headers to keep: those that are configured, and all that verify a signature later."""
        signature = source.sender.signature if source.sender else None
        keys = self.kept_keys
        if signature is not None:
            keys = keys | {name: environ_key(name) for name in signature.headers}
        found = {name: environ[key][:MAX_KEPT] for name, key in keys.items() if key in environ}
        return orjson.dumps(found) if found else b""

    def objection(self, source: Source, callback: Callback, environ: WSGIEnvironment) -> str | None:
        """Return what is wrong with who sends it; raise `RefusedError` if that can't be told."""
        if source.sender is None:
            return None
        headers = {
            key[5:].replace("_", "-").lower(): text for key, text in environ.items() if key[:5] == "HTTP_"
        }
        now = callback.received_at / SECOND
        try:
            return objection(source.sender, callback.peer, headers, callback.payload, now)
        except SecretError as error:
            log.error("a signature can't be verified", source=source.name, problem=str(error))
            raise self.later() from None

    def stranger(self, source: Source, callback: Callback, why: str) -> Response:
        """Refuse a callback whose sender may not send it, and archive it if the source says so."""
        metrics.SENDERS.labels(source.name, why).inc()
        if source.sender is None or not source.sender.archive_refused:
            return refuse(HTTPStatus.UNAUTHORIZED)
        reason = Reason("", f"sender-{why}", SENDER_MESSAGES[why])
        rejection = Rejection(stage=Stage.INGEST, reasons=(reason,))
        message = Message(self.rejected, callback.payload, callback.headers() + rejection.headers())

        def then() -> Response:
            if message.error is None:
                return refuse(HTTPStatus.UNAUTHORIZED)
            refused = self.later()
            return refuse(refused.status, refused.headers)

        return Later(message, self.publish, then)

    def source_of(self, token: str, environ: WSGIEnvironment) -> Source:
        """Return the source whose token the URL has; raise `RefusedError`."""
        if environ["REQUEST_METHOD"] not in answers.METHODS:
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": answers.ALLOWED})
        if len(environ["PATH_INFO"]) > MAX_PATH:
            raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG)
        try:
            source = self.sources.by_token(token)
        except SourcesError:  # the token may be that of a source which we can't read now
            raise self.later() from None
        if source is None:
            raise RefusedError(HTTPStatus.NOT_FOUND)
        if source.paused_at is not None:
            raise self.later()
        if (seconds := self.buckets.wait(source, time.monotonic())) > 0:
            metrics.LIMITED.labels(source.name).inc()
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(math.ceil(seconds))})
        return source

    def read(self, environ: WSGIEnvironment) -> tuple[str, bytes, bytes]:
        """Return method, query string and body, byte for byte; raise `RefusedError`.

        The server has the whole body before it asks us; some providers write the form into a GET's.
        """
        query = environ.get("QUERY_STRING", "").encode("latin-1")
        if len(query) > self.limits.max_query_bytes:
            raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG)
        return environ["REQUEST_METHOD"], query, environ["wsgi.input"].read()

    def later(self) -> RefusedError:
        """Refuse a request that may be sent again later."""
        return RefusedError(
            HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(self.limits.retry_after_seconds)}
        )

    def keep(self, callback: Callback, charset: str) -> Response:
        """Publish the callback, and answer once it is acknowledged.

        `charset` is what the source writes in if it isn't UTF-8 and the callback names none.
        """
        topic, headers = self.raw, callback.headers()
        reasons: tuple[Reason, ...] = ()
        try:
            payloads(callback, charset)
        except Undecodable as error:
            topic, reasons = self.rejected, error.reasons
            headers += Rejection(stage=Stage.INGEST, reasons=reasons).headers()
        message = Message(topic, callback.payload, headers)
        start = time.perf_counter()
        metrics.IN_FLIGHT.inc()

        def then() -> Response:
            metrics.IN_FLIGHT.dec()
            if message.error is None:
                metrics.PUBLISH_SECONDS.observe(time.perf_counter() - start)
            return self.answer(callback, reasons, message.error)

        return Later(message, self.publish, then)

    def answer(self, callback: Callback, reasons: tuple[Reason, ...], error: str | None) -> Response:
        """Answer a callback that is kept, or has met an error; with reasons it is rejected."""
        if error is not None:
            metrics.answered(callback.source, "unacknowledged").inc()
            log.debug("callback not acknowledged", id=callback.id, source=callback.source, error=error)
            return answers.unavailable(self.limits.retry_after_seconds)
        answer = "rejected" if reasons else "accepted"
        metrics.answered(callback.source, answer).inc()
        if DEBUGGING.isEnabledFor(logging.DEBUG):
            log.debug("callback kept", id=callback.id, source=callback.source, answer=answer)
        if not reasons:
            return answers.accepted(callback.id)
        for reason in reasons:
            metrics.REASONS.labels(reason.code).inc()
        return answers.rejected(callback.id, reasons)

    def publish(self, messages: list[Message]) -> None:
        """Give each message that can't be kept its `error`; a defect of our own is none of theirs."""
        try:
            self.publisher.publish(messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, providers are asked to send again
            defect(error)
            for message in messages:
                message.error = "a defect"


def _is_probe(query: bytes, body: bytes) -> bool:
    """Return whether a request says nothing: somebody tests the URL."""
    return not body and ONLY_ITS_OWN.fullmatch(query) is not None


def environ_key(name: str) -> str:
    """Return a header's key in a WSGI environment."""
    return f"HTTP_{name.upper().replace('-', '_')}"


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
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    ingress = Ingress(settings, sources_file, publisher, clock)
    app.add_url_rule(
        "/callbacks/<token>/",
        view_func=ingress.receive,
        endpoint="callbacks",
        methods=METHODS,
        provide_automatic_options=False,
        strict_slashes=False,  # people paste the URL with a slash at its end and without one
    )
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, lambda error: on_defect(error, settings.ingest.retry_after_seconds))
    return app


def on_http_error(error: HTTPException) -> Response:
    """Answer what Flask and werkzeug refuse by themselves."""
    status = HTTPStatus(error.code or HTTPStatus.NOT_FOUND)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = error.get_response().headers.get("Allow", "")
        return refuse(status, {"Allow": answers.ALLOWED if "POST" in allowed else allowed})
    return refuse(status)


def on_defect(error: Exception, retry_after_seconds: int) -> Response:
    """Ask the provider to send again after an unexpected error."""
    defect(error)
    return answers.unavailable(retry_after_seconds)
