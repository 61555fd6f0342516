"""libphonenumber's areas as a table: in memory they take 200 MB, and four seconds to read.

So the sink queries the table, and another process fills it: `python -m sinks.directory.areas`, which the sink
starts if the table is empty, or `callweave directory areas`.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from runtime import clickhouse
from runtime.portions import portions
from runtime.settings import load as load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clickhouse_driver import Client

LANGUAGE = "en"


def load(client: Client) -> int:
    """Fill the table, and return how many areas it has."""
    rows = named(importlib.import_module("phonenumbers.geodata").GEOCODE_DATA)
    client.execute("INSERT INTO phone_areas (prefix, area) VALUES", rows)
    return len(rows)


def are_missing(client: Client) -> bool:
    return bool(client.execute("SELECT count() FROM phone_areas") == [(0,)])


def named(data: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(prefix, names[LANGUAGE]) for prefix, names in data.items() if LANGUAGE in names]


def areas(client: Client, wanted: Iterable[str]) -> dict[str, str]:
    query = "SELECT prefix, area FROM phone_areas FINAL WHERE prefix IN %(prefixes)s"
    return {
        prefix: area
        for some in portions(sorted(set(wanted)))
        for prefix, area in client.execute(query, {"prefixes": some})
    }


def main() -> None:
    """Fill the table of the settings' database."""
    os.nice(10)  # nobody waits for it
    with clickhouse.connected(load_settings().clickhouse) as client:
        load(client)


if __name__ == "__main__":
    main()
