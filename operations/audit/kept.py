"""Which callbacks of a span can be compared: those of days that every table still keeps. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from schemas.times import EPOCH, day_of, microseconds
from sinks import retention

if TYPE_CHECKING:
    from runtime.settings import RetentionSettings
    from sinks.span import Span

COMPARED = ("stored_callbacks", "stored_events", "stored_calls")
SPARE = timedelta(days=1)
"""Offsets do not follow the order of receipt: those of the last dropped day end among those of the next."""


class Kept(NamedTuple):
    span: Span
    """The part of the requested span that is examined."""
    calls_since: date
    """From this day on every call is kept."""
    note: str
    """A sentence on what is not examined, '' if everything is."""


def kept(span: Span, settings: RetentionSettings, now: int) -> Kept:
    """Cut a span to what the tables keep; `now` is in microseconds since 1970 UTC."""
    days = retention.days(settings)
    today = day_of(now)
    calls_since = _first(today, days.get("stored_calls"))
    first = max(_first(today, days.get(table)) for table in COMPARED)
    if first == EPOCH.date():
        return Kept(span, calls_since, "")
    since = microseconds(datetime.combine(first + SPARE, time(), UTC))
    if since <= span.since:
        return Kept(span, calls_since, "")
    note = (
        f"callbacks received before {first + SPARE} are not looked at, since settings say that callbacks, "
        "events or calls of those days are dropped"
    )
    return Kept(span._replace(since=since), calls_since, note)


def _first(today: date, days: int | None) -> date:
    """Return the first day that is kept; that of 1970 where all are."""
    return EPOCH.date() if days is None else today - timedelta(days=days)
