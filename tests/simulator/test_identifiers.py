from __future__ import annotations

from random import Random
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from schemas.uuids import created_at
from simulator.identifiers import Identifiers

TIMES = st.integers(946_684_800_000_000, 4_102_444_800_000_000)


@given(seed=st.integers(), time=TIMES)
def test_an_id_is_a_version_1_uuid_of_its_time(seed: int, time: int) -> None:
    ids = Identifiers(Random(seed))
    for _ in range(3):
        made = ids.at(time)
        parsed = UUID(made)
        assert str(parsed) == made
        assert (parsed.version, parsed.variant) == (1, RFC_4122)
        assert created_at(made) == time
        assert parsed.node >> 40 & 1  # no network card's address


def test_ids_of_one_moment_differ() -> None:
    ids = Identifiers(Random(1))
    assert len({ids.at(1_700_000_000_000_000) for _ in range(16_384)}) == 16_384
