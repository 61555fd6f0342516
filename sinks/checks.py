"""Which values a column can hold. ClickHouse wraps integers and clips times in silence: ask before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.callbacks import Reason
from schemas.limits import LEAST, MOST, MOST_COUNTED, is_receipt, is_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECEIPTS = frozenset({"received_at", "last_received_at", "told_at", "first_received_at"})


def unfit(values: Iterable[tuple[str, object]], counted: frozenset[str] = frozenset()) -> Iterator[Reason]:
    """Say which of these fields no column can hold; `counted` are those that can't be negative."""
    for name, value in values:
        if type(value) is int and not _fits(name, value, counted):
            yield Reason(name, "unrepresentable", "no column can hold this value")


def _fits(name: str, value: int, counted: frozenset[str]) -> bool:
    if name in RECEIPTS:
        return is_receipt(value)
    if name.endswith(("_at", "_until")):
        return is_time(value)
    if name.endswith("_time"):
        return 0 <= value <= MOST
    if name in counted:
        return 0 <= value <= MOST_COUNTED
    return LEAST <= value <= MOST
