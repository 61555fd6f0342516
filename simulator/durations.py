"""How long things take, and when calls begin: plausible, not measured."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.times import SECOND

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

HOUR = 3600 * SECOND
LONGEST_RING = 60.0
LONGEST_TALK = 1200.0

BY_HOUR = (1, 1, 1, 1, 1, 2, 6, 20, 55, 90, 100, 95, 70, 75, 95, 100, 90, 70, 45, 30, 20, 12, 6, 3)
"""How busy each hour of the day is: a morning and an afternoon, with lunch between them."""


def ring(rng: Random) -> int:
    """How long somebody lets it ring: half of them up to nine seconds."""
    return _lognormal(rng, 2.2, 0.5, 1.0, LONGEST_RING)


def patience(rng: Random) -> int:
    return _lognormal(rng, 3.1, 0.4, 3.0, LONGEST_RING)


def talk(rng: Random) -> int:
    """How long people talk: half of them up to about a minute, some for ten minutes."""
    return _lognormal(rng, 4.2, 1.0, 2.0, LONGEST_TALK)


def moment(rng: Random, most_seconds: float = 1.0) -> int:
    """How long automatic steps take."""
    return SECOND // 50 + int(rng.random() * most_seconds * SECOND)


def arrivals(rng: Random, count: int, begin: int, end: int, zone: ZoneInfo) -> list[int]:
    """This many times between two others, sorted, and denser in the busier hours of the zone's day."""
    hours = list(range(begin - begin % HOUR, end, HOUR))
    spans = [(max(begin, hour), min(end, hour + HOUR)) for hour in hours]
    weights = [(last - first) * BY_HOUR[_hour(first, zone)] for first, last in spans]
    chosen = rng.choices(spans, cum_weights=list(itertools.accumulate(weights)), k=count)
    return sorted(first + int(rng.random() * (last - first)) for first, last in chosen)


def _hour(time: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(time / SECOND, UTC).astimezone(zone).hour


def _lognormal(rng: Random, mu: float, sigma: float, least: float, most: float) -> int:
    """In µs; the bounds are seconds."""
    return int(min(max(rng.lognormvariate(mu, sigma), least), most) * SECOND)
