from __future__ import annotations

import time

from runtime.clock import Clock, SystemClock
from tests.kit.clock import ManualClock


def test_the_system_clock_counts_microseconds_since_1970() -> None:
    before = time.time_ns() // 1000
    now = SystemClock().now()
    assert before <= now <= time.time_ns() // 1000


def test_a_manual_clock_stands_still_until_told() -> None:
    clock = ManualClock(1_612_836_003_580_000)
    readable: Clock = clock
    assert readable.now() == readable.now() == 1_612_836_003_580_000
    clock.advance(0.25)
    assert readable.now() == 1_612_836_003_830_000
    clock.set(5)
    assert readable.now() == 5
    assert readable.elapsed() == 250_000


def test_what_has_elapsed_by_the_system_clock_never_goes_backwards() -> None:
    clock = SystemClock()
    assert clock.elapsed() <= clock.elapsed()
