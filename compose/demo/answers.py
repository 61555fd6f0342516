"""What an analyst asks of the demo's calls, answered by SQL and shown as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callweave import clickhouse
from callweave.commands import tables
from callweave.commands.query import plain
from compose.demo.sources import DEMOS
from provider.simulated.ledger import SENT, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callweave.settings import Settings

SQL = Path(__file__).with_name("answers.sql")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def show(settings: Settings, folder: Path) -> None:
    """Print a table for each question, of the calls that came while the run of this ledger went on."""
    parameters = span(folder)
    with clickhouse.connected(settings.clickhouse) as client:
        for question, statement in questions(SQL.read_text("utf-8")):
            rows, columns = client.execute(statement, parameters, with_column_types=True)
            cells = [["" if value is None else plain(value) for value in row] for row in rows]
            click.echo(f"\n{question}")
            tables.show([name for name, _ in columns], cells)


def questions(text: str) -> Iterator[tuple[str, str]]:
    """Each question with its statement."""
    for part in text.split(";"):
        comment, select, rest = part.partition("\nSELECT\n")
        if select:
            said = comment.strip().rpartition("\n\n")[2].splitlines()
            yield " ".join(line.removeprefix("-- ") for line in said), f"SELECT\n{rest}"


def span(folder: Path) -> dict[str, Any]:
    """When the run's callbacks came, and whose they are: the parameters of the statements."""
    begin, end = None, 0
    for line in lines(folder / SENT):
        begin = line["sent_at"] if begin is None else min(begin, line["sent_at"])
        end = max(end, line["answered_at"] or 0)
    return {"begin": _text(begin or 0), "end": _text(end), "sources": tuple(DEMOS)}


def _text(time: int) -> str:
    """As ClickHouse reads a time with microseconds."""
    return (EPOCH + timedelta(microseconds=time)).strftime("%Y-%m-%d %H:%M:%S.%f")
