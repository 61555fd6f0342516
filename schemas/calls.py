"""From the events of a call to its row and the rows of its legs: there is no other definition of a row.

A call is the set of its events, each in its newest reading, so that neither order nor repetition matters.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import orjson

from schemas.dialects import LEGS_END_APART, SENDING_CDRS
from schemas.events import SAYS_NOTHING
from schemas.queues import queue_of
from schemas.times import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from schemas.events import CallEvent, Json

T = TypeVar("T")

State = Literal["requested", "ringing", "answered", "ended", "complete"]
"""`requested`: somebody asked for the call, and nothing more is known."""

DESCRIBED = (
    "direction",
    "method",
    "caller",
    "callee",
    "display_number",
    "agent_id",
    "customer_ref",
    "campaign",
    "round",
    "recording",
    "hangup_cause",
    "hangup_direction",
)
"""What any event may say of its call: the earliest that does is believed."""

BILLED = (
    "direction",
    "method",
    "caller",
    "callee",
    "display_number",
    "extension",
    "agent_id",
    "customer_ref",
    "campaign",
    "round",
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
"""What a CDR and the events may both say of a call: columns `cdr_…` and `event_…`."""

MEASURED = ("ring_time", "talk_time")
"""Durations, which follow from times unless they are said."""

_OFFERED = frozenset({"ring", "dial"})

MOST_LEGS = 200
"""A row lists so many legs, the smallest, and counts all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A row of `call_legs`; all but its id is None for a leg that is only named by others."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A row of `calls`; times are microseconds since 1970 UTC, durations microseconds, unknown is None."""

    account: str
    """The tenant."""
    call_id: str
    """The smallest of its leg ids."""
    uuid: str | None = None
    """What the provider calls the call itself."""
    legs: tuple[str, ...] = ()
    """Every id that named the call or a leg of it, as the provider wrote it; of very many the smallest."""
    source: str
    """The configured sender: of several, the first by name."""
    dialect: str
    """Which provider document its payloads follow: of several, the first by name."""
    direction: str | None = None
    """inbound or outbound."""
    method: str | None = None
    """How the call was made: api, predictive …, or the provider's code."""
    caller: str | None = None
    """The calling number."""
    callee: str | None = None
    """The called number."""
    display_number: str | None = None
    """The number shown to the called party, or dialled by it."""
    extension: str | None = None
    """The extension that answered, or that was rung first."""
    queue: str | None = None
    """The queue or IVR that the call waited in last: its extension, known once that has hung up."""
    agent_id: str | None = None
    """The agent."""
    customer_ref: str | None = None
    """The customer's own reference, handed to the provider with the call."""
    campaign: str | None = None
    """The campaign."""
    round: int | None = None
    """Which attempt of a campaign."""
    started_at: int | None = None
    """When it began."""
    rang_at: int | None = None
    """When its first leg rang."""
    answered_at: int | None = None
    """When it was answered: once it was put through, by the B leg."""
    ended_at: int | None = None
    """When it ended; unknown while it is open."""
    ring_time: int | None = None
    """How long it rang before it was answered or ended: behind the switch, the B legs alone."""
    talk_time: int | None = None
    """How long it was talked: 0 for a call that ended unanswered."""
    outcome: str = ""
    """answered, unanswered, busy, cancelled, congestion, unavailable; empty while it is open."""
    hangup_cause: int | None = None
    """The provider's code."""
    hangup_direction: int | None = None
    """The provider's code."""
    recording: str | None = None
    """Where the recording is."""
    state: State
    """requested (only the request is known), ringing, answered, ended (its last hangup was seen) or complete
    (nothing more is expected)."""
    close_reason: str = ""
    """Why it was closed without its end: timeout, or never_came of a request alone; empty otherwise."""
    has_ring: bool
    """Whether a ring or a dial was seen."""
    has_answer: bool
    """Whether an answer was seen."""
    has_hangup: bool
    """Whether a hangup was seen."""
    has_cdr: bool
    """Whether the CDR is in."""
    first_received_at: int
    """When its first callback was received."""
    last_received_at: int
    """When its last callback was received."""
    requested_at: int | None = None
    """When it was asked for; unknown unless it was requested."""
    requested_by: str | None = None
    """The extension for which it was requested."""
    tag: str | None = None
    """The customer's own mark on the call."""
    variables: dict[str, str] = field(default_factory=dict)
    """What the request hands to the provider's scripts."""
    request_to_ring_time: int | None = None
    """From the request until the first leg rang."""
    reopened: bool = False
    """Whether news came after it had been closed without its end."""
    revision: int
    """How many events it is made of."""
    events: tuple[str, ...] = ()
    """The ids of these events; of a truncated call, of those that are still known one by one."""
    sources: tuple[str, ...]
    """Every configured sender with news of it."""
    dialects: tuple[str, ...]
    """Every dialect with news of it."""
    kinds: tuple[str, ...]
    """Which kinds of event it has."""
    cdr_received_at: int | None = None
    """When the CDR was received."""
    event_direction: str | None = None
    """direction as events alone say."""
    event_method: str | None = None
    """method as events alone say."""
    event_caller: str | None = None
    """caller as events alone say."""
    event_callee: str | None = None
    """callee as events alone say."""
    event_display_number: str | None = None
    """display_number as events alone say."""
    event_extension: str | None = None
    """extension as events alone say."""
    event_agent_id: str | None = None
    """agent_id as events alone say."""
    event_customer_ref: str | None = None
    """customer_ref as events alone say."""
    event_campaign: str | None = None
    """campaign as events alone say."""
    event_round: int | None = None
    """round as events alone say."""
    event_started_at: int | None = None
    """started_at as events alone say."""
    event_answered_at: int | None = None
    """answered_at as events alone say."""
    event_ended_at: int | None = None
    """ended_at as events alone say."""
    event_ring_time: int | None = None
    """ring_seconds as events alone say."""
    event_talk_time: int | None = None
    """talk_seconds as events alone say."""
    event_outcome: str | None = None
    """outcome as events alone say."""
    event_hangup_cause: int | None = None
    """hangup_cause as events alone say."""
    event_hangup_direction: int | None = None
    """hangup_direction as events alone say."""
    event_recording: str | None = None
    """recording as events alone say."""
    cdr_direction: str | None = None
    """direction as the CDR says."""
    cdr_method: str | None = None
    """method as the CDR says."""
    cdr_caller: str | None = None
    """caller as the CDR says."""
    cdr_callee: str | None = None
    """callee as the CDR says."""
    cdr_display_number: str | None = None
    """display_number as the CDR says."""
    cdr_extension: str | None = None
    """extension as the CDR says."""
    cdr_agent_id: str | None = None
    """agent_id as the CDR says."""
    cdr_customer_ref: str | None = None
    """customer_ref as the CDR says."""
    cdr_campaign: str | None = None
    """campaign as the CDR says."""
    cdr_round: int | None = None
    """round as the CDR says."""
    cdr_started_at: int | None = None
    """started_at as the CDR says."""
    cdr_answered_at: int | None = None
    """answered_at as the CDR says."""
    cdr_ended_at: int | None = None
    """ended_at as the CDR says."""
    cdr_ring_time: int | None = None
    """ring_seconds as the CDR says."""
    cdr_talk_time: int | None = None
    """talk_seconds as the CDR says."""
    cdr_outcome: str | None = None
    """outcome as the CDR says."""
    cdr_hangup_cause: int | None = None
    """hangup_cause as the CDR says."""
    cdr_hangup_direction: int | None = None
    """hangup_direction as the CDR says."""
    cdr_recording: str | None = None
    """recording as the CDR says."""
    doubts: int = 0
    """How many fields could not be read, and were left out."""
    leg_count: int
    """How many ids named the call or a leg of it."""
    transfers: int = 0
    """How many of its legs were handed on to another party."""
    reached_at: int | None = None
    """When the side reached first answered: by its own event, or else by the CDR."""
    connected_at: int | None = None
    """When the side answered that it was then put through to."""
    post_dial_time: int | None = None
    """From the request for it, or else from its start, until the first leg rang; unknown if it was not
    requested and no ring was seen, or if the first leg to ring may not have been the first called."""
    truncated: bool = False
    """Whether it has more events than are kept one by one: earlier ones are only counted in `revision`."""


