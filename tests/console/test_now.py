"""What goes on now: the figures against a day worked out by hand, and how often ClickHouse is asked."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from console.board import Board
from console.clocks import Clock
from console.figures import Day, day_of, document
from console.sessions import COOKIE
from operations.accounts.store import Account, put
from runtime.clickhouse import connected
from runtime.stage import Heart
from tests.console.stack import OPERATOR
from tests.sinks.queries import day
from tests.sinks.queries.telling import MINUTE, SECOND, event, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from console.context import Console
    from runtime.settings import Settings

pytestmark = pytest.mark.server

ZONE = ZoneInfo("UTC")
UTC_CLOCK = Clock(ZONE, 20.0)


ACCOUNTS = ("acme", "another")
"""The second has no calls."""


def seen(settings: Settings, clock: str, *accounts: str, days: int = 0) -> dict[str, Any]:
    """The board's document at a time of the day in `tests/sinks/queries/day.py`, or so many days later."""
    now = day.at(clock) / 1e6 + days * 86_400
    with connected(settings.clickhouse) as client:
        return document(Board(settings, UTC_CLOCK).read(client, now), accounts, now)


@pytest.fixture(scope="module")
def told(settings: Settings) -> Settings:
    day.write(settings)
    return settings


def test_the_figures_of_a_day_are_those_worked_out_by_hand(told: Settings) -> None:
    at_five_past_ten = seen(told, "10:05:00", "acme")
    expected = {
        "calls": 20 - 1,  # r3 is a request of which no call came
        "answered_in": 5,  # i1 i2 i3 i6 i7
        "answered_out": 5,  # p1 p2 p3 p4 r1
        "answered": 10,
        "abandoned": 2,  # i4 i5
        "abandoned_percent": pytest.approx(200 / 7),
        "offered_today": 7,
        "level_today": pytest.approx(200 / 7),  # i1 and i2 were answered within 20 s
        "offered_hour": 7,
        "level_hour": pytest.approx(200 / 7),
        "talking": 0,
        "waiting": 0,
        "longest_wait": None,
        "ringing": 1,  # o5
    }
    assert {name: at_five_past_ten[name] for name in expected} == expected
    an_hour_later = seen(told, "11:05:00", "acme")
    assert (an_hour_later["offered_hour"], an_hour_later["level_hour"]) == (0, None)
    assert an_hour_later["offered_today"] == 7
    assert seen(told, "10:05:00", "another")["calls"] == 0


def test_the_plot_has_each_call_in_its_five_minutes(told: Settings) -> None:
    times, last_week, today = seen(told, "10:05:00", "acme")["plot"]
    assert len(times) == 24 * 12
    by_time = {
        datetime.fromtimestamp(at, UTC).strftime("%H:%M"): n for at, n in zip(times, today, strict=True)
    }
    assert by_time["09:30"] == 5  # i1 to i5
    assert by_time["10:10"] is None  # still to come
    assert sum(last_week) == 0
    _, last_week, today = seen(told, "10:05:00", "acme", days=7)["plot"]
    assert (sum(last_week), sum(each or 0 for each in today)) == (19, 0)


def test_an_account_counts_its_own_day_and_its_own_target(told: Settings) -> None:
    with connected(told.clickhouse) as client:
        put(client, Account("acme", "Asia/Tokyo", service_level_seconds=30.0))
    midnight_in_tokyo = "15:00:00"
    before = seen(told, "14:59:00", "acme")
    assert (before["zone"], before["target"], before["calls"]) == ("Asia/Tokyo", "30 s", 19)
    assert before["level_today"] == pytest.approx(300 / 7)  # i1 i2 i3
    assert before["plot"][0][0] == day.at(midnight_in_tokyo) / SECOND - 86_400
    after = seen(told, midnight_in_tokyo, "acme")
    assert (after["calls"], after["offered_today"], after["ringing"]) == (0, 0, 1)
    together = seen(told, midnight_in_tokyo, *ACCOUNTS)
    assert (together["zone"], together["target"]) == ("UTC", "the target of its account")
    assert (together["calls"], together["level_today"]) == (19, pytest.approx(300 / 7))
    _, last_week, _ = seen(told, midnight_in_tokyo, "acme", days=6)["plot"]
    assert sum(last_week) == 19  # all were on the evening of the 4th there


