"""The questions of sinks/queries/examples.sql, asked of the day of `day.py`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sinks import statements
from tests.rows import select
from tests.sinks.queries.telling import LEG_A, START, event, tell
from tests.sinks.queries.test_metrics import hour

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_driver import Client

    from runtime.settings import Settings


def clock(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-03-04 {text}").replace(tzinfo=UTC)


ANSWERS: dict[int, list[tuple[Any, ...]]] = {
    1: [(hour(9), 11, 8), (hour(10), 1, 1), (hour(11), 3, 1), (hour(12), 5, 0)],
    2: [(date(2024, 3, 4), 20)],
    3: [("8001", 5, 1051.0), ("8002", 3, 73.0), ("8003", 2, 46.0)],
    # 460.5 of 3589.5, 121 of 1648, 45 of 100
    4: [
        ("8001", hour(9), 390.0, 70.0, 13.0),
        ("8002", hour(9), 70.0, 51.0, 7.0),
        ("8004", hour(9), 0.0, 45.0, 45.0),
    ],
    5: [("spring", 5, 4, 5)],
    6: [(4, 2, 50.0, -47.0, -2)],
    7: [("4000", 7, 28.6, 33.3, 42.9)],
    8: [("inbound", 71.4, 100.0), ("outbound", 45.5, 80.0)],
    9: [("inbound", 5, 200.0, 60.0), ("outbound", 5, 36.0, 33.0)],
    10: [("shop", 4, 3.5, 5.0)],
    11: [(12, 1, 41.7)],
    12: [(10000, 5), (10020, 1)],
    13: [("o5", "8005", clock("12:04:00"))],
    14: [("r3", "8003", clock("11:20:00"))],
    15: [("p1", "answered", clock("09:00:10"), 61.0)],
    16: [
        ("p1", "a", None, clock("09:00:03"), clock("09:00:10"), None),
        ("p1b", "b", "8001", clock("09:00:10.500"), clock("09:00:11"), clock("09:01:11")),
    ],
    17: [
        ("ring", "p1", clock("09:00:03")),
        ("answer", "p1", clock("09:00:10")),
        ("ring", "p1b", clock("09:00:10.500")),
        ("answer", "p1b", clock("09:00:11")),
        ("cdr", "p1", clock("09:01:11")),
        ("hangup", "p1b", clock("09:01:11")),
    ],
    18: [("i6", "8001", 600.0), ("i7", "8001", 300.0), ("p1", "8001", 61.0)],
    # of p1 60 from the agent's answer and 61 from the customer's; p2 30 and 33
    19: [("p1", 60.0, 61.0), ("p2", 30.0, 33.0)],
    20: [(2,)],  # i6 and i7
}


def questions() -> list[tuple[int, str]]:
    found = []
    for statement in statements.examples():
        first = re.match(r"-- (\d+)\. [A-Z].*\?\n", statement)
        assert first, statement
        found.append((int(first[1]), statement))
    return found


def test_there_are_twenty() -> None:
    assert [number for number, _ in questions()] == list(range(1, 21))


def test_a_call_that_was_closed_in_silence_is_not_open(store_settings: Settings, client: Client) -> None:
    ring = event("ring", LEG_A, START)
    tell(store_settings, [ring])
    open_calls = dict(questions())[13]
    assert len(select(store_settings, open_calls)) == 1
    tell(store_settings, [ring, event("closed", LEG_A, START, extra={"reason": "timeout"})])
    assert select(store_settings, open_calls) == []


@pytest.mark.parametrize(("number", "query"), questions())
def test_an_example(ask: Callable[[str], list[dict[str, Any]]], number: int, query: str) -> None:
    assert [tuple(row.values()) for row in ask(query)] == ANSWERS[number]
