"""Phone numbers and recording links are shown to nobody who did not ask for them. Pure.

A field that holds one is masked by its name. Text that a provider wrote in its own words (bytes, fields that
callweave has no name for) is masked by what it looks like, rather too much than too little, and recordings
by the names that the providers give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
"""Least length of a number that is masked in other fields: a shorter one is part of many words."""

FILES = ("recordfilename", "recordurl", "recid")
"""Fields of the providers' own that hold a recording."""

ID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"

_DAY = r"\d{4}(?:[-/]|%2[DF]|\\/)\d\d(?:[-/]|%2[DF]|\\/)\d\d"
_ZONE = r"Z|(?:[+-]|%2[BD])\d\d(?::|%3A)?\d\d(?![-/]?\d)"
TIME = rf"\b{_DAY}(?:[T +]|%20)\d\d(?::|%3A)\d\d(?:(?::|%3A)\d\d(?:\.\d{{1,6}}(?!\d))?)?(?:{_ZONE})?"

SEPARATOR = (
    r"(?:[^\S\r\n]|[-+()./_\u2010-\u2015\u2212\uff08\uff09]"
    r"|%(?:09|20|2[89BDEF]|5F)|(?:%C2)?%A0|%E2%80%(?:9[0-5]|AF)"  # the same in forms
    r"|\\+(?:/|t|xa0|u00a0|u201[0-5]|u202f))"  # and in JSON
)
"""Characters between the digits of a number, as people and programs write them."""

SUSPICIOUS = r"""
    (?P<plain>{plain})
    | (?P<link>\b(?:https?|ftp|sips?|tel)(?::|%3A)[^\s"'<>&,;}}\]]+)
    | (?P<number>(?:\+|%2B)?\d(?:\d|{separator}{{1,3}}(?!{plain})\d){{4,}})
"""

_NAMED = rf"(?<![a-z])(?:{'|'.join(FILES)})"
_QUOTE = r"(?:\\|%5C)*(?:[\"']|%2[27])"
_GAP = r"(?:\s|\+|%20|%09|%0A|%0D)*"

HELD = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"({_NAMED}(?:{_QUOTE})?{_GAP}(?:[:=]|%3A|%3D){_GAP}({_QUOTE}))(?:(?!\2)[^\r\n])+",  # in quotes
        rf"({_NAMED}(?:{_QUOTE})?{_GAP}(?::|%3A){_GAP})(?!{_QUOTE}|null\b)[^\s&\"',}}\]]+",  # without any
        rf"({_NAMED}=)[^&\r\n\"]+",  # in a form
        rf"({_NAMED}\"\r?\n(?:content-[^\r\n]+\r?\n)*\r?\n)[^\r\n]+",  # as a part of a multipart form
    )
)
"""What stands in one of `FILES`, behind the first group, in any shape of a payload; nothing empty."""


def number(value: str) -> str:
    """Mask a number but for its end."""
    return MASK + (value[-SHOWN:] if len(value) > SHOWN else "")


def base(field: str) -> str:
    """Return the call's field that a column of its row is about."""
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
        """Make the masks from all that is said of the call: names of fields with their values."""
        known: dict[str, str] = {}
        harmless = frozenset(harmless)
        for field, value in said:
            shown = _by_name(base(field), value)
            if shown is None:
                continue
            paths = set(_paths(value)) - harmless if base(field) in LINKS else set()
            for each in {value} | paths:
                if len(each) >= LEAST_KNOWN:
                    known |= dict.fromkeys(_spellings(each), shown)
        longest = sorted(known.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        return cls(numbers, tuple(longest), harmless - known.keys())

    def value(self, field: str, value: Any) -> Any:
        """Return what to show for a field's value; names may begin with `event_` or `cdr_`."""
        if self.open or base(field) in PLAIN:
            return value
        if base(field) in OWN_WORDS and isinstance(value, str):
            return self.text(value)
        shown = _by_name(base(field), value)
        return self.named(value) if shown is None else shown

    def written(self, field: str, text: str | None) -> str | None:
        """Return what to show for a field's value in text form."""
        if text is None:
            return None
        return self.text(text) if base(field) in OWN_WORDS else str(self.value(field, text))

    def named(self, value: Any) -> Any:
        """Return a named field's value without the call's numbers and links."""
        if isinstance(value, str) and not self.open and value not in self.harmless:
            for secret, shown in self.secrets:
                value = value.replace(secret, shown)
        return value

    def text(self, text: str) -> str:
        """Return a provider's text without anything that looks like a number or a link."""
        return text if self.open else self._suspicious.sub(_replaced, _without_files(self.named(text)))

    def json(self, value: Any) -> Any:
        """Return a JSON value with every text and number masked, names of fields included."""
        if self.open or value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {self.text(key): self._entry(key, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.json(each) for each in value]
        shown = self.text(str(value))
        return value if shown == str(value) else shown

    def _entry(self, key: str, value: Any) -> Any:
        return MASK if key.lower() in FILES and isinstance(value, str) and value else self.json(value)

    @cached_property
    def _suspicious(self) -> re.Pattern[str]:
        harmless = sorted(self.harmless, key=len, reverse=True)
        plain = "|".join([*(rf"\b{re.escape(each)}\b" for each in harmless), ID, TIME])
        pattern = SUSPICIOUS.format(plain=plain, separator=SEPARATOR)
        return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


def _without_files(text: str) -> str:
    for held in HELD:
        text = held.sub(rf"\1{MASK}", text)
    return text


def _replaced(match: re.Match[str]) -> str:
    if match["plain"]:
        return match.group()
    return MASK if match["link"] else number(match.group())


def _by_name(field: str, value: Any) -> str | None:
    """Return the mask of a secret field's value; None for any other field."""
    if not isinstance(value, str):
        return None
    return number(value) if field in NUMBERS else MASK if field in LINKS else None


def _paths(recording: str) -> Iterator[str]:
    """Return the path of a file on a server, which a CDR names without the server; none for a link."""
    if "://" not in recording:
        _, slash, path = recording.partition("/")
        yield slash + path
        yield path


def _spellings(value: str) -> set[str]:
    """Return how a value may be written in JSON and in forms."""
    escaped = value.replace("/", "\\/")
    plain = {value, escaped}
    quoted = {each for text in plain for each in (quote(text, safe=""), quote_plus(text))}
    return plain | {quote(value)} | quoted
