"""Every figure equals the number worked out by hand from these calls; the sums are beside.

All on Monday, 2026-03-30, by the clock of Paris (two hours ahead of UTC), where the account is. A call within
20 seconds is answered in time, one given up within 5 is a short abandon. Ada (201) and Bob (202) are in
Sales, Cyd (203) in Support.

call  what                          extension  caller     began     wait  talk  outcome
c1    inbound on 4000               201        A          10:00:00    10    60  answered
c2    inbound on 4000               202        B          10:05:00    20    30  answered
c3    inbound on 4000, handed on    202        C          10:10:00    40   120  answered
c4    inbound on 4000               201        D          10:14:59     3     0  unanswered
c5    inbound on 4000               201        E          10:15:00    50     0  unanswered
c6    inbound on 4001               203        A          10:20:00     8    30  answered
c7    inbound on 4000               201        D          10:29:00    30     0  unanswered
c8    outbound to D                 203        -          10:44:59     -     0  unanswered
c9    outbound to D                 203        -          11:30:00     -    45  answered
c10   inbound on 4000               202        E          11:00:00     5    20  answered
c11   inbound on 4000, queue 6500   6500       F          11:10:00    12     0  unanswered
c12   outbound, campaign spring     201        -          10:50:00     -   100  answered
c13   inbound on 4000, open         201        H          10:55:00     -     -
c14   inbound on 4001               203        anonymous  10:56:00     4     0  unanswered
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from operations.accounts.store import Account, put
from operations.directory.entries import Entry
from operations.directory.load import load
from runtime import clickhouse
from schemas.times import SECOND, microseconds
from tests.rows import select
from tests.sinks.queries import telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.settings import Settings
    from schemas.events import CallEvent

    Ask = Callable[[str], list[dict[str, Any]]]

DAY = "first_day = '2026-03-30', last_day = '2026-03-30'"
PEOPLE = {"201": ("Ada", "Sales"), "202": ("Bob", "Sales"), "203": ("Cyd", "Support")}


def at(clock: str) -> int:
    """From a time in Paris on that day to microseconds since 1970 UTC."""
    return microseconds(datetime.fromisoformat(f"2026-03-30T{clock}+02:00"))


def call(began: int, wait: int, talk: int | None, **said: Any) -> list[CallEvent]:
    """The events of one call; without talk it ended unanswered."""
    leg = f"{said.get('callee')}-{began}"
    common = {"account": "acme", "direction": "inbound", "dialect": "extension-events", **said}
    ending = {name: common.pop(name) for name in ("bridged", "transferred") if name in common}
    end = began + (wait + (talk or 0)) * SECOND
    outcome = "unanswered" if talk is None else "answered"
    answered = [] if talk is None else [telling.event("answer", leg, began + wait * SECOND, **common)]
    return [
        telling.event("dial", leg, began, started_at=began, **common),
        *answered,
        telling.event("hangup", leg, end, outcome=outcome, **common, **ending),
    ]


def inbound(clock: str, caller: str, *said: Any, **more: Any) -> list[CallEvent]:
    line, extension, wait, talk = said
    return call(at(clock), wait, talk, caller=caller, callee=line, extension=extension, **more)


def outbound(clock: str, callee: str, *said: Any, **more: Any) -> list[CallEvent]:
    extension, wait, talk = said
    more = {"direction": "outbound", "display_number": "4000", **more}
    return call(at(clock), wait, talk, caller=extension, callee=callee, extension=extension, **more)


def calls() -> list[list[CallEvent]]:
    return [
        inbound("10:00:00", "330001", "4000", "201", 10, 60),
        inbound("10:05:00", "330002", "4000", "202", 20, 30),
        inbound("10:10:00", "330003", "4000", "202", 40, 120, transferred=True),
        inbound("10:14:59", "330004", "4000", "201", 3, None),
        inbound("10:15:00", "330005", "4000", "201", 50, None),
        inbound("10:20:00", "330001", "4001", "203", 8, 30),
        inbound("10:29:00", "330004", "4000", "201", 30, None),
        outbound("10:44:59", "330004", "203", 20, None),
        outbound("11:30:00", "330004", "203", 15, 45),
        inbound("11:00:00", "330005", "4000", "202", 5, 20),
        inbound("11:10:00", "330006", "4000", "6500", 12, None, bridged=False),
        outbound("10:50:00", "330007", "201", 10, 100, campaign="spring"),
        inbound("10:55:00", "330008", "4000", "201", 10, None)[:1],
        inbound("10:56:00", "anonymous", "4001", "203", 4, None),
    ]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    telling.tell(module_settings, *calls())
    people = [Entry("acme", "extension", each, 0, *PEOPLE[each]) for each in PEOPLE]
    with clickhouse.connected(module_settings.clickhouse) as client:
        load(client, people)
        put(client, Account("acme", "Europe/Paris"))
    return module_settings


@pytest.fixture
def ask(settings: Settings) -> Ask:
    return lambda query: select(settings, query)


def has(row: dict[str, Any], **expected: Any) -> None:
    assert {name: row[name] for name in expected} == {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()
    }


def test_a_quarter_of_an_hour(ask: Ask) -> None:
    rows = ask(f"SELECT * FROM call_figures({DAY}, minutes = 15, by = '') ORDER BY interval_began_at")
    assert [(row["local_time"][11:16], row["calls"]) for row in rows] == [
        ("10:00", 4),  # c1 to c4
        ("10:15", 3),  # c5 to c7
        ("10:30", 1),  # c8
        ("10:45", 3),  # c12 to c14
        ("11:00", 2),  # c10, c11
        ("11:30", 1),  # c9
    ]


def test_the_figures_of_a_quarter_of_an_hour(ask: Ask) -> None:
    first = ask(f"SELECT * FROM call_figures({DAY}, minutes = 15, by = '') ORDER BY interval_began_at")[0]
    assert first["interval_began_at"].replace(tzinfo=UTC) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert first["interval_ended_at"].replace(tzinfo=UTC) == datetime(2026, 3, 30, 8, 15, tzinfo=UTC)
    has(
        first,
        timezone="Europe/Paris",
        local_day=date(2026, 3, 30),
        local_time="2026-03-30 10:00:00+02:00",
        line=None,
        agent=None,
        calls=4,
        inbound=4,
        outbound=0,
        answered=3,
        without_outcome=0,
        offered=4,
        offered_answered=3,
        abandoned=1,
        abandoned_short=1,
        abandoned_percent=25.0,
        abandoned_without_short_percent=0.0,
        unknown_wait=0,
        answered_in_time=2,  # after 10 and 20 seconds, not after 40
        service_level_percent=50.0,
        service_level_without_short_percent=200 / 3,
        average_speed_of_answer_seconds=(10 + 20 + 40) / 3,
        # of 3, 10, 20, 40: half way from the second to the third; seven tenths from the third to the fourth
        wait_p50_seconds=15.0,
        wait_p90_seconds=20 + 0.7 * 20,
        wait_longest_seconds=40.0,
        handled=3,
        handle_seconds=60.0 + 30 + 120,
        average_handle_seconds=70.0,
        transferred=1,
        transfers=1,
        transferred_percent=100 / 3,
        service_level_seconds=20.0,
        abandon_seconds=5.0,
    )


def test_a_whole_day(ask: Ask) -> None:
    (row,) = ask(f"SELECT * FROM call_figures({DAY}, minutes = 1440, by = '')")
    (same,) = ask(f"SELECT * FROM call_figures({DAY}, minutes = 0, by = '')")
    assert row == same
    has(
        row,
        local_time="2026-03-30 00:00:00+02:00",
        calls=14,
        inbound=11,
        outbound=3,
        answered=7,  # c1, c2, c3, c6, c9, c10, c12
        without_outcome=1,
        offered=10,  # the inbound ones but for c13
        offered_answered=5,
        abandoned=5,  # c4, c5, c7, c11, c14
        abandoned_short=2,  # c4, c14
        abandoned_percent=50.0,
        abandoned_without_short_percent=3 / 8 * 100,
        answered_in_time=4,  # c1, c2, c6, c10
        service_level_percent=40.0,
        service_level_without_short_percent=50.0,
        average_speed_of_answer_seconds=(10 + 20 + 40 + 8 + 5) / 5,
        # of 3, 4, 5, 8, 10, 12, 20, 30, 40, 50
        wait_p50_seconds=11.0,
        wait_p90_seconds=40 + 0.1 * 10,
        wait_longest_seconds=50.0,
        handled=7,
        handle_seconds=60.0 + 30 + 120 + 30 + 45 + 20 + 100,
        average_handle_seconds=405 / 7,
        transferred=1,
        transferred_percent=100 / 7,
    )
    assert row["interval_ended_at"] - row["interval_began_at"] == (date(2026, 3, 31) - date(2026, 3, 30))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("direction", {"inbound": 11, "outbound": 3}),
        ("line", {"4000": 12, "4001": 2}),  # an outbound call's line is the number that it shows
        ("queue", {"": 13, "6500": 1}),
        ("team", {"Sales": 9, "Support": 4, "": 1}),  # c11 rang nobody
        ("agent", {"Ada": 6, "Bob": 3, "Cyd": 4, "": 1}),  # Ada: c1, c4, c5, c7, c12, c13
        ("campaign", {"": 13, "spring": 1}),
    ],
)
def test_what_is_told_apart_adds_up(ask: Ask, by: str, expected: dict[str, int]) -> None:
    rows = ask(f"SELECT {by}, calls FROM call_figures({DAY}, minutes = 0, by = '{by}')")
    assert {row[by]: row["calls"] for row in rows} == expected
    assert sum(expected.values()) == 14


def test_several_are_told_apart_at_once(ask: Ask) -> None:
    rows = ask(
        "SELECT team, line, offered, average_handle_seconds AS handle "
        f"FROM call_figures({DAY}, minutes = 0, by = 'team, line') ORDER BY team, line"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("", "4000", 1, None),  # c11
        ("Sales", "4000", 7, (60 + 30 + 120 + 20 + 100) / 5),
        ("Support", "4000", 0, 45.0),  # c8, c9
        ("Support", "4001", 2, 30.0),  # c6, c14
    ]


def test_callers(ask: Ask) -> None:
    (row,) = ask(f"SELECT * FROM caller_figures({DAY}, minutes = 0, by = '')")
    has(
        row,
        local_day=date(2026, 3, 30),
        calls=10,  # the inbound ones but for c14, which is anonymous
        callers=7,  # A to F, and H
        repeat_calls=3,  # c6 after c1, c7 after c4, c10 after c5
        repeat_callers=3,  # A, D, E
        repeat_percent=30.0,
        followed_by_repeat=3,
        missed_callers=3,  # D by c4, and not again by c7; E by c5; F by c11
        called_back=1,  # D by c8
        reached=1,  # D by c9
        rang_again=1,  # E by c10
        not_called_back=2,
        left_unanswered=1,  # F
        called_back_percent=100 / 3,
        call_back_p50_seconds=1800.0,  # from 10:14:59 to 10:44:59
        call_back_p90_seconds=1800.0,
        call_back_longest_seconds=1800.0,
    )


def test_callers_by_team_and_interval(ask: Ask) -> None:
    rows = ask(
        "SELECT team, substring(local_time, 12, 5) AS since, repeat_calls, missed_callers "
        f"FROM caller_figures({DAY}, minutes = 30, by = 'team') ORDER BY interval_began_at, team"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("Sales", "10:00", 1, 2),  # c7; D and E
        ("Support", "10:00", 1, 0),  # c6
        ("Sales", "10:30", 0, 0),  # c13
        ("", "11:00", 0, 1),  # F
        ("Sales", "11:00", 1, 0),  # c10
    ]


def test_whom_to_call_back(ask: Ask) -> None:
    rows = ask(
        "SELECT caller, queue, wait_seconds, call_back_seconds, isNotNull(reached_at) AS reached, "
        f"isNotNull(rang_again_at) AS again FROM missed_callers({DAY}) ORDER BY began_at"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("330004", None, 3.0, 1800.0, 1, 0),
        ("330005", None, 50.0, None, 0, 1),
        ("330006", "6500", 12.0, None, 0, 0),
    ]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("minutes = 15, by = 'lines'", "by must name"),
        ("minutes = 50, by = ''", "minutes must be"),
    ],
)
def test_what_nobody_can_mean_is_refused(ask: Ask, parameters: str, sentence: str) -> None:
    with pytest.raises(clickhouse.RefusedError) as refused:
        ask(f"SELECT * FROM call_figures({DAY}, {parameters})")
    assert sentence in refused.value.words


def test_agents_by_the_clock_of_the_account(ask: Ask) -> None:
    rows = ask(
        "SELECT extension, local_day, local_hour, talk_seconds FROM agents_local WHERE extension = '203'"
    )
    assert sorted(tuple(row.values()) for row in rows) == [
        ("203", date(2026, 3, 30), "2026-03-30 10:00+02:00", 30.0),  # c6
        ("203", date(2026, 3, 30), "2026-03-30 11:00+02:00", 45.0),  # c9
    ]
