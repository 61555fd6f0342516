"""What an audit and a replay ask is SQL that the oldest ClickHouse we support knows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from clickhouse_driver import Client

from operations import events
from operations.audit import questions
from operations.replay import archive, changes, rebuild, rejected, send
from operations.replay.archive import Selection
from operations.timeline import read
from sinks import statements
from sinks.span import Span
from tests.sinks.test_old_clickhouse import answers, old_python

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["old_python"]  # a fixture of the module beside

VIEWS = {"callbacks.sql", "calls.sql", "call_legs.sql", "rejected_callbacks.sql"}
"""Those that are asked here."""
LINES = {
    "raw": "r",
    "raw_line": [1, 1],
    "rejected": "j",
    "rejected_line": [1, 1],
    "slices": 2,
    "slice": 1,
    "which": [1],
}
RANGE = {"topic": "r", "partition": 0, "first": 0, "end": 10, "last": 10, "limit": 5, "most": 5}
SELECTION = Selection(Span(since=5, source="pbx"), rejected=True, code="missing")
NAMED = {
    "accounts": ["a"],
    "ids": ["x"],
    "legs": ["l"],
    "days": [date(2026, 1, 31)],
    "calls_since": date(2026, 1, 1),
    "names": [("a", "x")],
}
DATABASES = {"before": "callweave", "after": "callweave", "columns": "`source`, `legs`, `state`"}


def asked() -> list[str]:
    """Every question, with some values."""
    values: dict[str, Any] = {**SELECTION.values(), **LINES, **RANGE, **NAMED, **archive.FIRST._asdict()}
    databases = {**DATABASES, "within": changes.WITHIN_SQL}
    templates = [
        questions.BUCKETS,
        questions.OFFSETS,
        questions.TWICE,
        questions.GROUPS,
        questions.GROUPS_OF,
        questions.KEPT,
        questions.LINKED,
        questions.HOLES,
        questions.STRAYS,
        questions.VERDICTS,
        questions.AROUND,
        rejected.GROUPS_SQL,
        send.TOLD,
        events.TELLINGS.format(where=read.EVENTS),
        read.CALLED.format(account="", most=5),
        read.NAMED.format(account="", most=5),
        changes.DIFFERENT_SQL.format(**databases),
        changes.STATUS_SQL.format(**databases),
        archive.PAGE_SQL.format(where=SELECTION.where()),
        rebuild.closings("callweave", "callweave"),
    ]
    client = Client("127.0.0.1")  # puts the values in; it never connects
    return [
        client.substitute_params(each, values | {"page": 3}, client.connection.context) for each in templates
    ]


def test_the_old_engine_takes_every_question(old_python: Path) -> None:
    views = (view for view in statements.views(statements.LATER) if view.name in VIEWS)
    made = [each for file in (*statements.migrations(), *views) for each in file.statements]
    said = answers(old_python, ["CREATE DATABASE callweave", "USE callweave", *made, *asked()])
    assert set(said[-len(asked()) :]) <= {"", "0\t0\t0\n"}
