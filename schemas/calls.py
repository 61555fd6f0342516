"""From the events of a call to its row and the rows of its legs: there is no other definition of a row.

A call is the set of its events, each in its newest reading, so that neither order nor repetition matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from sys import intern
from typing import TYPE_CHECKING, Literal

from schemas.bills import lasted, received, rung_billed, talk_billed
from schemas.course import OFFERED, course_of
from schemas.dialects import SENDING_CDRS
from schemas.events import SAYS_NOTHING, UNHEARD
from schemas.heard import all_doubted, all_heard, doubted_of, heard_of
from schemas.legs import COURSE, MOST_LEGS, Tellings, lost_talk, talk_of
from schemas.limits import MOST_VERSION
from schemas.queues import queue_of
from schemas.readings import counted_twice
from schemas.summary import Doubted, Heard, Summary
from schemas.summed import legs_counted, summary_of, with_lost
from schemas.tellers import (
    DESCRIBED,
    Asked,
    by_request,
    by_side,
    teller_of_extension,
    teller_of_outcome,
    teller_of_variables,
)
from schemas.times import day_of
from schemas.transfers import MOST_TRANSFERS, transfers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from schemas.course import Course
    from schemas.events import CallEvent, Json
    from schemas.legs import Part

State = Literal["requested", "ringing", "answered", "ended", "complete"]
"""`requested`: somebody asked for the call, and nothing more is known."""

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
    *COURSE,
)
"""What a CDR and the events may both say of a call: columns `cdr_…` and `event_…`."""

# interned, they are found at once among the arguments of `Call`, and else by comparing each with all
_OF_EVENTS = {name: intern(f"event_{name}") for name in BILLED}
_OF_BILLS = {name: intern(f"cdr_{name}") for name in BILLED}

_DESCRIBED = Asked(*DESCRIBED)
_FILLED = Asked(*DESCRIBED, "extension")
_REQUESTED = Asked("requested_by", "tag")


# never changed once it is made, though not frozen: that would take twice as long to make
@dataclass(kw_only=True)
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
    """How long somebody was talking, on whatever leg: at once it counts once, one after the other it adds up;
    0 for a call that ended unanswered."""
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
    """When the CDR was received: of several legs' CDRs, that of the answered leg that began first or, if none
    was answered, of the leg that began first; as all `cdr_…`."""
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
    """How many fields could not be read, and were left out; of each event at most 50."""
    leg_count: int
    """How many ids named the call or a leg of it."""
    transfers: int = 0
    """How many times it was handed on, to another extension or a number outside."""
    transferred_from: tuple[str, ...] = ()
    """Who handed it on, transfer by transfer, as extensions, empty if not known; of very many the first."""
    transferred_to: tuple[str, ...] = ()
    """To whom, transfer by transfer, as extensions or numbers, empty if not known; of very many the first."""
    reached_at: int | None = None
    """When the side reached first answered: by its own event, or else by the CDR."""
    connected_at: int | None = None
    """When the side answered that it was then put through to."""
    post_dial_time: int | None = None
    """From the request for it, or else from its start, until the first leg rang; unknown if it was not
    requested and no ring was seen, or if the first leg to ring may not have been the first called."""
    truncated: bool = False
    """Whether it has more events than are kept one by one: earlier ones are only counted in `revision`."""
    expects_cdr: bool = False
    """Whether a dialect in which it was reported sends CDRs."""
    heard: tuple[Heard, ...] = ()
    """By source, requests apart: how many events it told; of how many legs it told at least two of the first
    ring or dial, the first answer, the hangup and the CDR; of how many of these they were received in another
    order."""
    doubted: tuple[Doubted, ...] = ()
    """Source, field, stable code, and in how many of the source's events this field could not be read; of
    very many the most frequent."""


MOST_DAYS = 62
"""Under so many days may a call have rows that must go; a row a leg and day says that they do."""
_A_DAY = timedelta(days=1)

COLUMNS = tuple(each.name for each in fields(Call))
SUMS = frozenset({"expects_cdr", "heard", "doubted"})
"""What dashboards add up, and the view `calls` does not show."""
SHOWN = tuple(name for name in COLUMNS if name not in SUMS)
"""What it shows."""


def column(name: str) -> str:
    """What tables call a field of `Call`: there, durations are seconds."""
    return name.removesuffix("_time") + "_seconds" if name.endswith("_time") else name


def version_of(events: Iterable[CallEvent]) -> int:
    """Return the version of a call's row. Of two rows the higher version holds; gone for good is the highest.

    It is the sum of the readings of all events, also of those that were summed up, by whomever.
    """
    events = list(events)
    sums = [event for event in events if event.kind == "summed"]
    twice = counted_twice(sums) if len(sums) > 1 else 0
    return min(sum([event.reading for event in events]) - twice, MOST_VERSION - 1)


def days_of(events: Iterable[CallEvent]) -> tuple[date, ...]:
    """The UTC days under which a row of these events may be, or of some of them; its own is the first.

    A row is kept under the day of the first receipt that is known to whoever writes it: for each event that
    may be any day from its first receipt to its last. Days between two events have no row.
    """
    events = list(events)
    began = day_of(min([event.received_at for event in events]))
    if began == day_of(max([event.last_heard for event in events])):
        return (began,)
    spans = sorted({(day_of(event.received_at), day_of(event.last_heard)) for event in events})
    days: list[date] = []
    for first, last in spans:
        new = max(first, days[-1] + _A_DAY) if days else first
        days += [new + n * _A_DAY for n in range((last - new).days + 1)]
    return within_bounds(tuple(days))


def within_bounds(days: tuple[date, ...]) -> tuple[date, ...]:
    """Of more than `MOST_DAYS` days, in order, give the first and the last of them.

    A clock that was wrong for an hour puts a call's first receipt years before its last. The row itself is
    under the first day. A row that must go is that of late news, which did not know of the call's beginning:
    it is under one of the last days, and the days between were among the last when they were new.
    """
    half = MOST_DAYS // 2
    return days if len(days) <= MOST_DAYS else days[:half] + days[-half:]


def is_call(events: Iterable[CallEvent]) -> bool:
    """Whether any of the events says something: otherwise there is no row."""
    return any(event.kind not in SAYS_NOTHING for event in events)


def call_of(events: Iterable[CallEvent]) -> Call:
    """Fold the events of one call, each in its newest reading; at least one must say something."""
    events = list(events)
    return call_as_told(min([event.ids[0] for event in events]), Tellings(events))


def call_as_told(call_id: str, tellings: Tellings) -> Call:
    """Give the row of a call whose events are sorted out.

    It has the id of the smallest leg that was ever tied to it: its events may name others. Where the CDR and
    the events disagree the CDR wins, and both stay readable.
    """
    everything, said, happened = tellings.everything, tellings.said, tellings.happened
    bills, course, exact = tellings.bills, tellings.course, tellings.exact
    summed = [summary_of(event) for event in tellings.summed]
    has_talk = _has_talk(happened)
    parts = tellings.parts if has_talk else {}
    exact_parts = tellings.exact_parts.values() if has_talk else ()
    talk_time = _duration(talk_of(exact_parts, with_lost(None, (each.talk for each in summed))))
    told = _as_events_say(happened, course)
    billed = _billed(bills)
    call = _with_bills(told, bills, billed)
    call |= _durations(call, course, exact, bills, talk_time) | _measured_by(bills, billed, call, summed)
    told |= _durations(told, course, exact, [], talk_time)
    call["outcome"] = call["outcome"] or ""
    counted = _counted(tellings, summed)
    state = _state(said, course, is_billed=bool(bills), expects_cdr=counted["expects_cdr"])
    requested_at = _requested_at(happened)
    return Call(
        call_id=call_id,
        state=state,
        rang_at=course.rang_at,
        queue=queue_of(happened),
        has_cdr=bool(bills),
        cdr_received_at=bills[0].received_at if bills else None,
        **call,
        **counted,
        **_handed_on(parts, summed),
        **_requested(said, requested_at, exact.rang_at),
        **_closed(everything, counted["last_received_at"], state),
        **{_OF_EVENTS[name]: value for name, value in told.items()},
        **{_OF_BILLS[name]: value for name, value in billed.items()},
        **_reached(tellings, requested_at, call["method"]),
    )


def lost_figures(dropped: Iterable[CallEvent], kept: Iterable[CallEvent]) -> Summary:
    """Give what a call's durations and transfers lose if these events are not kept, nothing else."""
    kept = list(kept)
    before, after = Tellings([*kept, *dropped]), Tellings(kept)
    apart = with_lost(None, (summary_of(event).talk for event in kept if event.kind == "summed"))
    billed = talk_billed(before.bills)
    return Summary(
        transfers=len(transfers_of(before.parts.values())) - len(transfers_of(after.parts.values())),
        talk=lost_talk(before.exact_parts.values(), after.exact_parts.values(), apart),
        billed=None if billed is None else billed - (talk_billed(after.bills) or 0),
    )


