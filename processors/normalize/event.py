"""What the events of both dialects have in common: what is said of them, and how their ids name a call."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from processors.normalize.fields import Fields


class Origin(NamedTuple):
    """Where an event comes from; times are microseconds since 1970 UTC."""

    event_id: str
    callback_id: str
    account: str
    source: str
    dialect: str
    received_at: int
    timezone: ZoneInfo

    def beside(self, kind: str) -> Origin:
        """For a second event of the same payload."""
        event_id = blake2b(f"{self.event_id}/{kind}".encode(), digest_size=16).hexdigest()
        return self._replace(event_id=event_id)


def call_ids(fields: Fields, *names: str) -> list[str | None]:
    """The ids in these fields, in this order; a callback that names none at all is rejected."""
    ids = [fields.id(name) for name in names]
    if not any(ids):
        fields.needs(*names)
        if not any(reason.field in names for reason in fields.reasons):
            fields.reject(names[0], "missing", f"names no call: there is no {_listed(names)}")
    return ids


def distinct(ids: list[str | None]) -> tuple[str, ...]:
    """Those that there are, each once, sorted."""
    return tuple(sorted({each for each in ids if each}))


def between(start: int | None, end: int | None) -> int | None:
    """A duration; two clocks may disagree, but no duration is negative."""
    return None if start is None or end is None else max(0, end - start)


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