def test_open_alerts_are_counted(told: Settings) -> None:
    raised = datetime(2024, 3, 4, tzinfo=UTC)
    rows = [("open", raised, None), ("over", raised, raised + timedelta(hours=1))]
    with connected(told.clickhouse) as client:
        client.execute("INSERT INTO stored_alerts (id, raised_at, cleared_at) VALUES", rows)
    assert seen(told, "12:00:00")["alerts"] == 1


def test_who_waits_since_when_and_who_talks(settings: Settings) -> None:
    now = day.at("12:00:00")
    inbound = {"direction": "inbound", "account": "waiters"}
    tell(
        settings,
        [event("ring", "w1", now - 90 * SECOND, **inbound, extension="8001")],
        [event("ring", "w2", now - 20 * SECOND, **inbound, extension="8002")],
        [
            event("ring", "t1", now - 5 * MINUTE, **inbound, extension="8003"),
            event("answer", "t1", now - 4 * MINUTE, **inbound, extension="8003"),
        ],
        [event("ring", "out", now - 10 * SECOND, direction="outbound", account="waiters")],
        [event("ring", "late", now - 20 * 60 * MINUTE, **inbound)],
    )
    found = seen(settings, "12:00:00", "waiters")
    expected = {"waiting": 3, "ringing": 4, "talking": 1, "agents": 1, "longest_wait": 20 * 3600, "calls": 4}
    assert {name: found[name] for name in expected} == expected


def test_a_day_is_the_consoles_own_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, 3, 29, 12, tzinfo=berlin).timestamp()
    today = day_of(noon, berlin)
    assert today.end - today.begin == 23 * 3600
    assert today.end_last_week - today.begin_last_week == 24 * 3600
    assert today.begin == datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp()
    assert day_of(0.0, ZONE) == Day(0, 86_400, -7 * 86_400, -6 * 86_400)


def test_two_hundred_viewers_cost_one_query_a_second(
    here: Console, enter: Callable[[str], FlaskClient]
) -> None:
    browser = enter(OPERATOR)
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    assert browser.get("/now.json").status_code == 200
    before, begun = here.board.refreshes, time.monotonic()
    answers: list[int] = []

    def look() -> None:
        viewer = browser.application.test_client()
        viewer.set_cookie(COOKIE, cookie.value)
        while time.monotonic() - begun < 3:
            answers.append(viewer.get("/now.json").status_code)
            time.sleep(0.5)

    viewers = [threading.Thread(target=look) for _ in range(200)]
    for each in viewers:
        each.start()
    for each in viewers:
        each.join()
    passed = time.monotonic() - begun
    assert set(answers) == {200}
    assert len(answers) >= 200
    assert here.board.refreshes - before <= passed + 1


def test_nobody_who_looks_costs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.board.FIRST_SECONDS", 0.1)
    board = Board(settings, UTC_CLOCK)
    stopping = threading.Event()
    reading = threading.Thread(target=board.run, args=(stopping, Heart()))
    reading.start()
    time.sleep(1.5)
    stopping.set()
    reading.join()
    assert board.refreshes == 0
    assert board.current() is None


def test_the_page_shows_what_it_will_fill_in(enter: Callable[[str], FlaskClient]) -> None:
    browser = enter(OPERATOR)
    for path in ("/", "/wallboard"):
        text = browser.get(path).get_data(as_text=True)
        for figure in ("waiting", "ringing", "talking", "agents", "level_hour", "level_today", "abandoned"):
            assert f'data-figure="{figure}"' in text
