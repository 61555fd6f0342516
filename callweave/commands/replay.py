"""`callweave replay`: send the archive through the pipeline again, or into a second database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from callweave.commands import differences, tables
from callweave.commands.numbers import FiniteRange
from callweave.commands.spans import span_options
from operations.replay import archive, rebuild
from operations.replay.archive import Selection
from operations.replay.readings import means_of
from operations.replay.send import replay as run
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.progress import bar
from runtime.settings import load
from runtime.terminal import echo

if TYPE_CHECKING:
    from operations.replay.progress import Progress
    from runtime.settings import Settings
    from sinks.span import Span

wait_option = click.option(
    "--wait",
    "patience",
    type=FiniteRange(0, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the stages; then the outcome is printed.",
)
"""For commands that call `send`."""


@click.command()
@span_options
@click.option("--dry-run", is_flag=True, help="Only print how many callbacks would be sent.")
@wait_option
@click.option(
    "--into",
    metavar="DATABASE",
    help="Leave topics and tables alone: build other tables there with this machine's code, "
    "and print which calls differ.",
)
@click.option("--json", "as_json", is_flag=True, help="With --into: print an object for each of these calls.")
@click.option("--numbers", is_flag=True, help="With --into: show phone numbers and links in full.")
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="With --into: print at most this many.",
)
def replay(
    *,
    span: Span,
    dry_run: bool,
    patience: float,
    into: str | None,
    as_json: bool,
    numbers: bool,
    limit: int,
) -> None:
    """Read archived callbacks again with today's code and sources.

    Afterwards the tables are as if all callbacks had been read this way from the start, except that a tie
    stays once it was made: legs that an earlier reading tied together are still one call. --into builds
    tables without such ties. Before it begins, the command prints what has changed since the last reading of
    the archive. If a replay is interrupted, running the same command continues it and says so. If the code or
    a source has changed since, or another replay was begun, it starts over.

    It first waits until normalize and the sink have processed what was received before. Callbacks in an
    ingress's spool can't be seen from here and are left out: replay once callweave_ingest_spool_bytes is 0
    on every ingress. A source's new account applies to new callbacks only.
    """
    settings = load()
    selection = Selection(span)
    if dry_run:
        foretell(settings, selection)
    elif into is None:
        send(settings, selection, patience)
    else:
        built = rebuild.into(settings, selection, into, rebuild.code_of(settings), SystemClock())
        differences.show(settings, built, into, as_json=as_json, numbers=numbers, limit=limit)


def foretell(settings: Settings, selection: Selection) -> None:
    with clickhouse.connected(settings.clickhouse) as client:
        found = archive.count(client, selection)
    rows = [[source, str(number)] for source, number in sorted(found.items())]
    tables.show(["source", "callbacks"], [*rows, ["all", str(sum(found.values()))]])


def send(settings: Settings, selection: Selection, patience: float) -> None:
    clock = SystemClock()
    with clickhouse.connected(settings.clickhouse) as client:
        total = sum(archive.count(client, selection).values())
    with bar("sending", total) as advance:

        def sent(progress: Progress) -> None:
            advance(progress.sent)

        outcome = run(
            settings,
            selection,
            clock,
            means=means_of(settings, clock.now()),
            patience=patience,
            say=lambda text: echo(text, err=True),
            sent=sent,
        )
    progress = outcome.progress
    before = f"; {outcome.before} of them were sent before this run" if outcome.before else ""
    echo(f"{progress.sent} callbacks sent{before}.")
    echo(f"{outcome.accepted} that were rejected are accepted now.")
    echo(f"{outcome.rejected} are rejected now that were accepted, or for other reasons.")
    if outcome.lags:
        behind = ", ".join(sorted({lag.group for lag in outcome.lags}))
        echo(f"The stages are still at work ({behind}): these numbers may grow.", err=True)
