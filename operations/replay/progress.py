"""The progress of a replay, and whether it continues or starts over. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operations.replay.archive import FIRST
from schemas.times import to_the_second

if TYPE_CHECKING:
    from operations.replay.archive import Key


@dataclass(frozen=True)
class Progress:
    replayed_at: int
    """When it began, microseconds since 1970 UTC; the same after an interruption."""
    code: str
    """Digest of the code and the sources with which it began."""
    after: Key = FIRST
    sent: int = 0

    @property
    def reading(self) -> int:
        """The replay's number: milliseconds, so that sums of such numbers fit into 64 bits."""
        return self.replayed_at // 1_000

    def went_on(self, after: Key, number: int) -> Progress:
        """Add callbacks that the broker has acknowledged."""
        return replace(self, after=after, sent=self.sent + number)


def decide(asked: Progress, known: Progress | None, latest: Progress | None) -> tuple[Progress, str]:
    """Return where to begin, and a sentence for the user; empty if the replay is new.

    `asked` is how it would begin now; `known` is what an interrupted replay of the same selection has
    left; `latest` is the replay begun last. If the code or a source has changed since, or another replay
    was begun, whose higher number would win, everything is sent again.
    """
    if known is None:
        return asked, ""
    begun = f"The replay begun at {to_the_second(known.replayed_at)}"
    sent = f"{known.sent} callbacks were sent already"
    if known.code != asked.code:
        return asked, f"{begun} was by other code or sources: it starts over, though {sent}."
    if latest is not None and latest.replayed_at > known.replayed_at:
        later = to_the_second(latest.replayed_at)
        return asked, f"{begun} was followed by another, begun at {later}: it starts over, though {sent}."
    return known, f"{begun} continues: {sent}, and what arrived since then is left out."