COLUMNS = tuple(each.name for each in fields(Call))


def column(name: str) -> str:
    """What tables call a field of `Call`: there, durations are seconds."""
    return name.removesuffix("_time") + "_seconds" if name.endswith("_time") else name


def version_of(events: Iterable[CallEvent]) -> int:
    """Of two rows of a call the one with the higher version holds."""
    return sum(event.reading for event in events)


def days_of(events: Iterable[CallEvent]) -> tuple[date, date]:
    """The UTC days of the first and of the last receipt."""
    events = list(events)
    return (
        moment(min(event.received_at for event in events)).date(),
        moment(max(event.last_heard for event in events)).date(),
    )


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Every day from the first to the last."""
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def is_call(events: Iterable[CallEvent]) -> bool:
    """Whether any of the events says something: otherwise there is no row."""
    return any(event.kind not in SAYS_NOTHING for event in events)


def call_of(events: Iterable[CallEvent]) -> Call:
    """Fold the events of one call, each in its newest reading; at least one must say something.

    Where the CDR and the events disagree the CDR wins, and both stay readable.
    """
    everything = list(events)
    said = [event for event in everything if event.kind not in SAYS_NOTHING]
    bill = max((event for event in said if event.kind == "cdr"), key=_received, default=None)
    billed = {name: value for name in BILLED if (value := getattr(bill, name, None)) is not None}
    happened = [event for event in said if event.kind != "cdr"]
    course = _course_of(happened)
    told = _as_events_say(happened, course)
    call = {**told, **billed}
    if bill is not None:
        call["answered_at"] = bill.answered_at
    measured = _talked(happened)
    call |= _durations(call, course, measured) | {name: billed[name] for name in MEASURED if name in billed}
    call["outcome"] = call["outcome"] or ""
    told |= _durations(told, course, measured)
    state = _state(said, bill, course)
    counted = _counted(everything, said)
    return Call(
        state=state,
        has_cdr=bill is not None,
        cdr_received_at=None if bill is None else bill.received_at,
        rang_at=course.rang_at,
        queue=queue_of(happened),
        **call,
        **counted,
        **_requested(said, course.rang_at),
        **_closed(everything, counted["last_received_at"], state),
        **{f"event_{name}": value for name, value in told.items()},
        **{f"cdr_{name}": value for name, value in billed.items()},
        **_reached(said, bill, course, call.get("method")),
    )


def legs_of(events: Iterable[CallEvent]) -> tuple[Leg, ...]:
    """Give the rows of a call's legs, smallest id first: of very many the smallest `MOST_LEGS`."""
    said = [event for event in events if event.kind not in SAYS_NOTHING]
    by_leg: dict[str, list[CallEvent]] = defaultdict(list)
    for event in said:
        if event.kind != "cdr":
            by_leg[event.leg].append(event)
    names = sorted({name for event in said for name in event.ids})
    return tuple(_leg_of(name, by_leg.get(name, [])) for name in names[:MOST_LEGS])


