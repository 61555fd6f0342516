"""Times in callweave: whole microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Of an aware time, exact."""
    return (time - EPOCH) // MICROSECOND


def moment(time: int) -> datetime:
    """An aware time in UTC."""
    return EPOCH + timedelta(microseconds=time)
