"""How long there was talk: at once it counts once, one after the other it adds up. All in microseconds."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from schemas.course import OFFERED
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent

Span = tuple[int, int]
"""From when until when."""


class Word(NamedTuple):
    """What a queue says of the talk behind it: how long it was, not when. The queue may outlive the talk."""

    since: int | None
    """When it took the call; None if nobody says."""
    until: int
    """When it hung up."""
    length: int
    """How long there was talk in between."""

    def shares(self, start: int, end: int) -> int:
        """How much of a span the queue was there."""
        return max(0, min(end, self.until) - (start if self.since is None else max(start, self.since)))


ROUNDED = SECOND
"""Switches and bills count in whole seconds: their times and durations may differ by one."""

_ORDER = {"ring": 0, "dial": 0, "answer": 1}
"""Of events of one time: a leg rings, is answered and hangs up."""


def time_talked(spans: Iterable[Span], words: Iterable[Word] = (), apart: int = 0) -> int:
    """Give how long there was the talk of which spans and words speak, each second of it once.

    What a word tells of without a span is taken to be its queue's last: of two queues at once, which both say
    more than the spans, it may be too little.

    `apart` is how long there was talk besides, nobody knows when: it may be what a queue speaks of. It is
    negative if some of the spans do not count.
    """
    talks = _united(spans)
    missing: list[tuple[int, int]] = []
    # in the order of their ends: what is put at the end of one is within all later ones around it
    for word in sorted(words, key=attrgetter("until")):
        found = sum([word.shares(start, end) for start, end in talks])
        found += sum([length for at, length in missing if word.since is None or word.since < at])
        if found < word.length:
            missing.append((word.until, word.length - found))
    unplaced = sum([length for _, length in missing])
    return sum([end - start for start, end in talks]) + max(apart, unplaced + min(apart, 0))


def _united(spans: Iterable[Span]) -> list[Span]:
    """Give the times within any of the spans, first to last, none of which meet."""
    united: list[Span] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], end)
        else:
            united.append((start, end))
    return united


def spans_of(leg: str, events: Iterable[CallEvent], ended_at: int | None) -> list[Span] | None:
    """Give when there was talk on a leg; None if there was, but nobody knows until when.

    `events` are those about the leg and the hangups that end it. `ended_at` is when it must have ended.
    """
    spans: list[Span] = []
    answered_at = earliest = None
    for event in sorted(events, key=in_order):
        at = event.occurred_at
        if event.kind in OFFERED:
            earliest = at
        elif event.kind == "answer":
            answered_at = at if answered_at is None else answered_at
        elif event.kind == "hangup":
            if event.leg == leg and event.talk_time is not None:
                if answered_at is not None and _is_absurd(event, earliest):
                    spans.append((answered_at, at))
                elif event.talk_time or answered_at is not None or event.outcome == "answered":
                    spans.append(said_span(at, event.talk_time, earliest))
            elif answered_at is not None:
                spans.append((answered_at, at))
            answered_at, earliest = None, at
    if answered_at is None:
        return spans
    return None if ended_at is None else [*spans, (answered_at, max(answered_at, ended_at))]


def _is_absurd(hangup: CallEvent, earliest: int | None) -> bool:
    """Whether a hangup tells of more talk than there was time for: its leg's own answer knows better."""
    return earliest is not None and (hangup.talk_time or 0) > hangup.occurred_at - earliest + ROUNDED


def in_order(event: CallEvent) -> tuple[int, int, str]:
    """As things happened."""
    return event.occurred_at, _ORDER.get(event.kind, 2), event.event_id


def said_span(ended_at: int, talk_time: int, earliest: int | None) -> Span:
    """Talk of a stated length up to an end; not from before the leg was there."""
    start = ended_at - talk_time
    return (start if earliest is None else min(ended_at, max(start, earliest))), ended_at


def words_of(events: Iterable[CallEvent]) -> list[Word]:
    """What a queue's or an IVR's own leg says of the talk behind it."""
    words = []
    taken: list[int] = []
    for event in sorted(events, key=in_order):
        at = event.occurred_at
        if event.started_at is not None:
            taken.append(event.started_at)
        if event.kind in OFFERED:
            taken.append(at)
        if event.bridged and event.talk_time is not None:
            since = min(taken, default=None)
            most = event.talk_time if since is None else max(0, at - since)
            words.append(Word(since, at, min(event.talk_time, most)))
        if event.kind == "hangup":
            taken = []
    return words
