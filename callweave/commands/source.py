"""`callweave source`: who may send us callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from callweave.commands import tables
from callweave.commands.provider import provider
from operations.replay.readings import Last, means_of
from runtime import sources
from runtime.clock import SystemClock
from runtime.settings import load

if TYPE_CHECKING:
    from runtime.settings import IngestSettings
    from runtime.sources import Setting, Source

ONCE = (
    "This URL holds the token and is shown only now: keep it as a secret. A running ingress knows it at once."
)

UNSET = "none"
"""In place of a value: the setting is to have none."""


class OrNone(click.ParamType):
    """What another type reads, or the word none."""

    def __init__(self, of: click.ParamType) -> None:
        """`of` is asked for everything else."""
        self.name = of.name
        self._of = of

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        return UNSET if value == UNSET else self._of.convert(value, param, ctx)


@click.group()
def source() -> None:
    """Add, list, change, remove the senders of callbacks."""


@source.command()
@click.argument("name")
@click.option("--account", required=True, help="The tenant: ids of different accounts never meet.")
@click.option("--dialect", required=True, help="common-api or extension-events.")
@click.option("--timezone", required=True, help="Of times written without one, as in Asia/Shanghai.")
@click.option(
    "--close-after",
    type=float,
    metavar="SECONDS",
    help="Close a call without news for so long; correlate.silence_seconds otherwise.",
)
@click.option("--country", metavar="ISO", help="Of phone numbers without a +, as in CN; unknown otherwise.")
def add(
    name: str, account: str, dialect: str, timezone: str, *, close_after: float | None, country: str | None
) -> None:
    """Add a source and print its callback URL, alone, on standard output."""
    settings = load()
    token = sources.add(
        settings.sources_file,
        name,
        account,
        dialect,
        timezone,
        close_after_seconds=close_after,
        country=country,
    )
    click.echo(callback_url(settings.ingest, token))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
def rotate(name: str) -> None:
    """Give a source a new token, void the old one, and print the new callback URL."""
    settings = load()
    click.echo(callback_url(settings.ingest, sources.rotate(settings.sources_file, name)))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
@click.option("--timezone", help="Of times written without one, as in Asia/Shanghai.")
@click.option(
    "--close-after",
    type=OrNone(click.FLOAT),
    metavar="SECONDS|none",
    help="Close a call without news for so long; none: after correlate.silence_seconds.",
)
@click.option("--country", metavar="ISO|none", help="Of phone numbers without a +, as in CN; none: unknown.")
def change(name: str, timezone: str | None, close_after: float | str | None, country: str | None) -> None:
    """Change settings of a source; its callback URL stays the same.

    What is not given stays as it was. Times that were read before keep the zone that they were read with,
    until `callweave replay` reads them again.
    """
    given: dict[Setting, str | float | None] = {}
    if timezone is not None:
        given["timezone"] = timezone
    if close_after is not None:
        given["close_after_seconds"] = None if close_after == UNSET else close_after
    if country is not None:
        given["country"] = None if country == UNSET else country
    if not given:
        raise click.UsageError("Give what is to change: --timezone, --close-after, --country.")
    settings = load()
    Last(settings.data).write_first(means_of(settings, SystemClock().now()))
    sources.change(settings.sources_file, name, given)
    told = ", ".join(f"{setting} = {UNSET if value is None else value}" for setting, value in given.items())
    click.echo(f"{name} is changed: {told}; its callback URL stays the same.", err=True)


@source.command()
@click.argument("name")
def remove(name: str) -> None:
    """Void a source's token. Its earlier callbacks stay readable."""
    sources.remove(load().sources_file, name)
    click.echo(f"{name} is removed; its callback URL is answered with 404 from now on.", err=True)


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the sources, without their tokens."""
    settings = load()
    found = [_row(item) for item in sources.load(settings.sources_file)]
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    elif found:
        shown = [["" if value is None else str(value) for value in row.values()] for row in found]
        tables.show(list(found[0]), shown)
    else:
        click.echo("There are no sources yet: `callweave source add --help`.", err=True)


source.add_command(provider)


def callback_url(settings: IngestSettings, token: str) -> str:
    """What a provider is told to call."""
    return f"{base_url(settings)}/callbacks/{token}"


def base_url(settings: IngestSettings) -> str:
    """How the ingress is reached: its public URL, or else the address on which it listens."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def _hints(settings: IngestSettings) -> None:
    click.echo(ONCE, err=True)
    if settings.public_url is None:
        click.echo("Set ingest.public_url to what the provider reaches us by.", err=True)


def _row(item: Source) -> dict[str, str | float | None]:
    return {
        "name": item.name,
        "account": item.account,
        "dialect": item.dialect,
        "timezone": item.timezone,
        "country": item.country,
        "close_after_seconds": item.close_after_seconds,
        "added_at": item.added_at.isoformat(),
        "removed_at": item.removed_at.isoformat() if item.removed_at else None,
    }
