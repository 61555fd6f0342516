"""What is known of a call: a set of events, each in its newest reading.

Sets are joined by union, so that any order and any repetition gives the same. Events that were summed up (see
`bounds`) are no members any more, but the sum knows which they were: one that comes again is left out, from
whomever it comes. It stays as it was read first, since what it said can't be taken out of a sum.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.covered import Covered
from schemas.events import CallEvent, newest
from schemas.summed import summary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from schemas.summary import Summary

Known = dict[str, CallEvent]
"""Events by id, each in its newest reading."""


def known(*tellings: Iterable[CallEvent]) -> Known:
    """Join events, each in its newest reading."""
    joined: Known = {}
    for events in tellings:
        for event in events:
            other = joined.get(event.event_id)
            joined[event.event_id] = event if other is None else newest(other, event)
    return joined


def with_news(events: Known, came: Iterable[CallEvent]) -> Known:
    """Join what came to what was known, but for what had been summed up."""
    everything = known(events.values(), came)
    sums = [event for event in everything.values() if event.kind == "summed"]
    if not sums:
        return everything
    is_settled = all(events.get(each.event_id) is each for each in sums)
    names = everything.keys() - events.keys() if is_settled else set(everything)
    return _without_summed(everything, sums, names, {event.leg for event in events.values()})


def merged(a: Known, b: Known) -> Known:
    """Join two versions of what is known: what one of them has summed up is no single event of the other."""
    everything = known(a.values(), b.values())
    sums = [event for event in everything.values() if event.kind == "summed"]
    legs = {event.leg for event in everything.values()}
    return _without_summed(everything, sums, set(everything), legs) if sums else everything


def _without_summed(
    everything: Known, sums: list[CallEvent], names: Collection[str], legs: Collection[str]
) -> Known:
    """Leave out those of the named events that were summed up; a sum notes when they came last."""
    left = dict(everything)
    for each in sums:
        is_in = _membership(summary_of(each), legs)
        again = [left.pop(name) for name in names if name in left and is_in(left[name])]
        last = max((event.last_heard for event in again), default=0)
        if last > each.last_heard:
            left[each.event_id] = replace(each, last_received_at=last)
    return left


def _membership(summary: Summary, legs: Collection[str]) -> Callable[[CallEvent], bool]:
    """Return what tells which events a sum stands for; of `legs` single events were known before."""
    covered = Covered(summary.covered)

    def is_in(event: CallEvent) -> bool:
        if event.kind == "summed":
            return False
        if event.event_id in covered:
            return True
        # of very many not every id is kept; and what a replay reads otherwise may have another id now
        is_unsure = event.named_before is not None or not covered.is_whole
        return is_unsure and event.received_at <= summary.until and event.leg not in legs

    return is_in
