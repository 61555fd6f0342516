"""`callweave simulate`: a made-up provider that misbehaves as real ones do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import threading
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callweave.commands.numbers import FiniteRange
from runtime import sources
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo
from simulator.api.exchange import Exchange
from simulator.api.server import serving
from simulator.connection import Endpoint
from simulator.demo import kept_urls
from simulator.ledger import SENT, Ledger
from simulator.misbehaviour import Misbehaviour
from simulator.progress import shown, summarise
from simulator.run import Wishes, run
from simulator.sending import Manner, Tally
from simulator.traffic import MODELS, Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runtime.settings import Settings
    from simulator.model import SimulatedCall

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_SECONDS = 30 * 86_400
FASTEST = 1_000_000
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")

ASK_HERE = """The provider's REST API is there until Ctrl-C. For a source to ask it:

  callweave source provider NAME --base-url {base_url} --client-id {client} --token-file {file}"""
"""How to point a source at the simulated provider."""


def duration(text: str) -> int:
    """Read a duration such as 30s or 5m, in µs."""
    found = DURATION.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter("must be a number with its unit, as in 500ms, 30s, 5m or 1h")
    seconds = float(found.group(1)) * SECONDS[found.group(2)]
    if seconds > LONGEST_SECONDS:
        raise click.BadParameter("must be 30 days at most")
    return round(seconds * 1_000_000)


def share(text: str) -> float:
    """Read a share such as 2%."""
    found = SHARE.fullmatch(text.strip())
    if found is None or not 0 <= float(found.group(1)) <= 100:
        raise click.BadParameter("must be a share of a hundred, as in 2% or 0.5%")
    return float(found.group(1)) / 100


@click.command()
@click.option("--url", "urls", multiple=True, metavar="NAME=URL", help="Where a source's callbacks go.")
@click.option("--calls", type=click.IntRange(0), default=100, show_default=True, help="How many calls.")
@click.option(
    "--rate", type=FiniteRange(0.01, FASTEST), default=50.0, show_default=True, help="Callbacks a second."
)
@click.option(
    "--speedup",
    type=FiniteRange(1, FASTEST),
    default=1.0,
    show_default=True,
    help="How many times faster than real time; delays below too.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same calls.")
@click.option("--duplicates", type=share, default="0%", show_default=True, help="Callbacks sent twice.")
@click.option(
    "--shuffle", type=duration, default="0s", show_default=True, help="Delay callbacks by up to this."
)
@click.option("--lost-hangups", type=share, default="0%", show_default=True, help="Hangups never sent.")
@click.option("--late-cdr", type=duration, default="0s", show_default=True, help="Delay CDRs by up to this.")
@click.option("--malformed", type=share, default="0%", show_default=True, help="Send a broken copy as well.")
@click.option(
    "--untidy", type=share, default="0%", show_default=True, help="Callbacks as no document has them."
)
@click.option(
    "--retries", type=click.IntRange(0), default=3, show_default=True, help="Tries after a 5xx or no answer."
)
@click.option("--timeout", type=duration, default="10s", show_default=True, help="Of one request.")
@click.option(
    "--connections", type=click.IntRange(1), default=16, show_default=True, help="Requests at once."
)
@click.option(
    "--api",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve the provider's REST API on this local port until Ctrl-C; 0 takes a free port.",
)
@click.option("--ledger", type=click.Path(file_okay=False), help="A new folder for the ledger.")
def simulate(**options: Any) -> None:
    """Simulate calls, and send their webhooks.

    Webhooks look as in the providers' documents. Without --url they go to the demo sources of `make run`. A
    folder is written with what was sent and acknowledged, and the row that each call must become; its path is
    printed on standard output.
    """
    settings = load()

    # without calls only the API is wanted
    urls = dict(_pair(text) for text in options["urls"]) or (demo_urls(settings) if options["calls"] else {})
    senders = senders_of(settings, urls)
    endpoints = {name: Endpoint.of(url) for name, url in urls.items()}
    folder = ledger_folder(settings, options["ledger"])
    wishes = wishes_of(options)
    if options["api"] is None:
        perform(wishes, senders, endpoints, folder)
        echo(str(folder))
        return
    with serving_api(options["api"], wishes, folder) as finished:
        if senders:
            perform(wishes, senders, endpoints, folder, finished)
            echo(str(folder))
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@contextmanager
def serving_api(port: int, wishes: Wishes, folder: Path) -> Iterator[Callable[[SimulatedCall], None]]:
    """Serve the provider's REST API; yield the function that adds a finished call to its history."""
    exchange = Exchange(SystemClock(), seed=wishes.seed, speedup=wishes.manner.speedup)
    token, file = secrets.token_urlsafe(24), folder / "api-token"
    exchange.tokens.add(token)
    folder.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        written.write(token)
    try:
        with serving(exchange, port=port) as base_url:
            told = ASK_HERE.format(base_url=base_url, client=exchange.client_id, file=file)
            echo(told, err=True, lines=True)
            yield lambda call: exchange.remember(call, *call.truth.legs)
    finally:
        file.unlink()


def wishes_of(options: Mapping[str, Any]) -> Wishes:
    manner = {name: options[name] for name in ("speedup", "connections", "retries")}
    return Wishes(
        **{name: options[name] for name in ("seed", "calls", "rate")},
        misbehaviour=Misbehaviour(**{each.name: options[each.name] for each in fields(Misbehaviour)}),
        manner=Manner(**manner, patience=options["timeout"] / 1e6),
    )


def demo_urls(settings: Settings) -> dict[str, str]:
    """Return the demo sources' callback URLs by name; raise `CallweaveError` if there are none."""
    urls = kept_urls(settings)
    if not urls:
        raise CallweaveError(
            "There are no demo sources: start `make run` once, or say where to send: --url NAME=URL, where "
            "NAME is a source (`callweave source add --help`)."
        )
    return urls


def senders_of(settings: Settings, urls: Mapping[str, str]) -> list[Sender]:
    """Return the sender behind each URL, with its source's dialect and time zone."""
    known = sources.load(settings.sources_file)
    senders = []
    for name in urls:
        source = known.get(name)
        if source is None or not source.active:
            raise CallweaveError(f"{name} is no source: `callweave source list` has them.")
        if source.dialect not in MODELS:
            raise CallweaveError(f"{name} speaks {source.dialect}, in which no calls are simulated.")
        senders.append(Sender(name, source.account, source.dialect, source.timezone))
    return senders


def ledger_folder(settings: Settings, given: str | None) -> Path:
    """Choose a folder that holds no ledger."""
    folder = Path(given) if given else settings.data / "simulated" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"
    if (folder / SENT).exists():
        raise CallweaveError(f"{folder} has a ledger already: choose another folder.")
    return folder


def perform(
    wishes: Wishes,
    senders: list[Sender],
    endpoints: Mapping[str, Endpoint],
    folder: Path,
    finished: Callable[[SimulatedCall], None] | None = None,
) -> Tally:
    """Run the simulation with its progress on standard error, then report the outcome."""
    tally = Tally()

    async def main(ledger: Ledger) -> None:
        with shown(wishes, tally, ledger):
            await run(wishes, senders, endpoints, ledger, tally, now=SystemClock().now())

    with Ledger(folder, finished) as ledger:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main(ledger))
        summarise(tally, ledger)
    return tally


def _pair(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    if not name or not equals or not url:
        raise click.UsageError("--url takes a source's name and its callback URL, as in demo=http://…")
    return name, url
