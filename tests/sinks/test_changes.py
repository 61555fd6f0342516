"""What changed in calls, and calls as they were: from each version that was ever visible."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runtime import clickhouse
from sinks import statements
from sinks.changes import UNSEEN
from sinks.masked import columns
from sinks.retention import drop
from sinks.rows import call_rows
from sinks.tables import CALLS as CALLS_TABLE
from tests.rows import select
from tests.sinks.folded import record_of, versions_begin, write
from tests.sinks.queries.telling import LEG_A, SECOND, START, event
from tests.sinks.test_calls import ACCOUNT, generated

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

CALLS = 100
RING = event("ring", LEG_A, START, caller="100", dialect="extension-events")
ANSWER = event("answer", LEG_A, START + 5 * SECOND, extension="200", dialect="extension-events")
HANGUP = event("hangup", LEG_A, START + 9 * SECOND, dialect="extension-events")


def changes(settings: Settings, view: str = "call_changes") -> list[dict[str, Any]]:
    return select(settings, f"SELECT * FROM {view} ORDER BY account, call_id, revision, field")


def test_each_version_is_compared_with_the_one_before(store_settings: Settings) -> None:
    versions_begin(store_settings)
    write(store_settings, [RING])
    write(store_settings, [RING, HANGUP, ANSWER])
    told = {(row["revision"], row["field"]): row for row in changes(store_settings)}
    assert [(told[key]["before"], told[key]["after"]) for key in ((1, "state"), (3, "state"))] == [
        (None, "ringing"),
        ("ringing", "complete"),
    ]
    assert (told[3, "talk_seconds"]["after"], told[3, "has_answer"]["before"]) == ("4", "false")
    assert (1, "has_answer") not in told
    assert (3, "caller") not in told
    row = told[3, "extension"]
    assert row["event_ids"] == sorted([ANSWER.event_id, HANGUP.event_id])
    assert row["received_at"].timestamp() * SECOND == HANGUP.received_at


def test_a_version_that_came_late_or_again_changed_nothing(store_settings: Settings) -> None:
    versions_begin(store_settings)
    write(store_settings, [RING, ANSWER])
    before = changes(store_settings)
    write(store_settings, [RING])
    write(store_settings, [ANSWER, RING])
    assert changes(store_settings) == before


def test_a_call_and_some_time_are_asked_for_alone(store_settings: Settings) -> None:
    versions_begin(store_settings)
    later = [
        replace(each, leg="x", ids=("x",), received_at=each.received_at + 60 * SECOND)
        for each in (RING, HANGUP)
    ]
    write(store_settings, [RING, HANGUP], later)
    everything = changes(store_settings)
    of_call = changes(store_settings, f"changes_of_call(account = 'acme', call_id = '{LEG_A}')")
    assert of_call == [row for row in everything if row["call_id"] == LEG_A] != []
    late = changes(
        store_settings, "late_changes(since = '2020-08-28 07:16:30', until = '2200-01-01 00:00:00')"
    )
    assert late == [row for row in everything if row["call_id"] == "x"] != []


def test_changes_lead_to_the_row(store_settings: Settings, client: Client) -> None:
    """In any order of events: each change is from what was before, and the last one is in the row."""
    versions_begin(store_settings)
    told = generated(CALLS)
    most = max(map(len, told.values()))
    for number in range(1, most + 1):
        write(store_settings, *(said for events in told.values() if (said := starting(events, number))))
    (view,) = (file for file in statements.views() if file.name == "calls.sql")
    seen = [
        each
        for each in columns(view.text)
        if each.name not in UNSEEN and not each.name.startswith(("event_", "cdr_"))
    ]
    known: dict[str, dict[str, str | None]] = {
        call_id: {each.name: "false" if each.type == "Bool" else None for each in seen} for call_id in told
    }
    for row in changes(store_settings):
        of_call = known[row["call_id"]]
        assert of_call[row["field"]] == row["before"] != row["after"]
        of_call[row["field"]] = row["after"]
    plain = [each.name for each in seen if not each.type.startswith(("Array", "Map"))]
    shown = ", ".join(f"nullIf(toString({name}), '')" for name in plain)
    for call_id, *values in client.execute(f"SELECT call_id, {shown} FROM calls WHERE account = '{ACCOUNT}'"):
        assert {name: known[call_id][name] for name in plain} == dict(zip(plain, values, strict=True))


def starting(events: list[CallEvent], number: int) -> list[CallEvent]:
    """The first so many of them, if any says something."""
    said = events[:number]
    return said if any(each.kind != "closed" for each in said) else []


def test_calls_are_as_they_were_at_any_time(store_settings: Settings) -> None:
    other = [replace(RING, leg="x", ids=("x",), event_id="x1")]
    versions_begin(store_settings)
    times = [now(store_settings)]
    for told in ([RING], [RING, ANSWER], [RING, ANSWER, HANGUP]):
        write(store_settings, told)
        times.append(now(store_settings))
    write(store_settings, other)

    def states(at: str) -> dict[str, str]:
        rows = select(store_settings, f"SELECT call_id, state FROM calls_as_of(at = '{at}')")
        return {row["call_id"]: row["state"] for row in rows}

    assert [states(at) for at in times] == [
        {},
        {LEG_A: "ringing"},
        {LEG_A: "answered"},
        {LEG_A: "complete"},
    ]
    # versions are kept for some time alone: what did not change since is in the table itself
    select(store_settings, "TRUNCATE TABLE call_versions")
    assert states(now(store_settings)) == {LEG_A: "complete", "x": "ringing"}
    everything = select(
        store_settings, f"SELECT * FROM calls_as_of(at = '{now(store_settings)}') ORDER BY call_id"
    )
    assert everything == select(store_settings, "SELECT * FROM calls ORDER BY call_id")


CUT = "2020-09-10 00:00:00"
"""Between the last version that was dropped and the first that is kept."""
AS_OF = f"SELECT state, version FROM calls_as_of(at = '{CUT}')"
LATE = "late_changes(since = '2020-08-01 00:00:00', until = '2020-10-01 00:00:00')"


def became_visible(settings: Settings, events: list[CallEvent], at: str) -> None:
    columns = ", ".join((*CALLS_TABLE.columns, "visible_at"))
    rows = [(*row, datetime.fromisoformat(at).replace(tzinfo=UTC)) for row in call_rows(record_of(events))]
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(f"INSERT INTO stored_calls ({columns}) VALUES", rows)


def retained(settings: Settings, today: date) -> None:
    """Drop versions as the sink does, and merge what a later version has replaced."""
    with clickhouse.connected(settings.clickhouse) as client:
        drop(client, settings.retention, today)
        client.execute("OPTIMIZE TABLE stored_calls FINAL")


@pytest.mark.parametrize("masked", ["", "_masked"])
def test_of_a_call_whose_versions_are_gone_the_earliest_that_is_kept_holds(
    store_settings: Settings, masked: str
) -> None:
    """It is no change: what the call was before is not known."""
    read_again = [replace(each, reading=1_600_000_000_000) for each in (RING, HANGUP)]
    became_visible(store_settings, [RING, HANGUP], "2020-08-28 07:16:10")
    became_visible(store_settings, read_again, "2020-10-01 12:00:00")
    retained(store_settings, date(2020, 10, 1))
    as_of = AS_OF.replace("calls_as_of", f"calls_as_of{masked}")
    assert select(store_settings, as_of.replace(CUT, "2020-08-28 07:15:58")) == []
    at_receipt = as_of.replace(CUT, "2020-08-28 07:15:59")
    for query in (as_of, at_receipt, as_of.replace(CUT, "2020-10-02 00:00:00")):
        (row,) = select(store_settings, query)
        assert (row["state"], row["version"]) == ("complete", 2 * 1_600_000_000_000)
    of_call = f"changes_of_call{masked}(account = 'acme', call_id = '{LEG_A}')"
    views = (f"call_changes{masked}", of_call, LATE.replace("late_changes", f"late_changes{masked}"))
    for view in views:
        assert changes(store_settings, view) == []
    late = replace(ANSWER, received_at=ANSWER.received_at + 40 * 86_400 * SECOND)
    became_visible(store_settings, [*read_again, late], "2020-10-07 12:00:00")
    for view in views:
        told = {row["field"]: (row["before"], row["after"]) for row in changes(store_settings, view)}
        assert told["has_answer"] == ("false", "true")
        assert "state" not in told
    (row,) = select(store_settings, as_of)
    assert row["version"] == 2 * 1_600_000_000_000


def test_a_call_received_since_versions_are_kept_begins_with_its_first(store_settings: Settings) -> None:
    """However late that was visible: before, people saw nothing of it."""
    became_visible(store_settings, [replace(RING, leg="x", ids=("x",))], "2020-08-28 07:16:10")
    became_visible(store_settings, [RING], "2020-09-20 12:00:00")
    retained(store_settings, date(2020, 9, 20))
    found = "SELECT call_id FROM calls_as_of(at = '2020-09-19 00:00:00')"
    assert select(store_settings, found) == [{"call_id": "x"}]
    told = {row["field"] for row in changes(store_settings) if row["call_id"] == LEG_A}
    assert {"state", "caller"} <= told


def now(settings: Settings) -> str:
    (row,) = select(settings, "SELECT toString(now64(6, 'UTC')) AS at")
    at: str = row["at"]
    return at
