"""Calls of a hand-made fixture, told event by event, as they stand in the tables when the sink is done."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from schemas.events import CallEvent
from tests.kit import events
from tests.sinks.folded import write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.settings import Settings
    from schemas.events import CallEvent

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

START = 1_598_598_959 * SECOND
"""2020-08-28 07:15:59 UTC: when the call of the documents' sample began."""
LEG_A = "526d637c-e8fe-11ea-a849-cf6e45e88543"
"""Made at 07:15:59.045926."""
LEG_B = "526d643a-e8fe-11ea-a84a-cf6e45e88543"
"""Made 19 microseconds later."""

_NUMBERS = count(1)


def event(kind: str, leg: str, at: int, **said: Any) -> CallEvent:
    """One event, received at `at` by an ingress that tells its time; `said` replaces or adds fields."""
    number = next(_NUMBERS)
    fields: dict[str, Any] = {
        "event_id": f"event-{number:06}",
        "callback_id": f"callback-{number:06}",
        "source": "shop",
        "received_at": at,
        "occurred_at": at,
        "clock": "ingress",
        "uuid": leg,
    }
    return events.event(kind, leg, **(fields | said))


def tell(settings: Settings, *calls: Iterable[CallEvent]) -> None:
    """Write these calls, each with all its events; an event of a callback id alone may come again."""
    write(settings, *calls)
