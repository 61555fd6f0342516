"""One payload's loose values, read one by one: what can't be used, and what nobody asked for.

The providers write the same field as text, as a number, or empty, from one document to the next; all of them
are read alike. A value that says nothing is None. A field that can't be read is left where it was, for
`rest`, and becomes a doubt; only what the callback would be meaningless without is a reason to reject it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict

import orjson

from processors.normalize.nothing import (
    INVISIBLE,
    MAY_BE_NOTHING,
    QUOTES,
    SPACES,
    is_plain_id,
    names_nothing,
    says_nothing,
)
from processors.normalize.numbers import clock_of, number_of, whole
from schemas.callbacks import Reason
from schemas.events import HELD_BACK, Doubt
from schemas.payload.charsets import Garbled
from schemas.times import SECOND
from schemas.uuids import HEX, canonical, hyphenated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from decimal import Decimal

LONGEST_ID = 256
LONGEST_TEXT = 1024
"""Of a value with a name of ours, in characters; a record keeps such values for as long as the call."""
LONGEST_RAW = 256
"""Of a doubt, in characters; the whole value stays among the other fields."""
INT32_MAX = 2**31 - 1
LONGEST_CALL = 7 * 24 * 3600 * SECOND
"""In microseconds."""
EXACT_FLOAT = 2.0**53
"""Beyond it a float may be another number than the one that was sent."""

ONLY_TEXT = frozenset({str})
EMPTY: frozenset[str] = frozenset()
SILENT = ("", None)
"""Values of a field that give way to one of the same name in another case."""
AROUND = INVISIBLE + QUOTES + SPACES
"""What may stand before and after an id."""
NO_LETTERS = re.compile(r"[\W_]+")
"""Of a field's name."""

TRUE = frozenset({"true", "yes", "1", "t", "y"})
FALSE = frozenset({"false", "no", "0", "f", "n"})

PLUS = "%2B"
"""As a sender writes it that encodes twice."""
WRITTEN_TWICE = frozenset('"%')
IN_QUOTES = re.compile(r'^"([^"]*)"$')
LOST_PLUS = re.compile(r"(?<=sip:) (?=\d)")
"""Of a number within an address: a form writes a space as a plus."""

ROUNDED = re.compile(r"\d(?:\.\d*)?[eE]\+\d+", re.ASCII)
"""An id that a spreadsheet has read: its end is lost, and many have its beginning."""
OF_A_FLOAT = re.compile(r"\+?\d+(?:\.0+|(?:\.\d+)?[eE]\+?\d{1,2})", re.ASCII)

MESSAGES = {
    HELD_BACK: "arrived so late that its receipt is not when it happened",
    "malformed": "is not of the kind that it must be",
    "malformed-id": "an id must be text or a whole number",
    "malformed-number": "must be a number",
    "malformed-text": "must be text, in the charset that the sender says",
    "malformed-time": "must be a date and time, or a number counted since 1970",
    "missing": "is not there",
    "nonexistent-time": "there is no such date or time in the source's time zone",
    "out-of-order": "must not lie before what happened before it",
    "out-of-range": "must lie within the years and durations that a call can have",
    "too-long": f"an id may have at most {LONGEST_ID} characters, a text {LONGEST_TEXT}",
    "unknown-word": "is none of the words that the documents name",
    "unprintable": "an id must hold printable characters alone",
}
"""Of the codes of doubts."""


class Left(TypedDict):
    """What an event carries besides its named fields."""

    written: dict[str, str] | None
    extra: dict[str, object]
    doubts: tuple[Doubt, ...]


class Vocabulary:
    """The names of fields that the documents of a dialect know."""

    def __init__(self, names: Iterable[str], also: Mapping[str, str] | None = None) -> None:
        """As the documents write them; `also` are other spellings, each with the documents' name."""
        self.names = frozenset(names)
        self.by_letters = {_letters(name): name for name in self.names}
        self.by_letters |= {_letters(spelled): name for spelled, name in (also or {}).items()}


