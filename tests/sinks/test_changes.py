"""What changed in calls, and calls as they were: from each version that was ever visible."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sinks import statements
from sinks.changes import UNSEEN
from sinks.masked import columns
from tests.rows import select
from tests.sinks.folded import write
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
    write(store_settings, [RING, ANSWER])
    before = changes(store_settings)
    write(store_settings, [RING])
    write(store_settings, [ANSWER, RING])
    assert changes(store_settings) == before


def test_a_call_and_some_time_are_asked_for_alone(store_settings: Settings) -> None:
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


def now(settings: Settings) -> str:
    (row,) = select(settings, "SELECT toString(now64(6, 'UTC')) AS at")
    at: str = row["at"]
    return at
