"""Numbers get their places from what events name, by themselves."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from runtime import sources
from runtime.stage import StageProcess, beside
from sinks.directory import areas, placing
from sinks.directory.placing import place_all, place_some
from tests.rows import select
from tests.servers import eventually
from tests.sinks.queries.telling import START, event, tell

if TYPE_CHECKING:
    from pathlib import Path

    from clickhouse_driver import Client

    from runtime.settings import Settings

LONDON, BEIJING = "+442079460123", "01062345678"
COLUMNS = "source, number, e164, country, region, placed_at > toDateTime64(0, 6, 'UTC') AS placed"


def places(settings: Settings) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Those that were looked up."""
    rows = select(settings, f"SELECT {COLUMNS} FROM number_places FINAL")
    return {
        (row["source"], row["number"]): (row["e164"], row["country"], row["region"])
        for row in rows
        if row["placed"]
    }


def nothing_to_fill() -> None:
    """Leave the table of areas as it is."""


def test_each_number_of_an_event_is_placed_once(store_settings: Settings, client: Client) -> None:
    tell(
        store_settings,
        [
            event("ring", "a", START, caller=BEIJING, callee=LONDON),
            event("hangup", "a", START, caller=BEIJING),
        ],
        [event("ring", "b", START, caller=BEIJING, callee="200", source="abroad")],
    )
    client.execute("INSERT INTO phone_areas (prefix, area) VALUES", [("44", "Britain"), ("4420", "London")])
    assert place_some(client, {"shop": "CN"}, nothing_to_fill) == 4
    beijing = {("shop", BEIJING): ("+861062345678", "CN", "")}
    expected = beijing | {
        ("shop", LONDON): (LONDON, "GB", "London"),  # the longest prefix
        ("abroad", BEIJING): ("", "", ""),
        ("abroad", "200"): ("", "", ""),
    }
    assert places(store_settings) == expected
    assert place_some(client, {"shop": "CN"}, nothing_to_fill) == 0
    tell(store_settings, [event("answer", "a", START + 1, caller=BEIJING, callee="201")])
    assert place_some(client, {"shop": "CN"}, nothing_to_fill) == 1  # the new one alone
    # once somebody says where the source is, its numbers are looked up again
    assert place_some(client, {"shop": "CN", "abroad": "CN"}, nothing_to_fill) == 2
    assert place_some(client, {"shop": "CN", "abroad": ""}, nothing_to_fill) == 2  # said to be nowhere again
    assert place_some(client, {"shop": "CN", "abroad": "CN"}, nothing_to_fill) == 2
    assert places(store_settings) == expected | {
        ("shop", "201"): ("", "", ""),
        ("abroad", BEIJING): ("+861062345678", "CN", ""),
    }


def test_areas_are_asked_for_when_a_number_has_one(store_settings: Settings, client: Client) -> None:
    asked: list[str] = []

    def fill() -> None:
        asked.append("")
        client.execute("INSERT INTO phone_areas (prefix, area) VALUES", [("4420", "London")])

    tell(store_settings, [event("ring", "a", START, callee="200")])
    place_some(client, {}, fill)
    assert asked == []
    tell(store_settings, [event("ring", "b", START, callee=LONDON)])
    place_some(client, {}, fill)
    assert places(store_settings)["shop", LONDON] == (LONDON, "GB", "London")
    tell(store_settings, [event("ring", "c", START, callee="+12125550123")])
    place_some(client, {}, fill)
    assert asked == [""]


def test_many_are_placed_a_few_at_a_time(
    store_settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "fill_areas", nothing_to_fill)
    calls = 2 * placing.NUMBERS + 1
    tell(store_settings, *([event("ring", f"{n}", START, callee=f"+4420794{n:05}")] for n in range(calls)))
    place_all(client, {}, threading.Event())
    assert len(places(store_settings)) == calls


def test_the_sink_places_numbers_beside_its_work(
    store_settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "SECONDS", 0.05)
    monkeypatch.setattr(placing, "fill_areas", nothing_to_fill)
    store_settings.sources_file.write_text("not TOML")
    with beside("places", partial(placing.keep_placing, StageProcess("sink", store_settings))):
        tell(store_settings, [event("ring", "a", START, callee=BEIJING)])
        store_settings.sources_file.unlink()
        sources.add(store_settings.sources_file, "shop", "acme", "common-api", "Asia/Shanghai", country="CN")
        eventually(
            lambda: places(store_settings).get(("shop", BEIJING)) == ("+861062345678", "CN", ""),
            "it is placed",
        )


def test_a_country_is_an_iso_code(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    with pytest.raises(sources.SourcesError, match="must be an ISO 3166 code of two capital letters"):
        sources.add(path, "shop", "acme", "common-api", "UTC", country="China")
    sources.add(path, "shop", "acme", "common-api", "UTC", country="CN")
    sources.add(path, "other", "acme", "common-api", "UTC")
    assert {source.name: source.country for source in sources.load(path)} == {"shop": "CN", "other": None}


def test_the_librarys_areas_are_loaded(store_settings: Settings, client: Client) -> None:
    assert areas.are_missing(client)
    assert areas.load(client) > 100_000
    assert areas.areas(client, ["4420", "44"]) == {"4420": "London"}
    assert not areas.are_missing(client)
