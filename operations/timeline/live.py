"""What `callweave tail` prints for each record that comes. Pure.

A record comes again whenever anything is learned of its call; a line is printed when what the line shows has
changed, and only then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from schemas.calls import call_of

if TYPE_CHECKING:
    from schemas.calls import Call
    from schemas.records import Record

MOST_REMEMBERED = 20_000
"""Calls of which we remember what was printed; of one that is forgotten a line may be printed again."""

LEAST_DIGITS = 7
"""A number as it is known may be a part of the number asked for (a country code before it) from here on."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown of a call; durations are microseconds."""

    at: int
    """When the news came, microseconds since 1970 UTC."""
    account: str
    call_id: str
    state: str
    """As in `calls`; `merged` for what turned out to be a part of another call; `closed` in silence."""
    caller: str | None = None
    callee: str | None = None
    extension: str | None = None
    outcome: str = ""
    ring_time: int | None = None
    talk_time: int | None = None
    merged_into: str | None = None
    close_reason: str = ""


_SHOWN = tuple(each.name for each in fields(Line) if each.name != "at")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls to follow; None leaves that open."""

    account: str | None = None
    number: str | None = None
    extension: str | None = None
    source: str | None = None

    def matches(self, account: str, record: Record, call: Call) -> bool:
        """Whether a call is one of these."""
        return (
            self.account in {None, account}
            and (self.source is None or self.source in record["sources"])
            and (self.extension is None or self.extension in _extensions(record, call))
            and (self.number is None or any(same_number(self.number, each) for each in _numbers(call)))
        )


def digits(number: str) -> str:
    """A number's digits, without what only says how it was dialled."""
    return "".join(char for char in number if char.isascii() and char.isdigit()).lstrip("0")


def same_number(asked: str, known: str) -> bool:
    """Whether a number ends in what was asked for, or the other way round if it is long enough."""
    one, other = digits(asked), digits(known)
    if not one or not other:
        return False
    return other.endswith(one) or (len(other) >= LEAST_DIGITS and one.endswith(other))


class Live:
    """Follows calls through their records."""

    def __init__(self, wanted: Wanted, remembered: int = MOST_REMEMBERED) -> None:
        """Nothing is known at first: each call's first record is news."""
        self._wanted = wanted
        self._remembered = remembered
        self._printed: OrderedDict[tuple[str, str], tuple[Any, ...]] = OrderedDict()

    def news(self, account: str, call_id: str, record: Record) -> Line | None:
        """What to print for this record; None if it shows nothing new, or is of a call nobody asked for.

        KeyError, ValueError, TypeError or IndexError for what is no record.
        """
        key = (account, call_id)
        call = call_of(record)
        known = key in self._printed
        if not self._wanted.matches(account, record, call) or ("merged_into" in record and not known):
            return None
        line = _line(account, call_id, record, call)
        shown = tuple(getattr(line, name) for name in _SHOWN)
        if known and self._printed[key] == shown:
            return None
        self._printed[key] = shown
        self._printed.move_to_end(key)
        if len(self._printed) > self._remembered:
            self._printed.popitem(last=False)
        return line


def _line(account: str, call_id: str, record: Record, call: Call) -> Line:
    if "merged_into" in record:
        at = record["last_received_at"]
        return Line(at, account, call_id, "merged", merged_into=record["merged_into"])
    return Line(
        at=call.last_received_at,
        account=account,
        call_id=call_id,
        state="closed" if call.close_reason else call.state,
        caller=call.caller,
        callee=call.callee,
        extension=call.extension,
        outcome=call.outcome,
        ring_time=call.ring_time,
        talk_time=call.talk_time,
        close_reason=call.close_reason,
    )


def _numbers(call: Call) -> list[str]:
    return [each for each in (call.caller, call.callee, call.display_number) if each]


def _extensions(record: Record, call: Call) -> set[str | None]:
    """The call's own, and those of all its legs."""
    legs = (leg["extension"][2] for leg in record.get("legs", {}).values() if "extension" in leg)
    return {call.extension, *legs}
