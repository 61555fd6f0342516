"""How long there was talk: at once it counts once, one after the other it adds up. All in microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.course import OFFERED
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.events import CallEvent

Span = tuple[int, int]
"""From when until when."""

ROUNDED = SECOND
"""Switches and bills count in whole seconds: their times and durations may differ by one."""

_ORDER = {"ring": 0, "dial": 0, "answer": 1}
"""Of events of one time: a leg rings, is answered and hangs up."""


def time_talked(spans: Iterable[Span], words: Iterable[Span] = ()) -> int:
    """Give the time that is within any of the spans.

    A word is what a queue says of the talk behind it, and mostly the same talk by another clock: where a word
    meets spans, the longer of both counts.
    """
    told = [(start, end, False) for start, end in spans]
    told += [(start, end, True) for start, end in words]
    if len(told) == 1:
        start, end, _ = told[0]
        return max(0, end - start)
    total = union = word = 0
    until = group_until = None
    for start, end, is_word in sorted(told):
        if group_until is not None and start > group_until:
            total, union, word = total + max(union, word), 0, 0
        group_until = end if group_until is None else max(group_until, end)
        if is_word:
            word = max(word, end - start)
        else:
            union += max(0, end - (start if until is None else max(start, until)))
            until = end if until is None else max(until, end)
    return total + max(union, word)


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


def words_of(events: Sequence[CallEvent]) -> list[Span]:
    """What a queue's or an IVR's own leg says of the talk behind it."""
    offers = [event.occurred_at for event in events if event.kind in OFFERED]
    return [
        said_span(
            event.occurred_at,
            event.talk_time,
            max((at for at in offers if at <= event.occurred_at), default=None),
        )
        for event in events
        if event.bridged and event.talk_time is not None
    ]
