"""Records and the calls they mean; times are seconds after `AT`."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.calls import Call, call_of, is_complete
from schemas.records import Record, join, record_of
from tests.kit.events import AT, event

SECOND = 1_000_000


def at(seconds: int) -> int:
    return AT + seconds * SECOND


def record(**known: Any) -> Record:
    """A record that knows little else."""
    return {
        "ids": ["a"],
        "sources": ["shanghai"],
        "dialects": ["common-api"],
        "kinds": ["ring"],
        "events": ["e1", "e2"],
        "first_received_at": at(0),
        "last_received_at": at(60),
        **known,
    }


def said(value: str, rank: int = 1) -> list[Any]:
    return [rank, 0, value]


def cdr(**billed: Any) -> list[Any]:
    return [at(60), "e9", billed]


QUEUE = {"dialects": ["extension-events"]}
RANG = {"a_rang_at": at(0)}
ANSWERED = {**RANG, "a_answered_at": at(5)}
HUNG_UP = {"ends": {"a": at(20)}}
ASKED = {
    "requested_at": at(-3),
    "requested_by": said("200"),
    "tag": said("spring"),
    "variables": said('{"A":"1","B":""}'),
}
BOTH_RANG = {"a_rang_at": at(0), "b_rang_at": at(7)}

CASES: dict[str, tuple[Record, dict[str, Any]]] = {
    "nothing but an event that is no ring": (
        record(kinds=["voicemail"]),
        {"state": "ringing", "outcome": "", "rang_at": None, "answered_at": None, "ring_time": None},
    ),
    "ends are spoken of, and there are none": (
        record(**RANG, ends={}, kinds=["ring"]),
        {"state": "ringing", "outcome": "", "ended_at": None},
    ),
    "requested, and nothing more": (
        record(**ASKED, kinds=["requested"]),
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
        record(**ASKED, kinds=["requested"], closed=[1, at(60), "timeout"]),
        {"state": "requested", "outcome": "", "close_reason": "never_came", "reopened": False},
    ),
    "requested, given up, and then it came": (
        record(**ASKED, **RANG, kinds=["requested", "ring"], closed=[1, at(59), "timeout"]),
        {"state": "ringing", "close_reason": "", "reopened": True},
    ),
    "requested, given up, and it had come before, unseen": (
        record(**ASKED, **RANG, kinds=["requested", "ring"], closed=[1, at(60), "timeout"]),
        {"state": "ringing", "close_reason": "timeout", "reopened": False},
    ),
    "requested, and it rang": (
        record(**ASKED, **BOTH_RANG, kinds=["requested", "ring"]),
        {"state": "ringing", "rang_at": at(0), "request_to_ring_time": 3 * SECOND},
    ),
    "requested, and by the provider's clock it rang before": (
        record(**ASKED, a_rang_at=at(-5), kinds=["requested", "ring"]),
        {"request_to_ring_time": 0},
    ),
    "requested, and ended unheard of": (
        record(**ASKED, **HUNG_UP, kinds=["hangup", "requested"]),
        {"state": "ended", "outcome": "unanswered", "request_to_ring_time": None},
    ),
    "made of so many events": (record(events=["e1", "e2", "e3"]), {"revision": 3}),
    "a record of the time before records told their events": (
        {name: value for name, value in record().items() if name != "events"},
        {"revision": 0, "events": ()},
    ),
    "ringing": (
        record(**RANG),
        {"state": "ringing", "outcome": "", "rang_at": at(0), "ring_time": None, "talk_time": None},
    ),
    "answered": (
        record(**ANSWERED),
        {
            "state": "answered",
            "outcome": "",
            "answered_at": at(5),
            "ring_time": 5 * SECOND,
            "talk_time": None,
        },
    ),
    "ended, and the CDR is to come": (
        record(**ANSWERED, **HUNG_UP),
        {
            "state": "ended",
            "outcome": "answered",
            "ended_at": at(20),
            "ring_time": 5 * SECOND,
            "talk_time": 15 * SECOND,
        },
    ),
    "ended without an answer": (
        record(**RANG, **HUNG_UP),
        {
            "state": "ended",
            "outcome": "unanswered",
            "answered_at": None,
            "ring_time": 20 * SECOND,
            "talk_time": 0,
        },
    ),
    "ended busy": (record(**RANG, **HUNG_UP, outcome=said("busy")), {"outcome": "busy", "talk_time": 0}),
    "an answer is believed before an outcome that says otherwise": (
        record(**ANSWERED, **HUNG_UP, outcome=said("busy")),
        {"outcome": "answered"},
    ),
    "an outcome says nothing before the end": (record(**RANG, outcome=said("busy")), {"outcome": ""}),
    "complete without a CDR, where the dialect has none": (
        record(**QUEUE, **ANSWERED, **HUNG_UP),
        {"state": "complete", "outcome": "answered", "has_cdr": False},
    ),
    "told in two dialects, of which one has a CDR": (
        record(dialects=["common-api", "extension-events"], **ANSWERED, **HUNG_UP),
        {"state": "ended"},
    ),
    "put through, and only the B leg's answer is the call's": (
        record(**BOTH_RANG, a_answered_at=at(5)),
        {"state": "ringing", "rang_at": at(0), "answered_at": None, "ring_time": None},
    ),
    "put through and answered": (
        record(**BOTH_RANG, a_answered_at=at(5), b_answered_at=at(10)),
        {"state": "answered", "answered_at": at(10), "ring_time": 3 * SECOND},
    ),
    "put through, not answered, and ended": (
        record(**BOTH_RANG, a_answered_at=at(5), **HUNG_UP),
        {"state": "ended", "outcome": "unanswered", "ring_time": 13 * SECOND, "talk_time": 0},
    ),
    "one leg's end is not a queue's end": (
        record(**QUEUE, **ANSWERED, live=["a", "b"], **HUNG_UP),
        {"state": "answered", "outcome": "", "ended_at": None},
    ),
    "the last leg's end is": (
        record(**QUEUE, **ANSWERED, live=["a", "b"], ends={"a": at(20), "b": at(30)}),
        {"state": "complete", "ended_at": at(30), "talk_time": 25 * SECOND},
    ),
    "answered, but not said when": (
        record(**QUEUE, **RANG, **HUNG_UP, outcome=said("answered"), talk_time=said("9000000")),
        {"outcome": "answered", "answered_at": None, "ring_time": None, "talk_time": 9 * SECOND},
    ),
    "answered, and neither when nor for how long": (
        record(**QUEUE, **RANG, **HUNG_UP, outcome=said("answered")),
        {"outcome": "answered", "ring_time": None, "talk_time": None},
    ),
    "the talk that an event measured is believed before the difference of times": (
        record(**ANSWERED, **HUNG_UP, talk_time=said("14000000")),
        {"talk_time": 14 * SECOND},
    ),
    "a talk time of an unanswered call is none": (
        record(**RANG, **HUNG_UP, talk_time=said("14000000")),
        {"talk_time": 0},
    ),
    "two clocks that disagree make no negative duration": (
        record(a_rang_at=at(9), a_answered_at=at(5), ends={"a": at(3)}),
        {"ring_time": 0, "talk_time": 0},
    ),
    "a CDR alone": (
        record(
            kinds=["cdr"],
            cdr=cdr(
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
        },
    ),
    "a CDR wins over the events, and what it doesn't say they do": (
        record(
            **ANSWERED,
            **HUNG_UP,
            caller=said("100"),
            callee=said("200"),
            cdr=cdr(outcome="unanswered", caller="300", ended_at=at(21), talk_time=0),
        ),
        {
            "state": "complete",
            "outcome": "unanswered",
            "caller": "300",
            "callee": "200",
            "rang_at": at(0),
            "answered_at": None,
            "ended_at": at(21),
            "ring_time": 21 * SECOND,
            "talk_time": 0,
        },
    ),
    "a CDR without an outcome of a call without an end": (
        record(**RANG, cdr=cdr()),
        {"state": "complete", "outcome": "", "ended_at": None, "talk_time": None},
    ),
    "closed in silence": (
        record(**RANG, closed=[1, at(60), "timeout"]),
        {"state": "ringing", "outcome": "", "close_reason": "timeout", "reopened": False},
    ),
    "reopened by news": (
        record(**RANG, closed=[1, at(59), "timeout"]),
        {"state": "ringing", "close_reason": "", "reopened": True},
    ),
    "closed in silence before its CDR came": (
        record(**RANG, closed=[1, at(60), "timeout"], cdr=cdr(outcome="busy")),
        {"state": "complete", "close_reason": "", "reopened": True},
    ),
    "ended, but its CDR never came": (
        record(**ANSWERED, **HUNG_UP, closed=[1, at(60), "timeout"]),
        {"state": "ended", "outcome": "answered", "close_reason": "timeout"},
    ),
    "numbers are numbers again": (
        record(round=said("2"), hangup_cause=said("17"), hangup_direction=said("0")),
        {"round": 2, "hangup_cause": 17, "hangup_direction": 0},
    ),
    "which kinds have come": (
        record(kinds=["answer", "dial", "hangup"]),
        {"has_ring": True, "has_answer": True, "has_hangup": True, "has_cdr": False},
    ),
    "of several sources and legs": (
        record(ids=["a", "b"], sources=["north", "south"], uuid="u"),
        {"legs": ("a", "b"), "source": "north", "uuid": "u"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_record_means_this_call(name: str) -> None:
    known, expected = CASES[name]
    call = call_of(known)
    assert {name: getattr(call, name) for name in expected} == expected
    assert is_complete(known) == (call.state == "complete")


def test_a_call_of_which_next_to_nothing_is_known() -> None:
    known = {"legs": ("a",), "source": "shanghai", "dialect": "common-api"}
    texts = {"outcome": "", "state": "ringing", "close_reason": ""}
    flags = {"has_ring": True, "has_answer": False, "has_hangup": False, "has_cdr": False, "reopened": False}
    made_of = {"events": ("e1", "e2"), "revision": 2, "variables": {}}
    received = {"first_received_at": at(0), "last_received_at": at(60)}
    unknown: dict[str, Any] = dict.fromkeys(Call.__slots__) | known | texts | flags | received | made_of
    assert call_of(record()) == Call(**unknown)


def of_common_api(*told: tuple[int, str, str]) -> Call:
    """The call of which each tells a second, a kind and a leg; `a` is its own, all others are B legs."""
    known: Record = {}
    for second, kind, leg in told:
        side, ids = ("a" if leg == "a" else "b"), tuple({"a": 0, leg: 0})
        known = join(known, record_of(event(kind=kind, leg=leg, side=side, ids=ids, occurred_at=at(second))))
    return call_of(known)


def test_a_call_goes_on_when_one_agent_gives_up_and_the_next_is_rung() -> None:
    told = [(2, "ring", "b1"), (22, "hangup", "b1"), (23, "ring", "b2")]
    call = of_common_api(*told)
    assert (call.state, call.outcome, call.ended_at) == ("ringing", "", None)
    told.append((28, "answer", "b2"))
    call = of_common_api(*told)
    assert (call.state, call.outcome, call.talk_time) == ("answered", "", None)
    call = of_common_api(*told, (58, "hangup", "b2"))
    assert (call.state, call.outcome, call.talk_time) == ("ended", "answered", 30 * SECOND)


def test_the_end_of_its_own_leg_is_the_end_of_a_call() -> None:
    told = [(0, "ring", "a"), (2, "answer", "a"), (3, "ring", "b1"), (9, "answer", "b1")]
    assert of_common_api(*told).state == "answered"
    # it names no leg but itself: the other's hangup is yet to come
    assert of_common_api(*told, (19, "hangup", "a")).state == "answered"
    both = event(kind="hangup", side="a", ids=("a", "b1"), occurred_at=at(19))
    call = call_of(join(record_of(both), record_of(event(kind="ring", leg="b1", side="b", ids=("a", "b1")))))
    assert (call.state, call.ended_at) == ("ended", at(19))


def test_news_reopen_a_closed_call_and_silence_closes_it_again() -> None:
    closed = record(**RANG, closed=[1, at(60), "timeout"])
    reopened = join(closed, record(last_received_at=at(90)))
    assert call_of(reopened).close_reason == ""
    again = join(reopened, {"closed": [1, at(90), "timeout"]})
    assert call_of(again).close_reason == "timeout"
