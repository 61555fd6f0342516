"""Memory goes back to the machine once a large batch is done."""

from __future__ import annotations

import os

from processors.memory import give_back
from tests.bench.machine import resident_bytes


def test_memory_between_what_is_kept_is_given_back() -> None:
    give_back()
    made = [bytes(1000) for _ in range(100_000)]
    kept = made[::100]
    del made
    full = resident_bytes(os.getpid())
    give_back()
    assert resident_bytes(os.getpid()) < full - 50_000_000
    assert len(kept) == 1000
