"""The simulator's webhooks, read as the pipeline reads them: the other side of the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from processors.normalize.step import Normalized, Rejected, normalize
from schemas.calls import COLUMNS, call_of
from simulator.shapes import request_of
from simulator.untidy.told import Told
from tests.kit.callbacks import posted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.events import CallEvent
    from simulator.model import SimulatedCall
    from simulator.shapes import Request

ZONE = ZoneInfo("Asia/Shanghai")
NOW = 1_790_000_000_000_000


def read(request: Request, dialect: str, received_at: int = NOW) -> Normalized | Rejected:
    """What the normalizer makes of a request."""
    query = request.query.encode()
    only_query = request.method == "GET" and not request.body
    callback = posted(
        query if only_query else request.body,
        id=str(received_at),
        received_at=received_at,
        method=request.method,
        content_type=request.content_type,
        query=b"" if only_query else query,
        kept_headers=orjson.dumps({name.lower(): value for name, value in request.headers}),
    )
    return normalize(callback, dialect, ZONE)


def row(
    call: SimulatedCall, places: Iterable[int], untidy: Mapping[int, Told] | None = None
) -> dict[str, Any]:
    """The columns of `calls`, once these webhooks of a call have come in this order."""
    events: list[CallEvent] = []
    for number, place in enumerate(places):
        webhook = call.webhooks[place]
        told = (untidy or {}).get(place) or Told(request_of(webhook.fields, webhook.shape))
        for request in (told.request, *told.more):
            outcome = read(request, call.truth.dialect, NOW + number)
            assert isinstance(outcome, Normalized), outcome
            events += outcome.events
    known = {event.event_id: event for event in reversed(events)}
    found = call_of(known.values())
    columns = {name: getattr(found, name) for name in COLUMNS}
    for name in ("ring", "talk"):
        time = columns[f"{name}_time"]
        columns[f"{name}_seconds"] = None if time is None else time / 1e6
    return columns | {"legs": list(found.legs)}