class Fields:
    """The fields of one callback: which are understood, which are in doubt, and the reasons to reject it."""

    __slots__ = ("_payload", "_understood", "doubts", "reasons", "scalars", "written")

    def __init__(self, payload: Mapping[str, object]) -> None:
        """As `decode` gives them; they are not changed."""
        self._payload = payload
        self._understood: set[str] = set()
        self.doubts: list[Doubt] = []
        self.reasons: list[Reason] = []
        self.written: dict[str, str] = {}
        """Of the ids found those that the provider wrote otherwise, and how."""
        self.scalars: Mapping[str, object] = (
            payload if ONLY_TEXT.issuperset(map(type, payload.values())) else self._scalars()
        )
        """The fields as a form would have them: texts, no null, and lists and objects as they are."""

    def _scalars(self) -> dict[str, object]:
        scalars: dict[str, object] = {}
        for name, value in self._payload.items():
            kind = type(value)
            if kind is str:
                scalars[name] = value
            elif kind is int:
                scalars[name] = str(value)
            elif value is not None:
                scalars[name] = _as_text(value)
                if kind is Garbled:
                    self.doubts.append(Doubt(name, "malformed-text", _raw(scalars[name])))
        return scalars

    def known_by(self, vocabulary: Vocabulary) -> None:
        """Rename fields to the documents' names, whatever their case and the signs in and around them.

        Of several spellings of a name the first in order counts, in every process and for every payload.
        """
        if vocabulary.names.issuperset(self._payload):
            return
        payload, scalars = dict(self._payload), dict(self.scalars)
        for name in sorted(self._payload.keys() - vocabulary.names):
            known = vocabulary.by_letters.get(_letters(name))
            if known is not None and payload.get(known) in SILENT:
                payload[known] = payload.pop(name)
                if name in scalars:
                    scalars[known] = scalars.pop(name)
        self._payload, self.scalars = payload, scalars

    def reject(self, field: str, code: str, message: str) -> None:
        """Note a reason to reject the callback; reading goes on, so that all reasons are found at once."""
        self.reasons.append(Reason(field, code, message))

    def doubt(self, field: str, code: str) -> None:
        """Note that a field can't be read; only a field's first doubt is kept."""
        if not self.doubted(field):
            self.doubts.append(Doubt(field, code, _raw(self.scalars.get(field))))

    def doubted(self, field: str) -> bool:
        """Whether the field could not be read."""
        return bool(self.doubts) and any(doubt.field == field for doubt in self.doubts)

    def needs(self, *names: str) -> None:
        """Make doubts about these fields reasons to reject the callback."""
        for doubt in self.doubts:
            if doubt.field in names:
                self.reject(doubt.field, doubt.code, MESSAGES[doubt.code])

    def understood(self, *names: str) -> None:
        """Note that the event says what these fields say."""
        self._understood.update(names)

    def not_understood(self, *names: str) -> None:
        """Note that the event does not say what these fields say after all."""
        self._understood.difference_update(names)

    def misread(self, name: str, code: str) -> None:
        """Note that what was read of a field can't be meant."""
        self._understood.discard(name)
        self.doubt(name, code)

    def rest(self) -> dict[str, object]:
        """Return the fields that were not understood, as the provider wrote them, by their names."""
        payload = self._payload
        left = sorted(payload.keys() - self._understood)
        if not self.doubts:  # and so nothing is garbled
            return {name: payload[name] for name in left}
        said = ((name, payload[name]) for name in left)
        return {name: str(value) if type(value) is Garbled else value for name, value in said}

    def left(self) -> Left:
        """Return what remains when every field has been read."""
        return Left(written=self.written or None, extra=self.rest(), doubts=tuple(self.doubts))

    def scalar(self, name: str) -> str | None:
        """Return the field as bare text; '' if it says nothing, None if it is no text."""
        value = self.scalars.get(name, "")
        if type(value) is not str:
            return str(value) if type(value) is Truth else None
        text = value.strip()
        if text[:1] not in MAY_BE_NOTHING:
            return text
        return "" if says_nothing(text) else text.strip(AROUND)

    def any_of(self, names: frozenset[str]) -> bool:
        """Return whether the payload has one of these fields, even an empty one."""
        return not names.isdisjoint(self.scalars)

    def has(self, name: str) -> bool:
        """Return whether the payload has the field, even an empty one or null."""
        return name in self._payload

    def word(self, name: str) -> str:
        """Return the field in lower case, to look up in a table; that does not make it understood."""
        word = (self.scalar(name) or "").lower()
        return word.strip(INVISIBLE) if "\0" in word else word

    def unknown_word(self, name: str) -> None:
        """Doubt a field whose word nobody knows, unless it says nothing."""
        if self.scalar(name) != "":
            self.doubt(name, "unknown-word")

    def text(self, name: str, *, nothing: Collection[str] = EMPTY, longest: int = LONGEST_TEXT) -> str | None:
        """A text; None for one of `nothing`."""
        value = self.scalars.get(name)
        if value is None:
            self._understood.add(name)
            return None
        if type(value) is not str:
            self.doubt(name, "malformed-text")
            return None
        text = value.strip()
        if not text:
            self._understood.add(name)
            return None
        if text in nothing or (text[0] in MAY_BE_NOTHING and says_nothing(text)):
            return None
        if len(text) > longest:
            self.doubt(name, "too-long")
            return None
        self._understood.add(name)
        return text

    def number(self, name: str) -> str | None:
        """Return a phone number or an address; a plus that a form turned into a space is put back."""
        value = self.scalars.get(name)
        if type(value) is str and value.isdigit() and len(value) <= LONGEST_TEXT:
            self._understood.add(name)
            return value
        text = self.text(name)
        if text is None:
            return None
        if OF_A_FLOAT.fullmatch(text):
            return self._of_float(name, text)
        if text[0] in WRITTEN_TWICE:
            text = IN_QUOTES.sub(r"\1", text)
            return f"+{text[len(PLUS) :]}" if text.startswith(PLUS) else text
        if " " not in (written := str(self.scalars[name])):
            return text
        return f"+{text}" if written[0] == " " and written[1].isdigit() else LOST_PLUS.sub("+", text)

    def _of_float(self, name: str, text: str) -> str | None:
        """A number as a spreadsheet writes it: with a point it is whole, with an exponent its end is lost."""
        number, _, zeros = text.partition(".")
        if not zeros.strip("0"):
            return number
        self.misread(name, "malformed-number")
        return None

    def first(self, *names: str) -> str | None:
        """Return the first of these numbers that says something; those after it stay unread."""
        for name in names:
            text = self.number(name)
            if text is not None:
                return text
        return None

    def integer(self, name: str, *, least: int = 0, most: int = INT32_MAX) -> int | None:
        """A whole number within bounds."""
        text = self._figure(name)
        return None if text is None else self._within(name, whole(number_of(text)), least, most)

    def duration(self, name: str, unit: int) -> int | None:
        """A duration (µs), counted in units of so many µs or as a clock shows it."""
        text = self._figure(name)
        if text is None:
            return None
        number = number_of(text)
        if number is None:
            number, unit = clock_of(text), SECOND
        return self._within(name, None if number is None else number * unit, 0, LONGEST_CALL)

    def _figure(self, name: str) -> str | None:
        """The text of a number; None if the field says nothing."""
        value = self.scalars.get(name)
        if value is None:
            self._understood.add(name)
            return None
        text = value if type(value) is str and value.isdigit() else self.scalar(name)
        if text == "":
            if not value:
                self._understood.add(name)
            return None
        return "?" if text is None else text  # a list or an object is no number

    def _within(self, name: str, number: int | Decimal | None, least: int, most: int) -> int | None:
        if number is None:
            self.doubt(name, "malformed-number")
        elif least <= number <= most:
            self._understood.add(name)
            return int(number)
        else:
            self.doubt(name, "out-of-range")
        return None

    def flag(self, name: str) -> bool | None:
        """A yes or no, in any of the providers' spellings."""
        if name not in self.scalars:
            return None
        word = self.word(name)
        if word in TRUE or word in FALSE:
            self._understood.add(name)
            return word in TRUE
        self.unknown_word(name)
        return None

    def spelled(self, found: str | None) -> str | None:
        """An id as the provider wrote it."""
        return self.written.get(found, found) if found and self.written else found

    def id(self, name: str, *, hyphens: bool = False) -> str | None:
        """The id of a leg as ids are compared: UUIDs with hyphens, if the dialect has them."""
        given = self._payload.get(name)
        if type(given) is str and is_plain_id(given) and (len(given) != HEX or not hyphens):
            self._understood.add(name)
            return given
        value = self.scalars.get(name)
        if value is None:
            self._understood.add(name)
            return None
        code = _why_no_id(value, given)
        if code:
            self.doubt(name, code)
            return None
        self._understood.add(name)
        text = str(value).strip()
        if not text or names_nothing(text):
            return None
        text = _with_plus(str(value).strip(INVISIBLE)).strip(AROUND)
        found = canonical(text)
        if hyphens:
            found = hyphenated(found)
        if found != text:
            self.written[found] = text
        return found


