from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from operations.audit.offsets import BUCKET, Lag, Range, behind, gaps, line, suspicious, to_check, unread
from tests.scale import examples

NEAR_AN_EDGE = st.integers(0, 40).map(lambda offset: offset + BUCKET - 20)


@examples(normal=300, long=10_000)
@given(
    first=NEAR_AN_EDGE, size=st.integers(0, 40), missing=st.sets(NEAR_AN_EDGE), beyond=st.sets(NEAR_AN_EDGE)
)
def test_what_is_missing_is_found_and_nothing_else(
    first: int, size: int, missing: set[int], beyond: set[int]
) -> None:
    wanted = Range(first, first + size)
    there = (set(range(*wanted)) - missing) | {
        each for each in beyond if not wanted.first <= each < wanted.end
    }
    counted = Counter(offset // BUCKET for offset in there if wanted.first <= offset < wanted.end)
    found = [
        offset
        for bucket in suspicious(wanted, counted)
        for gap in gaps(bucket, there)
        for offset in range(*gap)
    ]
    assert found == sorted(missing & set(range(*wanted)))


def test_gaps_are_ranges() -> None:
    assert list(gaps(Range(3, 10), [4, 5, 8, 8, 12])) == [Range(3, 4), Range(6, 8), Range(9, 10)]
    assert list(gaps(Range(3, 3), [])) == []


def test_only_buckets_that_are_not_full_are_looked_into() -> None:
    wanted = Range(10, 3 * BUCKET)
    there = {0: BUCKET - 10, 1: BUCKET - 1, 2: BUCKET}
    assert list(suspicious(wanted, there)) == [Range(BUCKET, 2 * BUCKET)]


def test_of_what_kafka_has_forgotten_the_archive_must_be_without_a_gap() -> None:
    log = Range(100, 200)
    assert to_check(log, None, 200) == log
    assert to_check(log, Range(40, 190), 200) == Range(40, 200)
    assert to_check(log, Range(120, 200), 200) == log


def test_all_must_be_archived_up_to_where_the_sink_has_come() -> None:
    assert line(10, 0, 7) == 7
    assert line(10, 0, -1) == 0
    assert line(10, 0, 12) == 10  # it has read on since


def test_what_kafka_forgot_before_the_sink_came_to_it_is_not_on_its_way() -> None:
    assert line(5000, 5000, 1000) == 5000
    assert line(5007, 5000, -1) == 5000
    log = Range(5000, 5000)
    assert to_check(log, Range(0, 1000), 1000) == Range(0, 5000)
    assert to_check(log, None, 1000) == Range(1000, 5000)
    assert to_check(log, None, -1) == Range(0, 5000)
    assert unread(5000, 1000).size == 4000
    assert unread(5000, -1).size == 5000
    assert unread(5000, 5000).size == unread(5000, 5007).size == 0


def test_a_group_is_behind_where_it_has_not_come_up_to_the_end() -> None:
    first = {("t", 0): 0, ("t", 1): 50, ("t", 2): 7}
    end = {("t", 0): 10, ("t", 1): 60, ("t", 2): 7}
    assert behind("g", first, end, {("t", 0): 10}) == [Lag("g", "t", 1, 50, 60)]
    assert behind("g", first, end, {("t", 0): 4, ("t", 1): 60})[0].messages == 6
