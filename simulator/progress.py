"""The progress of a run: a bar while it goes on, and a summary at its end; on standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Task
    from rich.progress_bar import ProgressBar

    from simulator.ledger import Ledger
    from simulator.run import Wishes
    from simulator.sending import Tally

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
WIDTH_IN_A_FILE = 100


class _Figures(ProgressColumn):
    """A run's figures; read when the bar is drawn, so that sending never waits for it."""

    def __init__(self, tally: Tally, ledger: Ledger) -> None:
        super().__init__()
        self._tally = tally
        self._ledger = ledger

    def render(self, task: Task) -> Text:
        tally, elapsed = self._tally, task.elapsed or 0.0
        rate = tally.through / elapsed if elapsed else 0.0
        retried = f", {tally.retried} retried" if tally.retried else ""
        calls = f"{self._ledger.outcomes['calls']} calls, {self._ledger.under_way} under way"
        return Text(f"{calls}, {tally.through} callbacks, {rate:.0f}/s{retried}")


class _Bar(BarColumn):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def render(self, task: Task) -> ProgressBar:
        task.completed = self._ledger.outcomes["calls"]
        return super().render(task)


@contextmanager
def shown(wishes: Wishes, tally: Tally, ledger: Ledger) -> Iterator[None]:
    """A progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("Calling"), _Bar(ledger), _Figures(tally, ledger), TimeElapsedColumn())
    with Progress(
        *columns, console=console, refresh_per_second=4, disable=not console.is_terminal
    ) as progress:
        progress.add_task("calls", total=wishes.calls)
        yield


def summarise(tally: Tally, ledger: Ledger) -> None:
    width = None if sys.stderr.isatty() else WIDTH_IN_A_FILE
    console = Console(stderr=True, width=width, highlight=False)
    table = Table("", "", show_header=False)
    for name, value in _lines(tally, ledger):
        table.add_row(name, value)
    console.print(table)


def _lines(tally: Tally, ledger: Ledger) -> Iterator[tuple[str, str]]:
    outcomes = ledger.outcomes
    yield "calls", str(outcomes["calls"])
    yield (
        "callbacks",
        f"{tally.through} ({outcomes['duplicate']} of them duplicates, {outcomes['malformed']} malformed, "
        f"{outcomes['untidy']} untidy); "
        f"{outcomes['lost']} hangups lost",
    )
    answers = sorted(tally.statuses.items(), key=lambda each: each[0] or 0)
    yield "answers", ", ".join(f"{status or 'none'}: {count}" for status, count in answers) or "none"
    yield "retried, unacknowledged", f"{tally.retried}, {outcomes['unacknowledged']}"
    rate = tally.through / tally.seconds if tally.seconds else 0.0
    yield "rate", f"{rate:.0f}/s over {tally.seconds:.1f} s; the schedule was up to {tally.behind:.2f} s late"
    found = quantiles(tally)
    yield "latency", ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in found.items()) or "none"


def quantiles(tally: Tally) -> dict[str, float]:
    """Latencies (s) within which these shares of the answers arrived; none without an answer."""
    ordered = sorted(tally.latencies)
    last = len(ordered) - 1
    return {
        name: ordered[min(last, int(share * len(ordered)))] for name, share in QUANTILES.items() if ordered
    }
