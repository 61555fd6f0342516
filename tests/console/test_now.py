"""What goes on now: the figures against a day worked out by hand, and how often ClickHouse is asked."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from console.board import Board
from console.figures import Day, day_of, document
from console.sessions import COOKIE
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


def seen(settings: Settings, clock: str, *accounts: str, zone: ZoneInfo = ZONE) -> dict[str, Any]:
    """The board's document at a time of the day in `tests/sinks/queries/day.py`."""
    now = day.at(clock) / 1e6
    board = Board(settings.clickhouse, zone, 20.0)
    with connected(settings.clickhouse) as client:
        return document(board.read(client, now), accounts, now)


def test_the_figures_of_a_day_are_those_worked_out_by_hand(store_settings: Settings) -> None:
    day.write(store_settings)
    at_five_past_ten = seen(store_settings, "10:05:00", "acme")
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
    an_hour_later = seen(store_settings, "11:05:00", "acme")
    assert (an_hour_later["offered_hour"], an_hour_later["level_hour"]) == (0, None)
    assert an_hour_later["offered_today"] == 7
    assert seen(store_settings, "10:05:00", "another account")["calls"] == 0


def test_the_plot_has_each_call_in_its_five_minutes(store_settings: Settings) -> None:
    day.write(store_settings)
    times, last_week, today = seen(store_settings, "10:05:00", "acme")["plot"]
    assert len(times) == 24 * 12
    by_time = {
        datetime.fromtimestamp(at, UTC).strftime("%H:%M"): n for at, n in zip(times, today, strict=True)
    }
    assert by_time["09:30"] == 5  # i1 to i5
    assert by_time["10:10"] is None  # still to come
    assert sum(last_week) == 0
    with connected(store_settings.clickhouse) as client:
        board = Board(store_settings.clickhouse, ZONE, 20.0)
        a_week_on = day.at("10:05:00") / 1e6 + 7 * 86_400
        snapshot = board.read(client, a_week_on)
    _, last_week, today = document(snapshot, ["acme"], a_week_on)["plot"]
    assert (sum(last_week), sum(each or 0 for each in today)) == (19, 0)


def test_who_waits_since_when_and_who_talks(store_settings: Settings) -> None:
    now = day.at("12:00:00")
    inbound = {"direction": "inbound", "account": "acme"}
    tell(
        store_settings,
        [event("ring", "w1", now - 90 * SECOND, **inbound, extension="8001")],
        [event("ring", "w2", now - 20 * SECOND, **inbound, extension="8002")],
        [
            event("ring", "t1", now - 5 * MINUTE, **inbound, extension="8003"),
            event("answer", "t1", now - 4 * MINUTE, **inbound, extension="8003"),
        ],
        [event("ring", "out", now - 10 * SECOND, direction="outbound", account="acme")],
        [event("ring", "late", now - 20 * 60 * MINUTE, **inbound)],
    )
    found = seen(store_settings, "12:00:00", "acme")
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


def test_nobody_who_looks_costs_nothing(settings: Settings) -> None:
    board = Board(settings.clickhouse, ZONE, 20.0)
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
