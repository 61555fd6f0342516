"""Which texts are the same UUID."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.uuids import canonical

if TYPE_CHECKING:
    import uuid

SPELLINGS = ("{}", "{{{}}}", "urn:uuid:{}", "URN:UUID:{}", "urn:uuid:{{{}}}")


@given(st.uuids(), st.sampled_from(SPELLINGS), st.sampled_from([str.lower, str.upper, str]))
def test_every_spelling_of_a_uuid_is_one_id(made: uuid.UUID, spelling: str, case: type[str]) -> None:
    assert canonical(spelling.format(case(str(made)))) == str(made)


@given(st.uuids())
def test_one_without_hyphens_is_an_id_of_its_own(made: uuid.UUID) -> None:
    assert canonical(made.hex) == canonical(made.hex.upper()) == made.hex


@pytest.mark.parametrize("other", ["", "1612857945.175", "u-1", "{abc", "Call-7", "urn:uuid:"])
def test_any_other_id_is_left_as_it_is(other: str) -> None:
    assert canonical(other) == other
