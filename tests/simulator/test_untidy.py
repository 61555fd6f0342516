"""Whatever untidy senders do, a call's row is what it would be, or is unknown with a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import expected
from simulator.misbehaviour import Misbehaviour
from simulator.schedule import Planned, Span, plan
from simulator.untidy.mischiefs import MISCHIEFS
from tests.scale import examples
from tests.simulator.reading import NOW, row
from tests.simulator.test_traffic import SENDERS

if TYPE_CHECKING:
    from random import Random

SECOND = 1_000_000
UNTIDY = Misbehaviour(untidy=0.3, lost_hangups=0.1)


def planned(seed: int, count: int, how: Misbehaviour = UNTIDY) -> list[Planned]:
    return list(plan(seed, SENDERS, count, Span(NOW, NOW + 3600 * SECOND), how))


def assert_right(each: Planned, chance: Random) -> None:
    call, fate = each.call, each.fate
    places = [place for place in range(len(call.webhooks)) if place not in fate.lost]
    chance.shuffle(places)
    found = row(call, places, fate.untidy)
    want = expected.columns(call, fate.lost, fate.untidy)
    done = {delivery.mischief for delivery in fate.deliveries if delivery.mischief}
    assert {name: found[name] for name in want} == want, done
    assert found["doubts"] >= sum(told.doubts for told in fate.untidy.values()), done


@given(seed=st.integers(0, 2**32), chance=st.randoms(use_true_random=False))
@examples(60, 5000)
def test_the_row_is_what_happened_or_unknown_with_a_doubt(seed: int, chance: Random) -> None:
    for each in planned(seed, 4):
        assert_right(each, chance)


@pytest.mark.parametrize("mischief", MISCHIEFS, ids=lambda mischief: mischief.__name__)
def test_each_of_them_happens_and_changes_the_bytes(mischief: object) -> None:
    name = getattr(mischief, "__name__", "")
    run = planned(7, 300)
    done = [(each, place) for each in run for place in each.fate.untidy if name in _done(each, place)]
    assert done
    told = [each.fate.untidy[place] for each, place in done]
    assert any(_is_another(each, place) or each.fate.untidy[place].probes for each, place in done)
    assert len({one.request for one in told}) == len(told)


def _done(each: Planned, place: int) -> set[str]:
    return {delivery.mischief for delivery in each.fate.deliveries if delivery.place == place}


def _is_another(each: Planned, place: int) -> bool:
    (tidy,) = (one for one in planned(7, 300, Misbehaviour()) if one.number == each.number)
    return tidy.fate.deliveries[place].request != each.fate.untidy[place].request


def test_its_share_is_untidy() -> None:
    run = planned(3, 1000)
    told = [one for each in run for one in each.fate.deliveries if one.why == "told"]
    assert abs(sum(bool(one.mischief) for one in told) / len(told) - 0.3) < 0.03
