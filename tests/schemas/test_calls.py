"""Events and the row that they fold to; times are seconds after `AT`."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.calls import (
    BILLED,
    COLUMNS,
    MOST_DAYS,
    Call,
    call_of,
    column,
    days_of,
    is_call,
    is_complete,
    version_of,
)
from schemas.events import HELD_BACK, CallEvent, Doubt
from schemas.legs import Leg, Tellings, former_legs, legs_of
from schemas.times import day_of
from tests.kit.events import AT, call_events, event
from tests.scale import examples

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 1_000_000
DAY = 86_400 * SECOND


def at(seconds: int) -> int:
    return AT + seconds * SECOND


def said(seconds: int, kind: str, **more: Any) -> CallEvent:
    """An event at a time, received with it."""
    more = {"event_id": f"{kind} {seconds} {more.get('leg', 'a')}", **more}
    return event(kind=kind, occurred_at=at(seconds), received_at=at(seconds), **more)


def queued(seconds: int, kind: str, leg: str = "a", **more: Any) -> CallEvent:
    """Of a dialect without CDRs, in which every leg ends by itself."""
    return said(seconds, kind, dialect="extension-events", leg=leg, ids=tuple({"a": 0, leg: 0}), **more)


def through(seconds: int, kind: str, leg: str = "b", **more: Any) -> CallEvent:
    """Of a leg that the call was put through to."""
    return said(seconds, kind, side="b", leg=leg, ids=("a", leg), **more)


def billed(seconds: int, leg: str, **more: Any) -> CallEvent:
    """The bill of a leg, all of them of one call."""
    more = {"outcome": "answered", "ended_at": at(20), **more}
    return said(seconds, "cdr", leg=leg, ids=tuple(sorted({"a", leg})), **more)


def received(seconds: int, kind: str, **more: Any) -> CallEvent:
    """An event that has no time but that of its receipt."""
    return said(seconds, kind, clock="ingress", **more)


def closed(seconds: int, reason: str = "timeout") -> CallEvent:
    return said(seconds, "closed", extra={"reason": reason})


LATE = (Doubt("status", HELD_BACK, "ring"),)
RANG = (said(0, "ring"),)
ANSWERED = (*RANG, said(5, "answer"))
HUNG_UP = (said(20, "hangup"),)
ASKED = (said(-3, "requested", requested_by="200", tag="spring", variables={"A": "1", "B": ""}),)
BOTH_RANG = (*RANG, through(7, "ring"))

CASES: dict[str, tuple[Iterable[CallEvent], dict[str, Any]]] = {
    "nothing but an event that is no ring": (
        (said(0, "voicemail"),),
        {"state": "ringing", "outcome": "", "rang_at": None, "answered_at": None, "ring_time": None},
    ),
    "requested, and nothing more": (
        ASKED,
        {
            "state": "requested",
            "outcome": "",
            "close_reason": "",
            "requested_at": at(-3),
            "requested_by": "200",
            "tag": "spring",
            "variables": {"A": "1", "B": ""},
            "request_to_ring_time": None,
            "rang_at": None,
            "started_at": None,
        },
    ),
    "requested, and it never came": (
        (*ASKED, closed(-3)),
        {"state": "requested", "outcome": "", "close_reason": "never_came", "reopened": False},
    ),
    "requested, given up, and then it came": (
        (*ASKED, closed(-3), *RANG),
        {"state": "ringing", "close_reason": "", "reopened": True},
    ),
    "requested, given up, and it had come before, unseen": (
        (*ASKED, *RANG, closed(0)),
        {"state": "ringing", "close_reason": "timeout", "reopened": False},
    ),
    "requested, and it rang": (
        (*ASKED, *BOTH_RANG),
        {"state": "ringing", "rang_at": at(0), "request_to_ring_time": 3 * SECOND},
    ),
    "requested, and by the provider's clock it rang before": (
        (*ASKED, said(-5, "ring")),
        {"request_to_ring_time": 0},
    ),
    "requested, and ended unheard of": (
        (*ASKED, *HUNG_UP),
        {"state": "ended", "outcome": "unanswered", "request_to_ring_time": None},
    ),
    "the request is believed before an event that repeats it": (
        (said(-9, "ring", tag="autumn", variables={"A": "2"}), *ASKED),
        {"tag": "spring", "variables": {"A": "1", "B": ""}},
    ),
    "what a CDR repeats of the request": ((said(60, "cdr", tag="spring"),), {"tag": "spring"}),
    "ringing": (
        RANG,
        {"state": "ringing", "outcome": "", "rang_at": at(0), "ring_time": None, "talk_time": None},
    ),
    "answered": (
        ANSWERED,
        {
            "state": "answered",
            "outcome": "",
            "answered_at": at(5),
            "ring_time": 5 * SECOND,
            "talk_time": None,
        },
    ),
    "ended, and the CDR is to come": (
        (*ANSWERED, *HUNG_UP),
        {
            "state": "ended",
            "outcome": "answered",
            "ended_at": at(20),
            "ring_time": 5 * SECOND,
            "talk_time": 15 * SECOND,
            "event_outcome": "answered",
            "event_talk_time": 15 * SECOND,
            "cdr_outcome": None,
        },
    ),
    "ended without an answer": (
        (*RANG, *HUNG_UP),
        {
            "state": "ended",
            "outcome": "unanswered",
            "answered_at": None,
            "ring_time": 20 * SECOND,
            "talk_time": 0,
        },
    ),
    "ended busy": ((*RANG, said(20, "hangup", outcome="busy")), {"outcome": "busy", "talk_time": 0}),
    "an answer is believed before an outcome that says otherwise": (
        (*ANSWERED, said(20, "hangup", outcome="busy")),
        {"outcome": "answered"},
    ),
    "an outcome says nothing before the end": (
        (*RANG, said(3, "voicemail", outcome="busy")),
        {"outcome": ""},
    ),
    "a queue's own leg knows best how the call ended": (
        (
            *RANG,
            said(9, "hangup", bridged=False, outcome="unanswered"),
            through(10, "hangup", outcome="busy"),
        ),
        {"outcome": "unanswered"},
    ),
    "of legs that rank alike, one that was answered makes it an answered call": (
        (*RANG, said(9, "hangup", outcome="answered"), said(10, "hangup", outcome="busy")),
        {"outcome": "answered", "answered_at": None, "ring_time": None},
    ),
    "complete without a CDR, where the dialect has none": (
        (queued(0, "ring"), queued(5, "answer"), queued(20, "hangup")),
        {"state": "complete", "outcome": "answered", "has_cdr": False},
    ),
    "told in two dialects, of which one has a CDR": (
        (*ANSWERED, *HUNG_UP, queued(3, "voicemail")),
        {"state": "ended", "dialect": "common-api", "dialects": ("common-api", "extension-events")},
    ),
    "put through, and only the B leg's answer is the call's": (
        (*ANSWERED, *BOTH_RANG),
        {"state": "ringing", "rang_at": at(0), "answered_at": None, "ring_time": None},
    ),
    "put through and answered": (
        (*ANSWERED, *BOTH_RANG, through(10, "answer")),
        {"state": "answered", "answered_at": at(10), "ring_time": 3 * SECOND},
    ),
    "put through, not answered, and ended": (
        (*ANSWERED, *BOTH_RANG, said(20, "hangup", ids=("a", "b"))),
        {"state": "ended", "outcome": "unanswered", "ring_time": 13 * SECOND, "talk_time": 0},
    ),
    "its own leg has ended, and the other's hangup is yet to come": (
        (*ANSWERED, *BOTH_RANG, through(10, "answer"), *HUNG_UP),
        {"state": "answered", "ended_at": None},
    ),
    "one agent gives up and the next is rung": (
        (*RANG, through(2, "ring", "b1"), through(22, "hangup", "b1"), through(23, "ring", "b2")),
        {"state": "ringing", "outcome": "", "ended_at": None},
    ),
    "the next agent answers, and hangs up": (
        (
            *RANG,
            through(2, "ring", "b1"),
            through(22, "hangup", "b1"),
            through(23, "ring", "b2"),
            through(28, "answer", "b2"),
            through(58, "hangup", "b2"),
        ),
        {"state": "ended", "outcome": "answered", "talk_time": 30 * SECOND},
    ),
    "one leg's end is not a queue's end": (
        (queued(0, "dial"), queued(5, "answer", "b"), queued(20, "hangup")),
        {"state": "answered", "outcome": "", "ended_at": None},
    ),
    "the last leg's end is": (
        (queued(0, "dial"), queued(5, "answer", "b"), queued(20, "hangup"), queued(30, "hangup", "b")),
        {"state": "complete", "ended_at": at(30), "talk_time": 25 * SECOND},
    ),
    "answered, but not said when": (
        (queued(0, "dial"), queued(20, "hangup", outcome="answered", talk_time=9 * SECOND)),
        {"outcome": "answered", "answered_at": None, "ring_time": None, "talk_time": 9 * SECOND},
    ),
    "answered, and neither when nor for how long": (
        (queued(0, "dial"), queued(20, "hangup", outcome="answered")),
        {"outcome": "answered", "ring_time": None, "talk_time": None},
    ),
    "the talk that an event measured is believed before the difference of times": (
        (*ANSWERED, said(20, "hangup", talk_time=14 * SECOND)),
        {"talk_time": 14 * SECOND},
    ),
    "a queue's own leg that nobody answered behind it was waiting, not talking": (
        (
            *ANSWERED,
            said(20, "hangup", talk_time=14 * SECOND, bridged=False),
            through(19, "hangup", talk_time=7),
        ),
        {"talk_time": 7},
    ),
    "a talk time of an unanswered call is none": (
        (*RANG, said(20, "hangup", talk_time=14 * SECOND)),
        {"talk_time": 0},
    ),
    "two clocks that disagree make no negative duration": (
        (said(9, "ring"), said(5, "answer"), said(3, "hangup")),
        {"ring_time": 0, "talk_time": 0},
    ),
    "a CDR alone": (
        (
            said(
                60,
                "cdr",
                outcome="answered",
                started_at=at(0),
                answered_at=at(5),
                ended_at=at(20),
                ring_time=4 * SECOND,
                talk_time=15 * SECOND,
                round=2,
            ),
        ),
        {
            "state": "complete",
            "outcome": "answered",
            "started_at": at(0),
            "rang_at": None,
            "answered_at": at(5),
            "ended_at": at(20),
            "ring_time": 4 * SECOND,
            "talk_time": 15 * SECOND,
            "round": 2,
            "has_ring": False,
            "has_cdr": True,
            "cdr_received_at": at(60),
            "event_outcome": None,
            "cdr_round": 2,
        },
    ),
    "a CDR wins over the events, and what it doesn't say they do": (
        (
            said(0, "ring", caller="100", callee="200"),
            said(5, "answer"),
            *HUNG_UP,
            said(60, "cdr", outcome="unanswered", caller="300", ended_at=at(21), talk_time=0),
        ),
        {
            "state": "complete",
            "outcome": "unanswered",
            "caller": "300",
            "event_caller": "100",
            "cdr_caller": "300",
            "callee": "200",
            "rang_at": at(0),
            "answered_at": None,
            "event_answered_at": at(5),
            "ended_at": at(21),
            "event_ended_at": at(20),
            "ring_time": 21 * SECOND,
            "event_ring_time": 5 * SECOND,
            "talk_time": 0,
            "event_talk_time": 15 * SECOND,
        },
    ),
    "a CDR without an outcome of a call without an end": (
        (*RANG, said(60, "cdr")),
        {"state": "complete", "outcome": "", "ended_at": None, "talk_time": None},
    ),
    "of several bills the one received last": (
        (
            said(60, "cdr", outcome="busy", caller="100"),
            said(70, "cdr", outcome="answered"),
        ),
        {"outcome": "answered", "caller": None, "cdr_received_at": at(70)},
    ),
    "of bills of answered legs that of the one that began first, and the others fill what nobody says": (
        (
            billed(50, "b", started_at=at(7), talk_time=8 * SECOND, recording="b.wav", caller="200"),
            billed(60, "a", started_at=at(0), talk_time=9 * SECOND, hangup_cause=1),
            billed(70, "c", started_at=at(9)),
        ),
        {
            "started_at": at(0),
            "cdr_received_at": at(60),
            "hangup_cause": 1,
            "recording": "b.wav",
            "cdr_recording": None,
            "caller": "200",
            "talk_time": 9 * SECOND,
            "cdr_talk_time": 9 * SECOND,
        },
    ),
    "bills of legs one after the other add up": (
        (
            billed(60, "a", started_at=at(0), ended_at=at(65), talk_time=60 * SECOND),
            billed(190, "b", started_at=at(65), ended_at=at(190), talk_time=120 * SECOND),
        ),
        {
            "talk_time": 180 * SECOND,
            "cdr_talk_time": 60 * SECOND,
            "ended_at": at(190),
            "cdr_ended_at": at(65),
        },
    ),
    "bills of agents who were rung one after the other: the one who answered makes it an answered call": (
        (
            billed(60, "b", outcome="unanswered", started_at=at(0), ring_time=20 * SECOND, talk_time=0),
            billed(
                61,
                "c",
                started_at=at(22),
                answered_at=at(27),
                ended_at=at(57),
                ring_time=5 * SECOND,
                talk_time=30 * SECOND,
            ),
        ),
        {
            "outcome": "answered",
            "started_at": at(0),
            "answered_at": at(27),
            "ended_at": at(57),
            "ring_time": 27 * SECOND,
            "talk_time": 30 * SECOND,
            "cdr_received_at": at(61),
            "cdr_started_at": at(22),
            "cdr_ring_time": 5 * SECOND,
        },
    ),
    "bills of agents who were rung in vain one after the other": (
        (
            billed(60, "b", outcome="unanswered", started_at=at(0), ring_time=20 * SECOND),
            billed(61, "c", outcome="unanswered", started_at=at(22), ended_at=at(40), ring_time=18 * SECOND),
        ),
        {"outcome": "unanswered", "ended_at": at(40), "ring_time": 40 * SECOND, "talk_time": 0},
    ),
    "bills of two legs that were answered, and of one that was not": (
        (
            billed(60, "b", started_at=at(0), answered_at=at(5), ring_time=5 * SECOND, talk_time=15 * SECOND),
            billed(61, "c", outcome="unanswered", started_at=at(6), ended_at=at(30), ring_time=24 * SECOND),
            billed(62, "d", started_at=at(7), answered_at=at(9), ring_time=2 * SECOND, talk_time=11 * SECOND),
        ),
        {
            "cdr_received_at": at(60),
            "ring_time": 5 * SECOND,
            "talk_time": 15 * SECOND,
            "ended_at": at(30),
            "outcome": "answered",
        },
    ),
    "a bill of more talk than the leg lasted": (
        (billed(60, "a", started_at=at(0), ended_at=at(20), talk_time=90 * SECOND),),
        {"talk_time": 21 * SECOND, "cdr_talk_time": 90 * SECOND},
    ),
    "a notice after the bill takes nothing away": (
        (billed(60, "a", started_at=at(0), talk_time=9 * SECOND), said(90, "notice", recording="r")),
        {"talk_time": 9 * SECOND, "recording": "r", "cdr_received_at": at(60), "outcome": "answered"},
    ),
    "one talks and hands the call to another": (
        (
            queued(0, "dial", extension="107"),
            queued(5, "answer", extension="107"),
            queued(65, "dial", "b", extension="108"),
            queued(66, "hangup", outcome="answered", talk_time=60 * SECOND),
            queued(70, "answer", "b"),
            queued(190, "hangup", "b", outcome="answered"),
        ),
        {
            "talk_time": 180 * SECOND,
            "ring_time": 5 * SECOND,
            "transfers": 1,
            "transferred_from": ("107",),
            "transferred_to": ("108",),
        },
    ),
    "legs that talk at once count once, and more than a leg lasted is not talk": (
        (
            queued(0, "dial"),
            queued(5, "answer"),
            queued(6, "dial", "b"),
            queued(10, "answer", "b"),
            queued(20, "hangup", "b", talk_time=90 * SECOND),
            queued(30, "hangup"),
        ),
        {"talk_time": 25 * SECOND, "transfers": 0},
    ),
    "what a queue says of the talk behind it is the agent's talk by another clock": (
        (
            queued(0, "dial"),
            queued(13, "dial", "b"),
            queued(18, "answer", "b"),
            queued(78, "hangup", "b", outcome="answered", talk_time=60 * SECOND),
            queued(79, "hangup", bridged=True, outcome="answered", talk_time=60 * SECOND),
        ),
        {"talk_time": 60 * SECOND, "transfers": 0},
    ),
    "a queue that goes on after the agent hung up talks no longer than the agent": (
        (
            queued(0, "dial"),
            queued(13, "dial", "b"),
            queued(18, "answer", "b"),
            queued(38, "hangup", "b", outcome="answered", talk_time=20 * SECOND),
            queued(68, "hangup", bridged=True, outcome="answered", talk_time=20 * SECOND),
        ),
        {"talk_time": 20 * SECOND, "ended_at": at(68)},
    ),
    "two agents talk one after the other behind a queue": (
        (
            queued(0, "dial"),
            queued(18, "answer", "b"),
            queued(38, "hangup", "b", outcome="answered"),
            queued(50, "answer", "c"),
            queued(55, "hangup", "c", outcome="answered"),
            queued(60, "hangup", bridged=True, outcome="answered", talk_time=25 * SECOND),
        ),
        {"talk_time": 25 * SECOND},
    ),
    "a queue whose dial was lost says in its hangup how long it had the call": (
        (
            queued(38, "hangup", "b", outcome="answered", talk_time=20 * SECOND),
            queued(68, "hangup", bridged=True, started_at=at(0), outcome="answered", talk_time=20 * SECOND),
            queued(70, "hangup", "c", bridged=True, started_at=at(68), talk_time=90 * SECOND),
        ),
        {"talk_time": 22 * SECOND},
    ),
    "rung together, and one answers": (
        (
            queued(0, "dial"),
            queued(0, "dial", "b"),
            queued(5, "answer", "b"),
            queued(6, "hangup", outcome="cancelled"),
            queued(65, "hangup", "b", outcome="answered"),
        ),
        {"talk_time": 60 * SECOND, "transfers": 0},
    ),
    "handed on in vain to two who ring together": (
        (
            queued(0, "dial", extension="1"),
            queued(5, "answer", extension="1"),
            queued(60, "dial", "b", extension="2"),
            queued(60, "dial", "c", extension="3"),
            queued(61, "hangup", outcome="answered"),
            queued(90, "hangup", "b", outcome="unanswered"),
            queued(90, "hangup", "c", outcome="unanswered"),
        ),
        {"talk_time": 56 * SECOND, "transfers": 1, "transferred_from": ("1",), "transferred_to": ("2",)},
    ),
    "forwarded to a number outside": (
        (queued(0, "dial", extension="1", callee="+4930", transferred=True),),
        {"transfers": 1, "transferred_from": ("1",), "transferred_to": ("+4930",)},
    ),
    "a queue calls an agent again on the same leg": (
        (
            queued(2, "dial"),
            queued(12, "hangup", outcome="unanswered"),
            queued(13, "dial"),
            queued(18, "answer"),
            queued(78, "hangup", outcome="answered"),
        ),
        {"talk_time": 60 * SECOND, "ended_at": at(78), "answered_at": at(18)},
    ),
    "a queue calls an agent again, who is still rung": (
        (queued(2, "dial"), queued(12, "hangup", outcome="unanswered"), queued(13, "dial")),
        {"state": "ringing", "ended_at": None},
    ),
    "a queue or an IVR is never the extension": (
        (
            queued(0, "dial", extension="100"),
            queued(1, "dial", "b", extension="106"),
            queued(2, "hangup", "b", extension="106", outcome="unanswered"),
            queued(3, "hangup", "c", extension="107", outcome="answered"),
            queued(4, "hangup", extension="100", bridged=True, outcome="answered"),
        ),
        {"extension": "107", "outcome": "answered", "talk_time": None},
    ),
    "held back by the provider, until the bill comes": (
        (received(0, "ring", doubts=LATE), received(1, "answer"), received(2, "hangup")),
        {
            "state": "ended",
            "outcome": "answered",
            "ring_time": None,
            "talk_time": None,
            "post_dial_time": None,
            "doubts": 1,
        },
    ),
    "held back by the provider, and billed": (
        (
            received(0, "ring", doubts=LATE),
            received(2, "hangup"),
            billed(60, "a", answered_at=at(-90), ended_at=at(-60), ring_time=SECOND, talk_time=30 * SECOND),
        ),
        {"ring_time": SECOND, "talk_time": 30 * SECOND, "event_ring_time": None, "event_talk_time": 0},
    ),
    "only the last event was held back": (
        (received(0, "ring"), received(5, "answer"), received(9, "ring", side="b", doubts=LATE)),
        {"state": "ringing", "ring_time": None, "rang_at": at(0)},
    ),
    "the bill, the corrected one, and the first again": (
        (
            said(60, "cdr", outcome="busy", last_received_at=at(90)),
            said(70, "cdr", outcome="answered"),
        ),
        {"outcome": "answered", "cdr_received_at": at(70), "last_received_at": at(90)},
    ),
    "closed in silence": (
        (*RANG, closed(0)),
        {"state": "ringing", "outcome": "", "close_reason": "timeout", "reopened": False, "revision": 1},
    ),
    "reopened by news": (
        (*RANG, closed(0), said(1, "voicemail")),
        {"state": "ringing", "close_reason": "", "reopened": True, "revision": 2},
    ),
    "reopened, and closed again": (
        (*RANG, closed(0), said(1, "voicemail"), closed(1)),
        {"close_reason": "timeout", "reopened": False, "kinds": ("ring", "voicemail")},
    ),
    "closed in silence before its CDR came": (
        (*RANG, closed(0), said(60, "cdr", outcome="busy")),
        {"state": "complete", "close_reason": "", "reopened": True},
    ),
    "ended, but its CDR never came": (
        (*ANSWERED, *HUNG_UP, closed(20)),
        {"state": "ended", "outcome": "answered", "close_reason": "timeout"},
    ),
    "an event that says nothing any more": (
        (*RANG, said(5, "void", caller="100", ids=("a", "z"))),
        {"state": "ringing", "caller": None, "revision": 1, "kinds": ("ring",), "legs": ("a",)},
    ),
    "which kinds have come": (
        (queued(0, "dial"), queued(5, "answer"), queued(20, "hangup")),
        {"has_ring": True, "has_answer": True, "has_hangup": True, "has_cdr": False},
    ),
    "of several sources and legs": (
        (
            said(0, "ring", source="south", uuid="u2"),
            said(1, "ring", source="north", uuid="u1", ids=("a", "b")),
        ),
        {"legs": ("a", "b"), "source": "north", "sources": ("north", "south"), "uuid": "u1", "leg_count": 2},
    ),
    "the earliest event is believed, and the side that was put through first of all": (
        (
            said(1, "ring", caller="200", callee="2"),
            said(0, "ring", caller="100"),
            through(9, "ring", callee="3"),
        ),
        {"caller": "100", "callee": "3"},
    ),
    "who answered is the call's extension, rather than who was rung first": (
        (said(0, "ring", extension="7"), said(5, "answer", extension="8")),
        {"extension": "8"},
    ),
    "what could not be read, and who was handed on": (
        (
            said(0, "ring", doubts=(Doubt("time", "malformed", "x"), Doubt("round", "malformed", "y"))),
            said(5, "answer", doubts=(Doubt("time", "malformed", "z"),), transferred=True),
        ),
        {"doubts": 3, "transfers": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_events_mean_this_call(name: str) -> None:
    events, expected = CASES[name]
    call = call_of(events)
    assert {name: getattr(call, name) for name in expected} == expected
    assert is_complete(events) == (call.state == "complete")


def test_a_call_of_which_next_to_nothing_is_known() -> None:
    known: dict[str, Any] = {
        "account": "acme",
        "call_id": "a",
        "legs": ("a",),
        "source": "shanghai",
        "dialect": "common-api",
    }
    known |= {"transferred_from": (), "transferred_to": (), "heard": (("shanghai", 1, 0, 0),), "doubted": ()}
    listed = {"sources": ("shanghai",), "dialects": ("common-api",), "kinds": ("ring",), "variables": {}}
    texts = {"outcome": "", "state": "ringing", "close_reason": ""}
    flags = {
        **dict.fromkeys(("has_ring", "expects_cdr"), True),
        **dict.fromkeys(("has_answer", "has_hangup", "has_cdr", "reopened", "truncated"), False),
    }
    counts = {"events": ("e1",), "revision": 1, "leg_count": 1, "doubts": 0, "transfers": 0}
    received = {"first_received_at": at(2), "last_received_at": at(2)}
    rang = {"rang_at": at(0)}
    unknown: dict[str, Any] = dict.fromkeys(COLUMNS)
    assert call_of([event()]) == Call(**unknown | known | listed | texts | flags | counts | received | rang)


def test_what_bill_and_events_say_stays_readable_beside_the_row() -> None:
    for name in BILLED:
        assert {name, f"event_{name}", f"cdr_{name}"} <= set(COLUMNS)
    assert column("event_ring_time") == "event_ring_seconds"
    assert column("rang_at") == "rang_at"
    assert len(set(map(column, COLUMNS))) == len(fields(Call))


def test_the_version_counts_readings_and_closings_and_the_days_are_those_of_receipts() -> None:
    events = [
        said(0, "ring", reading=7),
        said(1, "void"),
        closed(0),
        said(2, "answer", last_received_at=AT + DAY),
    ]
    assert version_of(events) == 10
    assert days_of(events) == (date(2020, 9, 13), date(2020, 9, 14))


def test_days_are_those_of_each_event_and_not_those_between_events() -> None:
    retried = event(received_at=AT + DAY, last_received_at=AT + 3 * DAY)
    later = event(received_at=AT + 2 * DAY, last_received_at=AT + 4 * DAY)
    reused = event(received_at=AT + 365 * DAY)
    assert days_of([reused, later, retried]) == (
        *(date(2020, 9, day) for day in (14, 15, 16, 17)),
        date(2021, 9, 13),
    )


@pytest.mark.parametrize("received_at", [0, AT - 9_800 * DAY, AT - MOST_DAYS * DAY])
def test_a_receipt_by_a_wrong_clock_makes_no_days_without_end(received_at: int) -> None:
    for events in (
        [event(received_at=received_at, last_received_at=AT)],
        [*(event(received_at=received_at + n * DAY) for n in range(MOST_DAYS)), event(received_at=AT)],
    ):
        days = days_of(events)
        assert len(days) == MOST_DAYS
        assert (days[0], days[-1]) == (day_of(received_at), day_of(AT))
        assert sorted(set(days)) == list(days)


def test_a_version_is_below_that_of_what_is_gone_for_good() -> None:
    assert version_of([said(0, "summed", reading=2**62)] * 5) == 2**64 - 2


def test_what_was_summed_up_makes_no_figure_negative() -> None:
    lost = {"transfers": -3, "talk": -(10**9), "billed": -(10**9), "heard": (("shanghai", -9, -9, -9),)}
    row = call_of([*RANG, said(9, "hangup", outcome="answered"), said(5, "summed", extra=lost)])
    assert row.transfers == 0
    assert row.talk_time in {0, None}
    assert [counts for _, *counts in row.heard] == [[0, 0, 0]]


def test_events_that_say_nothing_are_no_call() -> None:
    assert not is_call([said(0, "void"), closed(0)])
    assert is_call([said(0, "void"), *RANG])


def test_the_rows_of_legs() -> None:
    rows = legs_of(
        [
            said(0, "ring", leg="b", ids=("b", "c"), side="a", extension="7"),
            said(5, "answer", leg="b", ids=("b",), side="b", extension="8"),
            said(9, "hangup", leg="b", ids=("b",), outcome="busy"),
            said(8, "hangup", leg="b", ids=("b",), outcome="answered"),
            said(7, "cdr", leg="a", ids=("a",), side="a", outcome="busy"),
            said(7, "void", leg="v", ids=("v",)),
        ]
    )
    assert rows == (
        Leg(leg_id="a", cdr_received_at=at(7), cdr_outcome="busy"),
        Leg(
            leg_id="b",
            side="b",
            extension="7",
            rang_at=at(0),
            answered_at=at(5),
            ended_at=at(8),
            outcome="busy",
            talk_time=3 * SECOND,
            busy_until=at(8),
        ),
        Leg(leg_id="c"),
    )


def test_the_doubts_of_a_leg_are_those_of_replaced_bills_too() -> None:
    first, hidden = Doubt("answertime", "malformed-time", "x"), Doubt("billsec", "malformed", "y")
    events = [
        said(0, "ring", doubts=(first,)),
        billed(60, "a", doubts=(first, hidden)),
        billed(61, "a", doubts=(hidden,)),
        billed(62, "b"),
    ]
    assert [(leg.leg_id, leg.doubts) for leg in legs_of(events)] == [("a", 4), ("b", 0)]
    assert call_of(events).doubts == 4


def test_legs_that_only_earlier_readings_named_are_former_ones() -> None:
    events = [
        said(0, "ring", ids=("a", "b"), named_before=("a", "b", "c")),
        said(1, "void", ids=("a", "d")),
        said(2, "void", ids=("b",)),
    ]
    assert former_legs(Tellings(events)) == ("c", "d")
    assert [leg.leg_id for leg in legs_of(events)] == ["a", "b"]
    assert former_legs(Tellings(RANG)) == ()


@examples(normal=500, long=10_000)
@given(seed=st.integers(0, 2**63))
def test_the_order_of_events_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    events = call_events(rng)
    mixed = [*events, replace(events[0], event_id="v", kind="void", caller="9")]
    rng.shuffle(mixed)
    assert call_of(mixed) == replace(call_of(events), call_id=call_of(mixed).call_id)
    assert legs_of(mixed) == legs_of(events)
