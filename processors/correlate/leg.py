"""What the correlator remembers of one leg."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from processors.correlate import ties
from processors.correlate.known import merged
from processors.correlate.ties import Ties
from schemas.events import CallEvent
from schemas.links import kept_part

if TYPE_CHECKING:
    from processors.correlate.known import Known

ASKED = ""
"""In `told`: it was said that this leg's state began with nothing, and the broker has acknowledged it."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The state of one leg; what it knows only grows, so two versions of it can be joined."""

    events: Known = field(default_factory=dict)
    """What is known of the call by way of this leg: once it was told of a smaller one, what it knew then."""
    peers: frozenset[str] = frozenset()
    """The smaller legs that this leg was told belong to its call."""
    told: frozenset[str] = frozenset()
    """Legs that were told of a smaller one of the call, once the broker has acknowledged that; `ASKED`."""
    touched_at: int = 0
    """When it last had news, by the worker's clock: microseconds since 1970 UTC."""
    ties: Ties = field(default_factory=Ties)
    """The calls that this leg's id ties together."""
    size: int = field(default=0, compare=False)
    """How many bytes of JSON it was read from."""

    def root(self, own: str) -> str:
        """The smallest leg known of the call."""
        return min(self.peers, default=own)

    def to_json(self) -> bytes:
        """As in the correlator's table and its changelog: of events, what a fold needs."""
        written = orjson.dumps(
            {
                "events": [kept_part(event) for event in self.events.values()],
                "peers": sorted(self.peers),
                "told": sorted(self.told),
                "touched_at": self.touched_at,
                **self.ties.to_json(),
            }
        )
        # what orjson gives holds a buffer of several times its length, and this is kept as long as the leg
        return bytes(memoryview(written))

    @classmethod
    def from_json(cls, value: bytes) -> Leg:
        """Read it back."""
        read = orjson.loads(value)
        events = map(CallEvent.from_kept, read["events"])
        return cls(
            {event.event_id: event for event in events},
            frozenset(read["peers"]),
            frozenset(read["told"]),
            read["touched_at"],
            Ties.from_json(read),
            len(value),
        )


def join(a: Leg, b: Leg) -> Leg:
    """Join two versions of a leg's state; a worker may write one after it has lost the leg to another."""
    return Leg(
        events=merged(a.events, b.events),
        peers=a.peers | b.peers,
        told=a.told | b.told,
        touched_at=max(a.touched_at, b.touched_at),
        ties=ties.join(a.ties, b.ties),
    )


def confirm(leg: Leg, told: frozenset[str]) -> Leg:
    """Note that the broker has acknowledged what these legs, or all who read records, were told."""
    return replace(leg, told=leg.told | told) if told else leg
