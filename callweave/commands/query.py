"""`callweave sql`: query ClickHouse without another client."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click

from callweave.commands import tables
from runtime import clickhouse
from runtime.cells import csv_of, json_of, plain
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Format(StrEnum):
    TABLE = "table"
    VERTICAL = "vertical"
    JSON = "json"
    CSV = "csv"


@click.command()
@click.argument("statement")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    default=Format.TABLE.value,
    show_default=True,
    help="vertical: a line for each column; json: an object a line; csv: with column names.",
)
def sql(statement: str, form: str) -> None:
    """Run one SQL statement.

    For example: callweave sql "SELECT * FROM calls".
    """
    settings = load()
    try:
        with clickhouse.connected(settings.clickhouse) as client:
            result = client.execute(statement, with_column_types=True)
    except clickhouse.RefusedError as error:
        raise CallweaveError(f"ClickHouse refuses: {error.words}") from None
    if not isinstance(result, tuple):  # an INSERT returns a number of rows
        return
    rows, columns = result
    PRINTERS[Format(form)]([name for name, _ in columns], rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    cells = [[plain(value) for value in row] for row in rows]
    if tables.fits(columns, cells):
        tables.show(columns, cells)
    else:
        _vertical(columns, rows)
    echo(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", err=True)


def _vertical(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    width = max(map(len, columns), default=0)
    for number, row in enumerate(rows, 1):
        echo(f"── row {number}")
        for name, value in zip(columns, row, strict=True):
            echo(f"{name:{width}}  {plain(value)}")


def _json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    for row in rows:
        echo_json(json_of(dict(zip(columns, row, strict=True))))


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    echo(csv_of(columns, rows).removesuffix("\n"), lines=True)


PRINTERS: dict[Format, Callable[[Sequence[str], Sequence[Sequence[Any]]], None]] = {
    Format.TABLE: _table,
    Format.VERTICAL: _vertical,
    Format.JSON: _json,
    Format.CSV: _csv,
}
