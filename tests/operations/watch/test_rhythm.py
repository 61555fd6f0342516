"""Silence: ten sources with rhythms of their own over 60 simulated days, and what holds of any source."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.watch.rhythm import HOUR, LEARNT_DAYS, Hour, Rhythm, expected, learn, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAYS = 60
ZONE = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 2, tzinfo=ZONE)
"""A Monday; clocks change on the 29th, and Good Friday, Easter Monday and the 1st of May are free."""
HOLIDAYS = {
    datetime(2026, 4, 3, tzinfo=ZONE),
    datetime(2026, 4, 6, tzinfo=ZONE),
    datetime(2026, 5, 1, tzinfo=ZONE),
}
MONTH = 30 * 86_400


def _poisson(
    chance: random.Random, day: datetime, begin: float, end: float, an_hour: float
) -> Iterator[float]:
    """Callbacks at random between two hours of a day."""
    at = begin
    while (at := at + chance.expovariate(an_hour)) < end:
        yield (day + timedelta(hours=at)).timestamp()


def _office(chance: random.Random, day: datetime) -> Iterator[float]:
    if day.weekday() < 5 and day not in HOLIDAYS:
        yield from _poisson(chance, day, 8, 17.5, 40)


def _office_with_lunch(chance: random.Random, day: datetime) -> Iterator[float]:
    if day.weekday() < 5 and day not in HOLIDAYS:
        yield from _poisson(chance, day, 9, 12, 12)
        yield from _poisson(chance, day, 14, 18, 12)


def _shop(chance: random.Random, day: datetime) -> Iterator[float]:
    """Closed on Sundays; short on Saturdays."""
    if day.weekday() < 6 and day not in HOLIDAYS:
        yield from _poisson(chance, day, 10, 14 if day.weekday() == 5 else 20, 6)


def _night(chance: random.Random, day: datetime) -> Iterator[float]:
    yield from _poisson(chance, day, 22, 30, 20)


def _always(chance: random.Random, day: datetime) -> Iterator[float]:
    """Day and night, less in the night."""
    yield from _poisson(chance, day, 0, 7, 5)
    yield from _poisson(chance, day, 7, 24, 40)


def _busy(chance: random.Random, day: datetime) -> Iterator[float]:
    yield from _poisson(chance, day, 0, 24, 30)


def _sparse(chance: random.Random, day: datetime) -> Iterator[float]:
    yield from _poisson(chance, day, 0, 24, 2.5 / 24)


def _bursty(chance: random.Random, day: datetime) -> Iterator[float]:
    """A campaign, two or so a day, at any time: 60 calls within ten minutes."""
    for start in _poisson(chance, day, 7, 21, 0.2):
        yield from (start + chance.random() * 600 for _ in range(60))


def _weekly(chance: random.Random, day: datetime) -> Iterator[float]:
    """A batch in the small hours of Sunday, which begins a bit earlier or later."""
    if day.weekday() == 6:
        begin = day + timedelta(hours=2, minutes=chance.uniform(-40, 40))
        yield from (begin.timestamp() + chance.random() * 1800 for _ in range(200))


def _daily(chance: random.Random, day: datetime) -> Iterator[float]:
    """A report at six."""
    yield (day + timedelta(hours=6, minutes=chance.uniform(-3, 3))).timestamp()


SOURCES: dict[str, Callable[[random.Random, datetime], Iterator[float]]] = {
    made.__name__.removeprefix("_"): made
    for made in (
        _office, _office_with_lunch, _shop, _night, _always, _busy, _sparse, _bursty, _weekly, _daily
    )
}  # fmt: skip


def _simulated(name: str) -> list[float]:
    """When the source's callbacks were received, in order."""
    chance = random.Random(f"rhythm of {name}")
    days = [(BEGIN.replace(tzinfo=None) + timedelta(days=each)).replace(tzinfo=ZONE) for each in range(DAYS)]
    return sorted(at for day in days for at in SOURCES[name](chance, day))


