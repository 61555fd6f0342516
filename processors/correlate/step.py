"""The correlator's step: what one leg does with a batch of messages.

A leg's root is the smallest leg that it knows of its call. Events and merges travel to the root, links tell
larger legs of it. Each message goes to a strictly smaller leg or tells a larger one of a smaller, so it ends;
and every leg of a connected call reaches the smallest among them, in whatever order the messages come.

A worker may die after the state was saved and before all was sent, and then sees the batch again. So what is
sent depends on the messages and on the state after them, never on what changed: the repeated batch sends it
again. Left out is only what was said before and the broker acknowledged (`Leg.told`): a link to a leg, which
reaches the root of then, and that is told of every later one; and that this leg is no call of its own.

A worker that stood still may work on the same messages as the one that took its legs over, and not know of a
link that came since: it emits the leg's record as a call's. So whatever comes for a leg that has a smaller
root, its record is emitted as merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from processors.correlate.leg import Leg
from schemas import records
from schemas.links import Link, Merge, Told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent


@dataclass(slots=True)
class Sends:
    """What a step sends."""

    told: list[tuple[str, Told]] = field(default_factory=list)
    """To other legs."""
    record: records.Record | None = None
    """The leg's record as it now is."""

    def for_good(self, own: str) -> frozenset[str]:
        """Give the legs that need not be told again: those linked, and `own` if it is emitted as merged."""
        linked = {leg for leg, told in self.told if isinstance(told, Link)}
        merged = {own} if self.record is not None and "merged_into" in self.record else set()
        return frozenset(linked | merged)


def step(own: str, leg: Leg, messages: Iterable[Told], now: int) -> tuple[Leg, Sends]:
    """Take in a batch of messages for the leg `own`; `now` is in microseconds since 1970 UTC."""
    events, merges, links = _sorted_out(messages)
    peers = leg.peers | {link.to for link in links if link.to < own}
    root = min(peers, default=own)
    sends = Sends()
    record, others = leg.record, frozenset[str]()
    if root == own:
        record = _join(record, events, merges)
        others = frozenset(name for event in events for name in event.ids if name > own)
        if events or merges:
            sends.record = record
    else:
        sends.told += [(root, event) for event in events]
        forwarded = [merge.record for merge in merges]
        if links:
            others = peers - {root}
            if record:
                forwarded.append(record)
        if forwarded:
            sends.told.append((root, Merge(reduce(records.join, forwarded))))
        if (links and record) or ((events or merges) and own not in leg.told):
            sends.record = {**_join(record, events, merges), "merged_into": root}
    sends.told += [(other, Link(root)) for other in sorted(others - leg.told)]
    return Leg(record, peers, leg.told, max(now, leg.touched_at)), sends


def _join(record: records.Record, events: list[CallEvent], merges: list[Merge]) -> records.Record:
    known = [*map(records.record_of, events), *(merge.record for merge in merges)]
    return reduce(records.join, known, record)


def _sorted_out(messages: Iterable[Told]) -> tuple[list[CallEvent], list[Merge], list[Link]]:
    events, merges, links = [], [], []
    for message in messages:
        if isinstance(message, Link):
            links.append(message)
        elif isinstance(message, Merge):
            merges.append(message)
        else:
            events.append(message)
    return events, merges, links
