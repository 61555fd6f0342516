"""An analyst's questions about the demo's calls, answered by SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from callweave.commands import tables
from compose.demo_sources import DEMOS
from runtime import clickhouse
from runtime.cells import plain
from runtime.terminal import echo
from schemas.times import moment
from simulator.ledger import EXPECTED, SENT, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

SQL = Path(__file__).with_name("answers.sql")


def show(settings: Settings, folder: Path) -> None:
    """Print a table for each question, about the calls of this ledger's run."""
    parameters = span(folder)
    with clickhouse.connected(settings.clickhouse) as client:
        for question, statement in questions(SQL.read_text("utf-8")):
            rows, columns = client.execute(statement, parameters, with_column_types=True)
            cells = [["" if value is None else plain(value) for value in row] for row in rows]
            echo()
            echo(question)
            tables.show([name for name, _ in columns], cells)


def questions(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        comment, select, rest = part.partition("\nSELECT\n")
        if select:
            said = comment.strip().rpartition("\n\n")[2].splitlines()
            yield " ".join(line.removeprefix("-- ") for line in said), f"SELECT\n{rest}"


def span(folder: Path) -> dict[str, Any]:
    """The statements' parameters: the spans of callbacks and calls, whose they are, and a campaign."""
    sent = list(lines(folder / SENT))
    calls = [line["columns"] for line in lines(folder / EXPECTED)]
    began = [call["started_at"] for call in calls if call["started_at"] is not None]
    return {
        "begin": _text(min((line["sent_at"] for line in sent), default=0)),
        "end": _text(max((line["answered_at"] or 0 for line in sent), default=0)),
        "since": _text(min(began, default=0)),
        "until": _text(max(began, default=0) + 1),
        "sources": tuple(DEMOS),
        "accounts": tuple({account for account, *_ in DEMOS.values()}),
        "campaign": min((call["campaign"] for call in calls if call["campaign"]), default=""),
    }


def _text(time: int) -> str:
    return moment(time).strftime("%Y-%m-%d %H:%M:%S.%f")