def is_complete(events: Iterable[CallEvent]) -> bool:
    """Whether nothing more is expected: the CDR is in, or the call ended and its dialect sends none."""
    said = [event for event in events if event.kind not in SAYS_NOTHING]
    if any(event.kind == "cdr" for event in said):
        return True
    return _course_of(said).ended_at is not None and _sends_no_bill(said)


def _sends_no_bill(said: list[CallEvent]) -> bool:
    return all(event.dialect not in SENDING_CDRS for event in said)


def _received(event: CallEvent) -> tuple[int, str]:
    """Of several bills the one received last holds."""
    return event.received_at, event.event_id


@dataclass(slots=True)
class _Course:
    """What happened to a call, by its events; times are microseconds since 1970 UTC."""

    rang: dict[str, int] = field(default_factory=dict)
    """By side, when its first leg rang; a leg of no known side is on side `a`."""
    answered: dict[str, int] = field(default_factory=dict)
    """By side, when its first leg was answered."""
    live: set[str] = field(default_factory=set)
    """Legs whose own end must come before the call's end."""
    ends: dict[str, int] = field(default_factory=dict)
    """By leg, when it ended."""

    @property
    def side(self) -> str:
        """Once the call was put through to a B leg, only that leg's answer is the call's answer."""
        return "b" if "b" in self.rang or "b" in self.answered else "a"

    @property
    def rang_at(self) -> int | None:
        """When any leg rang first."""
        return min(self.rang.values(), default=None)

    @property
    def ended_at(self) -> int | None:
        """When the last leg ended: once a hangup came, and one for every leg that must end by itself."""
        return max(self.ends.values()) if self.ends and self.live <= self.ends.keys() else None


