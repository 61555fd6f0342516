"""How pages write times, durations and numbers. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runtime.terminal import visible

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NONE = "\N{EN DASH}"


def duration(seconds: float | None) -> str:
    """For people: 0:07, 12:30, 1:02:03; parts of a second are dropped."""
    if seconds is None:
        return NONE
    whole = int(abs(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"-{text}" if seconds <= -1 else text


def delay(seconds: float | None) -> str:
    """For people: from hundredths of a second to days."""
    if seconds is None:
        return NONE
    size = abs(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if size >= 10 else f"{seconds:.2f} s"


def number(value: float | None) -> str:
    """With a thin space between thousands."""
    if value is None:
        return NONE
    text = f"{value:,.1f}" if isinstance(value, float) and value != int(value) else f"{int(value):,}"
    return text.replace(",", "\u202f")


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.0f}\u202f%"


def share(value: float | None) -> str:
    """Of what may be far less than one per cent."""
    return (
        NONE
        if value is None
        else f"{value:.0f}\u202f%"
        if value >= 10 or not value
        else f"{value:.2f}\u202f%"
    )


def time_of(value: datetime | None, zone: ZoneInfo, *, seconds: bool = True, date: bool = True) -> str:
    """In the console's zone."""
    if value is None:
        return NONE
    local = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(zone)
    return local.strftime(f"{'%Y-%m-%d ' if date else ''}%H:%M{':%S' if seconds else ''}")


def shown(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return time_of(value, zone)
    if isinstance(value, list | tuple):
        return ", ".join(shown(each, zone) for each in value) or NONE
    if isinstance(value, dict):
        return ", ".join(f"{key}={shown(each, zone)}" for key, each in value.items()) or NONE
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", "\u202f")
    return visible(str(value), lines=True)
