"""Reading the tables and views of a test's database as Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callweave import clickhouse

if TYPE_CHECKING:
    from callweave.settings import Settings

Row = dict[str, Any]


def select(settings: Settings, query: str, parameters: Row | None = None) -> list[Row]:
    """Rows by column name."""
    with clickhouse.connected(settings.clickhouse) as client:
        rows, described = client.execute(query, parameters or {}, with_column_types=True)
    names = [name for name, _ in described]
    return [dict(zip(names, row, strict=True)) for row in rows]


def count(settings: Settings, query: str, parameters: Row | None = None) -> int:
    """The one number that a query gives."""
    with clickhouse.connected(settings.clickhouse) as client:
        return int(client.execute(query, parameters or {})[0][0])