def _course_of(events: list[CallEvent]) -> _Course:
    course = _Course()
    for event in events:
        if event.kind in _OFFERED:
            _first(course.rang, event.side or "a", event.occurred_at)
        elif event.kind == "answer":
            _first(course.answered, event.side or "a", event.occurred_at)
        elif event.kind == "hangup":
            for leg in ended_by(event):
                _first(course.ends, leg, event.occurred_at)
        if must_end(event):
            course.live.add(event.leg)
    return course


def _first(times: dict[str, int], name: str, at: int) -> None:
    known = times.get(name)
    if known is None or at < known:
        times[name] = at


def must_end(event: CallEvent) -> bool:
    """Whether the leg that the event is about must end before the call can."""
    return (event.kind in _OFFERED or event.kind == "answer") and _ends_apart(event)


def ended_by(hangup: CallEvent) -> tuple[str, ...]:
    """Give the legs that a hangup ends: that of the A leg ends all that it names."""
    return (hangup.leg,) if _ends_apart(hangup) else (hangup.leg, *hangup.ids)


def _ends_apart(event: CallEvent) -> bool:
    """Whether the call may go on once this leg has hung up, as when the next agent is rung."""
    return event.side == "b" or event.dialect in LEGS_END_APART


def _as_events_say(events: list[CallEvent], course: _Course) -> Json:
    """What events alone say of `BILLED`, but for durations."""
    said: Json = {name: _best(name, events, _rank_side) for name in DESCRIBED}
    said["extension"] = _best("extension", events, _rank_answer)
    said["started_at"] = min(_known(event.started_at for event in events), default=None)
    said["answered_at"] = course.answered.get(course.side)
    said["ended_at"] = course.ended_at
    said["outcome"] = None if course.ended_at is None else _outcome(events, said["answered_at"])
    return said


def _best(name: str, events: list[CallEvent], rank: Callable[[CallEvent], int]) -> Any:
    """Give the field's value of the highest rank, and there of the earliest event that has one."""
    return getattr(_teller(name, events, rank), name, None)


def _teller(name: str, events: list[CallEvent], rank: Callable[[CallEvent], int]) -> CallEvent | None:
    found: tuple[int, int, str] | None = None
    teller = None
    for event in events:
        said = getattr(event, name)
        if said is not None:
            order = rank(event), -event.occurred_at, str(said)
            if found is None or order > found:
                found, teller = order, event
    return teller


def _rank_side(event: CallEvent) -> int:
    """First the side that the call was put through to: the other may know of its own leg alone.

    A notice fills what nobody else says.
    """
    return -1 if event.kind == "notice" else event.side == "b"


def _rank_answer(event: CallEvent) -> int:
    """Who answered is the call's extension, rather than who was rung first; a notice comes last."""
    return -1 if event.kind == "notice" else event.kind == "answer"


def _rank_request(event: CallEvent) -> int:
    return event.kind == "requested"


def _rank_offer(event: CallEvent) -> int:
    """Later events of a queue's call to an agent don't always tell the two apart."""
    return event.kind in _OFFERED


def _outcome(events: list[CallEvent], answered_at: int | None) -> str:
    """How a call that has ended did."""
    if answered_at is not None:
        return "answered"
    teller = max(
        (event for event in events if event.outcome is not None), key=_order_of_outcome, default=None
    )
    return (teller and teller.outcome) or "unanswered"


def _order_of_outcome(event: CallEvent) -> tuple[int, bool, int, str]:
    """Of legs that rank alike, one that was answered makes it an answered call."""
    return _rank_word(event), event.outcome == "answered", event.occurred_at, event.outcome or ""


def _rank_word(event: CallEvent) -> int:
    """A queue's own leg knows best, then the leg that the call was put through to."""
    return 3 if event.bridged is not None else 2 if event.side == "b" else 1


def _talked(events: list[CallEvent]) -> int | None:
    """How long events say that it was talked, in microseconds."""
    teller = max((event for event in events if event.talk_time is not None), key=_order_of_talk, default=None)
    return None if teller is None else teller.talk_time


def _order_of_talk(event: CallEvent) -> tuple[int, int]:
    """A queue's own leg that nobody answered behind it has been waiting, not talking."""
    return 1 if event.bridged is False else _rank_word(event), event.talk_time or 0


