"""A callback's outcome as its source is configured now, for the normalizer and for a replay alike. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from processors.normalize.step import Normalized, Rejected, normalize
from schemas.callbacks import Reason, Rejection, Stage

if TYPE_CHECKING:
    from schemas.callbacks import Callback, Replayed

UNKNOWN_SOURCE = Reason("", "unknown-source", "no such source is configured here")


class Configured(Protocol):
    """What must be known of a source."""

    @property
    def dialect(self) -> str:
        """The vocabulary of its callbacks."""

    @property
    def timezone(self) -> str:
        """The zone of times that name none."""


def outcome_of(callback: Callback, source: Configured | None) -> Normalized | Rejected:
    """Read a callback of this source, None for one that is not configured."""
    if source is None:
        return Rejected((UNKNOWN_SOURCE,))
    return normalize(callback, source.dialect, ZoneInfo(source.timezone))


def decided_anew(outcome: Normalized | Rejected, known: Replayed) -> Rejection | None:
    """The decision that takes the place of what the archive knows; None if that stands.

    So a replay by the code that has decided before changes nothing.
    """
    reasons = outcome.reasons if isinstance(outcome, Rejected) else ()
    if reasons == known.reasons:
        return None
    return Rejection(
        Stage.NORMALIZE, reasons, known.topic, known.partition, known.offset, decided_at=known.replayed_at
    )
