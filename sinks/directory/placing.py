"""Find the country and region of numbers, seconds after events first contain them, beside the sink's work.

This is a thread with a connection of its own. It may fail and be tried again without the sink noticing: what
is not done yet is in the table.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import structlog
from clickhouse_driver.errors import Error

from runtime import clickhouse, sources
from runtime.errors import CallweaveError
from sinks.directory import areas
from sinks.directory.places import place, prefixes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from clickhouse_driver import Client

    from runtime.stage import StageProcess

log = structlog.get_logger(__name__)

SECONDS = 5.0
"""Between two searches for numbers without a place."""
LONGEST_SECONDS = 300.0
SHARE = 0.05
"""Share of the time that this may take, after each portion too: ClickHouse and the sink have other work."""
STILL_SECONDS = 1800.0
"""How long one search may take, with the longest pause after it, before the thread counts as hung."""
NUMBERS = 500
"""How many are placed at once."""

PENDING = """
SELECT account, source, number
FROM (SELECT account, source, number, placed_at, assumed_country FROM number_places FINAL)
WHERE placed_at = toDateTime64(0, 6, 'UTC')
    OR assumed_country != transform(toString(source), %(sources)s, %(countries)s, toString(assumed_country))
LIMIT %(limit)s
"""
"""Numbers never looked up, or looked up when their source had another country."""

Pending = tuple[str, str, str]
"""Account, source, number."""


def place_some(
    client: Client, countries: Mapping[str, str], fill_areas: Callable[[], None], limit: int = NUMBERS
) -> int:
    """Place at most `limit` numbers, and return how many.

    `countries` is by source, and empty for a source without one. `fill_areas` is called if areas are
    needed and the table has none.
    """
    known = {"": "", **countries}  # ClickHouse can't tell the type of an empty list
    found: list[Pending] = client.execute(
        PENDING, {"sources": list(known), "countries": list(known.values()), "limit": limit}
    )
    if not found:
        return 0
    placed = [(key, place(key[2], countries.get(key[1]) or None)) for key in found]
    if any(at.area_digits for _, at in placed) and areas.are_missing(client):
        fill_areas()
    named = areas.areas(client, (each for _, at in placed for each in prefixes(at.area_digits)))
    ((now,),) = client.execute("SELECT toUnixTimestamp64Micro(now64(6))")
    rows = [
        (
            *key,
            now,
            countries.get(key[1], ""),
            at.e164,
            at.country,
            next((named[each] for each in prefixes(at.area_digits) if each in named), ""),
        )
        for key, at in placed
    ]
    client.execute(
        "INSERT INTO number_places "
        "(account, source, number, placed_at, assumed_country, e164, country, region) VALUES",
        rows,
    )
    return len(rows)


def place_all(client: Client, countries: Mapping[str, str], stop: Event) -> None:
    """Place all numbers without a place, a portion at a time."""
    begun = time.monotonic()
    while place_some(client, countries, fill_areas) == NUMBERS:
        if stop.wait(min((time.monotonic() - begun) / SHARE, LONGEST_SECONDS)):
            return
        begun = time.monotonic()


def fill_areas() -> None:
    """Fill the table of areas in a process of its own: reading them takes 200 MB."""
    subprocess.run([sys.executable, "-m", "sinks.directory.areas"], check=False)


def keep_placing(stage: StageProcess, stop: Event) -> None:
    """Place new numbers, again and again, until stopped."""
    settings, pause, told = stage.settings, SECONDS, ""
    while not stop.wait(pause):
        begun = time.monotonic()
        stage.heart.beat("the placing of numbers", STILL_SECONDS)
        try:
            all_sources = sources.load(settings.sources_file)
            countries = {source.name: source.country or "" for source in all_sources}
            with clickhouse.connected(settings.clickhouse) as client:
                place_all(client, countries, stop)
        except (CallweaveError, Error) as error:
            code = type(error).__name__
            if code != told:  # once: ClickHouse is away, and the sink reports it as well
                log.warning("numbers have no place yet", error=code)
            told = code
        else:
            told = ""
        pause = min(max(SECONDS, (time.monotonic() - begun) / SHARE), LONGEST_SECONDS)
