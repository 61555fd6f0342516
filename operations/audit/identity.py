"""The identity that must always hold, source by source: counts in, verdict out. Pure.

acknowledged = archived; archived = normalized + rejected; normalized = not calls + in calls.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from operations.audit.offsets import Lag

UNKNOWN_SOURCE = "?"
"""The source of a callback that Kafka has deleted and that no table has."""


class Problem(StrEnum):
    NOT_ARCHIVED = "acknowledged, but not in callbacks"
    NOT_DECIDED = "rejected or accepted again, but callbacks does not say so"
    NOT_NORMALIZED = "archived, but neither an event nor rejected"
    NOT_IN_A_CALL = "an event, but in no call"


@dataclass(frozen=True, slots=True)
class Hole:
    """One thing that is missing, and where to look. Holds nothing of a payload."""

    problem: Problem
    source: str
    callback_id: str = ""
    """'' where nobody knows it any more."""
    topic: str = ""
    partition: int = -1
    offset: int = -1

    def place(self) -> str:
        """Return where the callback is in Kafka, or '' if that is not known."""
        return f"{self.topic}/{self.partition}/{self.offset}" if self.topic else ""


@dataclass(slots=True)
class Counts:
    archived: int = 0
    missing: int = 0
    """Acknowledged and not archived."""
    undecided: int = 0
    """A decision on them is in Kafka, but not in the archive."""
    short_undecided: int = 0
    """How many of these lack an event or a call as well, so that `differences` has counted them already."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By the codes of the reasons."""
    normalized: int = 0
    """Accepted, and an event names them."""
    not_calls: int = 0
    in_calls: int = 0

    @property
    def acknowledged(self) -> int:
        """Callbacks that were answered once Kafka had them: with 200, or with 400 and the reasons."""
        return self.archived + self.missing

    def differences(self) -> tuple[int, int, int]:
        """Return the identity's differences; all are 0 if it holds."""
        return (
            self.acknowledged - self.archived,
            self.archived - self.normalized - self.rejected.total(),
            self.normalized - self.not_calls - self.in_calls,
        )

    def difference(self) -> int:
        """Return how many callbacks are missing somewhere."""
        return sum(self.differences()) + self.undecided - self.short_undecided


Name = tuple[str, str]
"""A callback: its account and its id."""


class Group(NamedTuple):
    """Archived callbacks of one source that share a fate, as `tables` counts them."""

    source: str
    rejected: bool
    codes: str
    events: int
    """How many events each of them says."""
    calls: int
    """How many of these name a call."""
    held: int
    """And how many of those are in one."""
    callbacks: int
    short: tuple[Name, ...] = ()
    """Which ones, unless they are all that they should be; of very many only some."""

    @property
    def is_named(self) -> bool:
        """Return whether callbacks are missing something and each of them is named."""
        return 0 < len(self.short) == self.callbacks


def tally(groups: Iterable[Group]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for group in groups:
        of_source = counts.setdefault(group.source, Counts())
        of_source.archived += group.callbacks
        if group.rejected:
            of_source.rejected[group.codes] += group.callbacks
        elif group.events:
            of_source.normalized += group.callbacks
            if not group.calls:
                of_source.not_calls += group.callbacks
            elif group.held == group.calls:
                of_source.in_calls += group.callbacks
    return counts


def rejected_yet_told(groups: Iterable[Group]) -> int:
    """Return how many callbacks are rejected although events were made of them."""
    return sum(group.callbacks for group in groups if group.rejected and group.calls)


class Verdict(StrEnum):
    WHOLE = "whole"
    HOLE = "a hole"
    UNTOLD = "can't be told now"


def certain(
    counts: Mapping[str, Counts], lags: Collection[Lag], doubts: Collection[str] = ()
) -> dict[str, int]:
    """Return by source how many callbacks are missing for certain.

    What is missing before the sink's offsets always is. With lags or doubts, the rest may be on its way.
    """
    return {
        source: each.missing + each.undecided if lags or doubts else each.difference()
        for source, each in counts.items()
    }


def verdict(counts: Mapping[str, Counts], lags: Collection[Lag], doubts: Collection[str] = ()) -> Verdict:
    if any(certain(counts, lags, doubts).values()):
        return Verdict.HOLE
    return Verdict.UNTOLD if lags or doubts else Verdict.WHOLE


def total(counts: Mapping[str, Counts]) -> Counts:
    summed = Counts()
    for each in counts.values():
        for name in (one.name for one in fields(Counts)):
            setattr(summed, name, getattr(summed, name) + getattr(each, name))
    return summed


def remedies(problems: Iterable[Problem]) -> Iterator[str]:
    """Say what to do about each kind of hole."""
    for problem in sorted(set(problems)):
        yield _REMEDIES[problem]


_AGAIN = (
    "stop the sink, set its consumer group back to before the offset, and start it: reading twice is safe"
)
_REMEDIES = {
    Problem.NOT_ARCHIVED: f"Not archived, but still in Kafka: {_AGAIN}.",
    Problem.NOT_DECIDED: f"A decision is not archived: {_AGAIN}.",
    Problem.NOT_NORMALIZED: "Neither an event nor rejected: `callweave replay` reads it again.",
    Problem.NOT_IN_A_CALL: "In no call: `callweave replay` sends it through correlate again.",
}
