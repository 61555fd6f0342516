"""Follows ids to truncated calls, in ClickHouse: the I/O of `tied`."""

from __future__ import annotations

from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from operations import suspects
from operations.audit import questions
from operations.audit.tied import Linked, Walk
from runtime.portions import portions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol

    from operations.audit.identity import Group
    from operations.audit.tied import Fate
    from sinks.batch import Leg

    class Ask(Protocol):
        """Return the rows that answer a query."""

        def __call__(self, query: str, **values: Any) -> list[tuple[Any, ...]]: ...


class Trail:
    """Follows the ids of one look; truncated calls are asked for once, when there is something to follow."""

    def __init__(self, ask: Ask, enough: float = inf) -> None:
        """Follows no more once `enough` callbacks are certainly missing."""
        self._ask = ask
        self._enough = enough
        self._lost = 0
        self.unfollowed = 0
        """Callbacks that may be in a truncated call, but were not followed any more."""
        self.unsure = 0
        """Callbacks that a suspect id may have put into a truncated call."""

    @property
    def is_over(self) -> bool:
        return self._lost >= self._enough

    @property
    def leads_on(self) -> bool:
        """Return whether an event that no row names may be found in a truncated call."""
        return not self.is_over and bool(self._kept)

    def settled(self, fates: Sequence[Fate]) -> list[Group]:
        """Return the groups of these fates: what is loose is followed, or no longer named."""
        if self.is_over and self._kept:
            return [self._unfollowed(fate) for fate in fates]
        tied, unsure = self._followed({leg for fate in fates for leg in fate.legs})
        groups = [group for fate in fates for group in fate.settled(tied | unsure)]
        loose = [each for fate in fates for each in fate.loose]
        self.unsure += sum(each.naming(tied | unsure) > each.naming(tied) for each in loose)
        self._lost += sum(len(group.short) for group in groups)
        return groups

    def _unfollowed(self, fate: Fate) -> Group:
        if fate.legs:
            self.unfollowed += fate.group.callbacks
            return fate.group
        return fate.group._replace(short=tuple(each.name for each in fate.loose))

    @cached_property
    def _kept(self) -> frozenset[int]:
        """The events that rows of truncated calls name, as hashes: a few hundred of each such call."""
        return frozenset(event for (event,) in self._ask(questions.KEPT))

    @cached_property
    def _suspects(self) -> frozenset[Leg]:
        return frozenset(self._ask(suspects.LEGS))

    def _followed(self, legs: set[Leg]) -> tuple[set[Leg], set[Leg]]:
        """Return which of these ids are tied to a truncated call, and which to a suspect id, or are one."""
        if not legs or not self.leads_on:
            return set(), set()
        walk = Walk(legs - self._suspects, self._suspects)
        while ahead := walk.ahead():
            walk.go_on(ahead, self._linked(ahead))
        return walk.tied(), walk.unsure() | (legs & self._suspects)

    def _linked(self, legs: set[Leg]) -> Iterator[Linked]:
        for ids in portions(sorted({name for _, name in legs})):
            for account, name, events, beside in self._ask(questions.LINKED, ids=ids):
                yield Linked(account, name, not self._kept.isdisjoint(events), beside)
