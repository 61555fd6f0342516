"""Phone numbers and recording links are shown to nobody who did not ask for them. Pure.

A field is masked as the masked views show its column: a number by its name, and whatever may hold one by
what it looks like, rather too much than too little. So is text that a provider wrote in its own words (bytes,
fields that callweave has no name for), with recordings by the names that the providers give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from sinks.shown import COLUMNS, LIST, How

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NUMBERS = frozenset(name for name, how in COLUMNS.items() if how in {How.PSEUDONYM, How.PSEUDONYMS})
LINKS = frozenset({"recording"})

MASK = "***"
SHOWN = 2
"""Digits of a number that stay readable."""

_SIDES = ("event_", "cdr_")

PEOPLE = frozenset({"extension", "agent_id", "requested_by", "transferred_from"})
"""Who of the customer's own people: not secret, though a caller's number may be the same."""

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

ESCAPED = r"(?:%EF%BC%9\d|%D9%A\d|%DB%B\d|\\+u(?:ff1|066|06f)\d)"
"""A wide, Arabic or Persian digit, in forms and in JSON."""

SUSPICIOUS = r"""
    (?P<plain>{plain})
    | (?P<link>\b(?:https?|ftp|sips?|tel)(?::|%3A)[^\s"'<>&,;}}\]]+)
    | (?P<escaped>{escaped}(?:{separator}{{0,3}}{escaped}){{4,}})
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
        for field, text in _texts(said):
            shown = _by_name(field, text)
            if shown is None:
                continue
            paths = set(_paths(text)) - harmless if base(field) in LINKS else set()
            for each in {text} | paths:
                if len(each) >= LEAST_KNOWN:
                    known |= dict.fromkeys(_spellings(each), shown)
        longest = sorted(known.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        return cls(numbers, tuple(longest), harmless - known.keys())

    def value(self, field: str, value: Any) -> Any:
        """Return what to show for a field's value; names may begin with `event_` or `cdr_`.

        A list is masked text by text; a field that no masked view shows, by what it looks like.
        """
        if isinstance(value, list | tuple):
            return [self.value(field, each) for each in value]
        if isinstance(value, dict):
            return self.json(value)
        if self.open or not isinstance(value, str) or base(field) in PEOPLE:
            return value
        shown = _by_name(field, value)
        if shown is not None:
            return shown
        return self.named(value) if COLUMNS.get(field) is How.PLAIN else self.text(value)

    def written(self, field: str, text: str | None) -> str | None:
        """Return what to show for a field's value in text form."""
        if text is None:
            return None
        is_list = COLUMNS.get(field) is How.PSEUDONYMS
        return LIST.join(self.value(field, text.split(LIST))) if is_list else str(self.value(field, text))

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
        pattern = SUSPICIOUS.format(plain=plain, escaped=ESCAPED, separator=SEPARATOR)
        return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


def _without_files(text: str) -> str:
    for held in HELD:
        text = held.sub(rf"\1{MASK}", text)
    return text


def _replaced(match: re.Match[str]) -> str:
    if match["plain"]:
        return match.group()
    return number(match.group()) if match["number"] else MASK


def _texts(said: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return each text with its field, those of lists one by one."""
    for field, value in said:
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, str):
                yield field, each


def _by_name(field: str, text: str) -> str | None:
    """Return the mask of a secret field's text; None for any other field."""
    return number(text) if field in NUMBERS else MASK if base(field) in LINKS else None


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
