"""What is counted of events that are not kept one by one: `extra` of an event of kind `summed`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from schemas.covered import Covered
from schemas.limits import FIRST_TIME, LAST_RECEIPT, LAST_TIME, LONGEST, MOST_READING, MOST_SUMMED
from schemas.versions import mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping

Heard = tuple[str, int, int, int]
"""A source; how many events it told; of how many legs it told at least two of the first ring or dial, the
first answer, the hangup and the CDR; of how many of these in another order, by receipt."""
Doubted = tuple[str, str, str, int]
"""A source, a field that could not be read, the doubt's code, and in how many of the source's events."""

_MOST_TALK = 1_000 * LONGEST


def _readable(text: str) -> str:
    Covered(text)
    return text


def _bounded(counts: tuple[Heard | Doubted, ...]) -> tuple[Heard | Doubted, ...]:
    if any(type(each) is int and abs(each) > MOST_SUMMED for row in counts for each in row):
        raise ValueError
    return counts


_Count = Annotated[int, Field(ge=0, le=MOST_SUMMED)]
_Talk = Annotated[int, Field(ge=-_MOST_TALK, le=_MOST_TALK)]
_Hashes = Annotated[str, AfterValidator(_readable)]
Readings = tuple[tuple[Annotated[int, Field(gt=1, le=MOST_READING)], _Hashes], ...]
"""By reading, the ids of events: see `Covered`."""
Ends = tuple[tuple[Annotated[int, Field(ge=FIRST_TIME, le=LAST_TIME)], _Hashes], ...]
"""By time, in microseconds since 1970 UTC, the ids of legs, likewise."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is counted; what is lost without the events may be negative, as a part of a sum."""

    events: _Count = 0
    """How many events were summed up."""
    legs: _Count = 0
    """How many legs they named that no event named which was kept then."""
    doubts: _Count = 0
    """How many doubts they had."""
    transfers: Annotated[int, Field(ge=-MOST_SUMMED, le=MOST_SUMMED)] = 0
    """How many times they handed the call on."""
    talk: _Talk | None = None
    """How long there was talk on their legs by events, in microseconds; None if there was nothing to say."""
    billed: _Talk | None = None
    """How long there was talk on their legs by bills, in microseconds; None if there was no bill."""
    until: Annotated[int, Field(ge=0, le=LAST_RECEIPT)] = 0
    """When the last of them was received, in microseconds since 1970 UTC."""
    heard: Annotated[tuple[Heard, ...], AfterValidator(_bounded)] = ()
    """What each source told in them."""
    doubted: Annotated[tuple[Doubted, ...], AfterValidator(_bounded)] = ()
    """Which fields of them could not be read."""
    covered: _Hashes = ""
    """Which events they are: see `Covered`."""
    named: _Hashes = ""
    """Which legs they named but did not end, likewise: other events may name them, too."""
    readings: Readings = ()
    """Which events were heard of in a reading above 1: of these, and of what another version of it covers."""
    ended: Ends = ()
    """Legs that they ended: no later than the last of those that were summed up at once."""


_NAMES = tuple(each.name for each in fields(Summary))
_SUMMARY = TypeAdapter(Summary)


def check_summary(extra: bytes) -> None:
    """Raise ValueError, which names fields and no value, for what is no summary in JSON."""
    try:
        _SUMMARY.validate_json(extra, strict=True)
    except ValidationError as error:
        raise ValueError(f"extra: {mistakes(error)}") from None


def read_summary(extra: Mapping[str, Any]) -> Summary:
    """Read a summary that was checked, passing over fields of later releases."""
    return Summary(**{name: extra[name] for name in _NAMES if name in extra})
