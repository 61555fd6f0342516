"""Days and hours by the clock of the account: on the days of its changes too they add up to the day.

A call begins in the middle of every quarter of an hour, UTC, of the days around those changes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from operations.accounts.store import Account, put
from runtime import clickhouse
from schemas.times import microseconds
from sinks import local, statements
from tests.rows import select

if TYPE_CHECKING:
    from runtime.settings import Settings

ZONES = {
    "paris": "Europe/Paris",
    "howe": "Australia/Lord_Howe",  # half an hour of summer time
    "havana": "America/Havana",  # whose clocks are changed at midnight
    "nepal": "Asia/Kathmandu",  # 5:45 ahead
}
FILLED = """
INSERT INTO stored_calls
    (account, day, call_id, source, dialect, direction, extension, campaign, outcome, started_at,
    first_received_at, version, is_gone)
SELECT account, toDate(at, 'UTC'), toString(number), 'shop', 'common-api', 'inbound', '200', 'spring',
    'answered', at, at, 1, 0
FROM
(
    SELECT number, toDateTime64('2026-01-01 00:07:30', 6, 'UTC') + toIntervalMinute(15 * number) AS at
    FROM numbers(365 * 96)
) AS calls
CROSS JOIN (SELECT arrayJoin(%(accounts)s) AS account) AS accounts
WHERE toDate(at, 'UTC') IN %(days)s
"""
SPANS = (
    ("2026-03-07", 3),
    ("2026-03-22", 16),
    ("2026-10-03", 3),
    ("2026-10-24", 3),
    ("2026-10-31", 3),
)
DAYS = [date.fromisoformat(first) + timedelta(n) for first, count in SPANS for n in range(count)]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    with clickhouse.connected(module_settings.clickhouse) as client:
        client.execute(FILLED, {"accounts": [*ZONES, "unset"], "days": DAYS})
        for name, zone in ZONES.items():
            put(client, Account(name, zone))
    return module_settings


# by hand, from the rules of each zone in 2026
CHANGES = [
    ("paris", "2026-03-29", 23.0),
    ("paris", "2026-10-25", 25.0),
    ("paris", "2026-03-28", 24.0),
    ("howe", "2026-04-05", 24.5),
    ("howe", "2026-10-04", 23.5),
    ("havana", "2026-03-08", 23.0),  # from midnight to one o'clock
    ("havana", "2026-11-01", 25.0),  # from one o'clock to midnight
    ("nepal", "2026-03-29", 24.0),
    ("unset", "2026-03-29", 24.0),
]


@pytest.mark.parametrize(("account", "day", "hours"), CHANGES)
def test_intervals_add_up_to_the_day(settings: Settings, account: str, day: str, hours: float) -> None:
    by_length = {}
    for minutes in (15, 30, 60, 1440, 0):
        rows = select(
            settings,
            "SELECT local_day, local_time, calls, interval_began_at AS since, interval_ended_at AS until "
            f"FROM call_figures(first_day = '{day}', last_day = '{day}', minutes = {minutes}, by = '') "
            f"WHERE account = '{account}' ORDER BY since",
        )
        assert {row["local_day"] for row in rows} == {date.fromisoformat(day)}
        assert len({row["local_time"] for row in rows}) == len(rows)
        for row, following in pairwise(rows):
            assert row["until"] == following["since"]
        for row in rows:
            assert row["calls"] == (row["until"] - row["since"]) / timedelta(minutes=15)
        by_length[minutes] = rows
    assert {sum(row["calls"] for row in rows) for rows in by_length.values()} == {hours * 4}
    bounds = {(rows[0]["since"], rows[-1]["until"]) for rows in by_length.values()}
    ((since, until),) = bounds
    assert (until - since) / timedelta(hours=1) == hours


def test_the_hour_that_comes_twice_is_two(settings: Settings) -> None:
    rows = select(
        settings,
        "SELECT local_time FROM call_figures"
        "(first_day = '2026-10-25', last_day = '2026-10-25', minutes = 60, by = '') "
        "WHERE account = 'paris' ORDER BY interval_began_at LIMIT 5",
    )
    assert [row["local_time"] for row in rows] == [
        "2026-10-25 00:00:00+02:00",
        "2026-10-25 01:00:00+02:00",
        "2026-10-25 02:00:00+02:00",
        "2026-10-25 02:00:00+01:00",
        "2026-10-25 03:00:00+01:00",
    ]


@pytest.mark.parametrize(("account", "day", "hours"), CHANGES)
def test_dashboards_count_the_same_by_local_day(
    settings: Settings, account: str, day: str, hours: float
) -> None:
    for view in local.BY_DAY:
        rows = select(
            settings, f"SELECT calls FROM {view}_local WHERE account = '{account}' AND day = '{day}'"
        )
        assert [row["calls"] for row in rows] == [hours * 4], view
    rows = select(
        settings,
        f"SELECT calls, hour FROM calls_by_hour_local WHERE account = '{account}' AND local_day = '{day}'",
    )
    assert sum(row["calls"] for row in rows) == hours * 4
    assert len({row["hour"] for row in rows}) == len(rows)


def test_a_week_is_counted_from_the_first_day(settings: Settings) -> None:
    rows = select(
        settings,
        "SELECT local_time, calls FROM call_figures"
        "(first_day = '2026-03-23', last_day = '2026-04-05', minutes = 10080, by = '') "
        "WHERE account = 'paris' ORDER BY local_time",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("2026-03-23 00:00:00+01:00", 7 * 96 - 4),
        ("2026-03-30 00:00:00+02:00", 7 * 96),
    ]


def test_local_dashboards_have_the_columns_of_the_others() -> None:
    texts = {file.name.removesuffix(".sql"): file.text for file in statements.views()}

    def names(view: str) -> list[str]:
        head = texts[view].partition("\n)\n")[0]
        return [line.split("`")[1] for line in head.splitlines() if line.startswith("    `")]

    for view in (*local.BY_DAY, *local.BY_HOUR):
        beside = {"local_day", "local_hour"} if view in local.BY_HOUR else set()
        assert [name for name in names(f"{view}_local") if name not in beside] == names(view)


def test_only_the_days_that_are_asked_for_are_read(settings: Settings) -> None:
    query = (
        "EXPLAIN indexes = 1 SELECT * FROM call_figures"
        "(first_day = '2026-03-23', last_day = '2026-03-29', minutes = 60, by = 'line')"
    )
    explained = "\n".join(row["explain"] for row in select(settings, query))
    assert "Parts: 9/28" in explained  # a day more on either side


def told(at: datetime, direction: str, outcome: str) -> list[Any]:
    """A row of stored_calls: between 4000 and one other number."""
    numbers = ("0612345678", "4000") if direction == "inbound" else ("4000", "0612345678")
    return [f"{direction} {at:%F %T}", at.date(), at, direction, outcome, *numbers]


def test_a_day_of_callers_is_24_hours_also_where_it_reaches_two_local_days_away(
    module_settings: Settings,
) -> None:
    """Of Paris, 29 March has 23 hours: from 28 March, 23:50, to 30 March, 00:20, it is 23.5."""
    missed, again = datetime(2026, 3, 28, 22, 50, tzinfo=UTC), datetime(2026, 3, 29, 22, 20, tzinfo=UTC)
    rows = [
        told(missed, "inbound", "unanswered"),
        told(again, "outbound", "answered"),
        told(again + timedelta(minutes=5), "inbound", "answered"),
    ]
    columns = "account, version, call_id, day, started_at, direction, outcome, caller, callee"
    with clickhouse.connected(module_settings.clickhouse) as client:
        put(client, Account("night", "Europe/Paris"))
        client.execute(
            f"INSERT INTO stored_calls ({columns}) VALUES",
            [("night", 1, call_id, day, microseconds(at), *rest) for call_id, day, at, *rest in rows],
        )
    (row,) = select(
        module_settings,
        "SELECT called_back_at FROM missed_callers(first_day = '2026-03-28', last_day = '2026-03-28') "
        "WHERE account = 'night'",
    )
    assert row["called_back_at"].replace(tzinfo=UTC) == again
    figures = [
        select(
            module_settings,
            "SELECT repeat_calls, followed_by_repeat FROM caller_figures"
            f"(first_day = '{day}', last_day = '{day}', minutes = 0, by = '') WHERE account = 'night'",
        )
        for day in ("2026-03-28", "2026-03-30")
    ]
    assert figures == [
        [{"repeat_calls": 0, "followed_by_repeat": 1}],
        [{"repeat_calls": 1, "followed_by_repeat": 0}],
    ]


def test_of_calls_that_began_at_once_always_the_same_is_missed_first(module_settings: Settings) -> None:
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    rows = [
        ("twins", 1, f"{caller}-{call}", at.date(), microseconds(at), "inbound", "unanswered", caller)
        for caller in ("330001", "330002", "330003", "330004", "330005")
        for call in range(9)
    ]
    columns = "account, version, call_id, day, started_at, direction, outcome, caller"
    with clickhouse.connected(module_settings.clickhouse) as client:
        put(client, Account("twins", "Europe/Paris"))
        client.execute(f"INSERT INTO stored_calls ({columns}) VALUES", rows)
    missed = select(
        module_settings,
        "SELECT caller, call_id FROM missed_callers(first_day = '2026-03-28', last_day = '2026-03-28') "
        "WHERE account = 'twins' ORDER BY caller",
    )
    assert missed == select(
        module_settings,
        "SELECT caller, argMin(call_id, sipHash64(account, call_id)) AS call_id FROM calls "
        "WHERE account = 'twins' GROUP BY caller ORDER BY caller",
    )


def test_all_days_may_be_asked_for(settings: Settings) -> None:
    every = "first_day = '1970-01-01', last_day = '2149-06-06'"
    assert select(settings, f"SELECT 1 FROM caller_contacts({every})")
    (row,) = select(
        settings,
        f"SELECT calls FROM call_figures({every}, minutes = 0, by = '') WHERE account = 'unset'",
    )
    assert row["calls"] == len(DAYS) * 96


def test_calls_that_were_heard_of_late_count_where_they_began(settings: Settings) -> None:
    began = datetime(2025, 12, 24, 12, tzinfo=UTC)
    row: dict[str, Any] = {"account": "late", "began": began}
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(
            "INSERT INTO stored_calls (account, day, call_id, direction, outcome, started_at, version) "
            "SELECT %(account)s, '2026-02-01', 'late', 'inbound', 'answered', %(began)s, 1",
            row,
        )
    rows = select(
        settings,
        "SELECT calls FROM call_figures"
        "(first_day = '2025-12-24', last_day = '2025-12-24', minutes = 0, by = '') WHERE account = 'late'",
    )
    assert rows == [{"calls": 1}]
