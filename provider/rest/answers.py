"""The error that an answer of the API means. Pure.

The documents show no error but the name `callback_rate_limit_exceeded` (document 004). It is assumed that
errors are a 4xx with a JSON `message`, and too many requests a 429: public clients have recorded it so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from provider.rest.errors import (
    CallbackRateLimitExceededError,
    LimitReachedError,
    NotAuthorisedError,
    NotFoundError,
    ProviderError,
    RefusedError,
    TooManyRequestsError,
    UnansweredError,
    UnavailableError,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_LIMIT = "callback_rate_limit_exceeded"
OF_A_LIMIT = ("limit", "quota", "maximum")
"""Words of a message about a limit."""


def error_of(
    what: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime, *, repeatable: bool
) -> ProviderError | None:
    """The error that an answer means; None for a success.

    `what` is the request, as the beginning of a sentence. A request that is not `repeatable` may have been
    carried out although the answer reports a failure inside the API.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    message = message_of(body)
    said = f" ({shown(message)})" if shown(message) else ""
    wait = retry_after(headers.get("Retry-After"), now)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if repeatable:
            return UnavailableError(f"{what}: the provider's API fails with status {status}{said}.", wait)
        return UnansweredError(f"{what}: the provider's API failed with status {status}{said}.")
    if status == HTTPStatus.TOO_MANY_REQUESTS and RATE_LIMIT not in message:
        return TooManyRequestsError(f"{what}: the provider says that we ask too often{said}.", wait)
    kind, sentence = _refusal(status, message)
    return kind(f"{what}: {sentence}{said}.")


def _refusal(status: int, message: str) -> tuple[type[ProviderError], str]:
    """What a 4xx means, or an answer that the documents don't know."""
    if RATE_LIMIT in message:
        return CallbackRateLimitExceededError, "the calls in progress leave no room for one more"
    if status == HTTPStatus.UNAUTHORIZED:
        return NotAuthorisedError, "the provider does not accept our token"
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError, "the provider knows none of that name"
    if any(word in message.lower() for word in OF_A_LIMIT):
        return LimitReachedError, "a limit of the provider's is reached"
    if status == HTTPStatus.FORBIDDEN:
        return NotAuthorisedError, "the provider does not allow our application to do this"
    return RefusedError, f"the provider refuses with status {status}"


def message_of(body: bytes) -> str:
    """An error body's message for people, or ''."""
    try:
        read: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(read, dict):
        return ""
    found = (read.get(name) for name in ("code", "error", "error_description", "message"))
    return " ".join(text for text in found if isinstance(text, str))


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds to wait according to a `Retry-After` header: a number, or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip())
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
