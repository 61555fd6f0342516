"""Which events are tied to a leg, from id to id, and what a leg that forgot them is to be told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.calls import days_between, days_of
from schemas.links import Events, Link, in_messages, told_to_json
from schemas.times import SECOND
from schemas.uuids import created_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import date

    from schemas.events import CallEvent
    from sinks.batch import Leg

FAST = 3600 * SECOND
"""By no more may a provider's clock be fast for its ids to be believed."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Events that are tied together, and the legs that asked for them."""

    account: str
    ids: tuple[str, ...]
    """Sorted; the first names the call."""
    events: tuple[CallEvent, ...]
    asked: tuple[str, ...]

    @property
    def root(self) -> str:
        """The smallest of the ids, which names the call."""
        return self.ids[0]

    @property
    def days(self) -> tuple[date, ...]:
        """Return the days under which it may have rows."""
        return days_between(*days_of(self.events))

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Return leg and message: a link to each that asked and is not the root, and events to the root."""
        for leg in self.asked:
            if leg != self.root:
                yield leg, told_to_json(Link(self.root))
        for some in in_messages(self.events):
            yield self.root, told_to_json(Events(some))


def is_young(leg: Leg, since: int, now: int) -> bool:
    """Whether the time inside a leg's id says that it was made lately, so that nothing older can name it.

    A clock that is fast by hours makes ids of the future, and these say nothing. Times are in microseconds
    since 1970 UTC.
    """
    made = created_at(leg[1])
    return made is not None and since <= made <= now + FAST


def tying(event: CallEvent, suspects: Collection[Leg]) -> list[str]:
    """The ids by which an event belongs to a call: not those that tie too many, unless it has no other."""
    return [name for name in event.ids if (event.account, name) not in suspects] or [event.ids[0]]


def tied(
    asked: Iterable[Leg], events: Iterable[CallEvent], suspects: Collection[Leg] = frozenset()
) -> list[Tied]:
    """Group events by what ties them together; groups for which nobody asked are left out."""
    parents: dict[Leg, Leg] = {}

    def root(leg: Leg) -> Leg:
        while (parent := parents.setdefault(leg, leg)) != leg:
            leg = parents[leg] = parents.setdefault(parent, parent)
        return leg

    events = list(events)
    asked = set(asked)
    for event in events:
        first, *others = tying(event, suspects)
        for name in (first, *others):
            one, other = root((event.account, first)), root((event.account, name))
            parents[max(one, other)] = min(one, other)
    ids: dict[Leg, list[str]] = {}
    for leg in sorted(parents.keys() | asked):
        ids.setdefault(root(leg), []).append(leg[1])
    told: dict[Leg, list[CallEvent]] = {}
    for event in events:
        told.setdefault(root((event.account, tying(event, suspects)[0])), []).append(event)
    return [
        Tied(first[0], tuple(ids[first]), tuple(of), who)
        for first, of in told.items()
        if (who := tuple(leg for leg in ids[first] if (first[0], leg) in asked))
    ]
