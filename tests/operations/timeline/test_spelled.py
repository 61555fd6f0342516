from __future__ import annotations

import pytest

from operations.timeline.spelled import Spelled

FIRST, SECOND = "526d637c-e8fe-11ea-a849-cf6e45e88543", "626d643a-e8fe-11ea-a84a-cf6e45e88543"
SPELLINGS = [SECOND.upper(), SECOND.replace("-", ""), f"{{{SECOND.upper()}}}", f"urn:uuid:{SECOND}"]


@pytest.mark.parametrize("written", SPELLINGS)
def test_a_leg_is_named_whatever_its_spelling(written: str) -> None:
    legs = Spelled([FIRST, SECOND], [FIRST, written])
    assert [legs.name(each) for each in (FIRST, SECOND, written)] == ["L1", "L2", "L2"]
    assert legs.written(SECOND) == written
    assert list(legs.named()) == [("L1", FIRST), ("L2", written)]


def test_several_spellings_are_one_leg() -> None:
    legs = Spelled([SECOND], [SECOND, *SPELLINGS])
    assert {name for name, _ in legs.named()} == {"L1"}


def test_ids_that_are_compared_with_their_hyphens_are_two_legs() -> None:
    ids = [FIRST, FIRST.replace("-", "")]
    legs = Spelled(ids, ids)
    assert [legs.name(each) for each in ids] == ["L1", "L2"]


def test_what_is_no_leg_keeps_its_id_or_has_none() -> None:
    legs = Spelled([], ["b"])
    assert (legs.name("b"), legs.name("a"), legs.name("a", ""), legs.written("a")) == ("L1", "a", "", "a")