def _hours(times: list[float]) -> list[Hour]:
    """As the archive gives them."""
    grouped: dict[int, list[float]] = {}
    for at in times:
        grouped.setdefault(int(at // HOUR) * HOUR, []).append(at)
    return [
        Hour(begin, len(each), each[0], each[-1], max((b - a for a, b in pairwise(each)), default=0.0))
        for begin, each in grouped.items()
    ]


def _learnt(hours: list[Hour], now: float) -> Rhythm | None:
    since = now - LEARNT_DAYS * 86_400
    return learn([hour for hour in hours if since <= hour.begin and hour.last <= now], ZONE)


@pytest.mark.parametrize("name", SOURCES)
def test_sixty_days_of_a_source(name: str) -> None:
    """It is learnt twice a day and before longer gaps; each gap is judged, and a death every hour."""
    times = _simulated(name)
    hours = _hours(times)
    alarms: list[float] = []
    late: list[tuple[datetime, float]] = []
    rhythm, due, learnt, longest, judged, before = None, 0.0, 0, 0.0, 0.0, times[0]
    for last, following in pairwise(times):
        longest, before = max(longest, last - before), last
        if last > due or following - last > HOUR:
            rhythm, due = _learnt(hours, last), last + 12 * HOUR
        if rhythm is None:
            continue
        learnt += 1
        if silence(rhythm, last, following, ZONE).is_too_long:
            alarms.append(last)
        if last - judged > HOUR or following - last > HOUR:
            judged = last
            if not silence(rhythm, last, last + 3 * longest - 20, ZONE).is_too_long:
                late.append((datetime.fromtimestamp(last, ZONE), longest))
    assert learnt > 5, "it was judged"
    assert not late, "every death is told within three times the longest usual gap"
    for month in range(2):
        begin = BEGIN.timestamp() + month * MONTH
        assert sum(begin <= at < begin + MONTH for at in alarms) <= 1, [
            datetime.fromtimestamp(a, ZONE) for a in alarms
        ]


def test_an_office_that_dies_in_the_morning_is_told_of_before_noon() -> None:
    """By the hour of the week: its longest gap is a weekend."""
    times = [at for at in _simulated("office") if at < datetime(2026, 4, 22, 9, 30, tzinfo=ZONE).timestamp()]
    times = [at for at in times if at > datetime(2026, 4, 7, tzinfo=ZONE).timestamp()]
    rhythm = learn(_hours(times), ZONE)
    assert rhythm is not None
    assert rhythm.longest > 60 * HOUR
    assert not silence(rhythm, times[-1], times[-1] + 300, ZONE).is_too_long
    assert silence(rhythm, times[-1], times[-1] + 2.5 * HOUR, ZONE).is_too_long


def test_a_source_is_not_judged_before_its_first_week_is_over() -> None:
    times = _simulated("busy")
    assert learn(_hours([at for at in times if at < times[0] + 7 * 86_400]), ZONE) is None
    assert learn(_hours([at for at in times if at < times[0] + 9 * 86_400]), ZONE) is not None
    assert learn([], ZONE) is None


RATES = st.lists(st.floats(0, 1), min_size=168, max_size=168)
TIMES = st.floats(0, 2e9)
SPANS = st.floats(0, 40 * 86_400)


@given(rates=RATES, begin=TIMES, first=SPANS, second=SPANS)
def test_what_is_expected_adds_up(rates: list[float], begin: float, first: float, second: float) -> None:
    zone = UTC
    middle, end = begin + first, begin + first + second
    parts = expected(rates, begin, middle, zone) + expected(rates, middle, end, zone)
    assert abs(parts - expected(rates, begin, end, zone)) < 1e-3 * (1 + parts)


RHYTHMS = st.builds(Rhythm, RATES.map(tuple), st.floats(0, 1e6), st.floats(0, 1e4))


@given(rhythm=RHYTHMS, last=TIMES, gap=SPANS, more=SPANS)
def test_a_silence_that_is_too_long_stays_so(rhythm: Rhythm, last: float, gap: float, more: float) -> None:
    if silence(rhythm, last, last + gap, UTC).is_too_long:
        assert silence(rhythm, last, last + gap + more + 1, UTC).is_too_long
    assert silence(rhythm, last, last + 3 * rhythm.longest + 1, UTC).is_too_long
    assert not silence(rhythm, last, last, UTC).is_too_long
