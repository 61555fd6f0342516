"""How the calls that were found are read."""

from __future__ import annotations

from clickhouse_driver.util.escape import escape_param
from hypothesis import given
from hypothesis import strategies as st

from console.searches import A_PORTION, portions
from tests.scale import examples

HALF_A_QUERY = 128 * 1024
"""Of the bytes that ClickHouse reads as a query unless told otherwise."""
IDS = st.sampled_from(["'", "\\", "\N{TELEPHONE RECEIVER}", "x", "\0"]).flatmap(
    lambda letter: st.integers(1, 256).map(lambda length: letter * length)
)


@given(st.lists(IDS, max_size=20), st.integers(1, 300), st.sampled_from(["a", "a" * 64]))
@examples(50, 500)
def test_each_call_is_in_one_portion_that_fits_into_a_query(ids: list[str], times: int, account: str) -> None:
    found = [{"account": account, "day": "2026-03-29", "call_id": id_} for id_ in ids * times]
    cut = list(portions(found))
    assert [each for portion in cut for each in portion] == found
    for portion in cut:
        written = escape_param([(*each.values(), each["day"]) for each in portion], None)
        assert len(written.encode()) <= HALF_A_QUERY + len("[]")
        assert len(portion) <= A_PORTION
    assert len(cut) == 1 or all(cut)
