from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.timeline.gaps import Gap, gaps
from schemas.times import moment
from schemas.uuids import created_at
from tests.kit.events import AT, event
from tests.operations.timeline.wholes import calls_of, whole
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.events import CallEvent

SECOND = 1_000_000
NOW = AT + 100 * SECOND


def told(kind: str, at: float, **said: Any) -> CallEvent:
    time = AT + round(at * SECOND)
    given = {"event_id": f"{kind}-{at:g}", "callback_id": f"c-{kind}-{at:g}"}
    return event(kind, **{**given, "occurred_at": time, "received_at": time + SECOND, **said})


RING, ANSWER, HANGUP = told("ring", 0, caller="13800138000"), told("answer", 5), told("hangup", 65)
CDR = told(
    "cdr",
    66,
    caller="13800138000",
    answered_at=AT + 5 * SECOND,
    ended_at=AT + 65 * SECOND,
    ring_time=5 * SECOND,
    talk_time=60 * SECOND,
    outcome="answered",
)


def codes(found: list[Gap]) -> list[str]:
    return [gap.code for gap in found]


def test_a_call_of_which_everything_came_has_none() -> None:
    assert gaps(whole([RING, ANSWER, HANGUP, CDR]), NOW) == []


def test_an_open_call_is_open_and_lacks_nothing_yet() -> None:
    (gap,) = gaps(whole([RING, ANSWER]), NOW)
    assert (gap.code, gap.text) == ("open", "Still open: the last event arrived 94.0 s ago.")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([RING, ANSWER, HANGUP], ["cdr-missing"]),
        ([CDR], ["cdr-alone"]),
        ([RING, ANSWER, CDR], ["hangup-missing", "leg-hangup-missing"]),
        ([RING, CDR], ["leg-end-missing"]),
    ],
)
def test_what_did_not_come_is_told(events: list[CallEvent], found: list[str]) -> None:
    assert codes(gaps(whole(events), NOW)) == found


def test_a_dialect_without_cdrs_lacks_none() -> None:
    own = [replace(each, dialect="extension-events") for each in (RING, ANSWER, HANGUP)]
    assert gaps(whole(own), NOW) == []


def test_how_long_a_cdr_has_been_missing() -> None:
    (gap,) = gaps(whole([RING, HANGUP]), AT + 65 * SECOND + 3 * 3600 * SECOND)
    assert gap.text == "No CDR, 3 h after its end."


def test_a_call_closed_in_silence_says_why() -> None:
    closed = told("closed", 0, callback_id="", clock="ingress", extra={"reason": "timeout"})
    found = gaps(whole([RING, closed]), NOW)
    assert codes(found) == ["closed", "cdr-missing", "leg-end-missing"]
    assert found[0].text == "Closed without its end: timeout."


def test_where_events_and_cdr_disagree_both_are_told() -> None:
    other = replace(CDR, caller="13900139000", talk_time=58 * SECOND, ring_time=5 * SECOND + 1)
    found = gaps(whole([RING, ANSWER, HANGUP, other]), NOW)
    assert [(gap.column, gap.values) for gap in found] == [
        ("caller", {"events": "13800138000", "cdr": "13900139000"}),
        ("talk_seconds", {"events": 60.0, "cdr": 58.0}),
    ]
    assert "138" not in "".join(gap.text for gap in found)


def test_a_row_that_is_not_what_its_events_make_is_told() -> None:
    (gap,) = gaps(whole([RING, ANSWER, HANGUP, CDR], caller="1"), NOW)
    assert (gap.code, gap.column, gap.values) == (
        "row-differs",
        "caller",
        {"row": "1", "events": "13800138000"},
    )


def test_events_that_are_gone_or_not_yet_merged_are_told() -> None:
    known = whole([RING, ANSWER, HANGUP, CDR])
    (lost,) = [gap for gap in gaps(replace(known, told=known.told[1:]), NOW) if gap.events]
    assert (lost.code, lost.events) == ("event-missing", ("ring-0",))
    first, *others = known.row["events"]
    (strange,) = gaps(replace(known, row=known.row | {"events": others}), NOW)
    assert (strange.code, strange.events) == ("event-unmerged", (first,))


def test_a_callback_that_is_not_archived_is_told() -> None:
    known = whole([RING, ANSWER, HANGUP, CDR])
    callbacks = {id_: each for id_, each in known.callbacks.items() if id_ != "c-ring-0"}
    (gap,) = gaps(replace(known, callbacks=callbacks), NOW)
    assert gap == Gap("callback-missing", "Not in the archive: callback c-ring-0.")


def test_clocks_that_can_not_be_right_are_told() -> None:
    ahead = replace(RING, received_at=RING.occurred_at - 5 * SECOND)
    (gap,) = gaps(whole([ahead, ANSWER, HANGUP, CDR]), NOW)
    assert (gap.code, gap.text) == ("clock-ahead", "The provider's clock is 5.0 s ahead of ours.")


def test_an_event_that_was_overtaken_is_told() -> None:
    late = replace(RING, received_at=ANSWER.received_at + SECOND)
    (gap,) = gaps(whole([late, ANSWER, HANGUP, CDR]), NOW)
    assert (gap.code, gap.events) == ("overtaken", ("ring-0", "answer-5"))


def test_the_order_of_events_that_carry_no_time_is_not_judged() -> None:
    late = replace(RING, received_at=ANSWER.received_at + SECOND, clock="ingress")
    assert gaps(whole([late, ANSWER, HANGUP, CDR]), NOW) == []


def test_a_start_that_is_not_the_time_inside_the_ids_is_told() -> None:
    leg = "526d637c-e8fe-11ea-a849-cf6e45e88543"  # 2020-08-28 07:15:59 UTC
    made = 1_598_598_959 * SECOND
    hours = 8 * 3600 * SECOND
    cdr = replace(CDR, ids=(leg,), leg=leg, started_at=made + hours)
    (_, gap) = gaps(whole([cdr]), made + 2 * hours)
    assert gap.code == "uuid-time"
    assert gap.values["row"] == moment(made + hours)
    assert abs(gap.values["uuid"].timestamp() - 1_598_598_959) < 1
    assert codes(gaps(whole([replace(cdr, started_at=made)]), made)) == ["cdr-alone"]


@given(at=st.integers(0, 2**50))
def test_the_time_inside_a_uuid(at: int) -> None:
    ticks = at * 10 + 0x01B21DD213814000
    low, middle, high = ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF
    made = uuid.UUID(fields=(low, middle, high, 0xA8, 0x49, 0xCF6E45E88543), version=1)
    assert created_at(str(made)) == at
    assert created_at(str(made).upper()) == at


@pytest.mark.parametrize("text", ["", "c1-1", str(uuid.UUID(int=4, version=4)), "526d637c"])
def test_other_ids_hold_no_time(text: str) -> None:
    assert created_at(text) is None


@examples(normal=200, long=3_000)
@given(seed=st.integers(0, 2**63))
def test_no_call_of_whole_tables_lacks_events_or_differs_from_them(seed: int) -> None:
    for events in calls_of(seed):
        found = codes(gaps(whole(events), NOW))
        assert not {"row-differs", "event-missing", "event-unmerged", "callback-missing"} & set(found)
