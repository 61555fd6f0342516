"""Reads what people enter in a form, or refuses it with a sentence. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

YEARS = range(1971, 2100)
"""The years that people may ask for: ClickHouse can store them and the days around them, in every zone."""


class Unreadable(CallweaveError):
    """A field holds something else than it asks for."""


def time_of(label: str, text: str, zone: ZoneInfo) -> datetime | None:
    """As a browser writes a date or a time of day, in this zone; None if empty; raises `Unreadable`.

    A time with an offset, as people may write it into a link, is the same time in this zone.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise Unreadable(f"{label} must be a time from {YEARS[0]} to {YEARS[-1]}, such as 2026-03-29T10:00.")
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def number_of(label: str, text: str, most: float) -> float:
    """From 0 to `most`; raises `Unreadable`."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= most:
        raise Unreadable(f"{label} must be a number from 0 to {most:.0f}.")
    return found
