"""Phone numbers and recording links are shown to nobody who did not ask for them. Pure.

A field that holds one is masked by its name. Text that a provider wrote in its own words (bytes, fields that
callweave has no name for) is masked by what it looks like, rather too much than too little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBERS = frozenset({"caller", "callee", "display_number"})
LINKS = frozenset({"recording"})

MASK = "***"
SHOWN = 2
"""Digits of a number that stay readable."""

_SIDES = ("event_", "cdr_")

PLAIN = frozenset({"extension", "agent_id", "requested_by"})
"""Who of the customer's own people: not secret, though a caller's number may be the same."""

OWN_WORDS = frozenset({"variables", "tag"})
"""What customers write as they like."""

LEAST_KNOWN = 5
"""Characters of a number that is looked for in other fields: a shorter one stands in many words."""

SUSPICIOUS = r"""
    | (?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)
    | (?P<time>\b\d{4}-\d\d-\d\d(?:[T +]|%20)\d\d(?::|%3A)\d\d(?:(?::|%3A)\d\d)?)
    | (?P<link>\b(?:https?|ftp|sips?|tel)(?::|%3A)[^\s"'<>&,;}\]]+)
    | (?P<number>(?:\+|%2B)?\d(?:(?:[ ().-]|%20)?\d){4,})
"""


def number(value: str) -> str:
    """A number of which only its end can be read."""
    return MASK + (value[-SHOWN:] if len(value) > SHOWN else "")


def base(field: str) -> str:
    """The field of a call that a column of its row tells of."""
    return next((field.removeprefix(side) for side in _SIDES if field.startswith(side)), field)


@dataclass(frozen=True)
class Masks:
    """How to show one call's values."""

    open: bool
    """Whether numbers were asked for: then nothing is masked."""
    secrets: tuple[tuple[str, str], ...] = ()
    """Numbers and links that the call is known to have, longest first, each with what stands for it."""
    harmless: frozenset[str] = frozenset()
    """What looks like a number and is none: ids, times."""

    @classmethod
    def of(cls, said: Iterable[tuple[str, Any]], *, harmless: Iterable[str] = (), numbers: bool) -> Masks:
        """From all that is said of the call: names of fields with their values."""
        known: dict[str, str] = {}
        for field, value in said:
            shown = _by_name(base(field), value)
            if isinstance(value, str) and shown is not None and len(value) >= LEAST_KNOWN:
                known |= dict.fromkeys(_spellings(value), shown)
        longest = sorted(known.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        return cls(numbers, tuple(longest), frozenset(harmless) - known.keys())

    def value(self, field: str, value: Any) -> Any:
        """What to show of a field's value; names may begin with `event_` or `cdr_`."""
        if self.open or base(field) in PLAIN:
            return value
        if base(field) in OWN_WORDS and isinstance(value, str):
            return self.text(value)
        shown = _by_name(base(field), value)
        return self.named(value) if shown is None else shown

    def written(self, field: str, text: str | None) -> str | None:
        """What to show of a field's value that was made a text."""
        if text is None:
            return None
        return self.text(text) if base(field) in OWN_WORDS else str(self.value(field, text))

    def named(self, value: Any) -> Any:
        """A value of a field with a name of ours, without the call's numbers and links."""
        if isinstance(value, str) and not self.open and value not in self.harmless:
            for secret, shown in self.secrets:
                value = value.replace(secret, shown)
        return value

    def text(self, text: str) -> str:
        """What a provider wrote, without anything that looks like a number or a link."""
        return text if self.open else self._suspicious.sub(_replaced, self.named(text))

    def json(self, value: Any) -> Any:
        """The same of every text and number in a JSON value, names of fields included."""
        if self.open or value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {self.text(key): self.json(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.json(each) for each in value]
        shown = self.text(str(value))
        return value if shown == str(value) else shown

    @cached_property
    def _suspicious(self) -> re.Pattern[str]:
        harmless = sorted(self.harmless, key=len, reverse=True)
        known = "|".join(rf"\b{re.escape(each)}\b" for each in harmless) or r"(?!)"
        return re.compile(f"(?P<known>{known}){SUSPICIOUS}", re.VERBOSE | re.IGNORECASE)


def _replaced(match: re.Match[str]) -> str:
    if match["known"] or match["id"] or match["time"]:
        return match.group()
    return MASK if match["link"] else number(match.group())


def _by_name(field: str, value: Any) -> str | None:
    """What stands for the value of a field that holds a secret; None for any other."""
    if not isinstance(value, str):
        return None
    return number(value) if field in NUMBERS else MASK if field in LINKS else None


def _spellings(value: str) -> set[str]:
    """How a value may be written in JSON and in forms."""
    escaped = value.replace("/", "\\/")
    return {value, escaped, quote(value), quote(value, safe=""), quote_plus(value)}
