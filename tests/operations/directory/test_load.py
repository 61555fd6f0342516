"""The directory in ClickHouse, and the names that calls get from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from callweave.cli import group
from operations.directory.entries import Entry
from operations.directory.load import change, entries, load
from runtime.errors import CallweaveError
from sinks.directory.placing import place_some
from tests.pipeline import environment
from tests.rows import select
from tests.sinks.queries.telling import DAY, HOUR, START, event, tell

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from clickhouse_driver import Client

    from runtime.settings import Settings

ADA = Entry("acme", "extension", "200", START - DAY, "Ada", "Sales")
BOB = Entry("acme", "extension", "200", START + DAY, "Bob", "Support")
NAMES = ("agent", "team", "campaign_name", "customer")
PLACES = ("caller_country", "caller_region", "callee_country", "callee_region")


def test_loading_twice_changes_nothing(store_settings: Settings, client: Client) -> None:
    first = load(client, [ADA, BOB])
    assert (first.added, first.corrected, first.unchanged) == ((ADA, BOB), (), 0)
    before = select(store_settings, "SELECT * FROM directory_entries ORDER BY ALL")
    again = load(client, [BOB, ADA])
    assert (again.added, again.corrected, again.unchanged) == ((), (), 2)
    assert select(store_settings, "SELECT * FROM directory_entries ORDER BY ALL") == before
    corrected = load(client, [replace(ADA, name="Ada L.")])
    assert (corrected.added, corrected.corrected, corrected.unchanged) == (
        (),
        (replace(ADA, name="Ada L."),),
        0,
    )
    assert entries(client) == [replace(ADA, name="Ada L."), BOB]
    said = select(store_settings, "SELECT name, valid_from, valid_until FROM directory ORDER BY valid_from")
    assert [row["name"] for row in said] == ["Ada L.", "Bob"]
    assert [row["valid_until"] for row in said] == [said[1]["valid_from"], None]


def test_a_change_is_worked_out_from_what_is_known() -> None:
    other = replace(ADA, account="other")
    found = change([ADA, BOB], [ADA, replace(BOB, team=""), other])
    assert (found.added, found.corrected, found.unchanged) == ((other,), (replace(BOB, team=""),), 1)


def named(settings: Settings) -> dict[str, dict[str, Any]]:
    return {row["call_id"]: row for row in select(settings, "SELECT * FROM calls_named")}


TURNS = [
    ADA,
    BOB,
    Entry("acme", "extension", "200", START + 2 * DAY, ""),  # nobody's from then on
    Entry("acme", "user", "9", START + HOUR, "Carol", "Board"),
    Entry("acme", "campaign", "8842", START, "Spring"),
    Entry("other", "extension", "200", START - DAY, "Somebody else", "Elsewhere"),
]


def test_calls_keep_the_names_that_held_when_they_began(store_settings: Settings, client: Client) -> None:
    load(client, TURNS)

    def ring(leg: str, at: int, **said: Any) -> list[Any]:
        return [event("ring", leg, at, **{"started_at": at, "extension": "200", **said})]

    tell(
        store_settings,
        ring("too early", START - DAY - 1),
        ring("from its time on", START - DAY),
        ring("last month", START + DAY - 1),
        ring("this month", START + DAY),
        ring("gone", START + 3 * DAY),
        ring("unknown extension", START, extension="201"),
        ring("none", START, extension=None),
        ring("not yet a user", START, agent_id="9", campaign="8842"),
        ring("a user before an extension", START + HOUR, agent_id="9", campaign="7"),
        ring("no start", START, started_at=None),
    )
    found = {
        call_id: tuple(row[name] for name in NAMES[:3]) for call_id, row in named(store_settings).items()
    }
    assert found == {
        "too early": (None, None, None),
        "from its time on": ("Ada", "Sales", None),
        "last month": ("Ada", "Sales", None),
        "this month": ("Bob", "Support", None),
        "gone": (None, None, None),
        "unknown extension": (None, None, None),
        "none": (None, None, None),
        "not yet a user": ("Ada", "Sales", "Spring"),
        "a user before an extension": ("Carol", "Board", None),
        "no start": ("Ada", "Sales", None),
    }


CUSTOMERS = [
    Entry("acme", "number", "+861062345678", 0, "Beijing Ltd"),
    Entry("acme", "number", "02079460123", 0, "London Ltd"),  # as the source in Britain writes it
    Entry("acme", "number", "200", 0, "Nobody's customer"),
]


def test_customers_and_places_by_number(store_settings: Settings, client: Client) -> None:
    load(client, CUSTOMERS)
    client.execute("INSERT INTO phone_areas (prefix, area) VALUES", [("4420", "London")])

    def call(leg: str, direction: str, caller: str, callee: str, source: str = "shop") -> list[Any]:
        said = {"direction": direction, "caller": caller, "callee": callee, "source": source}
        return [event("ring", leg, START, **said)]

    tell(
        store_settings,
        call("to Beijing", "outbound", "200", "01062345678"),
        call("from Beijing", "inbound", "+861062345678", "200"),
        call("to London", "outbound", "01062345678", "+442079460123"),
        call("from London", "inbound", "02079460123", "200", "british"),
        call("unplaced", "inbound", "02079460123", "200", "nowhere"),
        call("no customer", "outbound", "200", "+12125550123"),
    )
    before = named(store_settings)
    assert before["unplaced"]["customer"] == "London Ltd"  # written alike
    assert before["to Beijing"]["customer"] is None
    assert {before[call_id][name] for call_id in before for name in PLACES} == {None}
    place_some(client, {"shop": "CN", "british": "GB"}, lambda: None)
    found = {
        call_id: tuple(row[name] for name in ("customer", *PLACES))
        for call_id, row in named(store_settings).items()
    }
    assert found == {
        "to Beijing": ("Beijing Ltd", None, None, "CN", None),
        "from Beijing": ("Beijing Ltd", "CN", None, None, None),
        "to London": ("London Ltd", "CN", None, "GB", "London"),
        "from London": ("London Ltd", "GB", "London", None, None),
        "unplaced": ("London Ltd", None, None, None, None),
        "no customer": (None, None, None, "US", None),
    }
    masked = select(store_settings, "SELECT * FROM calls_named_masked WHERE call_id = 'to London'")
    assert (masked[0]["callee_region"], masked[0]["callee"][-3:]) == ("London", "-23")
    kinds = select(store_settings, "SELECT DISTINCT kind FROM directory_masked")
    assert kinds == []  # numbers of customers are not for everybody


def test_every_call_is_named_once(store_settings: Settings) -> None:
    tell(store_settings, [event("ring", "a", START)], [event("ring", "b", START, source="other")])
    assert sorted(named(store_settings)) == ["a", "b"]


def test_the_command(store_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(store_settings).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "who.csv"
    file.write_text(
        "kind,id,name,team,valid_from\nextension,200,Ada,Sales,2026-01-01\nnumber,+1,A,,2026-01-01\n"
    )
    runner = CliRunner()
    options = [str(file), "--account", "acme", "--timezone", "UTC"]
    for command in ("load", "check"):
        result = runner.invoke(group, ["directory", command, *options])
        assert isinstance(result.exception, CallweaveError)
        assert str(result.exception) == f"{file}: line 3, id: is not a number that can be dialled"
    assert "The directory is empty" in runner.invoke(group, ["directory", "list"]).output
    file.write_text(file.read_text().rpartition("number")[0])
    assert "1 rows, nothing wrong" in runner.invoke(group, ["directory", "check", *options]).output
    assert "1 added, 0 corrected, 0 unchanged" in runner.invoke(group, ["directory", "load", *options]).output
    assert "0 added, 0 corrected, 1 unchanged" in runner.invoke(group, ["directory", "load", *options]).output
    listed = runner.invoke(group, ["directory", "list", "--json"]).output
    assert listed == (
        '{"account":"acme","kind":"extension","id":"200","valid_from":"2026-01-01T00:00:00+00:00",'
        '"name":"Ada","team":"Sales"}\n'
    )
    assert "Ada" in runner.invoke(group, ["directory", "list"]).output
    refused = runner.invoke(group, ["directory", "check", str(file), "--timezone", "Mars/Base"])
    assert isinstance(refused.exception, CallweaveError)
    assert "must be an IANA time zone" in str(refused.exception)
