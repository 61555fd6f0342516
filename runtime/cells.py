"""Values of columns as text, for tables and for files of spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from runtime.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NULL = "NULL"
FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""The last four are wide: Asian spreadsheets run these too. OWASP's tabs and line ends are escaped before."""


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A file with the columns' names in its first line; NULL is an empty cell."""
    return csv_head(columns) + csv_lines(rows)


def csv_head(columns: Sequence[str]) -> str:
    return _written([[no_formula(name) for name in columns]])


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    return _written([["" if value is None else _cell(value) for value in row] for row in rows])


def _written(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    return no_formula(plain(value)) if isinstance(value, str | bytes) else plain(value)


def no_formula(text: str) -> str:
    """Put a quote before a text that a spreadsheet would run as a formula, as OWASP advises."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def json_of(value: Any) -> str:
    """Write a value as JSON; what JSON has no form for, such as NaN or a date as a key, is `plain` text."""
    return json.dumps(_in_json(value), ensure_ascii=False, allow_nan=False)  # orjson refuses UInt128


def _in_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else plain(key): _in_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return value
    return plain(value)


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
