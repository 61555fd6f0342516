"""Of a call with too many events: those that decide its row, and what is counted of the others."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from schemas.bills import bills_of, edges, filling, received
from schemas.course import OFFERED, course_of, ended_by, may_ring_again
from schemas.covered import MOST, Covered, hash_of
from schemas.ended import all_ended
from schemas.events import SAYS_NOTHING, UNHEARD
from schemas.summary import read_summary
from schemas.tellers import (
    DESCRIBED,
    by_request,
    by_side,
    teller,
    teller_of_extension,
    teller_of_outcome,
    teller_of_variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent
    from schemas.summary import Summary

MOST_KEPT = 50
"""So many bills, and so many words of queues, are kept in any case."""


def summary_of(event: CallEvent) -> Summary:
    """Read what an event of kind `summed` stands for."""
    return read_summary(event.extra)


def legs_counted(ids: list[str], summed: list[Summary]) -> int:
    """Count the legs with these ids, and those that only events named which were summed up."""
    named = [Covered(each.named).hashes for each in summed]
    ended = [all_ended(each.ended) for each in summed]
    known = frozenset(map(hash_of, ids)).union(*named, *ended)
    if all(len(each) < MOST for each in (*named, *ended)):
        return len(known)
    return max(len(known), len(ids) + sum(each.legs for each in summed))


def with_lost(kept: int | None, lost: Iterable[int | None]) -> int | None:
    """Add to a duration what was summed up of it; None if nobody says anything."""
    said = [each for each in (kept, *lost) if each is not None]
    return sum(said) if said else None


def deciding(events: Iterable[CallEvent]) -> set[str]:
    """Give the ids of the events that a row takes its values from: the others only count."""
    events = list(events)
    said = [event for event in events if event.kind not in SAYS_NOTHING]
    happened = [event for event in said if event.kind != "cdr"]
    bills = bills_of(said)
    found = [
        *(teller(name, happened, by_side) for name in DESCRIBED),
        *(teller(name, said, by_request) for name in ("requested_by", "tag")),
        teller_of_extension(happened),
        teller_of_outcome(happened),
        teller_of_variables(said),
        *bills[:MOST_KEPT],
        *edges(bills),
        *(teller(name, bills[1:], by_side) for name in (*DESCRIBED, "extension")),
        *_firsts(said),
        min((e for e in happened if e.started_at is not None), key=attrgetter("started_at"), default=None),
        min((e for e in said if e.uuid is not None), key=attrgetter("uuid"), default=None),
        min((e for e in happened if e.is_held_back), key=attrgetter("received_at"), default=None),
        *_words_of_queues(happened),
        *_last_ends(happened),
        *_passing(happened),
        max((e for e in events if e.kind == "closed"), key=received, default=None),
        min((e for e in events if e.kind in UNHEARD), key=received, default=None),
    ]
    billed = {event.leg for event in found if event is not None and event.kind == "cdr"}
    found += [bill for bill in filling(said) if bill.leg in billed]
    return {event.event_id for event in found if event is not None}


def _words_of_queues(events: list[CallEvent]) -> list[CallEvent]:
    """The last that queues said of themselves."""
    said = sorted((e for e in events if e.bridged is not None), key=attrgetter("occurred_at"))
    measured = [event for event in said if event.bridged and event.talk_time is not None]
    return [*said[-MOST_KEPT:], *measured[-1:]]


def _passing(events: list[CallEvent]) -> list[CallEvent]:
    """What tells queues from people among the extensions that called others: see `teller_of_extension`."""
    passing = {event.passed_by: event for event in events if event.passed_by is not None}
    if not passing:
        return []
    ends = {event.extension: event for event in events if event.kind == "hangup" and event.bridged is None}
    some = sorted(passing)[:MOST_KEPT]
    return [passing[each] for each in some] + [ends[each] for each in some if each in ends]


def _firsts(said: list[CallEvent]) -> Iterable[CallEvent]:
    """The first event of each kind and side, and of each source and dialect."""
    firsts: dict[object, CallEvent] = {}
    for event in sorted(said, key=attrgetter("occurred_at")):
        side = event.side or "a"
        firsts.setdefault((event.kind, side), event)
        firsts.setdefault((event.kind in OFFERED, side), event)
        firsts.setdefault((event.source, event.dialect), event)
    return firsts.values()


def _last_ends(events: list[CallEvent]) -> list[CallEvent]:
    """What decides when a call ended: the hangups of the leg that ended last, and its last ring before."""
    ends = course_of(events).ends
    if not ends:
        return []
    last = max(ends, key=lambda leg: (ends[leg], leg))
    begun = [event for event in events if event.leg == last and may_ring_again(event)]
    return [
        *(event for event in events if event.kind == "hangup" and last in ended_by(event)),
        *sorted(begun, key=attrgetter("occurred_at"))[-1:],
    ]
