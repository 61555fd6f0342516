"""The progress of a replay, and whether it continues or starts over. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operations.replay.archive import FIRST
from schemas.times import to_the_second

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations.replay.archive import Key

NEXT = 2_000
"""Microseconds: readings count in milliseconds, and the voids of a reading have the number before it."""


@dataclass(frozen=True)
class Progress:
    replayed_at: int
    """When it began, microseconds since 1970 UTC; the same after an interruption."""
    code: str
    """Digest of the code and the sources with which it began."""
    after: Key = FIRST
    sent: int = 0
    ahead: int = 0
    """Microseconds by which it counts as later than it began: the clock was fast at an earlier replay."""

    @property
    def counts_as(self) -> int:
        """The time of its decisions, microseconds since 1970 UTC: later than that of any replay before."""
        return self.replayed_at + self.ahead

    @property
    def reading(self) -> int:
        """The replay's number: milliseconds, so that sums of such numbers fit into 64 bits."""
        return self.counts_as // 1_000

    def later_than(self, others: Iterable[Progress | None]) -> Progress:
        """Return the same replay, with a higher number than these have."""
        least = max((other.counts_as + NEXT for other in others if other is not None), default=0)
        return replace(self, ahead=max(0, least - self.replayed_at))

    def went_on(self, after: Key, number: int) -> Progress:
        """Add callbacks that the broker has acknowledged."""
        return replace(self, after=after, sent=self.sent + number)


def decide(asked: Progress, known: Progress | None, latest: Progress | None) -> tuple[Progress, str]:
    """Return where to begin, and a sentence for the user; empty if the replay is new.

    `asked` is how it would begin now; `known` is what an interrupted replay of the same selection has
    left; `latest` is the replay begun last. If the code or a source has changed since, or another replay
    was begun, whose higher number would win, everything is sent again.
    """
    anew = asked.later_than((known, latest))
    if known is None:
        return anew, ""
    begun = f"The replay begun at {to_the_second(known.replayed_at)}"
    sent = f"{known.sent} callbacks were sent already"
    if known.code != asked.code:
        return anew, f"{begun} was by other code or sources: it starts over, though {sent}."
    if latest is not None and latest.counts_as > known.counts_as:
        later = to_the_second(latest.replayed_at)
        return anew, f"{begun} was followed by another, begun at {later}: it starts over, though {sent}."
    return known, f"{begun} continues: {sent}, and what arrived since then is left out."
