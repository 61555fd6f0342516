"""How well sources told of a call, by numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from schemas.calls import call_of
from schemas.events import CallEvent, Doubt
from schemas.heard import MOST_DOUBTED, all_doubted, all_heard, doubted_of, heard_of, lost_heard
from schemas.legs import legs_of
from tests.kit.events import event

RANG = event("ring", "a", received_at=1, extension="7")
ANSWERED = event("answer", "a", received_at=3, event_id="answered")
ENDED = event("hangup", "a", received_at=2, event_id="ended")
BILL = event("cdr", "a", received_at=4, event_id="bill", source="bills")


def test_order_is_that_of_receipt_and_each_source_counts_for_itself() -> None:
    asked = event("requested", "a", received_at=0, event_id="asked")
    assert heard_of([RANG, ANSWERED, ENDED, BILL, asked]) == (
        (BILL.source, 1, 0, 0),
        (RANG.source, 3, 1, 1),
    )
    assert heard_of([RANG, replace(ANSWERED, received_at=2)]) == ((RANG.source, 2, 1, 0),)


def test_the_first_that_is_heard_is_the_source_of_the_call_also_if_it_only_requested() -> None:
    asked = event("requested", "a", received_at=0, event_id="asked", source="api")
    call = call_of([asked, RANG, ANSWERED])
    assert call.heard == (("api", 0, 0, 0), (RANG.source, 2, 1, 0))
    assert (call.source, call.sources) == ("api", ("api", RANG.source))


def test_what_is_not_kept_and_what_is_add_up() -> None:
    asked = event("requested", "a", received_at=0, event_id="asked", source="api")
    events = [RANG, ANSWERED, ENDED, BILL, asked]
    for kept in ([RANG], [BILL, ENDED], [asked], events):
        dropped = [each for each in events if each not in kept]
        assert all_heard([heard_of(kept), lost_heard(dropped, kept)]) == heard_of(events)


def test_doubts_are_counted_once_an_event_and_the_most_frequent_come_first() -> None:
    twice = (Doubt("round", "malformed-number", "x"), Doubt("round", "malformed-number", "y"))
    doubtful = [
        replace(RANG, doubts=(*twice, Doubt("zone", "unknown", "z"))),
        replace(ENDED, doubts=twice),
    ]
    assert doubted_of(doubtful) == (
        (RANG.source, "round", "malformed-number", 2),
        (RANG.source, "zone", "unknown", 1),
    )
    assert all_doubted([doubted_of(doubtful)] * 2)[0][-1] == 4
    many = tuple(Doubt(f"field-{number}", "unknown", "") for number in range(MOST_DOUBTED + 1))
    assert len(doubted_of([replace(RANG, doubts=many)])) == MOST_DOUBTED


def test_an_extension_is_busy_until_its_leg_ends_or_else_its_call() -> None:
    def busy(*events: CallEvent) -> dict[str, int | None]:
        return {leg.leg_id: leg.busy_until for leg in legs_of(events)}

    ended = replace(ENDED, occurred_at=50)
    without = replace(RANG, event_id="b", leg="b", ids=("a", "b"))
    assert busy(RANG, ended) == {"a": 50}
    assert busy(RANG) == {"a": None}  # it goes on
    assert busy(replace(RANG, extension=None), ended) == {"a": None}
    bill = replace(BILL, ended_at=90, answered_at=60, extension="8")
    assert busy(RANG, without, bill) == {"a": 90, "b": 90}  # as its bill says, the call ended at 90
    assert busy(bill) == {"a": 90}
    assert busy(replace(bill, answered_at=None)) == {"a": None}
    assert call_of([bill]).expects_cdr
