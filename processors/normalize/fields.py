"""One payload's loose values, read one by one: what can't be used, and what nobody asked for.

The providers write the same field as text, as a number, or empty, from one document to the next; all of them
are read alike. A value that says nothing is None. An optional value that can't be read is left where it was,
for `rest`; only what the callback would be meaningless without becomes a reason to reject it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.callbacks import Reason
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

YEAR_2000 = 946_684_800 * SECOND
YEAR_2100 = 4_102_444_800 * SECOND

LONGEST_ID = 256
LONGEST_TEXT = 1024
"""Of a value with a name of ours, in characters; a record keeps such values for as long as the call."""
LONGEST_INTEGER = 19
"""In digits: more don't fit 64 bits."""
INT32_MAX, INT64_MAX = 2**31 - 1, 2**63 - 1

EMPTY = frozenset({""})
NEVER = frozenset({"", "0", "0000-00-00 00:00:00"})
NO_ID = frozenset({"", "0", "00000000-0000-0000-0000-000000000000"})

TRUE = frozenset({"true", "yes", "1"})
FALSE = frozenset({"false", "no", "0"})


class Fields:
    """The fields of one callback, which of them have been understood, and the reasons to reject it."""

    __slots__ = ("_payload", "_understood", "reasons", "scalars")

    def __init__(self, payload: Mapping[str, object]) -> None:
        """As `decode` gives them; they are not changed."""
        self._payload = payload
        self._understood: set[str] = set()
        self.reasons: list[Reason] = []
        self.scalars: dict[str, object] = {
            name: value if type(value) is str else _as_text(value)
            for name, value in payload.items()
            if value is not None
        }
        """The fields as a form would have them: texts, no null, and lists and objects as they are."""

    def reject(self, field: str, code: str, message: str) -> None:
        """Note a reason; reading goes on, so that all of them come out at once."""
        self.reasons.append(Reason(field, code, message))

    def understood(self, *names: str) -> None:
        """What these fields say is said by the event."""
        self._understood.update(names)

    def rest(self) -> dict[str, object]:
        """The fields that were not understood, as the provider wrote them."""
        understood = self._understood
        return {name: value for name, value in self._payload.items() if name not in understood}

    def scalar(self, name: str) -> str | None:
        """The field as text without spaces around it; '' if it says nothing, None for a list or an object."""
        value = self.scalars.get(name, "")
        return value.strip() if isinstance(value, str) else None

    def any_of(self, names: frozenset[str]) -> bool:
        """Whether one of these fields is there, be it empty."""
        return not names.isdisjoint(self.scalars)

    def word(self, name: str) -> str:
        """The field in lower case, to be looked up in a table; not yet understood."""
        return (self.scalar(name) or "").lower()

    def text(self, name: str, *, nothing: Collection[str] = EMPTY, longest: int = LONGEST_TEXT) -> str | None:
        """A text; None for one of `nothing`."""
        text = self.scalar(name)
        if not text:
            if text is not None:
                self._understood.add(name)
            return None
        if text in nothing or len(text) > longest:
            return None
        self._understood.add(name)
        return text

    def first(self, *names: str) -> str | None:
        """The first of these fields that says something; those after it stay as they are."""
        for name in names:
            text = self.text(name)
            if text is not None:
                return text
        return None

    def integer(self, name: str, *, least: int = 0, most: int = INT32_MAX) -> int | None:
        """A whole number within bounds."""
        text = self.scalar(name)
        number = _integer(text) if text else None
        if text == "" or (number is not None and least <= number <= most):
            self._understood.add(name)
            return number
        return None

    def flag(self, name: str) -> bool | None:
        """A yes or no, in any of the providers' spellings."""
        word = self.word(name)
        if word in TRUE or word in FALSE:
            self._understood.add(name)
            return word in TRUE
        return None

    def id(self, name: str) -> str | None:
        """The id of a leg; one that can't be an id rejects the callback."""
        text = self.scalar(name)
        self._understood.add(name)
        if text is None:
            self.reject(name, "malformed-id", "an id must be text or a whole number")
            return None
        if text in NO_ID:
            return None
        if len(text) > LONGEST_ID:
            self.reject(name, "too-long", f"an id may have at most {LONGEST_ID} characters")
        if not text.isprintable():
            self.reject(name, "unprintable", "an id must hold printable characters alone")
        return text

    def instant(self, name: str, unit: int) -> int | None:
        """A time since 1970, counted in units of so many µs; one that can't be rejects the callback."""
        text = self.scalar(name)
        self._understood.add(name)
        if text in NEVER:
            return None
        count = _integer(text) if text else None
        if count is None:
            self.reject(name, "malformed-time", "must be a whole number, counted since 1970")
            return None
        return self.within(name, count * unit)

    def within(self, name: str, instant: int) -> int | None:
        """The time (µs), if it lies in the years that a call can lie in; another rejects the callback."""
        if YEAR_2000 <= instant < YEAR_2100:
            return instant
        self.reject(name, "out-of-range", "the time must lie between the years 2000 and 2100")
        return None


def _as_text(value: object) -> object:
    """A number or a truth as JSON writes it, but for a whole number, which has no point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value if isinstance(value, dict | list) else str(value)


def _integer(text: str) -> int | None:
    """ASCII digits with or without a minus; Python's own `int` takes much that is no number here."""
    digits = text.removeprefix("-")
    if len(digits) > LONGEST_INTEGER or not (digits.isascii() and digits.isdigit()):
        return None
    return int(text)
