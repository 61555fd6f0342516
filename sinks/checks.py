"""Which values a column can hold. ClickHouse wraps integers and clips times in silence: ask before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from schemas.callbacks import Reason
from schemas.times import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

RECEIPTS = frozenset({"received_at", "last_received_at", "told_at", "first_received_at"})


def is_time(value: int) -> bool:
    """Return whether `DateTime64(6)` holds these microseconds since 1970 UTC."""
    return FIRST_TIME <= value <= LAST_TIME


def is_receipt(value: int) -> bool:
    """Return whether `Date` holds this time's day, under which rows are kept."""
    return 0 <= value <= LAST_RECEIPT


def is_day(value: date) -> bool:
    """Return whether `Date` holds it."""
    return date(1970, 1, 1) <= value <= LAST_DAY


def unfit(values: Iterable[tuple[str, object]], counted: frozenset[str] = frozenset()) -> Iterator[Reason]:
    """Say which of these fields no column can hold; `counted` are those that can't be negative."""
    for name, value in values:
        if type(value) is int and not _fits(name, value, counted):
            yield Reason(name, "unrepresentable", "no column can hold this value")


def _fits(name: str, value: int, counted: frozenset[str]) -> bool:
    if name in RECEIPTS:
        return is_receipt(value)
    if name.endswith("_at"):
        return is_time(value)
    if name in counted:
        return 0 <= value <= MOST_COUNTED
    return LEAST <= value <= MOST
