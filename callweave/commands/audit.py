"""`callweave audit`: check that every acknowledged callback is where it belongs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import click
import orjson
from rich.console import Console

from callweave.commands import tables
from callweave.commands.numbers import FiniteRange
from callweave.commands.spans import span_options
from operations.audit.examine import examine
from operations.audit.identity import Verdict, remedies, total
from runtime.errors import CallweaveError, file_trouble
from runtime.settings import load
from runtime.terminal import abandon_output, echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operations.audit.examine import Report
    from operations.audit.identity import Counts
    from sinks.span import Span

EXIT_HOLE = 1
EXIT_UNTOLD = 3
"""Exit status 2 is click's, for a mistake in the options."""
PATIENCE = 60.0

COLUMNS = (
    "source",
    "acknowledged",
    "archived",
    "rejected",
    "normalized",
    "not calls",
    "in calls",
    "difference",
)


@click.command()
@span_options
@click.option(
    "--wait",
    "patience",
    type=FiniteRange(0, 86_400),
    is_flag=False,
    flag_value=PATIENCE,
    default=0.0,
    help=f"Wait for the stages, at most this many seconds ({PATIENCE:.0f} without a number).",
)
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Name at most this many holes."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(*, span: Span, patience: float, limit: int, as_json: bool) -> None:
    """Check that every acknowledged callback is where it belongs.

    Kafka's offsets are compared with the archive, and the archive with events and calls. For each source:
    acknowledged = archived = rejected + normalized; normalized = not calls + in calls. Exit status 0: so it
    is; 1: something is missing; 3: can't be told now, because stages are still at work (see --wait), a server
    does not answer, the settings are wrong, or the command was interrupted or could not print its answer.
    """
    with _answering():
        settings = load()
        with progress() as say:
            report = examine(settings, span, patience=patience, limit=limit, say=say)
        if as_json:
            echo_json(orjson.dumps(document(report), option=orjson.OPT_INDENT_2))
        else:
            _print(report)
    verdict = report.verdict()
    if verdict is not Verdict.WHOLE:
        sys.exit(EXIT_HOLE if verdict is Verdict.HOLE else EXIT_UNTOLD)


@contextmanager
def _answering() -> Iterator[None]:
    """End with `EXIT_UNTOLD` if no answer can be given or printed: 1 would say that something is missing."""
    try:
        yield
    except CallweaveError as error:
        _give_up(error.lines)
    except KeyboardInterrupt:
        _give_up(["interrupted: nothing is known."])
    except BrokenPipeError:
        abandon_output()
        _give_up([])
    except OSError as error:
        if (sentence := file_trouble(error)) is None:
            raise
        abandon_output()
        _give_up([sentence])


def _give_up(lines: list[str]) -> NoReturn:
    for line in lines:
        echo(f"callweave: {line}", err=True)
    sys.exit(EXIT_UNTOLD)


def document(report: Report) -> dict[str, Any]:
    return {
        "verdict": report.verdict().name.lower(),
        "total": _numbers(total(report.counts)),
        "sources": {source: _numbers(counts) for source, counts in sorted(report.counts.items())},
        "holes": [
            {**asdict(hole), "problem": hole.problem.name.lower().replace("_", "-")} for hole in report.holes
        ],
        "lags": [{**lag._asdict(), "messages": lag.messages} for lag in report.lags],
        "doubts": report.doubts,
        "notes": report.notes,
    }


def _numbers(counts: Counts) -> dict[str, Any]:
    return {
        "acknowledged": counts.acknowledged,
        "archived": counts.archived,
        "rejected": dict(sorted(counts.rejected.items())),
        "normalized": counts.normalized,
        "not_calls": counts.not_calls,
        "in_calls": counts.in_calls,
        "undecided": counts.undecided,
        "differences": list(counts.differences()),
        "difference": counts.difference(),
    }


def _print(report: Report) -> None:
    rows = [_row(source or "(none)", counts) for source, counts in sorted(report.counts.items())]
    tables.show(COLUMNS, [*rows, _row("all", total(report.counts))])
    codes = [
        [source or "(none)", code, str(number)]
        for source, counts in sorted(report.counts.items())
        for code, number in sorted(counts.rejected.items())
    ]
    if codes:
        tables.show(["source", "rejected for", "callbacks"], codes)
    if report.holes:
        tables.show(
            ["what is missing", "source", "callback", "topic/partition/offset"],
            [
                [hole.problem.value, hole.source or "(none)", hole.callback_id, hole.place()]
                for hole in report.holes
            ],
        )
        for remedy in remedies(hole.problem for hole in report.holes):
            echo(remedy)
    for note in report.notes:
        echo(f"Note: {note}.")
    for doubt in report.doubts:
        echo(f"Can't be told: {doubt}.", err=True)
    for lag in report.lags:
        echo(
            f"Not finished: {lag.group} has {lag.messages} messages of {lag.topic}/{lag.partition} to go.",
            err=True,
        )
    if report.lags:
        echo("Stages are still at work, or have stopped: --wait waits for them.", err=True)
    echo(f"Verdict: {report.verdict().value}.")


def _row(source: str, counts: Counts) -> list[str]:
    numbers = (
        counts.acknowledged,
        counts.archived,
        counts.rejected.total(),
        counts.normalized,
        counts.not_calls,
        counts.in_calls,
        counts.difference(),
    )
    return [source, *map(str, numbers)]


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(f"looking at: {text}")
