"""What a column of a table can hold: what nobody can store is refused wherever it is read."""

from __future__ import annotations

from datetime import UTC, date, datetime

from schemas.times import SECOND, microseconds

FIRST_TIME = microseconds(datetime(1900, 1, 1, tzinfo=UTC))
LAST_TIME = microseconds(datetime(2300, 1, 1, tzinfo=UTC)) - 1
"""What `DateTime64(6)` can hold: ClickHouse's reference, "DateTime64"."""
LAST_DAY = date(2149, 6, 6)
"""The last that `Date` can hold; the first is 1970-01-01."""
LAST_RECEIPT = microseconds(datetime(2149, 6, 7, tzinfo=UTC)) - 1
MOST = 2**63 - 1
LEAST = -(2**63)
MOST_COUNTED = 2**32 - 1
MOST_VERSION = 2**64 - 1
MOST_PARTITION = 2**31 - 1

LONGEST = 10 * 365 * 24 * 3600 * SECOND
"""Of a duration, in microseconds: so short that the sum of a call's fits its column."""
MOST_READING = 2**48
"""Replays count in milliseconds; the sum of the readings of 65,000 events fits the column of versions."""
MOST_SUMMED_READING = 2**62
"""Of an event that stands for others: the sum of their readings."""
MOST_SUMMED = 10**8
"""Events, legs and doubts that one event may stand for."""


def is_time(value: int) -> bool:
    """Return whether `DateTime64(6)` holds these microseconds since 1970 UTC."""
    return FIRST_TIME <= value <= LAST_TIME


def is_receipt(value: int) -> bool:
    """Return whether `Date` holds this time's day, under which rows are kept."""
    return 0 <= value <= LAST_RECEIPT


def is_day(value: date) -> bool:
    """Return whether `Date` holds it."""
    return date(1970, 1, 1) <= value <= LAST_DAY
