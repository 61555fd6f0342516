"""The legs of a call: what each took part in, and its row."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING

from schemas.bills import bills_of, lasted
from schemas.course import OFFERED, course_of, ended_by, timed
from schemas.events import SAYS_NOTHING
from schemas.talk import spans_of, time_talked, words_of
from schemas.tellers import by_offer, said_best

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from schemas.course import Course
    from schemas.events import CallEvent, Json
    from schemas.talk import Span, Word


MOST_LEGS = 200
"""A row lists so many legs, the smallest, and counts all."""

COURSE = (
    "started_at",
    "answered_at",
    "ended_at",
    "ring_time",
    "talk_time",
    "outcome",
    "hangup_cause",
    "hangup_direction",
    "recording",
)
"""How a call or a leg went, by its CDR."""
BILLED_OF_LEGS = ("caller", "callee", "extension", "agent_id", *COURSE)
"""What the row of a leg has of the leg's own bill: columns `cdr_…`."""
_BILLED_VALUES = attrgetter(*BILLED_OF_LEGS)
# interned, they are found at once among the arguments of `Leg`
_OF_BILLS = tuple(intern(f"cdr_{name}") for name in BILLED_OF_LEGS)


# never changed once it is made, though not frozen: that would take twice as long to make
@dataclass(kw_only=True)
class Leg:
    """A row of `call_legs`; all but its id is None or 0 for a leg that is only named by others."""

    leg_id: str
    """The leg; a UUID in small letters and bare."""
    side: str | None = None
    """`a` is the side reached first, `b` the one that the call was then put through to."""
    extension: str | None = None
    """Its extension."""
    rang_at: int | None = None
    """When it rang."""
    answered_at: int | None = None
    """When it answered."""
    ended_at: int | None = None
    """When it ended."""
    outcome: str | None = None
    """How its own part ended."""
    talk_time: int | None = None
    """How long it was talked on it by its events: 0 if it ended unanswered, unknown before its end."""
    doubts: int = 0
    """How many fields of events about it could not be read, and were left out; of each event at most 50."""
    cdr_received_at: int | None = None
    """When the CDR of this leg was received; all `cdr_…` are None for a leg without one."""
    cdr_caller: str | None = None
    """The calling number, as the leg's CDR says."""
    cdr_callee: str | None = None
    """The called number, as the leg's CDR says."""
    cdr_extension: str | None = None
    """The extension, as the leg's CDR says."""
    cdr_agent_id: str | None = None
    """The agent, as the leg's CDR says."""
    cdr_started_at: int | None = None
    """When it began, as the leg's CDR says."""
    cdr_answered_at: int | None = None
    """When it was answered, as the leg's CDR says."""
    cdr_ended_at: int | None = None
    """When it ended, as the leg's CDR says."""
    cdr_ring_time: int | None = None
    """How long it rang, as the leg's CDR says."""
    cdr_talk_time: int | None = None
    """How long it was talked, as the leg's CDR says."""
    cdr_outcome: str | None = None
    """How it ended, as the leg's CDR says."""
    cdr_hangup_cause: int | None = None
    """The provider's code, as the leg's CDR says."""
    cdr_hangup_direction: int | None = None
    """The provider's code, as the leg's CDR says."""
    cdr_recording: str | None = None
    """Where the recording is, as the leg's CDR says."""
    busy_until: int | None = None
    """Until when its extension was busy with it: until it ended, or else its call. Unknown while that is
    open, and for a leg that neither rang nor was answered or has no extension. Of a call with nothing but a
    CDR the extension and its times are the CDR's."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one leg took part in, by the events about it."""

    leg: str
    events: list[CallEvent]
    """About the leg, and the hangups of others that end it."""
    own: list[CallEvent]
    """About the leg."""
    ended_at: int | None
    spans: list[Span] | None
    """When there was talk on it; None if there was, but nobody knows until when."""
    words: list[Word]
    """What a queue's own leg says of the talk behind it."""

    @property
    def side(self) -> str | None:
        """Its side."""
        return max([event.side for event in self.own if event.side is not None], default=None)

    @property
    def is_queue(self) -> bool:
        """Whether it is a queue's or an IVR's own leg: nobody talks on it."""
        return any(event.bridged is not None for event in self.own)

    @property
    def offered_at(self) -> int | None:
        """When it first rang."""
        return min([event.occurred_at for event in self.own if event.kind in OFFERED], default=None)

    @property
    def answered_at(self) -> int | None:
        """When it was first answered."""
        return min([event.occurred_at for event in self.own if event.kind == "answer"], default=None)


