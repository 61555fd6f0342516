"""Callbacks as the ingress makes them, and short ways to normalize them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from processors.normalize.step import Normalized, Rejected, normalize
from schemas.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import CallEvent
    from tests.samples import Request

    Body = bytes | Mapping[str, object]

NOW = 1_760_000_000_000_000
"""2025-10-09, in microseconds since 1970 UTC."""
SHANGHAI = ZoneInfo("Asia/Shanghai")


def posted(body: Body = b"{}", **fields: Any) -> Callback:
    """A body that a source posted as JSON; `fields` replace the rest."""
    defaults: dict[str, Any] = {
        "id": "callback-1",
        "source": "shanghai",
        "account": "acme",
        "received_at": NOW,
        "method": "POST",
        "content_type": "application/json",
        "peer": "192.0.2.1",
        "payload": body if isinstance(body, bytes) else orjson.dumps(body),
    }
    return Callback(**(defaults | fields))


def sent(request: Request, **fields: Any) -> Callback:
    """A request that a source sent."""
    return posted(
        request.payload, **{"method": request.method, "content_type": request.content_type, **fields}
    )


def event_of(body: Body | Callback, dialect: str = "common-api", zone: ZoneInfo = SHANGHAI) -> CallEvent:
    """The one event of a callback that must have one."""
    outcome = normalize(body if isinstance(body, Callback) else posted(body), dialect, zone)
    assert isinstance(outcome, Normalized), outcome
    (event,) = outcome.events
    return event


def reasons_of(
    body: Body | Callback, dialect: str = "common-api", zone: ZoneInfo = SHANGHAI
) -> dict[tuple[str, str], str]:
    """The reasons against a callback that must be rejected: field and code to message."""
    outcome = normalize(body if isinstance(body, Callback) else posted(body), dialect, zone)
    assert isinstance(outcome, Rejected), outcome
    return {(reason.field, reason.code): reason.message for reason in outcome.reasons}


def said(event: CallEvent) -> dict[str, Any]:
    """An event without what depends on the request, and with its other fields as a form would have them."""
    fields = asdict(event)
    del fields["callback_id"], fields["received_at"]
    fields["extra"] = {name: str(value) for name, value in event.extra.items()}
    return fields