def is_complete(events: Iterable[CallEvent]) -> bool:
    """Whether nothing more is expected: the CDR is in, or the call ended and its dialect sends none."""
    events = list(events)
    said = [event for event in events if event.kind not in SAYS_NOTHING]
    if any(event.kind == "cdr" for event in said):
        return True
    return course_of(events).ended_at is not None and _sends_no_bill(said)


def _sends_no_bill(said: list[CallEvent]) -> bool:
    return all(event.dialect not in SENDING_CDRS for event in said)


def _as_events_say(events: list[CallEvent], course: Course) -> Json:
    """What events alone say of `BILLED`, but for durations."""
    said = _DESCRIBED.said_best(events, by_side)
    said["extension"] = getattr(teller_of_extension(events), "extension", None)
    said["started_at"] = _began(events)
    said["answered_at"] = course.answered_at
    said["ended_at"] = course.ended_at
    said["outcome"] = None if course.ended_at is None else _outcome(events, said["answered_at"])
    return said


def _began(events: list[CallEvent]) -> int | None:
    return min([event.started_at for event in events if event.started_at is not None], default=None)


def _outcome(events: list[CallEvent], answered_at: int | None) -> str:
    """How a call that has ended did."""
    if answered_at is not None:
        return "answered"
    teller = teller_of_outcome(events)
    return (teller and teller.outcome) or "unanswered"