def parts_of(events: Iterable[CallEvent], course: Course) -> dict[str, Part]:
    """Sort events, none of them a bill, by the legs that they are about."""
    by_leg: dict[str, list[CallEvent]] = defaultdict(list)
    for event in events:
        about = ended_by(event) if event.kind == "hangup" else (event.leg,)
        for leg in dict.fromkeys(about):
            by_leg[leg].append(event)
    # a queue that says how long there was talk knows better than a leg whose own end nobody tells
    until = None if course.queue_talked_until else course.ended_at
    # of a leg that a sum says is over nobody knows until when there was talk: it is not taken for any
    return {
        leg: _part(leg, told, course.ends.get(leg), 0 if leg in course.over else until)
        for leg, told in by_leg.items()
    }


def _part(leg: str, events: list[CallEvent], ended_at: int | None, until: int | None) -> Part:
    own = [event for event in events if event.leg == leg]
    if any(event.bridged is not None for event in own):
        return Part(leg, events, own, ended_at, [], words_of(own))
    spans = spans_of(leg, events, until if ended_at is None else ended_at)
    return Part(leg, events, own, ended_at, spans, [])


def talk_of(parts: Iterable[Part], apart: int | None) -> int | None:
    """How long there was talk on any of these legs, as the events measured it; None if they don't say.

    `apart` is how long there was talk on legs of which nothing else is known any more.
    """
    parts = list(parts)
    talking = _talking(parts)
    goes_on = any(part.spans is None for part in talking) and not any(part.words for part in parts)
    return apart if goes_on else _talk(talking, _words(parts), apart)


def lost_talk(parts: Iterable[Part], kept: Iterable[Part], apart: int | None) -> int | None:
    """How much more there is apart once only these parts are kept; None if there was nothing to say."""
    parts, kept = list(parts), list(kept)
    whole = _talk(_talking(parts), _words(parts), apart)
    if whole is None:
        return None
    talking, words = _talking(kept), _words(kept)
    if whole == _talk(talking, words, apart):
        return 0
    left = _talk(talking, words, None) or 0
    if whole > left:  # what is apart may be what queues speak of
        left = _talk(talking, [], None) or 0
    return whole - left - (apart or 0)


def _talk(talking: list[Part], words: list[Word], apart: int | None) -> int | None:
    spans = [span for part in talking for span in part.spans or ()]
    return time_talked(spans, words, apart or 0) if spans or words else apart


def _words(parts: list[Part]) -> list[Word]:
    return [word for part in parts for word in part.words]


def _talking(parts: list[Part]) -> list[Part]:
    """Once a call was put through, only what the B legs say counts, if they say anything."""
    talking = [part for part in parts if part.spans != []]
    return [part for part in talking if part.side == "b"] or talking


class Tellings:
    """The events of a call, sorted out once for its row and for those of its legs."""

    def __init__(self, events: Iterable[CallEvent]) -> None:
        """Each event is in its newest reading."""
        self.everything = list(events)
        self.said = [event for event in self.everything if event.kind not in SAYS_NOTHING]
        self.happened = [event for event in self.said if event.kind != "cdr"]
        billed = len(self.happened) < len(self.said)
        self.cdrs = [event for event in self.said if event.kind == "cdr"] if billed else []
        """Also those that later ones of the same leg replaced."""
        self.bills = bills_of(self.cdrs)
        self.ids = sorted({name for event in self.said for name in event.ids})
        """Of the call and its legs, without those that only earlier readings named."""
        self.course = course_of(self.everything)
        self.summed = [event for event in self.everything if event.kind == "summed"]
        measured = timed(self.happened)
        all_measured = measured is self.happened
        self.exact = self.course if all_measured else course_of([*measured, *self.summed])
        """By events whose times are exact."""
        self.parts = parts_of(self.happened, self.course)
        """By leg."""
        self.exact_parts = self.parts if all_measured else parts_of(measured, self.exact)
        """By leg, of events whose times are exact."""


