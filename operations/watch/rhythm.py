"""How long a source may be silent, by its own rhythm of the week. Pure.

A gap is measured twice: in seconds, and in the callbacks that the source usually sends during it, by the hour
of its week. A night costs an office nothing, half an hour of a morning much. A source is too silent once its
gap is clearly longer than every gap that it made before, in either measure.

The gaps that it is compared with are those of the last eight weeks, holidays too: after the first free day
nobody is woken by the second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

HOUR = 3600
WEEK_HOURS = 7 * 24
LEARNT_DAYS = 56
"""How far back a rhythm is learnt from: eight of each hour of the week."""
LEAST_DAYS = 8
"""A younger source has no rhythm yet: each hour of the week must have been seen once."""
LEAST_CALLBACKS = 10
OF_CALLBACKS = 2.0
"""How many times the usual callbacks of its emptiest gap a source may be silent for."""
OF_SECONDS = 2.5
"""The same of its longest gap, in seconds: told within three times, with time left to ask."""


class Hour(NamedTuple):
    """The callbacks of one source in one hour, which begins at a whole hour UTC; seconds since 1970."""

    begin: int
    callbacks: int
    first: float
    last: float
    longest: float
    """The longest gap between two of them, in seconds."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is usual for one source."""

    rates: tuple[float, ...]
    """Callbacks a second, by the hour of the week from Monday 0:00 on, in the source's zone."""
    longest: float
    """The longest gap, in seconds."""
    emptiest: float
    """The most callbacks that a gap left out."""


class Silence(NamedTuple):
    """How silent a source is, and how silent it may be."""

    seconds: float
    seconds_allowed: float
    callbacks: float
    """How many the source usually sends in that time."""
    callbacks_allowed: float

    @property
    def is_too_long(self) -> bool:
        return self.seconds > self.seconds_allowed or self.callbacks > self.callbacks_allowed


def learn(hours: Sequence[Hour], zone: tzinfo) -> Rhythm | None:
    """The rhythm of a source, from its hours in order; None while too little is known."""
    if not hours or sum(hour.callbacks for hour in hours) < LEAST_CALLBACKS:
        return None
    first, last = hours[0].first, hours[-1].last
    if last - first < LEAST_DAYS * 86_400:
        return None
    rates = _rates(hours, zone)
    longest = emptiest = 0.0
    before: Hour | None = None
    for hour in hours:
        gaps = [(hour.longest, hour.longest * rates[_of_week(hour.begin, zone)])]
        if before is not None:
            gaps.append((hour.first - before.last, expected(rates, before.last, hour.first, zone)))
        longest = max(longest, *(seconds for seconds, _ in gaps))
        emptiest = max(emptiest, *(callbacks for _, callbacks in gaps))
        before = hour
    return Rhythm(rates, longest, emptiest)


def silence(rhythm: Rhythm, last: float, now: float, zone: tzinfo) -> Silence:
    """How silent a source is at `now`, whose last callback was received at `last`."""
    return Silence(
        max(0.0, now - last),
        rhythm.longest * OF_SECONDS,
        expected(rhythm.rates, last, now, zone),
        # A source with one callback in its emptiest gap may be one late: a whole one more is nothing unusual.
        max(rhythm.emptiest * OF_CALLBACKS, rhythm.emptiest + 1),
    )


def expected(rates: Sequence[float], begin: float, end: float, zone: tzinfo) -> float:
    """How many callbacks are usual from `begin` to `end`."""
    whole_weeks = max(0, int((end - begin) // (WEEK_HOURS * HOUR)))
    callbacks = whole_weeks * sum(rates) * HOUR
    return callbacks + sum(
        seconds * rates[of_week]
        for of_week, seconds in _hours(begin + whole_weeks * WEEK_HOURS * HOUR, end, zone)
    )


def _rates(hours: Sequence[Hour], zone: tzinfo) -> tuple[float, ...]:
    callbacks = [0] * WEEK_HOURS
    for hour in hours:
        callbacks[_of_week(hour.begin, zone)] += hour.callbacks
    seen = [0.0] * WEEK_HOURS
    for of_week, seconds in _hours(hours[0].first, hours[-1].last, zone):
        seen[of_week] += seconds
    return tuple(count / max(HOUR, seconds) for count, seconds in zip(callbacks, seen, strict=True))


def _hours(begin: float, end: float, zone: tzinfo) -> Iterator[tuple[int, float]]:
    """The hours of the week that a span touches, and for how many seconds each."""
    at = begin
    while at < end:
        until = min(end, (at // HOUR + 1) * HOUR)
        yield _of_week(int(at // HOUR) * HOUR, zone), until - at
        at = until


@lru_cache(maxsize=100_000)  # the same hours are asked for again and again
def _of_week(begin: int, zone: tzinfo) -> int:
    """The hour of the week in which an hour of UTC begins."""
    at = datetime.fromtimestamp(begin, UTC).astimezone(zone)
    return at.weekday() * 24 + at.hour
