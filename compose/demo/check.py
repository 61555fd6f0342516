"""Compare the tables with what the ledger of a run says they must hold."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime import clickhouse
from runtime.portions import portions
from schemas.uuids import canonical
from simulator.compare import differences
from simulator.ledger import BAD_REQUEST, EXPECTED, OK, SENT, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from clickhouse_driver import Client

    from runtime.settings import Settings

POLL_SECONDS = 0.5
MOST_SHOWN = 20

Line = dict[str, Any]

ROWS = "SELECT * FROM calls WHERE account IN %(accounts)s AND call_id IN %(ids)s"
STATUSES = "SELECT id, status FROM callbacks WHERE id IN %(ids)s"


@dataclass(slots=True)
class Report:
    """How a run and the tables differ."""

    calls: int
    unacknowledged: int
    differences: list[str] = field(default_factory=list)
    """A sentence each, without phone numbers."""
    wrong: int = 0
    malformed: int = 0
    rejected: int = 0
    """How many of this run's callbacks `callbacks` has as rejected."""
    accepted: int = 0

    @property
    def right(self) -> bool:
        return not self.differences and not self.unacknowledged


def settled(settings: Settings, folder: Path, attend: Callable[[], None], *, patience: float) -> Report:
    """Compare until everything is right, or for this many seconds."""
    expected, sent = list(lines(folder / EXPECTED)), list(lines(folder / SENT))
    deadline = time.monotonic() + patience
    while True:
        with clickhouse.connected(settings.clickhouse) as client:
            report = compared(client, expected, sent)
        if not report.differences or time.monotonic() > deadline:
            return report
        pause = time.monotonic() + POLL_SECONDS
        while time.monotonic() < pause:
            attend()
            time.sleep(POLL_SECONDS / 5)


def compared(client: Client, expected: Sequence[Line], sent: Sequence[Line]) -> Report:
    judged = [line for line in expected if not line["unacknowledged"]]
    wrong = list(_wrong(client, judged))
    differences = [*wrong, *_strays(client, judged)]
    report = Report(len(judged), len(expected) - len(judged), differences, len(wrong))
    _count_callbacks(client, sent, report)
    return report


def _wrong(client: Client, expected: Sequence[Line]) -> Iterator[str]:
    """Return a sentence for each call whose row is missing or different."""
    rows = {}
    ids = [line["columns"]["call_id"] for line in expected]
    accounts = tuple({line["account"] for line in expected})
    for some in portions(ids):
        for row in clickhouse.rows(client, ROWS, {"accounts": accounts, "ids": some}):
            rows[row["account"], row["call_id"]] = row
    for line in expected:
        call_id = line["columns"]["call_id"]
        problems = differences(line, rows.get((line["account"], call_id)))
        if problems:
            yield f"{call_id} ({line['source']}, {line['scenario']}): {'; '.join(problems)}"


def _strays(client: Client, expected: Sequence[Line]) -> Iterator[str]:
    """Return a sentence for each row that belongs to a call with another row: a call must have one row."""
    each = (line["columns"] for line in expected)
    others = [leg for row in each for leg in sorted({*map(canonical, row["legs"])} - {row["call_id"]})]
    accounts = tuple({line["account"] for line in expected})
    for some in portions(others):
        for (call_id,) in client.execute(
            "SELECT call_id FROM calls WHERE account IN %(accounts)s AND call_id IN %(ids)s",
            {"accounts": accounts, "ids": some},
        ):
            yield f"{call_id}: has a row of its own, and is a part of another call"


def _count_callbacks(client: Client, sent: Sequence[Line], report: Report) -> None:
    """Count archived callbacks: rejected if they were malformed, accepted if not."""
    answered = {line["id"]: line for line in sent if line["id"] and line["status"] in {OK, BAD_REQUEST}}
    found = {}
    for some in portions(answered):
        found.update(client.execute(STATUSES, {"ids": some}))
    for each, line in answered.items():
        malformed = line["why"] == "malformed"
        status = found.get(each, "missing")
        report.malformed += malformed
        report.rejected += status == "rejected"
        report.accepted += status == "accepted"
        if status != ("rejected" if malformed else "accepted"):
            report.differences.append(f"callback {each} ({line['why']} {line['kind']}) is {status}")


def verdict(report: Report) -> Iterator[str]:
    right = report.calls - report.wrong
    yield f"expected = actual for {right} of {report.calls} calls (every column that the provider knows)."
    yield (
        f"Callbacks: {report.accepted} accepted; {report.malformed} were malformed, "
        f"{report.rejected} are rejected."
    )
    if report.unacknowledged:
        yield f"Not judged: {report.unacknowledged} calls with callbacks that were never acknowledged."
    for sentence in report.differences[:MOST_SHOWN]:
        yield f"  {sentence}"
    if len(report.differences) > MOST_SHOWN:
        yield f"  and {len(report.differences) - MOST_SHOWN} more"
