"""Reading the tables and views of a test's database as Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime import clickhouse
from tests.servers import eventually

if TYPE_CHECKING:
    from runtime.settings import Settings

Row = dict[str, Any]


def select(settings: Settings, query: str, parameters: Row | None = None) -> list[Row]:
    """Rows by column name."""
    with clickhouse.connected(settings.clickhouse) as client:
        return clickhouse.rows(client, query, parameters or {})


def count(settings: Settings, query: str, parameters: Row | None = None) -> int:
    """The one number that a query gives."""
    with clickhouse.connected(settings.clickhouse) as client:
        return int(client.execute(query, parameters or {})[0][0])


def until(settings: Settings, query: str, number: int) -> None:
    """Wait until a query gives this number."""
    eventually(lambda: count(settings, query) == number, f"{query}: {number}")


WORK_DONE = """
SELECT
    (SELECT count() FROM callbacks) AS archived,
    (SELECT max(visible_at) FROM stored_calls) AS written_at,
    count() AS told,
    sum(revision) AS events
FROM calls
"""


def work_done(settings: Settings) -> list[Row]:
    """How far the pipeline is: how much it has archived, and told of calls.

    Much may be told again, as after a crash, before there is news: then rows are written, and none changes.
    """
    return select(settings, WORK_DONE)


MADE_NOW = frozenset({"visible_at"})
"""Columns that say when a row was written."""
NUMBERED = frozenset({"reading", "version", "named_before"})
"""Columns that tell whether, and how often, the archive was read again."""


def contents(settings: Settings, without: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Every table, merged, row by row, `without` some columns; the order within a set says nothing.

    But for where numbers belong: the sink looks that up in its own time. And for the history of calls.
    """
    tables = select(
        settings,
        "SELECT name, if(engine = 'MergeTree', '', 'FINAL') AS merged FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%%MergeTree' "
        "AND name NOT IN ('number_places', 'phone_areas', 'call_versions')",
    )
    return {
        row["name"]: sorted(
            repr(ordered(each, without | MADE_NOW))
            for each in select(settings, f"SELECT * FROM {row['name']} {row['merged']}")
        )
        for row in tables
    }


def ordered(row: dict[str, Any], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if name not in without}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(value, key=repr)
    # of a column that is mostly false a server sends only what is true; clickhouse-driver fills in 0
    return int(value) if isinstance(value, bool) else value
