"""Time in which somebody was talking, against a clock that counts the seconds one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from schemas.bills import bills_of, talk_billed
from schemas.talk import Word, said_span, time_talked
from tests.kit.events import AT, event
from tests.scale import examples

if TYPE_CHECKING:
    from schemas.events import CallEvent

SECOND = 1_000_000
SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda each: (each[0], each[0] + each[1])),
    max_size=8,
)
WORDS = st.lists(
    st.tuples(st.none() | st.integers(0, 60), st.integers(80, 90), st.integers(0, 20)).map(
        lambda each: Word(*each)
    ),
    max_size=4,
)


@examples(normal=300, long=10_000)
@given(SPANS)
def test_a_second_counts_once_however_many_talk_in_it(spans: list[tuple[int, int]]) -> None:
    seconds = {second for start, end in spans for second in range(start, end)}
    assert time_talked(spans) == len(seconds)
    assert time_talked([*reversed(spans), *spans]) == len(seconds)


@examples(normal=300, long=10_000)
@given(SPANS, WORDS)
def test_a_queues_word_takes_nothing_away_and_adds_at_most_itself(
    spans: list[tuple[int, int]], words: list[Word]
) -> None:
    without = time_talked(spans)
    talked = time_talked(spans, words)
    assert without <= talked <= without + sum(word.length for word in words)
    assert talked == time_talked(spans, reversed(words)) == time_talked(spans, [*words, *words])


@examples(normal=300, long=10_000)
@given(SPANS, WORDS)
def test_whoever_talked_behind_a_queue_the_queues_word_is_the_same_talk(
    spans: list[tuple[int, int]], words: list[Word]
) -> None:
    seconds = {second for start, end in spans for second in range(start, end)}
    true = [word._replace(length=len(seconds & set(range(word.since or 0, word.until)))) for word in words]
    assert time_talked(spans, true) == len(seconds)


def test_one_after_the_other_adds_up_and_a_word_is_the_same_talk() -> None:
    assert time_talked([(5, 65), (70, 190)]) == 180
    assert time_talked([(18, 78)], [Word(0, 79, 60)]) == 60
    assert time_talked([], [Word(0, 79, 60)]) == 60
    assert time_talked([(18, 78), (80, 90)], [Word(0, 79, 60)]) == 70
    assert time_talked([(18, 78)], [Word(None, 790, 60)]) == 60
    assert time_talked([(70, 90)], [Word(0, 70, 60)]) == 80


def test_of_queues_one_after_the_other_words_add_up_and_those_of_one_within_another_do_not() -> None:
    assert time_talked([], [Word(0, 50, 40), Word(50, 100, 30)]) == 70
    assert time_talked([], [Word(0, 100, 40), Word(10, 90, 40)]) == 40
    assert time_talked([], [Word(0, 200, 100), Word(0, 50, 40), Word(50, 190, 60)]) == 100


def test_talk_at_an_unknown_time_may_be_that_behind_a_queue() -> None:
    assert time_talked([(0, 10)], apart=5) == 15
    assert time_talked([(18, 38)], [Word(0, 79, 60)], apart=40) == 60
    assert time_talked([(18, 38)], [Word(0, 79, 60)], apart=50) == 70


def test_a_stated_length_ends_with_the_leg_and_does_not_begin_before_it() -> None:
    assert said_span(100, 60, None) == (40, 100)
    assert said_span(100, 60, 70) == (70, 100)
    assert said_span(100, 60, 130) == (100, 100)


def test_bills_of_legs() -> None:
    def bill(leg: str, **more: int) -> CallEvent:
        at = {name: AT + value * SECOND if name.endswith("_at") else value for name, value in more.items()}
        return event("cdr", leg, event_id=leg, **at)

    def talked(*bills: CallEvent) -> int | None:
        return talk_billed(list(bills))

    assert talked() is None
    assert talked(bill("a")) is None
    assert talked(bill("a", talk_time=7)) == 7
    assert talked(bill("a", talk_time=0, ended_at=5), bill("b", talk_time=9)) == 9
    assert talked(bill("a", talk_time=5 * SECOND, answered_at=3)) == 5 * SECOND


def test_the_bill_of_the_leg_that_began_first_is_the_calls_and_of_one_leg_the_last_holds() -> None:
    early, late = "11111111-aa72-11f0-ad78-1d7ff0749d07", "22222222-aa72-11f0-ad78-1d7ff0749d07"
    first = event("cdr", late, event_id="1", started_at=AT)
    corrected = event("cdr", late, event_id="2", received_at=AT + 3 * SECOND, started_at=AT)
    other = event("cdr", early, event_id="3", started_at=AT + SECOND)
    same = event("cdr", early, event_id="4", received_at=AT + 3 * SECOND, started_at=AT)
    unsaid = event("cdr", early, event_id="5", received_at=AT + 4 * SECOND)
    assert bills_of([first, corrected, other]) == bills_of([other, corrected, first]) == [corrected, other]
    assert bills_of([first, other, same]) == [same, first]
    assert bills_of([first, unsaid]) == [first, unsaid]
    assert bills_of([event()]) == []
