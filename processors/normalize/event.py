"""What the events of both dialects have in common: what is said of them, and how their ids name a call."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from processors.normalize.fields import Fields
    from schemas.events import Clock


class Named(TypedDict):
    """Where an event comes from, and when it was received (µs)."""

    event_id: str
    callback_id: str
    account: str
    source: str
    dialect: str
    received_at: int


class Stamp(Named):
    """What every event has: its origin, and when it happened (µs)."""

    occurred_at: int
    clock: Clock


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the events of a payload come from."""

    named: Named
    timezone: ZoneInfo

    def stamp(self, occurred_at: int | None = None, clock: Clock = "provider") -> Stamp:
        """Return what every event has, of one that happened then (µs) by this clock.

        The time of receipt, by the ingress's clock, stands in for a time that is not known.
        """
        if occurred_at is None:
            occurred_at, clock = self.named["received_at"], "ingress"
        return {**self.named, "occurred_at": occurred_at, "clock": clock}

    def beside(self, kind: str) -> Origin:
        """Return the origin of a second event of the same payload."""
        text = f"{self.named['event_id']}/{kind}"
        event_id = blake2b(text.encode(), digest_size=16).hexdigest()
        return Origin({**self.named, "event_id": event_id}, self.timezone)


def call_ids(fields: Fields, *names: str, hyphens: bool = False) -> list[str | None]:
    """Return the ids in these fields, in order; a callback without any is rejected."""
    ids = [fields.id(name, hyphens=hyphens) for name in names]
    if not any(ids):
        fields.needs(*names)
        if not any(reason.field in names for reason in fields.reasons):
            fields.reject(names[0], "missing", f"names no call: there is no {_listed(names)}")
    return ids


def distinct(ids: list[str | None]) -> tuple[str, ...]:
    """Return the ids that are not None, sorted, each once."""
    return tuple(sorted({each for each in ids if each}))


def between(start: int | None, end: int | None) -> int | None:
    """Return a duration; clocks may disagree, but no duration is negative."""
    return None if start is None or end is None else max(0, end - start)


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
