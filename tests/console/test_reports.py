"""What a report plots and asks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from console import reports

HOURLY, DAILY = reports.BY_VIEW["calls_by_hour"], reports.BY_VIEW["calls_by_extension"]
MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)


def hourly(*minutes: int) -> list[dict[str, Any]]:
    """A row for each, so long after midnight."""
    return [{"hour": MIDNIGHT + timedelta(minutes=each), "calls": 1, "answered": 1} for each in minutes]


@pytest.mark.parametrize(
    ("minutes", "times"),
    [
        ((15,), 1),
        ((0, 180), 4),
        ((0, 30, 120), 5),
        ((0, 15, 45, 60), 5),
        ((0, 60, 105), 8),
        ((0, 1, 60 * 24 * 365), 3),
        ((0, 60 * 24 * 36_500), 2),
    ],
    ids=str,
)
def test_every_row_is_plotted_whatever_the_clock(minutes: tuple[int, ...], times: int) -> None:
    at, calls, answered = reports.over_time(HOURLY, hourly(*minutes))["data"]
    assert sum(calls) == sum(answered) == len(minutes)
    assert len(at) == times
    assert at == sorted(at)


def test_days_without_calls_are_plotted_as_none() -> None:
    rows = [{"day": date(2026, 3, day), "calls": 2, "answered": 1} for day in (28, 31)]
    at, calls, _ = reports.over_time(DAILY, rows)["data"]
    assert calls == [2, 0, 0, 2]
    assert at == [at[0] + day * 86_400 for day in range(4)]
