"""Which events are in a truncated call although its row does not name them. Pure.

The row names the events that are kept one by one. Those summed up are tied to them by the ids that events
share, over any number of steps. Only correlate knows which events a suspect id ties. Such an id is passed
over, and events that lead to nothing else are neither found nor missing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sinks.tied import Groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from operations.audit.identity import Group, Name
    from sinks.batch import Leg


class Loose(NamedTuple):
    """A callback that is short of something."""

    account: str
    id: str
    events: list[list[str]]
    """The ids of each of its events that no row names, nor one step ties to an event that a row names."""

    @property
    def name(self) -> Name:
        return self.account, self.id

    @property
    def legs(self) -> set[Leg]:
        return {(self.account, name) for ids in self.events for name in ids}

    def naming(self, legs: Collection[Leg]) -> int:
        """Return how many of its events name one of these ids."""
        return sum(any((self.account, name) in legs for name in ids) for ids in self.events)


class Fate(NamedTuple):
    """Callbacks that share a fate as far as rows name their events."""

    group: Group
    """Without their names."""
    loose: list[Loose]
    """Those that are short of something; of very many only some."""

    @property
    def legs(self) -> set[Leg]:
        return {leg for each in self.loose for leg in each.legs}

    @property
    def is_cut(self) -> bool:
        """Return whether some callbacks with loose events are left out."""
        return self.group.held < self.group.calls and 0 < len(self.loose) < self.group.callbacks

    def settled(self, tied: Collection[Leg]) -> Iterator[Group]:
        """Return the groups into which it falls once events that name one of these ids count as held."""
        names: dict[int, list[Name]] = defaultdict(list)
        for each in self.loose:
            names[each.naming(tied)].append(each.name)
        left = tuple(names.pop(0, ()))
        rest = self.group.callbacks - sum(map(len, names.values()))
        if rest:
            yield self.group._replace(callbacks=rest, short=left)
        for more, some in sorted(names.items()):
            held = self.group.held + more
            short = tuple(some) if held < self.group.calls else ()
            yield self.group._replace(held=held, callbacks=len(some), short=short)


def parts(fates: Iterable[Fate], most: int) -> int:
    """Return into how many parts to cut the callbacks, so that each fate likely names all of its own."""
    return 1 + max((2 * fate.group.callbacks // most for fate in fates if fate.is_cut), default=0)


def joined(groups: Iterable[Group], most: int) -> list[Group]:
    """Join groups of one fate, each naming at most `most` callbacks."""
    found: dict[Group, Group] = {}
    for group in groups:
        fate = group._replace(callbacks=0, short=())
        before = found.get(fate, fate)
        found[fate] = before._replace(
            callbacks=before.callbacks + group.callbacks, short=(*before.short, *group.short)[:most]
        )
    return list(found.values())


class Linked(NamedTuple):
    """An id, and what events name it."""

    account: str
    id: str
    is_named: bool
    """Whether a truncated row names one of them."""
    beside: list[str]
    """The other ids that these events name, in any reading."""


class Walk:
    """From id to id, until an event that a truncated row names, or until no id is new; past no suspect id."""

    def __init__(self, legs: Collection[Leg], suspects: Collection[Leg] = ()) -> None:
        """`legs` are the first ids, none of them suspect."""
        self._legs = legs
        self._suspects = suspects
        self._groups = Groups()
        self._named: set[Leg] = set()
        self._beside_suspects: set[Leg] = set()
        self._seen: set[Leg] = set()
        self._new = set(legs)

    def ahead(self) -> set[Leg]:
        """Return the ids to look up next; there are none once every way has ended."""
        ends = self._ends()
        return {leg for leg in self._new if self._groups.root(leg) not in ends}

    def go_on(self, ahead: set[Leg], found: Iterable[Linked]) -> None:
        """Take in what was found of the ids ahead; equal ids of other accounts are passed over."""
        self._seen |= ahead
        self._new = set()
        for each in found:
            leg = each.account, each.id
            if leg not in ahead:
                continue
            if each.is_named:
                self._named.add(leg)
            for name in each.beside:
                other = each.account, name
                if other in self._suspects:
                    self._beside_suspects.add(leg)
                else:
                    self._groups.tie(leg, other)
                    self._new.add(other)
        self._new -= self._seen

    def tied(self) -> set[Leg]:
        """Return which of the first ids are tied to an event that a truncated row names."""
        ends = self._ends()
        return {leg for leg in self._legs if self._groups.root(leg) in ends}

    def unsure(self) -> set[Leg]:
        """Return which of the first ids events tie to a suspect id."""
        ends = set(map(self._groups.root, self._beside_suspects))
        return {leg for leg in self._legs if self._groups.root(leg) in ends}

    def _ends(self) -> set[Leg]:
        return {self._groups.root(leg) for leg in self._named}
