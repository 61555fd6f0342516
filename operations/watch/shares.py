"""Whether a source has more callbacks rejected, or more doubts, than is usual for it. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

LEAST = 5
"""With fewer bad ones no alert is raised."""
TIMES = 3.0
"""How many times its usual share is too much …"""
CHANCE = 1e-6
"""… if chance explains this many with less than this probability."""
BELIEVED = (1, 50)
"""Bad ones, of how many, that every source is believed to have had before it was known."""


class Share(NamedTuple):
    """Bad ones, and all."""

    bad: int
    of: int

    @property
    def share(self) -> float:
        return self.bad / self.of if self.of else 0.0


def usual(before: Share) -> float:
    """The share to reckon with, from what was seen of a source before."""
    return (before.bad + BELIEVED[0]) / (before.of + BELIEVED[1])


def is_unusual(now: Share, before: Share, *, told: bool = False) -> bool:
    """Whether there are clearly more than usual; of what is `told` already, whether there still are more."""
    normal = usual(before)
    if told:
        return now.share > normal * TIMES / 2
    return now.bad >= LEAST and now.share > normal * TIMES and _chance(now.bad, now.of * normal) < CHANCE


def _chance(at_least: int, mean: float) -> float:
    """How often a Poisson variable of this mean is at least so large."""
    term = math.exp(at_least * math.log(mean) - mean - math.lgamma(at_least + 1))
    total = 0.0
    while term > total * 1e-9:
        total += term
        at_least += 1
        term *= mean / at_least
    return total
