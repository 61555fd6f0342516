"""A message of `calls.records`: the row of a call with the rows of its legs, or that a call is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003  pydantic reads the annotation
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.calls import Call, call_as_told, days_of, version_of
from schemas.legs import Leg, former_legs, legs_as_told
from schemas.limits import MOST_VERSION
from schemas.versions import NewerVersionError, check_version, mistakes

if TYPE_CHECKING:
    from schemas.legs import Tellings

VERSION = 2

FOR_GOOD = MOST_VERSION
"""The version of what is gone for good: that of a leg which belongs to the call of a smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """That this leg's id ties too many calls together, and links no more."""

    since: int
    """When the first call was received that was one too many, in microseconds since 1970 UTC."""
    at: int
    """When the last such call was received of which this message tells."""
    source: str
    """Who told of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What correlate emits of one leg: a row, that it is gone, or that its state began with nothing."""

    v: int = VERSION
    """The message's version: within one, fields are only added, and readers pass over new ones."""
    account: str
    """The tenant."""
    call_id: str
    """The leg: that of a row is the smallest of its call."""
    began: bool = False
    """Whether the leg's state began with nothing: what the tables know of it is to be sent back."""
    version: int = 0
    """Of several messages about a call the highest version holds: the sum of the readings of its events, or
    `FOR_GOOD`."""
    days: tuple[date, ...] = ()
    """UTC days. Of a row: that of the first receipt, under which it is kept, and the later ones on which its
    events were received, under which it is gone. Of what is gone: all days of the events that it knows. Of
    very many the first and the last."""
    call: Call | None = None
    """The row; absent unless it is one."""
    legs: tuple[Leg, ...] = ()
    """A row has its legs: if they are very many, the smallest and those with news. What is gone has only the
    ids of the legs that it named."""
    former: tuple[str, ...] = ()
    """Of a row: ids that only earlier readings of its events named; none of them is a leg of it any more."""
    gone: bool = False
    """Whether there is no such call: the leg belongs to the call of a smaller one, or, as things stand, its
    events say nothing any more."""
    part_of: str = ""
    """The smaller leg to whose call what is gone belongs; empty unless there is one."""
    suspect: Suspect | None = None
    """Set when the leg was not tied to a call, since its id ties too many."""

    def to_json(self) -> bytes:
        """As in `calls.records`, without what is unknown."""
        said: dict[str, Any] = {
            "v": self.v,
            "account": self.account,
            "call_id": self.call_id,
            "began": self.began,
            "version": self.version,
            "days": self.days,
            "gone": self.gone,
        }
        if self.call is not None:
            said["call"] = _said(self.call)
        if self.former:
            said["former"] = self.former
        if self.legs:
            said["legs"] = [_leg(leg) for leg in self.legs]
        if self.part_of:
            said["part_of"] = self.part_of
        if self.suspect is not None:
            said["suspect"] = self.suspect
        return orjson.dumps(said)

    @classmethod
    def from_json(cls, value: bytes) -> Record:
        """Read a message of `calls.records`, passing over fields of later versions.

        Raises ValueError, which names fields and no value, for what is none, and NewerVersionError.
        """
        try:
            record = _RECORD.validate_json(value, strict=True)
        except ValidationError as error:
            check_version(value, VERSION, "record")
            raise ValueError(mistakes(error)) from None
        if record.v > VERSION:
            raise NewerVersionError("record", record.v, VERSION)
        return record


def row_of(
    account: str,
    call_id: str,
    told: Tellings,
    *,
    legs: tuple[Leg, ...] | None = None,
    began: bool = False,
    suspect: Suspect | None = None,
) -> Record:
    """Give the message with the row of a call and its legs; at least one event must say something.

    The rows of the legs are those that the events make, unless others are given.
    """
    events = told.everything
    return Record(
        account=account,
        call_id=call_id,
        began=began,
        version=version_of(events),
        days=days_of(events),
        call=call_as_told(call_id, told),
        legs=legs_as_told(told) if legs is None else legs,
        former=former_legs(told),
        suspect=suspect,
    )


_RECORD = TypeAdapter(Record)


def _said(row: Call | Leg) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if value is not None}


def _leg(leg: Leg) -> dict[str, Any]:
    said = _said(leg)
    if not leg.doubts:
        del said["doubts"]
    return said
