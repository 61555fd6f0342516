"""How well each source told of a call: what the view `source_quality` adds up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schemas.course import OFFERED
from schemas.events import SAYS_NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent
    from schemas.summary import Doubted, Heard

MOST_DOUBTED = 50
"""A row lists so many, the most frequent."""

NO_NEWS = SAYS_NOTHING | {"message", "requested"}
"""Kinds that no source tells of a call by itself."""

_NEVER = 2**63 - 1
_STEPS = {**dict.fromkeys(OFFERED, 0), "answer": 1, "hangup": 2, "cdr": 3}


def heard_of(events: Iterable[CallEvent]) -> tuple[Heard, ...]:
    """Give what each source told, by its name; zeros for one that only requested."""
    told: dict[str, list[CallEvent]] = {}
    for event in events:
        if event.kind not in SAYS_NOTHING:
            news = told.setdefault(event.source, [])
            if event.kind not in NO_NEWS:
                news.append(event)
    return tuple([_told_by(source, told[source]) for source in sorted(told)])


def _told_by(source: str, events: list[CallEvent]) -> Heard:
    firsts: dict[str, dict[int, int]] = {}
    for event in events:
        step = _STEPS.get(event.kind)
        if step is not None:
            known = firsts.setdefault(event.leg, {})
            if event.received_at < known.get(step, _NEVER):
                known[step] = event.received_at
    came = [[times[step] for step in sorted(times)] for times in firsts.values() if len(times) > 1]
    return source, len(events), len(came), sum([times != sorted(times) for times in came])


def lost_heard(dropped: Iterable[CallEvent], kept: Iterable[CallEvent]) -> tuple[Heard, ...]:
    """Give by how much what is told grows less if these events are not kept."""
    kept = list(kept)
    left = [(source, *(-count for count in counts)) for source, *counts in heard_of(kept)]
    return all_heard([heard_of([*kept, *dropped]), left])  # type: ignore[list-item]  # mypy does not count what is starred


def doubted_of(events: Iterable[CallEvent]) -> tuple[Doubted, ...]:
    """Give which fields of each source's events could not be read, the most frequent first."""
    doubting = [event for event in events if event.doubts and event.kind not in NO_NEWS]
    if not doubting:
        return ()
    found = Counter(
        key
        for event in doubting
        for key in {(event.source, doubt.field, doubt.code) for doubt in event.doubts}
    )
    return _most(found)


def all_heard(parts: Iterable[Iterable[Heard]]) -> tuple[Heard, ...]:
    """Add up what several parts of a call's events say."""
    parts = list(parts)
    if len(parts) == 1:
        return tuple(parts[0])
    sums: dict[str, list[int]] = {}
    for part in parts:
        for source, *counts in part:
            known = sums.get(source, [0, 0, 0])
            sums[source] = [a + b for a, b in zip(known, counts, strict=True)]
    return tuple((source, *sums[source]) for source in sorted(sums))  # type: ignore[misc]  # mypy does not count what is starred


def all_doubted(parts: Iterable[Iterable[Doubted]]) -> tuple[Doubted, ...]:
    """The same of doubts."""
    parts = list(parts)
    if len(parts) == 1:
        return tuple(parts[0])
    sums: Counter[tuple[str, str, str]] = Counter()
    for part in parts:
        for source, field, code, count in part:
            sums[source, field, code] += count
    return _most(sums)


def _most(found: Counter[tuple[str, str, str]]) -> tuple[Doubted, ...]:
    most = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MOST_DOUBTED]
    return tuple((*key, count) for key, count in most)
