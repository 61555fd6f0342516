"""A call of very many events: those of legs that have ended are summed up, so that its state stays small.

The events that its row takes values from are kept, and the others are counted in an event of kind `summed`,
which goes along with those that are kept. So the figures of the row stay right. It knows which events it
stands for: however one of them comes again, from a provider, another leg or the tables, it is left out. It
stays as it was read first, since what it said can't be taken out of a sum.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from schemas.calls import lost_figures
from schemas.course import course_of, ended_by, must_end
from schemas.covered import Covered
from schemas.events import SAYS_NOTHING, UNHEARD, CallEvent
from schemas.heard import all_doubted, all_heard, doubted_of, lost_heard
from schemas.summary import Summary
from schemas.summed import deciding, summary_of, with_lost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.correlate.known import Known

_UNTIMED = SAYS_NOTHING | {"cdr"}

MOST_EVENTS = 300
"""So many events of a call are kept one by one."""


def bounded(own: str, events: Known, most: int) -> Known:
    """Sum up half of a call's events, once there are more than so many."""
    if len(events) <= most:
        return events
    kept = deciding(events.values()) | {event.event_id for event in events.values() if event.kind == "summed"}
    others = [event for event in _droppable(events) if event.event_id not in kept]
    dropped = _without_ends(others[: len(events) - most // 2], events)
    if not dropped:
        return events
    gone = {event.event_id for event in dropped}
    left = {name: event for name, event in events.items() if name not in gone}
    summary = _summed(own, dropped, left)
    return {**left, summary.event_id: summary}


def summary_id(account: str, own: str) -> str:
    """The id of the event that stands for the events summed up by this leg."""
    return blake2b(orjson.dumps(["summed", account, own]), digest_size=16).hexdigest()


def _droppable(events: Known) -> Iterable[CallEvent]:
    """Events in the order in which they can be done without: of legs that ended, the one that did first."""
    by_leg: dict[str, list[CallEvent]] = defaultdict(list)
    for event in events.values():
        by_leg[event.leg].append(event)
    ends = course_of(event for event in events.values() if event.kind not in _UNTIMED).ends
    ended = [leg for leg, told in by_leg.items() if leg in ends and any(e.kind == "hangup" for e in told)]
    ended.sort(key=lambda leg: (max(event.received_at for event in by_leg[leg]), leg))
    for leg in ended:
        yield from by_leg[leg]
    for leg in sorted(by_leg.keys() - set(ended)):
        # a leg that has not ended keeps what says that it must
        begun = sorted(filter(must_end, by_leg[leg]), key=_happened)
        alive = [*begun[-1:], *[event for event in begun if event.kind == "answer"][:1]]
        yield from (event for event in by_leg[leg] if event not in alive)


def _happened(event: CallEvent) -> tuple[int, str]:
    return event.occurred_at, event.event_id


def _without_ends(dropped: list[CallEvent], events: Known) -> list[CallEvent]:
    """All but hangups of legs of which other events are kept: such a leg would end later, or never."""
    while True:
        gone = {event.event_id for event in dropped}
        kept: set[str] = set()
        for event in events.values():
            if event.event_id not in gone:
                kept.update(ended_by(event) if event.kind == "hangup" else (event.leg,))
        left = [event for event in dropped if event.kind != "hangup" or kept.isdisjoint(ended_by(event))]
        if len(left) == len(dropped):
            return dropped
        dropped = left


def _summed(own: str, dropped: list[CallEvent], left: Known) -> CallEvent:
    account = dropped[0].account
    name = summary_id(account, own)
    before = left.get(name)
    known = summary_of(before) if before else Summary()
    legs = {name for event in left.values() for name in event.ids}
    gone = {name for event in dropped for name in event.ids} - legs
    said = [event for event in dropped if event.kind not in UNHEARD]
    lost = lost_figures(dropped, left.values())
    summary = Summary(
        events=known.events + len(said),
        legs=known.legs + len(gone),
        doubts=known.doubts + sum(len(event.doubts) for event in said),
        transfers=known.transfers + lost.transfers,
        talk=with_lost(lost.talk, [known.talk]),
        billed=with_lost(lost.billed, [known.billed]),
        until=max(known.until, *(event.received_at for event in dropped)),
        heard=all_heard([known.heard, lost_heard(dropped, left.values())]),
        doubted=all_doubted([known.doubted, doubted_of(dropped)]),
        covered=Covered(known.covered).with_ids(event.event_id for event in dropped),
    )
    everything = [*dropped, before] if before else dropped
    first = min(event.received_at for event in everything)
    return CallEvent(
        event_id=name,
        callback_id="",
        account=account,
        source=dropped[0].source,
        dialect=dropped[0].dialect,
        kind="summed",
        ids=(own,),
        leg=own,
        reading=sum(event.reading for event in everything),
        received_at=first,
        last_received_at=max(event.last_heard for event in everything),
        occurred_at=first,
        clock="ingress",
        extra=asdict(summary),
    )
