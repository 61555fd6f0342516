"""Cut values into portions, each of which fits into the text of one query. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickhouse_driver.util.escape import escape_param

from schemas.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.pieces import Value

MOST_VALUES = 1_000
MOST_BYTES = 128 * 1024
"""Half of what ClickHouse reads of a query's text (`max_query_size`)."""
BETWEEN = len(", ")


def portions(
    values: Iterable[Value], *, most: int = MOST_VALUES, most_bytes: int = MOST_BYTES
) -> Iterator[tuple[Value, ...]]:
    """Return all values in order, none of the portions empty.

    A portion has at most `most` values, and its escaped text at most `most_bytes` in UTF-8, unless a single
    value is longer. Values are texts, numbers, dates, or tuples of them.
    """
    return pieces(values, _escaped, most_bytes=most_bytes, most=most)


def _escaped(value: object) -> int:
    return len(str(escape_param(value, None)).encode()) + BETWEEN
