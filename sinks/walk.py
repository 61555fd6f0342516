"""Go from id to id, to everything that the tables tie to legs that ask. Pure, but for the tables it is given.

A suspect id ties nothing by itself: only the correlator knew which of the events that name it belong
together. But what it had tied is one call in the tables. So a leg that is named beside such an id is tied to
the call that ever had a row of the leg. And if the id's own call was merged into another, the id is tied to
that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from sinks.batch import Leg


class Naming(NamedTuple):
    """An id that some reading of an event named: a row of `event_ids`."""

    account: str
    id: str
    day: date
    event_id: str
    beside: tuple[str, ...]
    """The other ids that the event named in that reading."""

    @property
    def leg(self) -> Leg:
        return self.account, self.id

    @property
    def others(self) -> list[Leg]:
        return [(self.account, name) for name in self.beside]

    @property
    def all(self) -> list[Leg]:
        return [self.leg, *self.others]


class Held(NamedTuple):
    """The tables have rows of this call, or had some once."""

    root: Leg
    """The leg that names it: the smallest but for suspect ids, unless one of these ties it."""
    legs: frozenset[Leg]
    """All that its events name, a suspect id also if it ties none of them."""


class Tables(Protocol):
    """The tables answer these questions; an implementation may raise its own errors."""

    def suspects(self, legs: Collection[Leg]) -> dict[Leg, int]:
        """Return those whose ids tie too many calls, and since when: see `schemas.records.Suspect`."""

    def naming(self, legs: Collection[Leg]) -> list[Naming]:
        """Return what named these legs, none of them suspect, in any reading."""

    def naming_suspects_alone(self, legs: Collection[Leg]) -> list[Naming]:
        """Return what named these suspect ids, and beside them none but suspect ones."""

    def calls_with(self, legs: Collection[Leg]) -> list[Held]:
        """Return the calls that ever had rows of these legs, none of them suspect."""

    def listed(self, roots: Collection[Leg], events: Collection[str]) -> set[tuple[Leg, str]]:
        """Return which of these events rows of the calls of these names listed, by name and event id."""

    def merged(self, legs: Collection[Leg]) -> list[tuple[Leg, Leg]]:
        """Return each of these legs whose own call became part of another, with the leg that named that."""

    def calls_named(self, roots: Collection[Leg]) -> list[Held]:
        """Return the calls that are named by these legs."""


@dataclass(slots=True)
class Found:
    """What there is about legs that asked, and legs that are tied to them."""

    namings: list[Naming] = field(default_factory=list)
    suspects: dict[Leg, int] = field(default_factory=dict)
    """Those of all ids found that tie too many calls, and since when, in microseconds since 1970 UTC."""
    ties: list[tuple[Leg, Leg]] = field(default_factory=list)
    """Legs that were in one call of the tables, or whose calls became one: a suspect id had tied them."""


def walk(asked: Collection[Leg], tables: Tables) -> Found:
    """Go from these legs to all that is tied to them."""
    way = _Walk(tables)
    ahead = set(asked)
    while ahead:
        ahead = way.go_on(ahead)
    return way.found


class _Walk:
    def __init__(self, tables: Tables) -> None:
        self.found = Found()
        self._tables = tables
        self._known: set[Leg] = set()
        self._judged: set[Leg] = set()
        """Of these it is known whether they are suspect."""

    def go_on(self, legs: set[Leg]) -> set[Leg]:
        """Take in what there is about these legs; return the new ones to which that leads."""
        self._known |= legs
        suspects = self._suspects(legs)
        beside, torn = self._by_events(legs - suspects)
        return (beside | self._by_calls(torn, suspects) | self._alone(suspects)) - self._known

    def _suspects(self, legs: set[Leg]) -> set[Leg]:
        self.found.suspects |= self._tables.suspects(legs - self._judged)
        self._judged |= legs
        return legs & self.found.suspects.keys()

    def _by_events(self, legs: set[Leg]) -> tuple[set[Leg], set[Leg]]:
        """Return what events name beside these legs, and which of these are named beside a suspect id."""
        namings = self._tables.naming(legs)
        beside = {leg for naming in namings for leg in naming.others}
        suspects = self._suspects(beside)
        self.found.namings += namings
        torn = {naming.leg for naming in namings if not suspects.isdisjoint(naming.others)}
        return beside - suspects, torn

    def _by_calls(self, torn: set[Leg], suspects: set[Leg]) -> set[Leg]:
        """Return who is or was in the calls that have the torn legs, or are named by the suspect ids."""
        calls = [*self._tables.calls_with(torn), *self._tables.calls_named(suspects)]
        roots = {call.root for call in calls}
        named = roots.union(*(call.legs for call in calls))
        doubtful = self._suspects(named)
        self.found.ties += [(call.root, leg) for call in calls for leg in call.legs - doubtful]
        return (named - doubtful) | roots | self._by_mergers(suspects, doubtful, named)

    def _by_mergers(self, suspects: set[Leg], doubtful: set[Leg], named: set[Leg]) -> set[Leg]:
        """Return whose calls became one with those of the suspect ids; of doubtful ones that of a known leg.

        An id that calls only name is doubtful: it may have tied their events, or refused to.
        """
        merged = [
            (leg, root)
            for leg, root in self._tables.merged(suspects | doubtful)
            if leg in suspects or root in named or root in self._known
        ]
        self.found.ties += merged
        parts = {leg for tie in merged for leg in tie}
        self._suspects(parts)
        return parts

    def _alone(self, suspects: set[Leg]) -> set[Leg]:
        """Take in what names nothing but suspect ids: an event that names several only where it was.

        If it was with several of them, in one life of theirs and in another, these are tied, and returned.
        """
        namings = self._tables.naming_suspects_alone(suspects)
        places = self._places([naming for naming in namings if naming.beside])
        self.found.namings += [
            naming for naming in namings if naming.leg in places.get(naming.event_id, {naming.leg})
        ]
        ties = [(leg, max(legs)) for legs in places.values() for leg in legs if len(legs) > 1]
        self.found.ties += ties
        return {leg for tie in ties for leg in tie}

    def _places(self, namings: list[Naming]) -> dict[str, set[Leg]]:
        """Return by event with which of its suspect ids it is: those whose call listed it, or else the last.

        The correlator hands on to that what the others do not tie.
        """
        homes = {leg: {leg} for naming in namings for leg in naming.all}
        for leg, root in self._tables.merged(homes):
            homes[leg].add(root)
        events = {naming.event_id for naming in namings}
        listed = self._tables.listed({home for some in homes.values() for home in some}, events)
        return {
            naming.event_id: {
                leg for leg in naming.all if any((home, naming.event_id) in listed for home in homes[leg])
            }
            or {max(naming.all)}
            for naming in namings
        }
