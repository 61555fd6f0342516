"""Tables on standard output: with borders and colour on a terminal, plain in a file or a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from runtime.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BORDER = 3
"""Characters between two columns."""
UNBOUNDED = 10_000
"""Characters a line: in a file a table is never cut to a terminal's width."""


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table. Cells are never read as markup."""
    console = _console()
    terminal = console.is_terminal
    table = Table(*columns, title=title, title_justify="left", header_style="bold" if terminal else "")
    for row in rows:
        table.add_row(*map(visible, row))
    console.print(table)


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the table fits without breaking cells into many lines."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    return sum(widths) + BORDER * len(widths) < _console().width


def _console() -> Console:
    width = None if sys.stdout.isatty() else UNBOUNDED
    return Console(markup=False, highlight=False, emoji=False, width=width)