def _durations(said: Json, course: _Course, measured: int | None) -> Json:
    """Ring and talk time of a call with this outcome, answer and end."""
    outcome, answered_at, ended_at = said["outcome"], said["answered_at"], said["ended_at"]
    # a queue or an IVR says that somebody answered, but not when
    unknown = outcome == "answered" and answered_at is None
    until = ended_at if answered_at is None else answered_at
    ring_time = None if unknown else _between(course.rang.get(course.side), until)
    if not outcome:
        return {"ring_time": ring_time, "talk_time": None}
    if outcome != "answered":
        return {"ring_time": ring_time, "talk_time": 0}
    talk_time = _between(answered_at, ended_at) if measured is None else measured
    return {"ring_time": ring_time, "talk_time": talk_time}


def _between(start: int | None, end: int | None) -> int | None:
    """A duration; two clocks may disagree, but no duration is negative."""
    return None if start is None or end is None else max(0, end - start)


def _state(said: list[CallEvent], bill: CallEvent | None, course: _Course) -> State:
    ended = course.ended_at is not None
    if bill is not None or (ended and _sends_no_bill(said)):
        return "complete"
    if ended:
        return "ended"
    if all(event.kind == "requested" for event in said):
        return "requested"
    return "ringing" if course.answered.get(course.side) is None else "answered"


def _requested(said: list[CallEvent], rang_at: int | None) -> Json:
    """What is known of the request for the call: the request itself is believed first, the CDR too."""
    requested_at = min((event.occurred_at for event in said if event.kind == "requested"), default=None)
    return {
        "requested_at": requested_at,
        "requested_by": _best("requested_by", said, _rank_request),
        "tag": _best("tag", said, _rank_request),
        "variables": _variables(said),
        "request_to_ring_time": _between(requested_at, rang_at),
    }


def _reached(said: list[CallEvent], bill: CallEvent | None, course: _Course, method: str | None) -> Json:
    """When the two sides were reached; of requested and predictive calls B is called once A has answered."""
    answered_at = course.answered.get("a")
    requested_at = min((event.occurred_at for event in said if event.kind == "requested"), default=None)
    started_at = min(_known(event.started_at for event in said if event.kind != "cdr"), default=None)
    dialled_at = started_at if requested_at is None else requested_at
    a_first = requested_at is not None or method == "predictive"
    rang_at = course.rang.get("a") if a_first else course.rang_at
    # without a request, a dial says when it was dialled, not that it rang
    is_dialled = requested_at is not None or any(event.kind == "ring" for event in said)
    return {
        "reached_at": bill.answered_at if answered_at is None and bill is not None else answered_at,
        "connected_at": course.answered.get("b"),
        "post_dial_time": _between(dialled_at, rang_at) if is_dialled else None,
    }


def _variables(said: list[CallEvent]) -> dict[str, str]:
    teller = max((event for event in said if event.variables), key=_order_of_variables, default=None)
    return (teller and teller.variables) or {}


def _order_of_variables(event: CallEvent) -> tuple[int, int, bytes]:
    """As of other fields; the text is the same for the same variables, whatever their order."""
    text = orjson.dumps(event.variables, option=orjson.OPT_SORT_KEYS)
    return _rank_request(event), -event.occurred_at, text


def _counted(everything: list[CallEvent], said: list[CallEvent]) -> Json:
    """What a call is made of, and since when."""
    ids = sorted({name for event in said for name in event.ids})
    summed = [summary_of(event) for event in everything if event.kind == "summed"]
    kinds = {event.kind for event in said}
    handed_on = {event.leg for event in said if event.transferred}
    received = [event for event in everything if event.kind not in {"void", "closed"}]
    sources = tuple(sorted({event.source for event in said}))
    dialects = tuple(sorted({event.dialect for event in said}))
    return {
        "account": said[0].account,
        "call_id": min(name for event in everything for name in event.ids),
        "uuid": min(_known(event.uuid for event in said), default=None),
        "legs": _as_written(ids[:MOST_LEGS], said),
        "leg_count": len(ids) + sum(summary.legs for summary in summed),
        "source": sources[0],
        "dialect": dialects[0],
        "sources": sources,
        "dialects": dialects,
        "kinds": tuple(sorted(kinds)),
        "has_ring": not _OFFERED.isdisjoint(kinds),
        "has_answer": "answer" in kinds,
        "has_hangup": "hangup" in kinds,
        "first_received_at": min(event.received_at for event in received),
        "last_received_at": max(event.last_heard for event in received),
        "events": tuple(sorted(event.event_id for event in said)),
        "revision": len(said) + sum(summary.events for summary in summed),
        "doubts": sum(len(event.doubts) for event in said) + sum(summary.doubts for summary in summed),
        "transfers": len(handed_on) + sum(summary.transfers for summary in summed),
        "truncated": bool(summed),
    }


