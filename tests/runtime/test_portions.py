from __future__ import annotations

from datetime import date

import pytest
from clickhouse_driver.util.escape import escape_param

from runtime.portions import MOST_BYTES, portions

LONGEST = 256
"""Characters of an id."""


@pytest.mark.parametrize("letter", ["x", "通", "😀", "'", "\\"])
@pytest.mark.parametrize("is_key", [True, False])
def test_a_portion_fits_into_a_query_whatever_its_values_are_made_of(letter: str, *, is_key: bool) -> None:
    ids = [f"{number:04}".ljust(LONGEST, letter) for number in range(1_500)]
    values = [("acme", date(2024, 3, 4), each) for each in ids] if is_key else ids
    found = list(portions(values))
    assert [value for some in found for value in some] == values
    assert max(len(escape_param(some, None).encode()) for some in found) <= MOST_BYTES
    assert len(found) <= 2 + sum(len(escape_param(some, None).encode()) for some in found) / MOST_BYTES * 1.1


def test_a_portion_has_no_more_values_than_asked_for() -> None:
    assert list(portions(range(5), most=2)) == [(0, 1), (2, 3), (4,)]
    assert list(portions([])) == []


def test_a_value_that_is_too_long_is_alone() -> None:
    assert list(portions(["a", "b" * 99, "c"], most_bytes=20)) == [("a",), ("b" * 99,), ("c",)]
