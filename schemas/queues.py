"""Which queue a call waited in. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent


def queue_of(events: Iterable[CallEvent]) -> str | None:
    """Give the extension of the queue or IVR that took the call last: an IVR passes callers on to a queue.

    Only the hangup of its own leg tells that it is one (`bridged`).
    """
    own = [event for event in events if event.bridged is not None and event.extension]
    last = max(own, key=_order_of_taking, default=None)
    return None if last is None else last.extension


def _order_of_taking(hangup: CallEvent) -> tuple[int, int, str]:
    """By when it took the call, which its hangup counts back; then by when that came."""
    taken = hangup.occurred_at if hangup.started_at is None else hangup.started_at
    return taken, hangup.occurred_at, hangup.event_id
