"""`callweave sql`: query ClickHouse without another client."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click
from clickhouse_driver.errors import ServerException

from callweave.commands import tables
from runtime import clickhouse
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo, echo_json, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NULL = "NULL"
FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""The last four are wide: Asian spreadsheets run these too. OWASP's tabs and line ends are escaped before."""


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
    with clickhouse.connected(settings.clickhouse) as client:
        try:
            result = client.execute(statement, with_column_types=True)
        except ServerException as error:
            raise CallweaveError(f"ClickHouse refuses: {clickhouse.first_line(error)}") from None
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
        named = dict(zip(columns, row, strict=True))
        echo_json(json.dumps(named, default=plain, ensure_ascii=False))  # orjson refuses UInt128


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(no_formula, columns))
    writer.writerows([["" if value is None else _csv_cell(value) for value in row] for row in rows])
    echo(text.getvalue().removesuffix("\n"), lines=True)


def _csv_cell(value: Any) -> str:
    return no_formula(plain(value)) if isinstance(value, str | bytes) else plain(value)


def no_formula(text: str) -> str:
    """Put a quote before a text that a spreadsheet would run as a formula, as OWASP advises."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


PRINTERS: dict[Format, Callable[[Sequence[str], Sequence[Sequence[Any]]], None]] = {
    Format.TABLE: _table,
    Format.VERTICAL: _vertical,
    Format.JSON: _json,
    Format.CSV: _csv,
}


def plain(value: Any) -> str:
    """Write a value as text: times without trailing zeros, control characters escaped."""
    if value is None:
        return NULL
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(sep=" ")
        return text.rstrip("0") if "." in text else text
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(plain, value)) + "]"
    return visible(str(value))
