"""Times in callweave: whole microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

SECOND = 1_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_DAY = 24 * 3600 * SECOND
_FIRST_DAY = EPOCH.toordinal()


def microseconds(time: datetime) -> int:
    """Of an aware time, exact."""
    return (time - EPOCH) // MICROSECOND


def day_of(time: int) -> date:
    """The UTC day of a time."""
    return date.fromordinal(_FIRST_DAY + time // _DAY)


def to_the_second(time: int) -> str:
    """Return a time as people read it, in UTC."""
    return f"{moment(time):%Y-%m-%d %H:%M:%S} UTC"


def moment(time: int) -> datetime:
    """An aware time in UTC."""
    return EPOCH + timedelta(microseconds=time)
