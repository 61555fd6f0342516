"""Databases with all tables, lent to one test after the other: one costs two seconds of processor to make."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runtime.clickhouse import connected
from sinks.migrate import migrate
from sinks.pseudonyms import ensure_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

    from runtime.settings import ClickHouseSettings, Settings

SHAPE = """
SELECT name, if(engine = 'View', toString(uuid), create_table_query) FROM system.tables
WHERE database = currentDatabase() ORDER BY name
"""
"""A view that was made anew has another id; to write out the text of each takes most of the time."""
APPLIED = "SELECT name, checksum FROM schema_migrations ORDER BY name"
FILLED = """
SELECT name FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0 AND name != 'schema_migrations'
"""

RESTING = 1
"""Databases that are not lent again before another was."""

Shape = list[tuple[Any, ...]]


class Databases:
    """Those of one server that nobody uses now, each with the shape that it was made in."""

    def __init__(self) -> None:
        self._free: deque[tuple[ClickHouseSettings, Shape]] = deque()

    @contextmanager
    def lent(self, settings: Settings) -> Iterator[Settings]:
        """Yield the settings with an empty database, which no process may write to afterwards.

        One that was given back just now rests while another is lent: what a killed process had sent may
        arrive yet.
        """
        if len(self._free) > RESTING:
            clickhouse, shape = self._free.popleft()
            with connected(clickhouse) as client:
                _empty(client)
        else:
            migrate(settings)
            clickhouse = settings.clickhouse
            with connected(clickhouse) as client:
                shape = shape_of(client)
        yield settings.model_copy(update={"clickhouse": clickhouse})
        with connected(clickhouse) as client:
            if shape_of(client) == shape:
                self._free.append((clickhouse, shape))
            else:
                client.execute(f"DROP DATABASE {clickhouse.database}")

    def drop(self) -> None:
        """Leave nothing behind."""
        for clickhouse, _ in self._free:
            with connected(clickhouse, database="default") as client:
                client.execute(f"DROP DATABASE {clickhouse.database}")


def shape_of(client: Client) -> Shape:
    """What tests may change, but must not leave to others."""
    return [*client.execute(SHAPE), *client.execute(APPLIED)]


def _empty(client: Client) -> None:
    for (name,) in client.execute(FILLED):
        client.execute(f"TRUNCATE TABLE {name}")
    ensure_key(client)
