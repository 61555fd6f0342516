"""The progress of building tables in another database, and whether to continue or start over. Pure.

Memory holds only rows that are not written yet: which legs belong together is read from the stored events.
So a place in the archive is all that must be kept. Rows of later callbacks may be there already: they are
written again, and merge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operations.replay.archive import FIRST
from runtime.errors import CallweaveError
from schemas.times import to_the_second

if TYPE_CHECKING:
    from operations.replay.archive import Key

READING, FOLDING, BUILT = range(3)
"""Callbacks are stored and read; then events are folded into calls, for which all ties must be known."""


@dataclass(frozen=True)
class Building:
    begun_at: int
    """Microseconds since 1970 UTC: what came later is not in it, however often it was interrupted."""
    home: str
    """ClickHouse's own UUID of the database: another one of the same name may be somebody's."""
    selection: str
    """Digest of what was selected from which archive."""
    code: str
    """Digest of what reads it."""
    part: int = READING
    after: Key = FIRST
    """A callback's place; of a call, its account and its id."""
    done: int = 0
    """Callbacks, or events, of this part."""

    def went_on(self, after: Key, number: int) -> Building:
        return replace(self, after=after, done=self.done + number)

    def next(self) -> Building:
        return replace(self, part=self.part + 1, after=FIRST, done=0)


@dataclass(frozen=True)
class Decision:
    building: Building
    """Where to begin."""
    clear: bool = False
    """Whether what is there has to go first."""
    said: str = ""
    """A sentence for who asked; nothing to say of tables that are new."""


def decide(asked: Building, known: Building | None, database: str, *, tables: bool) -> Decision:
    """Continue or start over; raise `CallweaveError` for tables that may be somebody else's.

    `asked` is how it would begin now, in the database as it is; `known` is what an earlier run has left,
    and `tables` says whether the database has any.
    """
    if not tables:
        return Decision(asked)
    if known is None or known.home != asked.home:
        raise CallweaveError(
            f"The database {database} has tables: DROP DATABASE {database}, or name another."
        )
    begun = to_the_second(known.begun_at)
    others = [
        what
        for what, differ in (
            ("of another part of an archive", known.selection != asked.selection),
            ("by other code or sources", known.code != asked.code),
        )
        if differ
    ]
    if others:
        said = f"The tables in {database}, begun at {begun}, are {' and '.join(others)}: they are rebuilt."
        return Decision(asked, clear=True, said=said)
    if known.part == BUILT:
        said = f"The tables in {database} are those of {begun}; DROP DATABASE {database} to rebuild them."
    else:
        said = f"The tables in {database}, begun at {begun}, are continued."
    return Decision(known, said=said)
