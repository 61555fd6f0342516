"""What is known of a call: a set of events, each in its newest reading.

Sets are joined by union, so that any order and any repetition gives the same. Events that were summed up (see
`bounds`) are no members any more, but the sum knows which they were: one that comes again is left out, from
whomever it comes. It stays as it was read first, since what it said can't be taken out of a sum.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.covered import MOST, Covered, hash_of
from schemas.events import CallEvent, newest
from schemas.summed import summary_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
    came = list(came)
    everything = known(events.values(), came)
    sums = [event for event in everything.values() if event.kind == "summed"]
    if not sums:
        return everything
    if not all(events.get(each.event_id) is each for each in sums):
        return _without_summed(*_each_once(everything, sums), set(everything))
    new = everything.keys() - events.keys()
    legs = {event.leg for event in events.values()}
    old = {name for name in new for each in sums if _may_be_in(each, everything[name], legs)}
    read_otherwise = _read_otherwise(came, sums)
    for name in new:
        event = everything[name]
        if name in old or (event.callback_id, event.reading) in read_otherwise:
            del everything[name]
    return _without_summed(everything, sums, new - old)


def merged(a: Known, b: Known) -> Known:
    """Join two versions of what is known: what one of them has summed up is no single event of the other."""
    everything = known(a.values(), b.values())
    sums = [event for event in everything.values() if event.kind == "summed"]
    return _without_summed(*_each_once(everything, sums), set(everything)) if sums else everything


def _without_summed(everything: Known, sums: list[CallEvent], names: Collection[str]) -> Known:
    """Leave out those of the named events that were summed up; a sum notes when they came last."""
    left = dict(everything)
    for each in sums:
        covered = Covered(summary_of(each).covered)
        again = [
            left.pop(name)
            for name in names
            if name in left and left[name].kind != "summed" and name in covered
        ]
        last = max((event.last_heard for event in again), default=0)
        if last > each.last_heard:
            left[each.event_id] = replace(each, last_received_at=last)
    return left


def _each_once(everything: Known, sums: list[CallEvent]) -> tuple[Known, list[CallEvent]]:
    """Leave out a sum if all that it stands for is known without it: two legs summed up the same events."""
    if len(sums) == 1:
        return everything, sums
    singles = {hash_of(name) for name, event in everything.items() if event.kind != "summed"}
    hashes = {each.event_id: set(Covered(summary_of(each).covered)) for each in sums}
    left = sorted(sums, key=lambda each: (len(hashes[each.event_id]), each.event_id))
    for each in list(left):
        others = set[bytes]().union(*(hashes[other.event_id] for other in left if other is not each))
        if len(left) > 1 and len(hashes[each.event_id]) < MOST and hashes[each.event_id] <= others | singles:
            left.remove(each)
    gone = {each.event_id for each in sums} - {each.event_id for each in left}
    return {name: event for name, event in everything.items() if name not in gone}, left


def _may_be_in(summed: CallEvent, event: CallEvent, legs: Collection[str]) -> bool:
    """Whether it counts as summed up though its id is not kept: of very many, not every one is.

    So an old event does, of a leg of which no single event is known.
    """
    summary = summary_of(summed)
    if event.kind == "summed" or event.received_at > summary.until or event.leg in legs:
        return False
    return not Covered(summary.covered).tells(event.event_id)


def _read_otherwise(came: list[CallEvent], sums: list[CallEvent]) -> set[tuple[str, int]]:
    """Callbacks of which a replay makes another event now than the one that was summed up, and the reading.

    The sum keeps what it has: both would be counted.
    """
    voids = [event for event in came if event.kind == "void" and event.callback_id]
    if not voids:
        return set()
    covered = [Covered(summary_of(each).covered) for each in sums]
    return {
        (event.callback_id, event.reading + 1)
        for event in voids
        if any(event.event_id in each for each in covered)
    }
