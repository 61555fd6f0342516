"""Which calls an id ties together: one that ties too many within an hour is suspect, and links no more.

A provider's fault may put one id into every callback, and so make one call of thousands. A call of very many
legs is none of it: the provider names all of them by one name, or they are of one customer.

What was tied stays tied, for that was sent to other legs; what comes later is left to the other ids that it
names. Full hours are counted, and of a suspect id nothing is let go, so that a batch which is seen again
after a crash is decided as it was the first time. Once all is forgotten, the tables tell that it is suspect.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from schemas.links import Tie
from schemas.uuids import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import CallEvent, Json

MOST_CALLS = 100
"""So many calls may one id tie together within an hour."""

HOUR = 3600 * 1_000_000
HOURS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Ties:
    """The calls that an id ties together; what is known of a suspect one only grows."""

    hours: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """By full hour since 1970 UTC, the calls that were told of in it; the hour with the last news is last."""
    suspect_at: int = 0
    """When the first call was received that was one too many, in µs since 1970 UTC; 0 without one."""

    def to_json(self) -> Json:
        """As in the state of a leg; nothing if there are none."""
        hours = {str(hour): sorted(calls) for hour, calls in self.hours.items()}
        told = {"ties": hours} if hours else {}
        return {**told, "suspect_at": self.suspect_at} if self.suspect_at else told

    @classmethod
    def from_json(cls, read: Json) -> Ties:
        """Read it back."""
        hours = {int(hour): frozenset(calls) for hour, calls in read.get("ties", {}).items()}
        return cls(hours, read.get("suspect_at", 0))

    def holds(self, tie: Tie) -> bool:
        """Whether the call is one that the id ties."""
        return any(tie.call in calls for calls in self.hours.values())

    def admit(self, tie: Tie, most: int) -> Ties:
        """Take the call in, or note that it is one too many: `holds` tells which."""
        hour = tie.at // HOUR
        there = self.hours.get(hour, frozenset())
        if tie.call in there:
            return self
        if self.suspect_at or len(there) >= most:
            return replace(self, suspect_at=self.suspect_at or tie.at)
        others = {each: calls for each, calls in self.hours.items() if each != hour}
        return Ties({**others, hour: there | {tie.call}})

    def suspected(self, since: int) -> Ties:
        """Note that the id was suspect before its state was forgotten."""
        return replace(self, suspect_at=min(since, self.suspect_at or since))

    def recent(self) -> Ties:
        """Let go of hours that are over, unless the id is suspect.

        These are hours without news, not the earliest: a replay is of the past, and a clock may have been
        wrong.
        """
        if self.suspect_at or len(self.hours) <= HOURS_KEPT:
            return self
        return replace(self, hours={hour: self.hours[hour] for hour in list(self.hours)[-HOURS_KEPT:]})


def join(a: Ties, b: Ties) -> Ties:
    """Join what two workers knew of one id."""
    hours = {
        hour: a.hours.get(hour, frozenset()) | b.hours.get(hour, frozenset()) for hour in [*a.hours, *b.hours]
    }
    suspect = [each.suspect_at for each in (a, b) if each.suspect_at]
    return Ties(hours, min(suspect, default=0))


def tie_of(event: CallEvent, name: str) -> Tie:
    """Say which call this event ties to the id: as the provider names it; if by this id, its customer."""
    call = event.uuid
    if not call or canonical(call) == name:
        call = (event.callee if event.direction == "outbound" else event.caller) or ""
    return Tie(_hash(f"{event.account}/{call}"), event.received_at, event.source)


@lru_cache(maxsize=10_000)
def _hash(call: str) -> str:
    """The same for the events of a call, which come one after the other."""
    return blake2b(call.encode(), digest_size=8).hexdigest()
