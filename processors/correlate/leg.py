"""What the correlator remembers of one leg."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import orjson

from schemas import records


@dataclass(frozen=True, slots=True)
class Leg:
    """The state of one leg; what it knows only grows, so two versions of it can be merged."""

    record: records.Record = field(default_factory=dict)
    """What is known of the call by way of this leg; empty if it was only ever told of a smaller one."""
    peers: frozenset[str] = frozenset()
    """The smaller legs that this leg was told belong to its call."""
    told: frozenset[str] = frozenset()
    """Legs that were told of a smaller one of the call, once the broker has acknowledged that; itself, once
    its record was emitted as merged."""
    touched_at: int = 0
    """When it last had news, by the worker's clock: microseconds since 1970 UTC."""

    def root(self, own: str) -> str:
        """The smallest leg known of the call."""
        return min(self.peers, default=own)

    def to_json(self) -> bytes:
        """As in the correlator's table and its changelog."""
        written = orjson.dumps(
            {
                "record": self.record,
                "peers": sorted(self.peers),
                "told": sorted(self.told),
                "touched_at": self.touched_at,
            }
        )
        # what orjson gives holds a buffer of several times its length, and this is kept as long as the leg
        return bytes(memoryview(written))

    @classmethod
    def from_json(cls, value: bytes) -> Leg:
        """Read it back."""
        read = orjson.loads(value)
        return cls(read["record"], frozenset(read["peers"]), frozenset(read["told"]), read["touched_at"])


def join(a: Leg, b: Leg) -> Leg:
    """Merge two versions of a leg's state; a worker may write one after it has lost the leg to another."""
    return Leg(
        record=records.join(a.record, b.record),
        peers=a.peers | b.peers,
        told=a.told | b.told,
        touched_at=max(a.touched_at, b.touched_at),
    )


def confirm(leg: Leg, told: frozenset[str]) -> Leg:
    """Note that the broker has acknowledged what these legs, or all who read records, were told."""
    return replace(leg, told=leg.told | told) if told else leg
