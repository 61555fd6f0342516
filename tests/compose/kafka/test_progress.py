"""What a person is told while jars come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from compose.embedded.kafka.progress import fetching, plain_steps

if TYPE_CHECKING:
    import pytest


def test_each_quarter_is_one_line() -> None:
    lines: list[str] = []
    advance = plain_steps("Fetching", 8_000_000, lines.append)
    for _ in range(8):
        advance(1_000_000)
    assert lines == [
        "Fetching: 8 MB",
        "Fetching: 25 %",
        "Fetching: 50 %",
        "Fetching: 75 %",
        "Fetching: 100 %",
    ]


@given(st.lists(st.integers(1, 1_000), min_size=1))
def test_no_split_says_more_than_the_quarters(counts: list[int]) -> None:
    lines: list[str] = []
    advance = plain_steps("x", sum(counts), lines.append)
    for count in counts:
        advance(count)
    advance(1)  # a retried jar brings more bytes than there are
    assert lines[-1] == "x: 100 %"
    assert len(lines) <= 5


def test_without_a_terminal_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with fetching("Fetching", 4) as advance:
        advance(4)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Fetching: 0 MB\nFetching: 100 %\n"
