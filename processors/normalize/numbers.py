"""Numbers as senders write them: whole, with a fraction, with an exponent, or as a clock shows a duration."""

from __future__ import annotations

import re
from decimal import Decimal

LONGEST_INTEGER = 19
"""In digits: more don't fit 64 bits."""
NUMBER = re.compile(r"[+-]?(?:\d{1,25}(?:\.\d{0,25})?|\.\d{1,25})(?:[eE][+-]?\d{1,2})?", re.ASCII)
CLOCK = re.compile(r"(-?)(?:(\d{1,4}):)?(\d{1,4}):([0-5]\d(?:\.\d{1,9})?)", re.ASCII)
MINUTE, HOUR = 60, 3600


def number_of(text: str) -> int | Decimal | None:
    """A number; None for a text that is none. Python's own readers take much that is no number here."""
    if text.isdigit() and text.isascii() and len(text) <= LONGEST_INTEGER:
        return int(text)
    return Decimal(text) if NUMBER.fullmatch(text) else None


def whole(number: int | Decimal | None) -> int | None:
    """A number without a fraction; None for any other."""
    if number is None or isinstance(number, int):
        return number
    return int(number) if number == number.to_integral_value() else None


def clock_of(text: str) -> Decimal | None:
    """The seconds of a duration such as 0:01:33 or 01:33.5; None for a text that is none."""
    found = CLOCK.fullmatch(text)
    if found is None:
        return None
    sign, hours, minutes, seconds = found.groups()
    total = int(hours or 0) * HOUR + int(minutes) * MINUTE + Decimal(seconds)
    return -total if sign else total
