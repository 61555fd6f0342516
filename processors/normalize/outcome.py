"""A callback's outcome as its source is configured now, for the normalizer and for a replay alike. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from processors.normalize.step import Normalized, Rejected, normalize
from schemas.callbacks import Reason, Rejection, Stage
from schemas.events import CallEvent
from schemas.times import SECOND

if TYPE_CHECKING:
    from schemas.callbacks import Callback, Replayed, Told

GRACE = 90 * SECOND
"""For so long a callback waits for its source: the sources file of another machine may come later (µs)."""
UNKNOWN_SOURCE = Reason("", "unknown-source", "no such source is configured here")


class Configured(Protocol):
    """What must be known of a source."""

    @property
    def dialect(self) -> str:
        """The vocabulary of its callbacks."""

    @property
    def timezone(self) -> str:
        """The zone of times that name none."""

    @property
    def revision(self) -> int:
        """Which of its settings these are."""

    @property
    def charset(self) -> str | None:
        """The encoding of texts that are not UTF-8 and name none."""


def is_not_yet(callback: Callback, source: Configured | None, now: int) -> bool:
    """Return whether the ingress knew settings of the source that are not known here, and may come still.

    It has read them in its own copy of the sources file. Its clock may be ahead of ours.
    """
    is_known = source is not None and source.revision >= callback.revision
    return not is_known and abs(now - callback.received_at) < GRACE


def outcome_of(callback: Callback, source: Configured | None) -> Normalized | Rejected:
    """Read a callback of this source, None for one that is not configured."""
    if source is None:
        return Rejected((UNKNOWN_SOURCE,))
    return normalize(callback, source.dialect, ZoneInfo(source.timezone), source.charset or "")


def decided_anew(outcome: Normalized | Rejected, known: Replayed) -> Rejection | None:
    """Return the decision that replaces the archive's; None if that is unchanged.

    So a replay by the code that decided before changes nothing.
    """
    reasons = outcome.reasons if isinstance(outcome, Rejected) else ()
    if reasons == known.reasons:
        return None
    return Rejection(
        Stage.NORMALIZE, reasons, known.topic, known.partition, known.offset, decided_at=known.replayed_at
    )


def read_again(
    outcome: Normalized | Rejected, callback: Callback, source: Configured | None, known: Replayed
) -> tuple[CallEvent, ...]:
    """Return the callback's events in this reading; events that only earlier readings made are void.

    An event that named other legs earlier is void there too. A void is in a reading lower by one: so the
    event itself wins wherever both are known, also if only another callback still tells it, and the row has
    a higher version.
    """
    events = outcome.events if isinstance(outcome, Normalized) else ()
    before = {told.event_id: told.ids for told in known.told}
    anew = tuple(
        replace(event, reading=known.reading, named_before=before.get(event.event_id)) for event in events
    )
    named = {event.event_id: event.ids for event in anew}
    dialect = "" if source is None else source.dialect
    voids = (
        _void(told, callback, dialect, known.reading - 1)
        for told in known.told
        if told.event_id not in named or min(told.ids, default="") != min(named[told.event_id], default="")
    )
    return (*anew, *voids)


def _void(told: Told, callback: Callback, dialect: str, reading: int) -> CallEvent:
    return CallEvent(
        event_id=told.event_id,
        callback_id=callback.id,
        account=callback.account,
        source=callback.source,
        dialect=dialect,
        kind="void",
        ids=told.ids,
        leg=told.leg,
        received_at=callback.received_at,
        occurred_at=callback.received_at,
        clock="ingress",
        reading=reading,
    )
