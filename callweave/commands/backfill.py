"""`callweave backfill`: ask the provider for calls whose end never arrived."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from callweave.commands.numbers import FiniteRange
from callweave.commands.spans import Moment
from callweave.commands.subscribe import client_of
from provider import backfill as filling
from provider.backfill import Result
from provider.publishing import publishing
from provider.settings import provider_of
from runtime.clock import SystemClock
from runtime.progress import bar
from runtime.settings import LONGEST_WAIT_SECONDS, load
from runtime.terminal import echo
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator


FOLDER = "backfill"
"""Folder within `data` that keeps how far an interrupted run got, a file for each source."""
BEGINNING, FOREVER = 0, 2**62
"""Values of --since and --until that are left out."""


@click.command()
@click.option("--source", "name", required=True, help="The source whose provider to ask.")
@click.option(
    "--since", type=Moment(), default=BEGINNING, help="Only calls first reported at this time or later."
)
@click.option(
    "--until",
    type=Moment(),
    default=FOREVER,
    help="Only calls first reported before this time; UTC if it has no offset.",
)
@click.option(
    "--silent-seconds",
    type=FiniteRange(0, LONGEST_WAIT_SECONDS),
    default=300.0,
    show_default=True,
    help="Only calls without news for this long.",
)
@click.option("--afresh", is_flag=True, help="Start over, even if an earlier run was interrupted.")
def backfill(name: str, since: int, until: int, silent_seconds: float, *, afresh: bool) -> None:
    """Fetch the history of calls that have not ended.

    The events of each history are published. An interrupted run is continued by the next one with the same
    --since and --until.
    """
    settings = load()
    provider = provider_of(settings.sources_file, name)
    clock = SystemClock()
    silent = clock.now() - round(silent_seconds * SECOND)
    window = filling.Window(since, until, silent)
    calls = filling.Calls(settings, provider.source, window)
    progress = filling.Progress(settings.data / FOLDER / f"{name}.json")
    asked = {"since": window.since, "until": window.until}
    after = filling.Position() if afresh else progress.position(asked)
    if after != filling.Position():
        echo("Continuing where the last run was interrupted; --afresh starts over.", err=True)
    total = calls.count(after)
    with publishing(settings.kafka) as publish, client_of(provider) as client:
        pace = filling.Pace(provider.settings.requests_per_second)
        asker = filling.Asker(client, publish, provider.source, clock, pace)
        results = _with_progress(filling.run(calls, asker, progress, asked, after), total)
    echo(summary(results, total))


OTHERS = {
    Result.OPEN: "not over yet",
    Result.UNKNOWN: "unknown to the provider",
    Result.REFUSED: "with an answer that can't be used",
}


def summary(results: Counter[Result], total: int) -> str:
    if not total:
        return "No call lacks its end."
    published = f"{total} calls lacked their end: {results[Result.PUBLISHED]} histories published"
    others = [f"{results[each]} {words}" for each, words in OTHERS.items() if results[each]]
    return ", ".join([published, *others]) + "."


def _with_progress(results: Iterator[Result], total: int) -> Counter[Result]:
    counted: Counter[Result] = Counter()
    with bar("Asking for histories", total) as done:
        for result in results:
            counted[result] += 1
            done(counted.total())
    return counted
