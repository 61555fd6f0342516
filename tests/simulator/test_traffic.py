from __future__ import annotations

import itertools
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from simulator.durations import HOUR, arrivals
from simulator.schedule import Span
from simulator.traffic import CALLBACKS_A_CALL, Sender, calls
from tests.simulator.reading import NOW

SENDERS = (
    Sender("demo", "a", "common-api", "Asia/Shanghai"),
    Sender("demo-pbx", "b", "extension-events", "UTC"),
)


def test_the_same_seed_makes_the_same_calls() -> None:
    span = (NOW, NOW + HOUR)
    once, again = (list(calls(11, SENDERS, 300, *span)) for _ in range(2))
    assert once == again
    other = list(calls(12, SENDERS, 300, *span))
    assert not {call.truth.call_id for _, _, call in once} & {call.truth.call_id for _, _, call in other}


def test_calls_come_in_order_from_all_senders_and_no_two_share_an_id() -> None:
    made = list(calls(1, SENDERS, 3000, NOW, NOW + HOUR))
    assert len(made) == 3000
    assert {sender for _, sender, _ in made} == set(SENDERS)
    assert all(call.truth.dialect == sender.dialect for _, sender, call in made)
    legs = [leg for _, _, call in made for leg in call.truth.legs]
    assert len(legs) == len(set(legs))
    hooks = sum(len(call.webhooks) for _, _, call in made)
    assert abs(hooks / 3000 - CALLBACKS_A_CALL) < 0.4


def test_a_day_has_its_shape() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    midnight = int(datetime(2026, 9, 21, tzinfo=zone).timestamp()) * 1_000_000
    made = arrivals(Random(1), 20_000, midnight, midnight + 24 * HOUR, zone)
    by_hour = [0] * 24
    for at in made:
        by_hour[(at - midnight) // HOUR] += 1
    assert max(by_hour[:6]) < min(by_hour[9:12])
    assert by_hour[12] < by_hour[10]


@given(
    seed=st.integers(),
    count=st.integers(1, 50),
    begin=st.integers(NOW, NOW + 48 * HOUR),
    length=st.integers(1, 30 * HOUR),
)
def test_arrivals_are_sorted_and_within_their_span(seed: int, count: int, begin: int, length: int) -> None:
    made = arrivals(Random(seed), count, begin, begin + length, ZoneInfo("America/Sao_Paulo"))
    assert len(made) == count
    assert all(a <= b for a, b in itertools.pairwise(made))
    assert begin <= made[0]
    assert made[-1] <= begin + length


def test_at_real_speed_calls_begin_now() -> None:
    assert Span.of(100, 50, 1, NOW).begin == NOW


@given(count=st.integers(1, 10**6), rate=st.floats(0.1, 10**4), speedup=st.floats(1, 10**6))
def test_sped_up_calls_end_before_the_clock_says_so(count: int, rate: float, speedup: float) -> None:
    span = Span.of(count, rate, speedup, NOW)
    sending = (span.end - span.begin) / speedup
    longest = 40 * 60 * 1_000_000  # of a call's time; half an hour of talk and all its rings
    ends_by_our_clock = NOW + sending + longest / speedup
    assert span.end + longest <= ends_by_our_clock + 2
