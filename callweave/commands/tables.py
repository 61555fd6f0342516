"""Tables on standard output: with borders and colour on a terminal, plain in a file or a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.table import Table

from runtime.terminal import echo, echo_json, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BORDER = 3
"""Characters between two columns."""
UNBOUNDED = 10_000
"""Characters a line: in a file a table is never cut to a terminal's width."""


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table. Cells are never read as markup."""
    printer = console()
    terminal = printer.is_terminal
    table = Table(*columns, title=title, title_justify="left", header_style="bold" if terminal else "")
    for row in rows:
        table.add_row(*map(visible, row))
    printer.print(table)


def listed(rows: Sequence[Mapping[str, object]], *, as_json: bool, nothing: str) -> None:
    """Print rows of the same columns: a table, or a JSON object a line; say `nothing` if there are none."""
    if as_json:
        for row in rows:
            echo_json(orjson.dumps(row))
    elif rows:
        show(list(rows[0]), [list(map(str, row.values())) for row in rows])
    else:
        echo(nothing, err=True)


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the table fits without breaking cells into many lines."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return sum(widths) + BORDER * len(widths) < console().width


class Printer(Console):
    def on_broken_pipe(self) -> None:
        """Raise the error: rich itself would end the process, with a status that a command may use."""
        raise  # noqa: PLE0704 - rich calls this where it catches the error


def console() -> Console:
    width = None if sys.stdout.isatty() else UNBOUNDED
    return Printer(markup=False, highlight=False, emoji=False, width=width)
