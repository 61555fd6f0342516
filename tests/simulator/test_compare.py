from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulator.compare import differences, shown

AT = datetime(2026, 9, 21, 12, 0, 0, 123456, tzinfo=UTC)
US = 1_789_992_000_123_456

LINE = {
    "columns": {
        "call_id": "a",
        "caller": "+79817654321",
        "ring_seconds": 12.5,
        "answered_at": US,
        "round": None,
    },
    "between": {"rang_at": [US, US + 10], "first_received_at": [US, None]},
}
ROW = {
    "call_id": "a",
    "caller": "+79817654321",
    "ring_seconds": 12.500000000001,
    "answered_at": AT,
    "round": None,
    "rang_at": AT + timedelta(microseconds=10),
    "first_received_at": AT + timedelta(days=1),
    "other": 1,
}


def test_a_row_that_is_as_expected() -> None:
    assert differences(LINE, ROW) == []


def test_no_row() -> None:
    assert differences(LINE, None) == ["there is no such row"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"caller": "+79817654399"}, "caller is …99, expected …21"),
        ({"caller": None}, "caller is None, expected …21"),
        ({"ring_seconds": 12.6}, "ring_seconds is 12.6, expected 12.5"),
        ({"ring_seconds": None}, "ring_seconds is None, expected 12.5"),
        ({"answered_at": AT + timedelta(microseconds=1)}, f"answered_at is {US + 1}, expected {US}"),
        ({"round": 2}, "round is 2, expected None"),
        ({"rang_at": None}, f"rang_at is None, expected between {US} and {US + 10}"),
        (
            {"rang_at": AT + timedelta(microseconds=11)},
            f"rang_at is {US + 11}, expected between {US} and {US + 10}",
        ),
        (
            {"first_received_at": AT - timedelta(microseconds=1)},
            f"first_received_at is {US - 1}, expected between {US} and None",
        ),
    ],
)
def test_a_difference_is_a_sentence_without_numbers(change: dict[str, object], sentence: str) -> None:
    assert differences(LINE, {**ROW, **change}) == [sentence]


def test_a_ring_where_there_was_none() -> None:
    line = {"columns": {}, "between": {"rang_at": None}}
    assert differences(line, {"rang_at": None}) == []
    assert differences(line, {"rang_at": AT}) == [f"rang_at is {US}, expected none"]


@pytest.mark.parametrize("number", ["+79817654321", "101", "12"])
def test_numbers_are_never_shown_whole(number: str) -> None:
    assert number not in shown("callee", number)