def legs_of(events: Iterable[CallEvent]) -> tuple[Leg, ...]:
    """Give the rows of a call's legs, smallest id first: of very many the smallest `MOST_LEGS`."""
    return legs_as_told(Tellings(events))


def legs_as_told(told: Tellings, news: Collection[str] = ()) -> tuple[Leg, ...]:
    """Give the rows of the legs of a call whose events are sorted out.

    Of very many these are the smallest, and as many others that have news: an earlier row of one would stay.
    """
    bills = {bill.leg: bill for bill in told.bills}
    doubts: dict[str, int] = defaultdict(int)
    for cdr in told.cdrs:
        doubts[cdr.leg] += len(cdr.doubts)
    parts, exact_parts = told.parts, told.exact_parts
    ended_at = _end_of(told)
    alone = told.bills[0].leg if told.bills and not told.happened else None
    rows = [
        _row(name, parts.get(name), exact_parts.get(name), bills.get(name), doubts.get(name, 0))
        for name in (*told.ids[:MOST_LEGS], *_others(told.ids[MOST_LEGS:], news))
    ]
    for row in rows:
        row.busy_until = _busy_until(row, None if row.leg_id in told.course.over else ended_at, alone)
    return tuple(rows)


def _others(ids: list[str], news: Collection[str]) -> list[str]:
    return [name for name in ids if name in news][:MOST_LEGS]


def _end_of(told: Tellings) -> int | None:
    """When the call ended: as its bills say, or else its events."""
    _, billed = lasted(told.bills)
    return told.course.ended_at if billed is None else billed


def _busy_until(leg: Leg, ended_at: int | None, alone: str | None) -> int | None:
    """`alone` is the leg of the bill of a call without any other event."""
    if leg.leg_id == alone:
        return None if leg.cdr_extension is None or leg.cdr_answered_at is None else leg.cdr_ended_at
    if leg.extension is None or (leg.rang_at is None and leg.answered_at is None):
        return None
    return ended_at if leg.ended_at is None else leg.ended_at


def former_legs(told: Tellings) -> tuple[str, ...]:
    """Give the ids that only earlier readings named: of very many the smallest `MOST_LEGS`."""
    before: set[str] = set()
    for event in told.everything:
        if event.kind == "void":
            before.update(event.ids)
        if event.named_before:
            before.update(event.named_before)
    return tuple(sorted(before.difference(told.ids))[:MOST_LEGS]) if before else ()


def _row(
    name: str, part: Part | None, talked: Part | None, bill: CallEvent | None, doubts_of_bills: int
) -> Leg:
    own = [] if part is None else part.own
    doubts = doubts_of_bills + sum([len(event.doubts) for event in own])
    billed = _billed(bill)
    if part is None or not own:
        return Leg(leg_id=name, doubts=doubts, **billed)
    outcomes = [(event.occurred_at, event.outcome) for event in own if event.outcome is not None]
    return Leg(
        leg_id=name,
        side=part.side,
        extension=said_best("extension", own, by_offer),
        rang_at=part.offered_at,
        answered_at=part.answered_at,
        ended_at=part.ended_at,
        outcome=max(outcomes, default=(0, None))[1],
        talk_time=_talk_time(talked),
        doubts=doubts,
        **billed,
    )


def _talk_time(part: Part | None) -> int | None:
    """How long it was talked on one leg that has ended."""
    if part is None or part.ended_at is None or part.spans is None:
        return None
    if part.spans or part.words:
        return time_talked(part.spans, part.words)
    return None if any(event.outcome == "answered" for event in part.own) else 0


def _billed(bill: CallEvent | None) -> Json:
    if bill is None:
        return {}
    said = dict(zip(_OF_BILLS, _BILLED_VALUES(bill), strict=True))
    said["cdr_received_at"] = bill.received_at
    return said