def _billed(bills: list[CallEvent]) -> Json:
    """What the call's own bill says."""
    said = ((name, getattr(bills[0], name)) for name in BILLED) if bills else ()
    return {name: value for name, value in said if value is not None}


def _with_bills(told: Json, bills: list[CallEvent], billed: Json) -> Json:
    """Put the call's bill before what events say; bills of other legs fill what nobody else says.

    It began with the first and ended with the last of the legs that were billed.
    """
    if not bills:
        return dict(told)
    said = {**told, **billed, "answered_at": bills[0].answered_at}
    if others := bills[1:]:
        times = zip(("started_at", "ended_at"), lasted(bills), strict=True)
        said |= {name: value for name, value in times if value is not None}
        filled = _FILLED.said_best(others, by_side)
        said |= {name: value for name, value in filled.items() if said[name] is None}
    return said


def _has_talk(happened: list[CallEvent]) -> bool:
    """Whether somebody may have talked, or handed the call on."""
    return any(
        event.kind == "answer" or event.talk_time is not None or event.transferred for event in happened
    )


def _durations(
    said: Json, course: Course, exact: Course, bills: list[CallEvent], talk_time: int | None
) -> Json:
    """Ring and talk time of a call with this outcome; by times of the bill, or else of `exact` events."""
    outcome, bill = said["outcome"], bills[0] if bills else None
    answered_at = exact.answered.get(course.side) if bill is None else bill.answered_at
    _, billed_end = lasted(bills)
    ended_at = exact.ended_at if billed_end is None else billed_end
    # a queue or an IVR says that somebody answered, but not when
    unknown = outcome == "answered" and answered_at is None
    until = ended_at if answered_at is None else answered_at
    ring_time = None if unknown else _between(exact.rang.get(course.side), until)
    if outcome != "answered":
        return {"ring_time": ring_time, "talk_time": 0 if outcome else None}
    if talk_time is None and bill is not None:
        talk_time = _between(answered_at, ended_at if bill.ended_at is None else bill.ended_at)
    return {"ring_time": ring_time, "talk_time": talk_time}


def _measured_by(bills: list[CallEvent], billed: Json, call: Json, summed: list[Summary]) -> Json:
    """Durations that bills state."""
    ring_time = rung_billed(bills)
    said = {} if ring_time is None else {"ring_time": ring_time}
    talk_time = _duration(with_lost(talk_billed(bills), (each.billed for each in summed)))
    if talk_time is not None:
        said["talk_time"] = talk_time if call["outcome"] in {"answered", None} else billed.get("talk_time", 0)
    return said


def _duration(total: int | None) -> int | None:
    """A sum of durations; what is lost with events may be negative, but no duration is."""
    return None if total is None else max(0, total)


def _between(start: int | None, end: int | None) -> int | None:
    """A duration; two clocks may disagree, but no duration is negative."""
    return None if start is None or end is None else max(0, end - start)


def _state(said: list[CallEvent], course: Course, *, is_billed: bool, expects_cdr: bool) -> State:
    ended = course.ended_at is not None
    if is_billed or (ended and not expects_cdr):
        return "complete"
    if ended:
        return "ended"
    if all(event.kind == "requested" for event in said):
        return "requested"
    return "ringing" if course.answered_at is None else "answered"


