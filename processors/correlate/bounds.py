"""A call of very many events: those of legs that have ended are summed up, so that its state stays small.

The events that its row takes values from are kept, and the others are counted in an event of kind `summed`,
which goes along with those that are kept. So the figures of the row stay right. It knows which events it
stands for: however one of them comes again, from a provider, another leg or the tables, it is left out. It
stays as it was read first, since what it said can't be taken out of a sum.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from schemas.calls import lost_figures
from schemas.course import course_of, ended_by, must_end
from schemas.covered import Covered, hash_of
from schemas.ended import all_ended, ended_too
from schemas.events import UNHEARD, CallEvent
from schemas.heard import all_doubted, all_heard, doubted_of, lost_heard
from schemas.links import kept_size
from schemas.readings import standing_for
from schemas.summary import Summary
from schemas.summed import deciding, summary_of, with_lost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from processors.correlate.known import Known
    from schemas.course import Course
    from schemas.summary import Ends

MOST_EVENTS = 300
"""So many events of a call are kept one by one."""
MOST_BYTES = 512 * 1024
"""So much may they take as JSON, and a broker takes four times that. A large event counts as several."""
OPEN_EVENTS = 300
"""How many more may be kept because each says that a leg, which has not ended, still must."""
FEW_EVENTS = 8
"""A batch of no more events than this is not measured, unless the state is large already."""
LONGEST_TEXT = 100
"""Longer texts are cut to this many characters if nothing else makes the state small enough."""
_TEXTS = (
    *("method", "caller", "callee", "display_number", "extension", "agent_id", "customer_ref", "campaign"),
    *("tag", "requested_by", "passed_by"),
)


def bounded(own: str, events: Known, most: int, size: int = 0) -> Known:
    """Sum up half of a call's events, once there are too many, or they take too much room.

    `most` is how many may be kept; `size` is about what they take, in bytes: see `measured`.
    """
    if len(events) <= most and size <= MOST_BYTES:
        return events
    places = {name: _places(event, most) for name, event in events.items()}
    if sum(places.values()) <= most:
        return events
    dropped = _to_sum_up(events, places, most)
    gone = {event.event_id for event in dropped}
    left = {name: event for name, event in events.items() if name not in gone}
    if sum(places[name] for name in left) > most + OPEN_EVENTS:
        left = {name: _shortened(event) for name, event in left.items()}
    if not dropped:
        return left
    summary = _summed(own, dropped, left)
    return {**left, summary.event_id: summary}


def measured(size: int, came: list[CallEvent]) -> int:
    """Return about how many bytes a state has with what came, if that may be too much; else 0."""
    if size <= MOST_BYTES // 2 and len(came) <= FEW_EVENTS:
        return 0
    return size + sum(len(event.to_json()) for event in came)


def _places(event: CallEvent, most: int) -> float:
    return max(1.0, kept_size(event) * most / MOST_BYTES)


def _to_sum_up(events: Known, places: Mapping[str, float], most: int) -> list[CallEvent]:
    """Give what leaves half of the places free, but of legs that may go on only what must go."""
    kept = deciding(events.values()) | {event.event_id for event in events.values() if event.kind == "summed"}
    ended, begun = _droppable(events)
    number = sum(places.values())
    dropped = _without_ends(_first(ended, kept, places, number - most // 2), events)
    number -= sum(places[event.event_id] for event in dropped)
    return dropped + _first(begun, kept, places, number - most - OPEN_EVENTS)


def _first(
    groups: Iterable[list[CallEvent]], kept: set[str], places: Mapping[str, float], number: float
) -> list[CallEvent]:
    """Return as many of the first groups of events as free `number` places, without events that are kept.

    A group is taken as a whole, and one with events that are kept only if all others do not suffice: with a
    part of its events a leg would have a row that lacks what the others said.
    """
    taken: list[CallEvent] = []
    for group in sorted(groups, key=lambda group: any(event.event_id in kept for event in group)):
        if number <= 0:
            break
        some = [event for event in group if event.event_id not in kept]
        taken += some
        number -= sum(places[event.event_id] for event in some)
    return taken


def _shortened(event: CallEvent) -> CallEvent:
    """Cut texts that no provider needs so long."""
    cut: dict[str, Any] = {
        name: text[:LONGEST_TEXT] for name in _TEXTS if len(text := getattr(event, name) or "") > LONGEST_TEXT
    }
    if event.variables and any(len(text) > LONGEST_TEXT for text in event.variables.values()):
        cut["variables"] = {name: text[:LONGEST_TEXT] for name, text in event.variables.items()}
    return replace(event, **cut) if cut else event


def summary_id(account: str, own: str) -> str:
    """The id of the event that stands for the events summed up by this leg."""
    return blake2b(orjson.dumps(["summed", account, own]), digest_size=16).hexdigest()


def _droppable(events: Known) -> tuple[list[list[CallEvent]], list[list[CallEvent]]]:
    """Events in the order in which they can be done without: of legs that ended, the one that did first.

    Those of such a leg are a group. Apart from them are those that say of a leg which has not ended that it
    must, the oldest first.
    """
    by_leg: dict[str, list[CallEvent]] = defaultdict(list)
    for event in events.values():
        by_leg[event.leg].append(event)
    course = course_of(events.values())
    ended = [leg for leg, told in by_leg.items() if leg in course.over or _has_ended(leg, told, course)]
    ended.sort(key=lambda leg: (max(event.received_at for event in by_leg[leg]), leg))
    first = [by_leg[leg] for leg in ended]
    last: list[CallEvent] = []
    for leg in sorted(by_leg.keys() - set(ended)):
        begun = sorted(filter(must_end, by_leg[leg]), key=_happened)
        says = [*begun[-1:], *[event for event in begun if event.kind == "answer"][:1]]
        alive = {event.event_id: event for event in says}
        first += [[event] for event in by_leg[leg] if event.event_id not in alive]
        last += alive.values()
    return first, [[event] for event in sorted(last, key=_happened)]


def _has_ended(leg: str, told: list[CallEvent], course: Course) -> bool:
    return leg in course.ends and any(event.kind == "hangup" for event in told)


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
    heard = _heard([*dropped, before] if before else dropped, left)
    first = min(event.received_at for event in heard)
    counted = CallEvent(
        event_id=name,
        callback_id="",
        account=account,
        source=dropped[0].source,
        dialect=dropped[0].dialect,
        kind="summed",
        ids=(own,),
        leg=own,
        reading=before.reading if before else 0,
        received_at=first,
        last_received_at=max(event.last_heard for event in heard),
        occurred_at=first,
        clock="ingress",
        extra=asdict(_summary(known, dropped, left)),
    )
    return standing_for(counted, dropped)


def _heard(summed: list[CallEvent], left: Known) -> list[CallEvent]:
    """Give the events by which a sum was received: voids and closings were not."""
    heard = [event for event in summed if event.kind not in UNHEARD]
    return heard or [event for event in left.values() if event.kind not in UNHEARD][:1] or summed


def _summary(known: Summary, dropped: list[CallEvent], left: Known) -> Summary:
    legs = {name for event in left.values() for name in event.ids}
    gone = {name for event in dropped for name in event.ids} - legs
    said = [event for event in dropped if event.kind not in UNHEARD]
    lost = lost_figures(dropped, left.values())
    named = sorted({hash_of(name) for event in said for name in event.ids})
    ended = _ended(known, dropped)
    return replace(
        known,
        events=known.events + len(said),
        legs=known.legs + len(gone),
        doubts=known.doubts + sum(len(event.doubts) for event in said),
        transfers=known.transfers + lost.transfers,
        talk=with_lost(lost.talk, [known.talk]),
        billed=with_lost(lost.billed, [known.billed]),
        until=max(known.until, *(event.received_at for event in dropped)),
        heard=all_heard([known.heard, lost_heard(dropped, left.values())]),
        doubted=all_doubted([known.doubted, doubted_of(dropped)]),
        named=Covered(known.named).with_hashes(named, without=all_ended(ended)),
        ended=ended,
    )


def _ended(known: Summary, dropped: list[CallEvent]) -> Ends:
    hangups = [event for event in dropped if event.kind == "hangup"]
    last = max((event.occurred_at for event in hangups), default=0)
    return ended_too(known.ended, last, (leg for hangup in hangups for leg in ended_by(hangup)))
