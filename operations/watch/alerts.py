"""From what is wrong now to alerts that begin and end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


class Kind(StrEnum):
    """What an alert is about; docs/runbook.md has a section for each."""

    SILENCE = "silence"
    REJECTIONS = "rejections"
    DOUBTS = "doubts"
    AUDIT = "audit"
    FRESHNESS = "freshness"
    LAG = "lag"
    SPOOL = "spool"


class Key(NamedTuple):
    """One alert of a key is open at a time."""

    kind: Kind
    source: str
    """The source, or the stage that it is about."""


@dataclass(frozen=True, slots=True)
class Finding:
    key: Key
    account: str
    text: str
    """One sentence, without numbers of phones, tokens or payloads."""
    value: float
    """What was measured, in the unit that the text names."""
    allowed: float
    """The most that would be right."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Times: microseconds since 1970 UTC."""

    id: str
    finding: Finding
    raised_at: int
    cleared_at: int | None = None
    posted: int = 0
    """How much of it the webhook has: 1 that it was raised, 2 that it was cleared, too."""

    @property
    def key(self) -> Key:
        return self.finding.key

    @property
    def unposted(self) -> bool:
        return self.posted < (1 if self.cleared_at is None else 2)


def changes(
    known: Mapping[Key, Alert], checked: Collection[Kind], findings: Iterable[Finding], now: int
) -> Iterator[Alert]:
    """The alerts that begin or end. Kinds that could not be checked stay as they are."""
    found = {finding.key: finding for finding in findings}
    for key, alert in known.items():
        if key.kind in checked and key not in found:
            yield replace(alert, cleared_at=now)
    for key, finding in found.items():
        if key not in known:
            yield Alert(f"{key.kind}-{key.source}-{now}", finding, now)