@lru_cache(1024)
def _letters(name: str) -> str:
    """A field's name as names are compared: `starttime` is `start_time` and `StartTime`, too."""
    return NO_LETTERS.sub("", name).lower()


def _why_no_id(value: object, given: object) -> str:
    """The code of a doubt; '' for what may be an id."""
    if type(value) is not str or type(given) is bool:
        return "malformed-id"
    if type(given) is float and not (given.is_integer() and abs(given) < EXACT_FLOAT):
        return "malformed-id"
    text = value.strip().strip(AROUND)
    if len(text) > LONGEST_ID:
        return "too-long"
    if ROUNDED.fullmatch(text):
        return "malformed-id"
    return "" if text.isprintable() else "unprintable"


def _with_plus(written: str) -> str:
    """An id without spaces around it; it holds none, but a form made one of each plus."""
    text = written.strip()
    if " " not in written:
        return text
    lost = written[0] == " " and written[1:] == text
    return ("+" if lost else "") + text.replace(" ", "+")


class Truth(str):
    """A truth of JSON, as a form would have it: it is neither a name nor a number."""

    __slots__ = ()


def _as_text(value: object) -> object:
    """A number or a truth as JSON writes it, but for a whole number, which has no point."""
    if isinstance(value, bool):
        return Truth("true" if value else "false")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value if isinstance(value, dict | list | Garbled) else str(value)


def _raw(value: object) -> str:
    """A value as text, of a bounded length."""
    text = str(value) if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}…"
