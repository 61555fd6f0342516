"""The lines that `callweave tail` prints. Pure.

A record comes again whenever anything is learned of its call; a line is printed when what the line shows has
changed, and only then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.calls import Call
    from schemas.legs import Leg
    from schemas.records import Record

MOST_REMEMBERED = 20_000
"""Calls whose last line we remember; for a forgotten one the same line may be printed again."""

LEAST_DIGITS = 7
"""A number as it is known may be a part of the number asked for (a country code before it) from here on."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown of a call; durations are in microseconds."""

    at: int
    """When the news came, microseconds since 1970 UTC."""
    account: str
    call_id: str
    state: str
    """As in `calls`; `gone` for what turned out to be no call of its own; `closed` in silence."""
    caller: str | None = None
    callee: str | None = None
    extension: str | None = None
    outcome: str = ""
    ring_time: int | None = None
    talk_time: int | None = None
    close_reason: str = ""


_SHOWN = tuple(each.name for each in fields(Line) if each.name != "at")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls to follow; None is any."""

    account: str | None = None
    number: str | None = None
    extension: str | None = None
    source: str | None = None

    def matches(self, call: Call, legs: tuple[Leg, ...]) -> bool:
        numbers = (call.caller, call.callee, call.display_number)
        extensions = {call.extension, *(leg.extension for leg in legs)}
        return (
            self.account in {None, call.account}
            and (self.source is None or self.source in call.sources)
            and (self.extension is None or self.extension in extensions)
            and (self.number is None or any(same_number(self.number, each) for each in numbers if each))
        )


def digits(number: str) -> str:
    """Return a number's digits, without dialling prefixes."""
    return "".join(char for char in number if char.isascii() and char.isdigit()).lstrip("0")


def same_number(asked: str, known: str) -> bool:
    """Return whether a number ends in the one asked for, or the other way round if it is long enough."""
    one, other = digits(asked), digits(known)
    if not one or not other:
        return False
    return other.endswith(one) or (len(other) >= LEAST_DIGITS and one.endswith(other))


class Live:
    """Follows calls through their records."""

    def __init__(self, wanted: Wanted, remembered: int = MOST_REMEMBERED) -> None:
        """Nothing is known at first, so each call's first record is news."""
        self._wanted = wanted
        self._remembered = remembered
        self._printed: OrderedDict[tuple[str, str], tuple[Any, ...]] = OrderedDict()

    def news(self, record: Record, at: int) -> Line | None:
        """Return the line to print for this record; None if it shows nothing new or is not asked for.

        `at` is when it was published, used for a call that is gone, whose record has no other time.
        """
        if record.call is None and not record.gone:
            return None  # that a leg began with nothing is news for the sink
        key = (record.account, record.call_id)
        known = key in self._printed
        if record.call is None:
            if not known:
                return None
            line = Line(at, *key, "gone")
        elif self._wanted.matches(record.call, record.legs):
            line = _line(record.call, key)
        else:
            return None
        shown = tuple(getattr(line, name) for name in _SHOWN)
        if known and self._printed[key] == shown:
            return None
        self._printed[key] = shown
        self._printed.move_to_end(key)
        if len(self._printed) > self._remembered:
            self._printed.popitem(last=False)
        return line


def _line(call: Call, key: tuple[str, str]) -> Line:
    return Line(
        call.last_received_at,
        *key,
        state="closed" if call.close_reason else call.state,
        caller=call.caller,
        callee=call.callee,
        extension=call.extension,
        outcome=call.outcome,
        ring_time=call.ring_time,
        talk_time=call.talk_time,
        close_reason=call.close_reason,
    )
