"""Which callbacks a question is about. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.limits import FIRST_TIME, LAST_TIME


class Span(NamedTuple):
    """Callbacks received at `since` or later and before `until` (microseconds), of one source or all."""

    since: int = FIRST_TIME
    until: int = LAST_TIME
    source: str | None = None

    @property
    def is_whole(self) -> bool:
        return self == Span()

    def values(self) -> dict[str, Any]:
        """Return the values of `%(since)s`, `%(until)s`, `%(any_source)s` and `%(source)s`."""
        return {
            "since": self.since,
            "until": self.until,
            "any_source": int(self.source is None),
            "source": self.source or "",
        }

    def has(self, source: str, received_at: int) -> bool:
        return self.since <= received_at < self.until and self.source in {None, source}
