from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.step import Rejected
from simulator.durations import HOUR
from simulator.misbehaviour import WELL_BEHAVED, Misbehaviour, malformed, misbehave
from simulator.schedule import Planned, Span, in_order, plan
from simulator.shapes import request_of
from simulator.traffic import calls
from tests.scale import examples
from tests.simulator.reading import NOW, ZONE, read
from tests.simulator.test_traffic import SENDERS

SECOND = 1_000_000
SPAN = Span(NOW, NOW + HOUR)
BADLY = Misbehaviour(
    duplicates=0.1, shuffle=30 * SECOND, lost_hangups=0.2, late_cdr=300 * SECOND, malformed=0.05
)


def planned(how: Misbehaviour, count: int = 2000, seed: int = 1) -> list[Planned]:
    return list(plan(seed, SENDERS, count, SPAN, how))


def test_a_well_behaved_provider_tells_everything_once_and_in_time() -> None:
    for each in planned(WELL_BEHAVED, 200):
        assert each.fate.lost == frozenset()
        told = [(delivery.due, delivery.place, delivery.why) for delivery in each.fate.deliveries]
        assert told == [(webhook.at, place, "told") for place, webhook in enumerate(each.call.webhooks)]


def test_each_misbehaviour_hits_its_share() -> None:
    run = planned(BADLY)
    hooks = [webhook for each in run for webhook in each.call.webhooks]
    hangups = sum(webhook.kind == "hangup" for webhook in hooks)
    lost = sum(len(each.fate.lost) for each in run)
    whys = [delivery.why for each in run for delivery in each.fate.deliveries]
    told = whys.count("told")
    assert told == len(hooks) - lost
    assert abs(lost / hangups - 0.2) < 0.03
    assert abs(whys.count("duplicate") / told - 0.1) < 0.02
    assert abs(whys.count("malformed") / told - 0.05) < 0.015


def test_nothing_but_hangups_is_lost_and_nothing_comes_early_or_too_late() -> None:
    late = 0
    for each in planned(BADLY, 500):
        assert {each.call.webhooks[place].kind for place in each.fate.lost} <= {"hangup"}
        for delivery in each.fate.deliveries:
            webhook = each.call.webhooks[delivery.place]
            assert delivery.place not in each.fate.lost
            most = 30 + (30 if delivery.why == "duplicate" else 0) + (300 if webhook.kind == "cdr" else 0)
            assert 0 <= delivery.due - webhook.at <= most * SECOND
            late += delivery.due - webhook.at > 60 * SECOND
            if delivery.why != "malformed":
                assert delivery.request == request_of(webhook.fields, webhook.shape)
    assert late


def test_the_seed_decides_the_calls_whatever_the_misbehaviour() -> None:
    assert [each.call for each in planned(BADLY, 50)] == [each.call for each in planned(WELL_BEHAVED, 50)]
    assert planned(BADLY, 50) == planned(BADLY, 50)


@pytest.mark.parametrize("how", [BADLY, WELL_BEHAVED], ids=["badly", "well"])
@given(seed=st.integers(0, 2**32))
@examples(20, 500)
def test_everything_is_sent_once_in_the_order_of_time(how: Misbehaviour, seed: int) -> None:
    # within minutes, so that calls overlap; some are told of long after they began
    run = list(plan(seed, SENDERS, 60, Span(NOW, NOW + 120 * SECOND), how))
    sent = list(in_order(iter(run)))
    assert [each.delivery.due for each in sent] == sorted(each.delivery.due for each in sent)
    key = [(each.planned.number, each.delivery.place, each.delivery.why) for each in sent]
    assert sorted(key) == sorted(
        (each.number, delivery.place, delivery.why) for each in run for delivery in each.fate.deliveries
    )


@given(seed=st.integers(0, 2**32))
@examples(150, 10_000)
def test_a_malformed_copy_is_always_rejected(seed: int) -> None:
    rng = Random(seed)
    for _, sender, call in calls(seed, SENDERS, 3, NOW, NOW + HOUR):
        for webhook in call.webhooks:
            assert isinstance(read(malformed(rng, webhook), sender.dialect), Rejected)


def test_calls_of_which_nothing_is_told_have_no_deliveries() -> None:
    for each in planned(Misbehaviour(lost_hangups=1.0), 200):
        kinds = {each.call.webhooks[delivery.place].kind for delivery in each.fate.deliveries}
        assert "hangup" not in kinds
        assert kinds
        assert misbehave(Random(1), each.call, WELL_BEHAVED, ZONE).lost == frozenset()
