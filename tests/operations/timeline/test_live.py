from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.live import Live, Wanted, digits, same_number
from schemas.calls import call_of
from schemas.records import Record
from tests.kit.events import AT, event
from tests.operations.timeline.wholes import calls_of
from tests.scale import examples
from tests.sinks.folded import record_of

RING = event(caller="13800138000", callee="01087654321", extension="7")
ANSWER = event(event_id="e2", kind="answer", occurred_at=AT + 3_000_000, received_at=AT + 4_000_000)
HANGUP = event(event_id="e3", kind="hangup", occurred_at=AT + 9_000_000, received_at=AT + 9_500_000)


@examples(normal=200, long=5_000)
@given(seed=st.integers(0, 2**63))
def test_a_line_comes_when_what_it_shows_has_changed_and_only_then(seed: int) -> None:
    live = Live(Wanted())
    for events in calls_of(seed):
        last = None
        for number in range(1, len(events) + 1):
            said = replace(record_of(events[:number]), call_id=events[0].leg)
            call = call_of(events[:number])
            line = live.news(said, AT)
            assert live.news(said, AT) is None
            shown = (call.state, call.caller, call.callee, call.extension, call.outcome, call.ring_time)
            if line is None:
                assert last is not None
                assert shown == last
            else:
                assert line.at == call.last_received_at
                assert (line.state, line.caller, line.talk_time) == (call.state, call.caller, call.talk_time)
            last = shown


def test_the_life_of_a_call() -> None:
    live = Live(Wanted())
    states = []
    for events in ([RING], [RING], [RING, ANSWER], [RING, ANSWER, HANGUP], [RING, ANSWER, HANGUP]):
        line = live.news(record_of(events), AT)
        states.append(line and (line.state, line.outcome, line.ring_time, line.talk_time))
    assert states == [
        ("ringing", "", None, None),
        None,
        ("answered", "", 3_000_000, None),
        ("ended", "answered", 3_000_000, 6_000_000),
        None,
    ]


def test_what_turns_out_to_be_no_call_of_its_own_is_said_once_and_only_of_a_call_that_was_shown() -> None:
    live = Live(Wanted())
    gone = Record(account="acme", call_id="a", gone=True)
    assert live.news(gone, AT) is None
    assert live.news(record_of([RING]), AT) is not None
    line = live.news(gone, AT + 1)
    assert line is not None
    assert (line.state, line.at, line.caller) == ("gone", AT + 1, None)
    assert live.news(gone, AT) is None


def test_that_a_state_began_with_nothing_is_no_line() -> None:
    assert Live(Wanted()).news(Record(account="acme", call_id="a", began=True), AT) is None


def test_a_call_closed_in_silence_is_a_line() -> None:
    live = Live(Wanted())
    live.news(record_of([RING]), AT)
    closed = event(event_id="e4", kind="closed", extra={"reason": "timeout"}, clock="ingress")
    line = live.news(record_of([RING, closed]), AT)
    assert line is not None
    assert (line.state, line.close_reason) == ("closed", "timeout")


def test_the_same_id_in_two_accounts_is_two_calls() -> None:
    live = Live(Wanted())
    assert live.news(record_of([RING]), AT) is not None
    assert live.news(record_of([replace(RING, account="other")]), AT) is not None


def test_what_was_printed_is_remembered_of_so_many_calls_only() -> None:
    live = Live(Wanted(), remembered=2)
    known = record_of([RING])
    for call_id in ("a", "b", "c"):
        assert live.news(replace(known, call_id=call_id), AT) is not None
    assert live.news(replace(known, call_id="c"), AT) is None
    assert live.news(known, AT) is not None


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Wanted(account="acme"), True),
        (Wanted(account="other"), False),
        (Wanted(source="shanghai"), True),
        (Wanted(source="berlin"), False),
        (Wanted(extension="7"), True),
        (Wanted(extension="8"), False),
        (Wanted(number="8000"), True),
        (Wanted(number="+86 138 0013 8000"), True),
        (Wanted(number="10 8765 4321"), True),
        (Wanted(number="8001"), False),
        (Wanted(account="acme", number="8001"), False),
    ],
)
def test_only_the_calls_that_were_asked_for_are_shown(wanted: Wanted, *, matches: bool) -> None:
    assert (Live(wanted).news(record_of([RING]), AT) is not None) is matches


def test_the_extension_of_any_leg_counts() -> None:
    other = event(event_id="e2", leg="b", ids=("a", "b"), extension="8", occurred_at=AT + 1)
    assert Live(Wanted(extension="8")).news(record_of([RING, other]), AT) is not None


@pytest.mark.parametrize(
    ("asked", "known", "same"),
    [
        ("8000", "13800138000", True),
        ("13800138000", "+86 138-0013-8000", True),
        ("+8613800138000", "013800138000", True),
        ("+8613800138000", "8000", False),  # an extension is not everybody's number
        ("0", "100", False),
        ("7", "", False),
        ("13800138001", "13800138000", False),
    ],
)
def test_numbers_are_compared_by_their_ends(asked: str, known: str, *, same: bool) -> None:
    assert same_number(asked, known) is same


def test_the_digits_of_a_number() -> None:
    assert digits("+86 (0)138-0013 8000") == "86013800138000"
    assert digits("0086 138") == "86138"
    assert digits("*000") == ""
    assert digits("٣") == ""
