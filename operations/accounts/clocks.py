"""When the clocks of a time zone are changed. Pure but for the zone itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Of times before it the clocks are taken as they were then."""
STEP = timedelta(days=1)
"""No zone has changed its clocks twice within so short a time since then."""

Piece = tuple[int, int]
"""From when on (Unix time) the clocks are how many seconds ahead of UTC."""


def pieces(zone: ZoneInfo, until: datetime) -> list[Piece]:
    """Every piece between two changes up to `until`, in order; the first holds from 1970 on."""
    return [(0, _ahead(zone, FIRST)), *_changes(zone, until)]


def _changes(zone: ZoneInfo, until: datetime) -> Iterator[Piece]:
    at = FIRST
    while at < until:
        following = at + STEP
        if _ahead(zone, at) != (ahead := _ahead(zone, following)):
            yield int(_first_change(zone, at, following).timestamp()), ahead
        at = following


def _first_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the clocks are changed between two times."""
    old = _ahead(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if _ahead(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _ahead(zone: ZoneInfo, at: datetime) -> int:
    return round((at.astimezone(zone).utcoffset() or timedelta()).total_seconds())
