"""Which values a column can hold. ClickHouse wraps integers and clips times in silence: ask before.

Each check takes any JSON value; none raises.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.callbacks import Reason
from schemas.times import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


FIRST_TIME = microseconds(datetime(1900, 1, 1, tzinfo=UTC))
LAST_TIME = microseconds(datetime(2300, 1, 1, tzinfo=UTC)) - 1
"""What `DateTime64(6)` can hold: ClickHouse's reference, "DateTime64"."""
MOST = 2**63 - 1
LEAST = -(2**63)
MOST_PRIORITY = 2**8 - 1

_NUMBER = re.compile(r"-?[0-9]{1,19}")


def is_text(value: Any) -> bool:
    """A string, as `String` holds it."""
    return type(value) is str


def is_integer(value: Any) -> bool:
    """An integer that `Int64` holds; a boolean is none."""
    return type(value) is int and LEAST <= value <= MOST


def is_duration(value: Any) -> bool:
    """An integer, as `Int64` holds it; but its greatest one stands for an unknown time in `stored_facts`."""
    return is_integer(value) and value != MOST


def is_time(value: Any) -> bool:
    """Microseconds since 1970 UTC, within what `DateTime64(6)` holds."""
    return type(value) is int and FIRST_TIME <= value <= LAST_TIME


def is_receipt(value: Any) -> bool:
    """A time after 1970: 1970 itself stands for none in some columns."""
    return type(value) is int and 0 < value <= LAST_TIME


def is_flag(value: Any) -> bool:
    """True or false."""
    return type(value) is bool


def is_object(value: Any) -> bool:
    """A JSON object."""
    return type(value) is dict


def is_texts(value: Any) -> bool:
    """A list of strings."""
    return type(value) is list and all(type(each) is str for each in value)


def is_named_texts(value: Any) -> bool:
    """An object of strings."""
    return type(value) is dict and all(type(each) is str for each in value.values())


def is_times(value: Any) -> bool:
    """An object of times."""
    return type(value) is dict and all(map(is_time, value.values()))


def is_preference(value: Any) -> bool:
    """[priority, order, value] with a priority of 1 or more: 0 stands for none."""
    return (
        type(value) is list
        and len(value) == 3
        and type(value[0]) is int
        and 0 < value[0] <= MOST_PRIORITY
        and is_integer(value[1])
        and type(value[2]) is str
    )


def is_numeric_preference(value: Any) -> bool:
    """The same, and its value is the decimal text of an `Int64`."""
    return is_preference(value) and bool(_NUMBER.fullmatch(value[2])) and is_integer(int(value[2]))


def unfit(
    checks: Iterable[tuple[str, Callable[[Any], bool]]], values: dict[str, Any], within: str = ""
) -> list[Reason]:
    """Say of each value that is there and fails its check, where it is. Absent ones pass."""
    return [
        Reason(f"{within}{name}", "unrepresentable", "no column can hold this value")
        for name, check in checks
        if (value := values.get(name)) is not None and not check(value)
    ]


def missing(names: Iterable[str], values: dict[str, Any]) -> list[Reason]:
    """Say which values must be there and are not."""
    return [Reason(name, "missing", "must be there") for name in names if values.get(name) is None]
