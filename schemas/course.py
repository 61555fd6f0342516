"""What happened to a call and to each of its legs, and when, as events tell it; bills are told apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.dialects import LEGS_END_APART
from schemas.ended import over
from schemas.summary import read_summary
from schemas.times import SECOND
from schemas.uuids import created_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import CallEvent

OFFERED = frozenset({"ring", "dial"})
HAPPENED = OFFERED | {"answer", "hangup"}
FEWEST = 2
"""One event alone says nothing of durations."""
AT_ONCE, SOON = 2 * SECOND, 10 * SECOND
"""How close together the events of a burst are, and how soon after it has begun a call is told of."""
BEGUN = OFFERED | {"answer"}
"""What shows that a leg was there."""


@dataclass(slots=True)
class Course:
    """What happened to a call; times are microseconds since 1970 UTC."""

    rang: dict[str, int] = field(default_factory=dict)
    """By side, when its first leg rang; a leg of no known side is on side `a`."""
    answered: dict[str, int] = field(default_factory=dict)
    """By side, when its first leg was answered."""
    live: dict[str, int] = field(default_factory=dict)
    """Legs whose own end must come before the call's end, with the time of the last that began on each."""
    on_the_phone: set[str] = field(default_factory=set)
    """Legs that were answered."""
    ends: dict[str, int] = field(default_factory=dict)
    """By leg, when it ended."""
    over: set[str] = field(default_factory=set)
    """Legs of late events, which a sum says have ended."""
    queue_ended_at: int = 0
    """When the last queue or IVR hung up: nobody is rung for it any more."""
    queue_talked_until: int = 0
    """When the last one hung up that said how long there was talk behind it: nobody talks there any more."""

    @property
    def side(self) -> str:
        """Once the call was put through to a B leg, only that leg's answer is the call's answer."""
        return "b" if "b" in self.rang or "b" in self.answered else "a"

    @property
    def rang_at(self) -> int | None:
        """When any leg rang first."""
        return min(self.rang.values(), default=None)

    @property
    def answered_at(self) -> int | None:
        """When the call was answered."""
        return self.answered.get(self.side)

    @property
    def ended_at(self) -> int | None:
        """When the last leg ended: once a hangup came, and one for every leg that must end by itself."""
        return max(self.ends.values()) if self.ends and all(map(self._is_over, self.live)) else None

    def began(self, event: CallEvent) -> None:
        """Note that a leg rings or was answered."""
        times = self.rang if event.kind in OFFERED else self.answered
        _first(times, event.side or "a", event.occurred_at)
        if _ends_apart(event):
            self.live[event.leg] = max(self.live.get(event.leg, 0), event.occurred_at)
            if event.kind == "answer":
                self.on_the_phone.add(event.leg)

    def queue_hung_up(self, event: CallEvent) -> None:
        """Note the end of a queue's or an IVR's own leg."""
        self.queue_ended_at = max(self.queue_ended_at, event.occurred_at)
        if event.bridged and event.talk_time is not None:
            self.queue_talked_until = max(self.queue_talked_until, event.occurred_at)

    def _is_over(self, leg: str) -> bool:
        """A queue's own hangup speaks for the legs of agents that don't tell of their ends."""
        until = self.queue_talked_until if leg in self.on_the_phone else self.queue_ended_at
        return leg in self.ends or leg in self.over or self.live[leg] <= until


def course_of(events: Iterable[CallEvent]) -> Course:
    """Put together what events other than bills tell, and sums."""
    course = Course()
    summed: list[CallEvent] = []
    hangups: dict[str, list[CallEvent]] = defaultdict(list)
    rang_last: dict[str, int] = {}
    for event in events:
        if event.kind == "hangup":
            for leg in ended_by(event):
                hangups[leg].append(event)
            if event.bridged is not None:
                course.queue_hung_up(event)
        elif event.kind in BEGUN:
            course.began(event)
            if may_ring_again(event):
                rang_last[event.leg] = max(rang_last.get(event.leg, 0), event.occurred_at)
        elif event.kind == "summed":
            summed.append(event)
    course.over = _over(course, rang_last, summed)
    for leg, told in hangups.items():
        end = _end(told, rang_last.get(leg))
        if end is not None:
            course.ends[leg] = end
    return course


def _over(course: Course, rang_last: dict[str, int], summed: list[CallEvent]) -> set[str]:
    if not course.live:
        return set()
    return set[str]().union(
        *(over(read_summary(each.extra).ended, rang_last, course.live) for each in summed)
    )


def _first(times: dict[str, int], name: str, at: int) -> None:
    known = times.get(name)
    if known is None or at < known:
        times[name] = at


def _end(hangups: list[CallEvent], rang_last: int | None) -> int | None:
    """When a leg ended: with its first hangup, but for those before it rang again."""
    times = (
        event.occurred_at
        for event in hangups
        if rang_last is None or event.clock == "ingress" or event.occurred_at >= rang_last
    )
    return min(times, default=None)


def may_ring_again(event: CallEvent) -> bool:
    """Whether it shows that a leg was there: some queues call an agent again on the leg that it had.

    Only the provider's clock tells the order.
    """
    return event.kind in BEGUN and event.clock == "provider" and event.dialect in LEGS_END_APART


def must_end(event: CallEvent) -> bool:
    """Whether the leg that the event is about must end before the call can."""
    return event.kind in BEGUN and _ends_apart(event)


def ended_by(hangup: CallEvent) -> tuple[str, ...]:
    """Give the legs that a hangup ends: that of the A leg ends all that it names."""
    return (hangup.leg,) if _ends_apart(hangup) else (hangup.leg, *hangup.ids)


def _ends_apart(event: CallEvent) -> bool:
    """Whether the call may go on once this leg has hung up, as when the next agent is rung."""
    return event.side == "b" or event.dialect in LEGS_END_APART


def timed(events: list[CallEvent]) -> list[CallEvent]:
    """Events whose times say how long something took.

    Once a provider has held events back, the receipts of all that follow say nothing of it.
    """
    since = min((event.received_at for event in events if event.doubts and event.is_held_back), default=None)
    since = _burst_at(events) if since is None else since
    if since is None:
        return events
    return [event for event in events if event.clock == "provider" or event.received_at < since]


def _burst_at(events: list[CallEvent]) -> int | None:
    """When all that happened to a call was received at once, long after it began; None if it was not."""
    told = [event for event in events if event.clock == "ingress" and event.kind in HAPPENED]
    if len(told) < FEWEST:
        return None
    first = min([event.received_at for event in told])
    if max([event.received_at for event in told]) - first > AT_ONCE:
        return None
    begun = [at for event in told for at in (event.started_at, created_at(event.leg)) if at is not None]
    return first if begun and first - max(begun) > SOON else None
