"""How events that were found belong together, and what a leg that forgot them is to be told. Pure.

As in the correlator's state, what a reading tied stays tied, and an event that names other legs now is void
where an earlier reading had it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from schemas.calls import days_of
from schemas.events import CallEvent
from schemas.links import Events, Link, Suspected, in_messages, told_to_json
from schemas.times import SECOND
from schemas.uuids import created_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date

    from sinks.batch import Leg
    from sinks.walk import Found

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
    suspects: Mapping[str, int] = field(default_factory=dict)
    """Those of the ids that tie too many calls, and take no link that an event makes; and since when."""

    @property
    def root(self) -> str:
        """The smallest of the ids, which names the call."""
        return self.ids[0]

    @property
    def days(self) -> tuple[date, ...]:
        """Return the days under which it may have rows."""
        return days_of(self.events)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Return leg and message: links to legs that are not the root, and events to the root.

        Who asked is linked, and so are a leg that only an earlier reading named and a suspect one. The root
        links the others when their events come; such a leg, unless it was forgotten, too, would go on as a
        call of its own. A suspect id that has forgotten it is told that it is.
        """
        for leg in self.asked:
            if leg in self.suspects:
                yield leg, told_to_json(Suspected(self.suspects[leg]))
        named = {name for event in self.events for name in event.ids}
        for leg in self.ids[1:]:
            if leg in self.asked or leg in self.suspects or leg not in named:
                yield leg, told_to_json(Link(self.root))
        # a call of very many events is summed up while they come: its figures are surest in their order
        for some in in_messages(sorted(self.events, key=attrgetter("received_at"))):
            yield self.root, told_to_json(Events(some))


def is_young(leg: Leg, since: int, now: int) -> bool:
    """Whether the time inside a leg's id says that it was made lately, so that nothing older can name it.

    A clock that is fast by hours makes ids of the future, and these say nothing. Times are in microseconds
    since 1970 UTC.
    """
    made = created_at(leg[1])
    return made is not None and since <= made <= now + FAST


def tying(event: CallEvent, suspects: Collection[Leg]) -> list[str]:
    """The ids by which an event belongs to a call: none of those that tie too many."""
    return [name for name in event.ids if (event.account, name) not in suspects]


def tied(asked: Collection[Leg], found: Found, events: Iterable[CallEvent]) -> list[Tied]:
    """Group events by what ever tied them together; groups for which nobody asked are left out.

    A suspect id that asked has a group of its own if nothing else is found about it.
    """
    suspects, groups = found.suspects, _groups(found)
    newest = {(event.account, event.event_id): event for event in events}
    named: dict[Leg, dict[str, set[str]]] = {}
    for naming in found.namings:
        if (naming.account, naming.event_id) in newest:
            named.setdefault(groups.root(naming.leg), {}).setdefault(naming.event_id, set()).add(naming.id)

    def told(root: Leg, event_id: str, ids: set[str]) -> CallEvent:
        event = newest[root[0], event_id]
        if names := tying(event, suspects):
            is_here = groups.root((event.account, names[0])) == root
        else:
            is_here = not ids.isdisjoint(event.ids)
        return event if is_here else _void(event, ids)

    def group(root: Leg, ids: tuple[str, ...], who: tuple[str, ...]) -> Tied:
        account = root[0]
        return Tied(
            account,
            ids,
            tuple(told(root, event_id, names) for event_id, names in named[root].items()),
            who,
            {name: suspects[account, name] for name in ids if (account, name) in suspects},
        )

    wanted = set(asked)
    grouped = [
        group(root, ids, who)
        for root, ids in groups.ids().items()
        if root in named and (who := tuple(name for name in ids if (root[0], name) in wanted))
    ]
    grouped_legs = {(each.account, name) for each in grouped for name in each.asked}
    lone = sorted((wanted & suspects.keys()) - grouped_legs)
    return grouped + [
        Tied(account, (name,), (), (name,), {name: suspects[account, name]}) for account, name in lone
    ]


def _groups(found: Found) -> Groups:
    groups = Groups()
    for naming in found.namings:
        for leg in (naming.leg, *naming.others):
            if leg == naming.leg or leg not in found.suspects:
                groups.tie(naming.leg, leg)
    for one, other in found.ties:
        groups.tie(one, other)
    return groups


class Groups:
    """Legs that are tied together; the smallest stands for its group."""

    def __init__(self) -> None:
        self._parents: dict[Leg, Leg] = {}

    def root(self, leg: Leg) -> Leg:
        parents = self._parents
        while (parent := parents.setdefault(leg, leg)) != leg:
            parents[leg] = parents[parent]
            leg = parent
        return leg

    def tie(self, one: Leg, other: Leg) -> None:
        one, other = self.root(one), self.root(other)
        self._parents[max(one, other)] = min(one, other)

    def ids(self) -> dict[Leg, tuple[str, ...]]:
        """By the leg that stands for it, the ids of each group, sorted."""
        found: dict[Leg, list[str]] = {}
        for leg in sorted(self._parents):
            found.setdefault(self.root(leg), []).append(leg[1])
        return {root: tuple(ids) for root, ids in found.items()}


def _void(event: CallEvent, ids: Collection[str]) -> CallEvent:
    """An event that named these ids once, and names others in its newest reading."""
    names = tuple(sorted(ids))
    return CallEvent(
        event_id=event.event_id,
        callback_id=event.callback_id,
        account=event.account,
        source=event.source,
        dialect=event.dialect,
        kind="void",
        ids=names,
        leg=names[0],
        received_at=event.received_at,
        last_received_at=event.last_received_at,
        occurred_at=event.received_at,
        clock="ingress",
        reading=max(event.reading - 1, 1),
    )
