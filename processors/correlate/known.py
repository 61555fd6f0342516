"""What is known of a call: a set of events, each in its newest reading.

Sets are joined by union, so that any order and any repetition gives the same. Events that were summed up (see
`bounds`) are no members any more, but the sum knows which they were: one that comes again is left out, from
whomever it comes. It stays as it was read first, since what it said can't be taken out of a sum.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from schemas.covered import Covered, hash_of
from schemas.events import CallEvent
from schemas.readings import newest, read_again, read_of, standing_for
from schemas.summed import summary_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

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


class Sum(NamedTuple):
    """An event that stands for others."""

    event: CallEvent
    summary: Summary
    covered: Covered
    """Which events these are."""


def with_news(events: Known, came: list[CallEvent]) -> Known:
    """Join what came to what was known, but for what had been summed up."""
    everything = known(events.values(), came)
    sums = _sums(everything)
    if not sums:
        return everything
    are_known = all(events.get(each.event.event_id) is each.event for each in sums)
    sums = _with_read_otherwise(sums, came)
    if not are_known:
        return _without_summed(*_each_once(everything, sums), set(everything))
    legs = {event.leg for event in events.values()}
    for name in everything.keys() - events.keys():
        if _may_be_in(sums, everything[name], legs):
            del everything[name]
    return _without_summed(everything, sums, {event.event_id for event in came})


def merged(a: Known, b: Known) -> Known:
    """Join two versions of what is known: what one of them has summed up is no single event of the other."""
    everything = known(a.values(), b.values())
    sums = _sums(everything)
    return _without_summed(*_each_once(everything, sums), set(everything)) if sums else everything


def _sums(events: Known) -> list[Sum]:
    return [_sum(event) for event in events.values() if event.kind == "summed"]


def _sum(event: CallEvent) -> Sum:
    summary = summary_of(event)
    return Sum(event, summary, Covered(summary.covered))


def _without_summed(everything: Known, sums: list[Sum], names: Collection[str]) -> Known:
    """Leave out those of the named events that were summed up; a sum notes how they came again."""
    left = dict(everything)
    singles = [name for name in names if name in left and left[name].kind != "summed"]
    for each in sums:
        again = [left.pop(name) for name in singles if name in left and name in each.covered]
        if again:
            left[each.event.event_id] = _heard_again(each.event, again)
    return left


def _heard_again(event: CallEvent, again: list[CallEvent]) -> CallEvent:
    """Note in a sum when events came that it stands for, and in which readings: a version never falls."""
    last = max(each.last_heard for each in again)
    noted = read_again(event, {hash_of(each.event_id): each.reading for each in again if each.reading > 1})
    return replace(noted, last_received_at=last) if last > noted.last_heard else noted


def _each_once(everything: Known, sums: list[Sum]) -> tuple[Known, list[Sum]]:
    """Leave out a sum if all that it stands for is known without it: two legs summed up the same events."""
    if len(sums) == 1:
        return everything, sums
    singles = {hash_of(name): event.reading for name, event in everything.items() if event.kind != "summed"}
    in_order = sorted(sums, key=lambda each: (len(each.covered), each.event.event_id))
    left = {each.event.event_id: each for each in in_order}
    for name in list(left):
        one = left[name]
        others = {other: each for other, each in left.items() if other != name}
        if others and one.covered.is_whole and _is_known(one, others.values(), singles):
            read = read_of(one.summary)
            left = {other: _sum(read_again(each.event, read)) for other, each in others.items()}
    gone = {each.event.event_id for each in sums} - left.keys()
    kept = {name: event for name, event in everything.items() if name not in gone}
    return kept | {name: each.event for name, each in left.items()}, list(left.values())


def _is_known(one: Sum, others: Iterable[Sum], singles: Mapping[int, int]) -> bool:
    """Whether all that a sum stands for is known without it, in no older reading."""
    read = read_of(one.summary)
    without = frozenset[int]().union(*(other.covered.hashes for other in others))
    return all(each in without or singles.get(each, 0) >= read.get(each, 1) for each in one.covered.hashes)


def _may_be_in(sums: list[Sum], event: CallEvent, legs: Collection[str]) -> bool:
    """Whether it counts as summed up though its id is not kept: of very many, only the last are.

    So an old event does, of a leg of which no single event is known.
    """
    if event.kind == "summed" or event.leg in legs:
        return False
    return any(not each.covered.is_whole and event.received_at <= each.summary.until for each in sums)


def _with_read_otherwise(sums: list[Sum], came: list[CallEvent]) -> list[Sum]:
    """Let sums stand for events, too, that a replay makes now of callbacks whose events they have.

    They keep what they have: both would be counted.
    """
    voids = [event for event in came if event.kind == "void" and event.callback_id]
    return [_with_otherwise(each, voids, came) for each in sums] if voids else sums


def _with_otherwise(each: Sum, voids: list[CallEvent], came: list[CallEvent]) -> Sum:
    anew = {(void.callback_id, void.reading + 1) for void in voids if void.event_id in each.covered}
    others = known(
        event
        for event in came
        if (event.callback_id, event.reading) in anew and event.event_id not in each.covered
    )
    return _sum(standing_for(each.event, list(others.values()))) if others else each
