"""A method for each resource that callweave uses.

`GET`s are repeated while the API fails. A `POST` is repeated only while nothing of it was sent: an event that
may have been added is looked for first (`provider/subscribing.py`), and a call that may have been started is
never started twice.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
import orjson
from pydantic import TypeAdapter, ValidationError

from provider.rest.answers import error_of
from provider.rest.errors import (
    NotAuthorisedError,
    NotFoundError,
    UnansweredError,
    UnavailableError,
    UnreadableError,
)
from provider.rest.models import CallbackRequest, Dialled, Event, Limits
from provider.rest.retries import WHEN_NOTHING_SENT, retrying
from provider.rest.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import Retrying

    from provider.settings import Credentials, ProviderSettings

Parsed = TypeVar("Parsed")

EVENT = TypeAdapter(Event)
EVENTS = TypeAdapter(list[Event])
LIMITS = TypeAdapter(Limits)
DIALLED = TypeAdapter(Dialled)
HISTORY = TypeAdapter(dict[str, Any])

Verb = Literal["GET", "POST"]

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Raised before the first byte of the request: there was no connection yet."""


class Client:
    """A client of one source's provider. For one thread at a time."""

    def __init__(
        self,
        settings: ProviderSettings,
        credentials: Credentials,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._client = quote(settings.client_id, safe="@")
        timeout = httpx.Timeout(settings.answer_timeout_seconds, connect=settings.connect_timeout_seconds)
        self._http = httpx.Client(
            timeout=timeout,
            # Each request gets a new connection: an idle one may be half-closed, and a request
            # that dies on it may have been carried out.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"Accept": "application/json", "User-Agent": "callweave"},
            trust_env=not settings.local,
        )
        again = partial(retrying, settings.attempts, settings.longest_pause_seconds, sleep)
        self._when_asking = again()
        self._when_nothing_sent = again(on=WHEN_NOTHING_SENT)
        self._tokens = Tokens(settings, credentials, self._http, again())

    def events(self, extension: str) -> list[Event]:
        what = "the events of an extension"
        body = self._get(what, f"/extension/{_segment(extension)}/event/")
        return parsed(what, EVENTS, body)

    def add_event(self, extension: str, *, url: str, event_type: str, method: str) -> Event:
        """Add a subscription (document 003); `UnansweredError` if it may have been added."""
        what = "adding an event"
        fields = {"url": url, "event_type": event_type, "method": method}
        body = self._post(what, f"/extension/{_segment(extension)}/event/", fields)
        try:
            return parsed(what, EVENT, body)
        except UnreadableError as error:
            raise UnansweredError(str(error)) from None

    def limits(self) -> Limits | None:
        """How many events may be monitored; None if the provider has no such resource for us."""
        what = "the limits"
        try:
            body = self._get(what, f"/client/{self._client}/limit/")
        except NotFoundError:
            return None
        return parsed(what, LIMITS, body)

    def callback(self, extension: str, request: CallbackRequest) -> Dialled:
        """Start a call (document 004); `UnansweredError` if it may have been started.

        `extension` may be a variable, `@{NAME}`.
        """
        what = "starting the call"
        body = self._post(what, f"/extension/{_segment(extension)}/callback/", request.fields())
        try:
            return parsed(what, DIALLED, body)
        except UnreadableError:
            raise UnansweredError(f"{what}: the answer names no call.") from None

    def call_history(self, call_id: str) -> dict[str, Any]:
        """The provider's history of a call (document 004), unchanged; `NotFoundError` for an unknown one."""
        what = "the history of a call"
        body = self._get(what, f"/client/{self._client}/call_history/{_segment(call_id)}")
        return parsed(what, HISTORY, body)

    def _get(self, what: str, path: str) -> bytes:
        """Ask until there is an answer; a token that was issued to us may expire early."""
        try:
            return self._repeated(self._when_asking, what, "GET", path)
        except NotAuthorisedError:
            if not self._tokens.renew():
                raise
            return self._repeated(self._when_asking, what, "GET", path)

    def _post(self, what: str, path: str, fields: dict[str, Any]) -> bytes:
        """Post once; again only if there was no connection to post on."""
        return self._repeated(self._when_nothing_sent, what, "POST", path, fields)

    def _repeated(
        self, tries: Retrying, what: str, method: Verb, path: str, fields: dict[str, Any] | None = None
    ) -> bytes:
        token = self._tokens.current()  # first, and separately: getting one is always safe to repeat
        return tries.copy()(self._send, what, method, path, fields, token)

    def _send(self, what: str, method: Verb, path: str, fields: dict[str, Any] | None, token: str) -> bytes:
        """Send one request; return the body of a successful answer."""
        repeatable = method == "GET"
        headers = {"Authorization": f"Bearer {token}"}
        content = None
        if fields is not None:
            headers["Content-Type"] = "application/json"
            content = orjson.dumps(fields)
        try:
            answer = self._http.request(
                method, self._settings.base_url + path, headers=headers, content=content
            )
        except NOTHING_SENT as error:
            raise UnavailableError(
                f"{what}: the provider's API can't be reached ({type(error).__name__})."
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            text = f"{what}: the provider's API did not answer ({type(error).__name__})."
            raise (UnavailableError(text) if repeatable else UnansweredError(text)) from None
        now = datetime.now(UTC)
        failed = error_of(
            what, answer.status_code, answer.headers, answer.content, now, repeatable=repeatable
        )
        if failed is not None:
            raise failed
        return answer.content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def _segment(text: str) -> str:
    """A part of a path: `@200` and `@{NAME}` reach the provider unchanged, and nothing leads elsewhere."""
    quoted = quote(text, safe="@")
    return quoted.replace(".", "%2E") if set(text) == {"."} else quoted


def parsed(what: str, kind: TypeAdapter[Parsed], body: bytes) -> Parsed:
    """The answer as the documents describe it, or `UnreadableError`."""
    try:
        return kind.validate_python(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        raise UnreadableError(f"{what}: the provider's answer is not what its documents say.") from None
