"""Of several readings of an event, or versions of a sum, the one that holds.

A call's version grows with each new reading, also of an event that was summed up: a sum's own reading is the
sum of theirs. It notes those above 1, also when an event comes again in a newer reading. So the version of a
call is the same whoever summed up what.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.covered import Covered, hash_of, highest, numbered, numbers_of
from schemas.limits import MOST_SUMMED_READING
from schemas.summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from schemas.events import CallEvent
    from schemas.summary import Summary

Read = dict[int, int]
"""By the hash of an event's id, its reading, if that is above 1."""


def newest(a: CallEvent, b: CallEvent) -> CallEvent:
    """Join two tellings of one event: the higher reading holds, of equal ones the earlier receipt.

    So a retry changes nothing but when the event was last received. Of one reading what says something holds
    before a void, whichever was received earlier. Of two versions of a sum that which stands for more holds.
    """
    if a == b:
        return a
    held = _greater_sum(a, b) if a.kind == b.kind == "summed" else max(a, b, key=_order)
    first = min(a.received_at, b.received_at)
    last = max(a.last_heard, b.last_heard)
    told = _told_at(held)
    return replace(
        held,
        received_at=first,
        last_received_at=None if last == first else last,
        told_at=None if told == first else told,
    )


def _told_at(event: CallEvent) -> int:
    return event.received_at if event.told_at is None else event.told_at


def _order(event: CallEvent) -> tuple[int, bool, int, bytes]:
    """The greatest holds; the text decides between two that only a fault can make differ."""
    words = replace(event, received_at=0, last_received_at=None, told_at=None)
    return event.reading, event.kind != "void", -_told_at(event), words.to_json()


def _greater_sum(a: CallEvent, b: CallEvent) -> CallEvent:
    """Of two sums by one leg give the one that stands for more, with the readings that both know."""
    less, more = sorted((a, b), key=_order_of_sums)
    return read_again(more, read_of(read_summary(less.extra)))


def _order_of_sums(event: CallEvent) -> tuple[int, int, bytes]:
    summary = read_summary(event.extra)
    counted = {name: value for name, value in event.extra.items() if name != "readings"}
    words = replace(
        event, reading=1, received_at=0, last_received_at=None, told_at=None, extra=counted
    ).to_json()
    return summary.events, len(Covered(summary.covered)), words


def read_of(summary: Summary) -> Read:
    """Give the readings that a sum knows."""
    return numbers_of(summary.readings)


def read_again(event: CallEvent, news: Mapping[int, int]) -> CallEvent:
    """Note in a sum in which readings events were heard of elsewhere, by the hashes of their ids."""
    if not news:
        return event
    summary = read_summary(event.extra)
    before, covered = read_of(summary), Covered(summary.covered)
    after = highest(before, news)
    if after == before:
        return event
    more = sum(after[each] - before.get(each, 1) for each in after.keys() & covered.hashes)
    return _noted(event, event.reading + more, after, summary.covered)


def standing_for(event: CallEvent, others: Collection[CallEvent]) -> CallEvent:
    """Let a sum cover these events, too, whatever it counts; it covers none of them yet."""
    summary = read_summary(event.extra)
    read = highest(read_of(summary), {hash_of(e.event_id): e.reading for e in others if e.reading > 1})
    reading = event.reading + sum(read.get(hash_of(each.event_id), 1) for each in others)
    return _noted(event, reading, read, Covered(summary.covered).with_ids(each.event_id for each in others))


def _noted(event: CallEvent, reading: int, read: Read, covered: str) -> CallEvent:
    """Give the sum this reading, what it covers, and their readings."""
    readings = numbered(read, Covered(covered).hashes)
    return replace(
        event,
        reading=min(reading, MOST_SUMMED_READING),
        extra={**event.extra, "covered": covered, "readings": readings},
    )


def counted_twice(sums: Iterable[CallEvent]) -> int:
    """Return how much of these sums' readings is that of events for which several of them stand."""
    summaries = [read_summary(event.extra) for event in sums]
    parts = [
        {each: read.get(each, 1) for each in Covered(summary.covered).hashes}
        for summary, read in zip(summaries, map(read_of, summaries), strict=True)
    ]
    return sum(sum(part.values()) for part in parts) - sum(highest(*parts).values())
