"""A call's legs as the provider wrote them, and as they are compared. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.uuids import bare, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operations.timeline.model import Whole


class Spelled:
    """Short names for a call's legs, whatever the spelling of an id."""

    def __init__(self, legs: Iterable[str], written: Iterable[str]) -> None:
        """`legs` are ids as they are compared, `written` all spellings that the provider used.

        Without the former, ids are compared as most dialects do.
        """
        self._spellings = list(written)
        known = sorted(set(legs) or set(map(canonical, self._spellings)))
        self._names = {leg: f"L{number}" for number, leg in enumerate(known, 1)}
        self._bare = {bare(leg): leg for leg in known}
        self._written = {self._leg(each): each for each in self._spellings}

    @classmethod
    def of(cls, whole: Whole) -> Spelled:
        return cls((leg["leg_id"] for leg in whole.legs), whole.row["legs"])

    def _leg(self, id_: str) -> str | None:
        """Return the leg with this id in any spelling."""
        leg = canonical(id_)
        return leg if leg in self._names else self._bare.get(bare(id_))

    def name(self, id_: str, otherwise: str | None = None) -> str:
        """Return the short name of a leg; of an id that is none `otherwise`, or else the id itself."""
        leg = self._leg(id_)
        if leg is not None:
            return self._names[leg]
        return id_ if otherwise is None else otherwise

    def written(self, id_: str) -> str:
        """Return an id as the provider wrote it, if it is a leg's."""
        return self._written.get(self._leg(id_), id_)

    def named(self) -> Iterator[tuple[str, str]]:
        """Return every spelling with the short name of its leg."""
        return ((self.name(each), each) for each in self._spellings)