def _handed_on(parts: Mapping[str, Part], summed: list[Summary]) -> Json:
    """How many times the call was handed on, and from whom to whom."""
    found = transfers_of(parts.values()) if parts else []
    return {
        "transfers": max(0, len(found) + sum(summary.transfers for summary in summed)),
        "transferred_from": tuple(each.by for each in found[:MOST_TRANSFERS]),
        "transferred_to": tuple(each.to for each in found[:MOST_TRANSFERS]),
    }


def _requested(said: list[CallEvent], requested_at: int | None, rang_at: int | None) -> Json:
    """What is known of the request for the call: the request itself is believed first, the CDR too."""
    return {
        "requested_at": requested_at,
        **_REQUESTED.said_best(said, by_request),
        "variables": getattr(teller_of_variables(said), "variables", None) or {},
        "request_to_ring_time": _between(requested_at, rang_at),
    }


def _requested_at(events: list[CallEvent]) -> int | None:
    return min([event.occurred_at for event in events if event.kind == "requested"], default=None)


def _reached(told: Tellings, requested_at: int | None, method: str | None) -> Json:
    """When the two sides were reached; of requested and predictive calls B is called once A has answered."""
    bills, course, exact = told.bills, told.course, told.exact
    answered_at = course.answered.get("a")
    dialled_at = _began(told.happened) if requested_at is None else requested_at
    a_first = requested_at is not None or method == "predictive"
    rang_at = exact.rang.get("a") if a_first else exact.rang_at
    # without a request, a dial says when it was dialled, not that it rang
    is_dialled = requested_at is not None or any(event.kind == "ring" for event in told.happened)
    return {
        "reached_at": bills[0].answered_at if answered_at is None and bills else answered_at,
        "connected_at": course.answered.get("b"),
        "post_dial_time": _between(dialled_at, rang_at) if is_dialled else None,
    }


def _counted(tellings: Tellings, summed: list[Summary]) -> Json:
    """What a call is made of, and since when."""
    everything, said, ids = tellings.everything, tellings.said, tellings.ids
    kinds = {event.kind for event in said}
    received = [event for event in everything if event.kind not in UNHEARD]
    heard = _heard(said, summed)
    sources = tuple([source for source, *_ in heard])  # tables take the first of `heard` for that of `source`
    dialects = tuple(sorted({event.dialect for event in said}))
    return {
        "account": said[0].account,
        "uuid": min([event.uuid for event in said if event.uuid is not None], default=None),
        "legs": _as_written(ids[:MOST_LEGS], said),
        "leg_count": legs_counted(ids, summed) if summed else len(ids),
        "source": sources[0],
        "dialect": dialects[0],
        "sources": sources,
        "dialects": dialects,
        "kinds": tuple(sorted(kinds)),
        "has_ring": not OFFERED.isdisjoint(kinds),
        "has_answer": "answer" in kinds,
        "has_hangup": "hangup" in kinds,
        "first_received_at": min([event.received_at for event in received]),
        "last_received_at": max([event.last_heard for event in received]),
        "events": tuple(sorted([event.event_id for event in said])),
        "revision": len(said) + sum([summary.events for summary in summed]),
        "doubts": sum([len(event.doubts) for event in said]) + sum([summary.doubts for summary in summed]),
        "truncated": bool(summed),
        "expects_cdr": not _sends_no_bill(said),
        "heard": heard,
        "doubted": all_doubted([doubted_of(said), *(each.doubted for each in summed)]),
    }


def _heard(said: list[CallEvent], summed: list[Summary]) -> tuple[Heard, ...]:
    """What each source told; what is lost with events may be negative, but no sum is."""
    if not summed:
        return heard_of(said)
    sums = all_heard([heard_of(said), *(each.heard for each in summed)])
    return tuple((source, max(0, a), max(0, b), max(0, c)) for source, a, b, c in sums)


def _as_written(ids: list[str], said: list[CallEvent]) -> tuple[str, ...]:
    """Give these ids in every spelling that the provider used; of very many the smallest `MOST_LEGS`."""
    if all(event.written is None for event in said):
        return tuple(ids)
    spelled = {(name, (event.written or {}).get(name, name)) for event in said for name in event.ids}
    return tuple(sorted({spelling for name, spelling in spelled if name in ids})[:MOST_LEGS])


def _closed(everything: list[CallEvent], last_received_at: int, state: State) -> Json:
    """Whether a closing is in force: news that was received later reopens the call."""
    closings = [event for event in everything if event.kind == "closed"]
    latest = max(closings, key=received, default=None)
    if latest is None:
        return {}
    if state == "complete" or latest.received_at < last_received_at:
        return {"reopened": True}
    reason = "never_came" if state == "requested" else latest.extra.get("reason", "timeout")
    return {"close_reason": reason}
