"""How long to wait after each failure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_SECONDS = 0.1
MOST_SECONDS = 5.0


def pause_after(failures: int, first: float, longest: float) -> float:
    """Return the pause in seconds after this many failures in a row: it doubles, up to the longest."""
    return float(min(first * 2.0 ** (failures - 1), longest))


def delays(draw: random.Random | None = None) -> Iterator[float]:
    """Return pauses in seconds: the upper bound doubles up to five, and half of each pause is random.

    So many workers that lost the same server do not return at the same moment.
    """
    draw = draw or random.SystemRandom()
    bound = FIRST_SECONDS
    while True:
        yield bound * draw.uniform(0.5, 1.0)
        bound = min(MOST_SECONDS, bound * 2)
