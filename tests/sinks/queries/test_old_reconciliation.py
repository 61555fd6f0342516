"""The views of reconciliation, masking and names read the same on the oldest ClickHouse that we support."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from operations.directory.entries import Entry
from operations.directory.load import load
from runtime import clickhouse
from sinks.directory.placing import place_some
from tests.sinks import views
from tests.sinks.folded import VERSIONS_BEGIN, versions_begin
from tests.sinks.queries.telling import HOUR, LEG_A, LEG_B, SECOND, START, event, tell
from tests.sinks.test_old_clickhouse import Embedded, answers, embedded, old_python, schema

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["embedded", "old_python"]

VIEWS = (
    "reconciliation",
    "reconciliation_by_hour",
    "source_quality",
    "rejected_callbacks",
    "directory",
    "directory_masked",
    "calls_named",
    "calls_named_masked",
    "calls_masked",
    "call_events_masked",
    "call_legs_masked",
    "call_changes_masked",
    "changes_of_call_masked",
    "late_changes_masked",
    "service_level_masked",
)

STORED = (
    "pseudonym_keys",
    "directory_entries",
    "number_places",
    "stored_callbacks",
    "stored_events",
    "stored_legs",
    "stored_calls",
)


def filled(embedded: Embedded) -> None:
    """A row and more for every view."""
    both = {"ids": (LEG_A, LEG_B), "started_at": START, "direction": "outbound", "callee": "01062345678"}
    ring = event("ring", LEG_A, START + 3 * SECOND, **both, extension="200", tag="on 01062345678")
    hangup = event("hangup", LEG_A, START + 2 * SECOND, **both, extension="200")
    bill = event(
        "cdr",
        LEG_B,
        START + 60 * SECOND,
        started_at=START + 8 * HOUR,
        answered_at=START + 8 * HOUR + SECOND,
        ended_at=START + 8 * HOUR + 59 * SECOND,
        talk_time=58 * SECOND,
        outcome="answered",
    )
    versions_begin(embedded.settings)
    tell(embedded.settings, [ring, hangup, bill, replace(hangup, callback_id="again")])
    tell(
        embedded.settings, [event("dial", "200-1", START, dialect="extension-events", caller="+442079460123")]
    )
    line = {"direction": "inbound", "callee": "02190240001", "outcome": "unanswered"}
    tell(embedded.settings, [event("hangup", "in-1", START, **line)])
    with clickhouse.connected(embedded.settings.clickhouse) as client:
        load(
            client,
            [
                Entry("acme", "extension", "200", START - HOUR, "Ada", "Sales"),
                Entry("acme", "extension", "200", START + HOUR, "Bob", "Sales"),
                Entry("acme", "number", "+861062345678", START - HOUR, "ACME"),
            ],
        )
        client.execute("INSERT INTO phone_areas (prefix, area) VALUES", [("8610", "Beijing")])
        place_some(client, {"shop": "CN"}, lambda: None)
        client.execute(
            "INSERT INTO stored_callbacks (account, id, received_at, source, stage, reasons, verdict) VALUES",
            [("acme", "c9", START, "shop", "normalize", [("b", "missing", "x"), ("a", "missing", "y")], 1)],
        )


def test_the_old_engine_reads_them_as_the_new_one_does(
    old_python: Path, embedded: Embedded, tmp_path: Path
) -> None:
    filled(embedded)
    before = [*schema(), VERSIONS_BEGIN]
    for table in STORED:
        path = tmp_path / f"{table}.native"
        path.write_bytes(embedded.ask(f"SELECT * FROM {table} FORMAT Native"))
        before.append(f"INSERT INTO {table} SELECT * FROM file('{path}', Native)")
    whole = views.reading(account="acme", call_id=LEG_A)
    reading = [f"{whole[view]} ORDER BY ALL" for view in VIEWS]
    old = answers(old_python, [*before, *reading])[len(before) :]
    for query, answer in zip(reading, old, strict=True):
        assert answer != "", query
        assert answer == embedded.ask(f"{query} FORMAT TabSeparated").decode(), query