def _as_written(ids: list[str], said: list[CallEvent]) -> tuple[str, ...]:
    """Give these ids in every spelling that the provider used; of very many the smallest `MOST_LEGS`."""
    if all(event.written is None for event in said):
        return tuple(ids)
    spelled = {(name, (event.written or {}).get(name, name)) for event in said for name in event.ids}
    return tuple(sorted({spelling for name, spelling in spelled if name in ids})[:MOST_LEGS])


def _closed(everything: list[CallEvent], last_received_at: int, state: State) -> Json:
    """Whether a closing is in force: news that was received later reopens the call."""
    closings = [event for event in everything if event.kind == "closed"]
    latest = max(closings, key=_received, default=None)
    if latest is None:
        return {}
    if state == "complete" or latest.received_at < last_received_at:
        return {"reopened": True}
    reason = "never_came" if state == "requested" else latest.extra.get("reason", "timeout")
    return {"close_reason": reason}


@dataclass(frozen=True, slots=True)
class Summary:
    """What is counted of events that are not kept one by one: `extra` of an event of kind `summed`."""

    events: int
    """How many events were summed up."""
    legs: int
    """How many legs are named by none of the events that are kept."""
    doubts: int
    """How many doubts they had."""
    transfers: int
    """How many of these legs were handed on."""
    until: int
    """When the last of them was received, in microseconds since 1970 UTC."""


def summary_of(event: CallEvent) -> Summary:
    """Read what an event of kind `summed` stands for."""
    return Summary(**event.extra)


def deciding(events: Iterable[CallEvent]) -> set[str]:
    """Give the ids of the events that a row takes its values from: the others only count."""
    said = [event for event in events if event.kind not in SAYS_NOTHING]
    happened = [event for event in said if event.kind != "cdr"]
    tellers = [
        *(_teller(name, happened, _rank_side) for name in DESCRIBED),
        _teller("extension", happened, _rank_answer),
        *(_teller(name, said, _rank_request) for name in ("requested_by", "tag")),
        max((event for event in happened if event.outcome is not None), key=_order_of_outcome, default=None),
        max((event for event in happened if event.talk_time is not None), key=_order_of_talk, default=None),
        max((event for event in said if event.variables), key=_order_of_variables, default=None),
        max((event for event in said if event.kind == "cdr"), key=_received, default=None),
    ]
    firsts: dict[object, CallEvent] = {}
    for event in sorted(said, key=attrgetter("occurred_at")):
        side = event.side or "a"
        firsts.setdefault((event.kind, side), event)
        firsts.setdefault((event.kind in _OFFERED, side), event)
        firsts.setdefault((event.source, event.dialect), event)
    started = min(
        (e for e in happened if e.started_at is not None), key=attrgetter("started_at"), default=None
    )
    named = min((e for e in said if e.uuid is not None), key=attrgetter("uuid"), default=None)
    last = _last_ends(happened)
    return {
        event.event_id for event in (*tellers, *firsts.values(), started, named, *last) if event is not None
    }


def _last_ends(events: list[CallEvent]) -> list[CallEvent]:
    """The hangup that ends a call of which every leg has ended, with all others of that leg."""
    ends = _course_of(events).ends
    if not ends:
        return []
    last = max(ends, key=lambda leg: (ends[leg], leg))
    return [event for event in events if event.kind == "hangup" and last in ended_by(event)]


def _leg_of(name: str, events: list[CallEvent]) -> Leg:
    """Fold the events that are about this leg."""
    course = _course_of(events)
    ends = (event.occurred_at for event in events if event.kind == "hangup")
    outcomes = ((event.occurred_at, event.outcome) for event in events if event.outcome is not None)
    return Leg(
        leg_id=name,
        side=max(_known(event.side for event in events), default=None),
        extension=_best("extension", events, _rank_offer),
        rang_at=min(course.rang.values(), default=None),
        answered_at=min(course.answered.values(), default=None),
        ended_at=min(ends, default=None),
        outcome=max(outcomes, default=(0, None))[1],
    )


def _known(values: Iterable[T | None]) -> Iterable[T]:
    return (value for value in values if value is not None)
