"""Whom to believe: asked for many fields at once, the tellers say what they say of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tellers import DESCRIBED, Asked, by_request, by_side, said_best
from tests.kit.events import AT, call_events, event
from tests.scale import examples

if TYPE_CHECKING:
    import random

    from schemas.tellers import Rank


@pytest.mark.parametrize("rank", [by_side, by_request])
@examples(normal=200, long=20_000)
@given(st.randoms(use_true_random=False), st.booleans())
def test_all_fields_at_once_are_each_field_by_itself(
    rank: Rank, rng: random.Random, at_one_time: bool
) -> None:
    events = call_events(rng)
    if at_one_time:
        for each in events:
            each.occurred_at = AT
    assert Asked(*DESCRIBED).said_best(events, rank) == {
        name: said_best(name, events, rank) for name in DESCRIBED
    }


def test_of_two_that_are_believed_alike_the_greater_text_counts() -> None:
    told = [event(caller="9", callee="1"), event(caller="10"), event(callee="2")]
    assert Asked("caller", "callee").said_best(told, by_side) == {"caller": "9", "callee": "2"}
    assert Asked("caller", "callee").said_best([], by_side) == {"caller": None, "callee": None}
