from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from schemas.covered import MOST, hash_of
from schemas.ended import all_ended, ended_too, over

if TYPE_CHECKING:
    from schemas.summary import Ends

LEGS = st.sets(st.sampled_from("abcdefgh"))


@given(
    st.lists(st.tuples(st.integers(1, 9), LEGS)),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9)),
)
def test_a_leg_has_ended_when_it_did_last_unless_it_rang_again(
    told: list[tuple[int, set[str]]], rang_last: dict[str, int]
) -> None:
    ends: Ends = ()
    last: dict[str, int] = {}
    for at, legs in told:
        ends = ended_too(ends, at, legs)
        last |= {leg: max(at, last.get(leg, 0)) for leg in legs}
    assert all_ended(ends) == {hash_of(leg) for leg in last}
    assert over(ends, rang_last, "abcdefgh") == {
        leg for leg, at in last.items() if rang_last.get(leg, 0) <= at
    }
    assert [at for at, _ in ends] == sorted(set(last.values()))


def test_of_very_many_legs_those_that_ended_last_are_kept() -> None:
    ends: Ends = ()
    for at in range(1, 101):
        ends = ended_too(ends, at, (f"{at} {number}" for number in range(100)))
    assert MOST <= len(all_ended(ends)) < MOST + 100
    assert over(ends, {}, ["1 0", "100 0"]) == {"100 0"}
