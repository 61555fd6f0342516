"""JSON without silent loss: a number that orjson would round is kept as text.

orjson reads an integer beyond 64 bits as a float, and refuses a number beyond a double. Ids of that size
exist, and must come out unchanged: here they become strings of their digits.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

MAX_DEPTH = 100
"""Nesting of arrays and objects. orjson reads 1,024 levels but writes 254, and what is read must be
writable."""
LONG_NUMBER = re.compile(r"\d{19}")
"""Nineteen digits in a row, in a string or not: 2**63 has that many."""
EXACT = frozenset({str, int, bool, type(None)})
"""What orjson never rounds."""
INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1
UINT64_DIGITS = 20


class MalformedJsonError(ValueError):
    """The text is not JSON that we accept; holds nothing of the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def loads(text: str) -> Any:
    """Return the value of a JSON text; raise `MalformedJsonError`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        value = read_after(error, text)
    else:
        if may_be_rounded(value) and LONG_NUMBER.search(text):
            value = read_exactly(text)
    if text.count("{") + text.count("[") > MAX_DEPTH and deeper_than(MAX_DEPTH, value):
        raise too_deep()
    return value


def may_be_rounded(value: Any) -> bool:
    """Return whether an integer of the text may have become a float. Only flat objects are checked."""
    return not isinstance(value, dict) or not EXACT.issuperset(map(type, value.values()))


def read_after(error: orjson.JSONDecodeError, text: str) -> Any:
    """Return the value of a text that orjson refused, if only a number was too large for it."""
    if "infinity" in error.msg:
        return read_exactly(text)
    if "depth limit" in error.msg:
        raise too_deep() from None
    if "surrogate" in error.msg:
        raise MalformedJsonError("lone-surrogate", "the JSON escapes half of a surrogate pair") from None
    message = f"the JSON is malformed at character {error.pos}"
    raise MalformedJsonError("malformed-json", message) from None


def read_exactly(text: str) -> Any:
    """Read with the standard library, slower; numbers beyond 64 bits as text."""
    try:
        return json.loads(text, parse_int=exact_int, parse_float=exact_float, parse_constant=no_constant)
    except RecursionError:
        raise too_deep() from None
    except json.JSONDecodeError as error:
        message = f"the JSON is malformed at character {error.pos}"
        raise MalformedJsonError("malformed-json", message) from None


def exact_int(digits: str) -> int | str:
    """Return an integer, or its text if 64 bits can't hold it."""
    if len(digits) > UINT64_DIGITS:
        return digits
    number = int(digits)
    return number if INT64_MIN <= number <= UINT64_MAX else digits


def exact_float(digits: str) -> float | str:
    """Return a double, or its text if it is beyond one."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def no_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which are not JSON."""
    raise MalformedJsonError("malformed-json", f"the JSON holds {name}, which is not JSON")


def deeper_than(limit: int, value: Any) -> bool:
    """Return whether arrays and objects are nested more than `limit` levels deep."""
    level = [value]
    for _ in range(limit):
        level = [item for parent in level for item in children(parent)]
        if not level:
            return False
    return True


def children(value: Any) -> list[Any]:
    """Return the arrays and objects directly in a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in inside if isinstance(item, dict | list)]


def too_deep() -> MalformedJsonError:
    return MalformedJsonError("too-deep", f"the JSON is more than {MAX_DEPTH} levels deep")
