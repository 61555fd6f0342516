from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.covered import MOST, Covered
from tests.scale import examples

IDS = st.lists(st.text(max_size=40))


@examples(normal=200, long=5_000)
@given(first=IDS, more=IDS, others=IDS)
def test_what_was_put_in_is_in(first: list[str], more: list[str], others: list[str]) -> None:
    text = Covered(Covered().with_ids(first)).with_ids(more)
    covered = Covered(text)
    assert covered.hashes == Covered(Covered().with_ids([*more, *first])).hashes
    assert (len(covered), covered.is_whole) == (len({*first, *more}), True)
    assert {name for name in (*first, *more, *others) if name in covered} == {*first, *more}


def test_of_very_many_so_many_are_kept() -> None:
    names = [str(number) for number in range(MOST + 1_000)]
    covered = Covered(Covered().with_ids(names))
    assert not covered.is_whole
    assert len(covered) == MOST
    assert all(name in covered for name in names[1_000:])
