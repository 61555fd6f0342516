"""Whether a row of `calls` is what the ledger expects. All rules of comparing are here.

- A column is equal, value for value; times and durations to the microsecond.
- `first_received_at`, `last_received_at`, and for `common-api` `rang_at`: the provider only knows that the
  ingress read a callback between its sending and its answer.
- `doubts`: at least those that the provider made.
- A call with an unacknowledged callback is not judged: what was not promised is not owed.

A reported difference holds no number, id or link: only their last two characters are shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.times import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRET = frozenset({"caller", "callee", "display_number", "customer_ref", "recording", "extension"})
LEAST_SHOWN = 4
"""Texts shorter than this are not shown at all."""


def differences(line: Mapping[str, Any], row: Mapping[str, Any] | None) -> list[str]:
    """How a row differs from a line of `expected.jsonl`: a sentence for each column; none if it is right.

    `row` is by column name, as the driver reads it; None if the call does not exist.
    """
    if row is None:
        return ["there is no such row"]
    return [*_unequal(line["columns"], row), *_outside(line["between"], row)]


def _unequal(columns: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for name, want in columns.items():
        found = plain(row[name])
        if _rounded(want) != _rounded(found):
            yield f"{name} is {shown(name, found)}, expected {shown(name, want)}"


def _outside(between: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for name, bounds in between.items():
        found = plain(row[name])
        if bounds is None:
            if found is not None:
                yield f"{name} is {found}, expected none"
            continue
        earliest, latest = bounds
        if found is None or found < earliest or (latest is not None and found > latest):
            yield f"{name} is {found}, expected between {earliest} and {latest}"


def plain(value: Any) -> Any:
    """A value of the database in the ledger's form."""
    if isinstance(value, datetime):
        return microseconds(value.replace(tzinfo=value.tzinfo or UTC))
    return list(value) if isinstance(value, tuple) else value


def shown(name: str, value: Any) -> str:
    """A value to show in a sentence, without secrets."""
    if name not in SECRET or value is None:
        return repr(value)
    text = str(value)
    return f"…{text[-2:]}" if len(text) >= LEAST_SHOWN else "…"


def _rounded(value: Any) -> Any:
    """Durations are seconds as floating-point numbers, of whole microseconds."""
    return round(value, 6) if isinstance(value, float) else value
