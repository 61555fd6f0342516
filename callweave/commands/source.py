"""`callweave source`: who may send us callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from callweave.commands import tables
from callweave.commands.provider import provider, sources_written
from runtime import sources
from runtime.settings import load
from runtime.terminal import echo, echo_json
from schemas import dialects

if TYPE_CHECKING:
    from runtime.settings import IngestSettings
    from runtime.sources import Setting, Source

ONCE = "This URL holds the token and is shown only now: keep it secret. A running ingress accepts it at once."

UNSET = "none"
"""In place of a value: remove the setting."""


class OrNone(click.ParamType):
    """Another type's values, or the word none."""

    def __init__(self, of: click.ParamType) -> None:
        self.name = of.name
        self._of = of

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return UNSET if value == UNSET else self._of.convert(value, param, ctx)


@click.group()
def source() -> None:
    """Add, list, change and remove senders of callbacks."""


@source.command()
@click.argument("name")
@click.option("--account", required=True, help="The tenant; equal ids of two accounts are different calls.")
@click.option("--dialect", required=True, help=f"{dialects.one_of(dialects.NAMES)}.")
@click.option("--timezone", required=True, help="Zone of times without one, such as Asia/Shanghai.")
@click.option(
    "--close-after",
    type=float,
    metavar="SECONDS",
    help="Close a call after this long without news; default: correlate.silence_seconds.",
)
@click.option("--country", metavar="ISO", help="Country of phone numbers without +, such as CN.")
def add(
    name: str, account: str, dialect: str, timezone: str, *, close_after: float | None, country: str | None
) -> None:
    """Add a source. Only its callback URL is printed on standard output."""
    settings = load()
    with sources_written(settings) as path:
        token = sources.add(
            path, name, account, dialect, timezone, close_after_seconds=close_after, country=country
        )
    echo(callback_url(settings.ingest, token))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
def rotate(name: str) -> None:
    """Give a source a new token, void the old one, and print the new callback URL."""
    settings = load()
    with sources_written(settings) as path:
        token = sources.rotate(path, name)
    echo(callback_url(settings.ingest, token))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
@click.option("--timezone", help="Zone of times without one, such as Asia/Shanghai.")
@click.option(
    "--close-after",
    type=OrNone(click.FLOAT),
    metavar="SECONDS|none",
    help="Close a call after this long without news; none: correlate.silence_seconds.",
)
@click.option(
    "--country", metavar="ISO|none", help="Country of phone numbers without +, such as CN; none: unknown."
)
def change(name: str, timezone: str | None, close_after: float | str | None, country: str | None) -> None:
    """Change settings of a source; its callback URL stays the same.

    Options that are left out keep their value. Times that were read before keep the zone they were read with.
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
    with sources_written(load()) as path:
        sources.change(path, name, given)
    told = ", ".join(f"{setting} = {UNSET if value is None else value}" for setting, value in given.items())
    echo(f"{name} is changed: {told}; its callback URL stays the same.", err=True)


@source.command()
@click.argument("name")
def remove(name: str) -> None:
    """Void a source's token. Its earlier callbacks stay readable."""
    with sources_written(load()) as path:
        sources.remove(path, name)
    echo(f"{name} is removed; its callback URL is answered with 404 from now on.", err=True)


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the sources, without their tokens."""
    settings = load()
    found = [_row(item) for item in sources.load(settings.sources_file)]
    if as_json:
        echo_json(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    elif found:
        shown = [["" if value is None else str(value) for value in row.values()] for row in found]
        tables.show(list(found[0]), shown)
    else:
        echo("There are no sources yet: `callweave source add --help`.", err=True)


source.add_command(provider)


def callback_url(settings: IngestSettings, token: str) -> str:
    return f"{base_url(settings)}/callbacks/{token}"


def base_url(settings: IngestSettings) -> str:
    """The ingress's public URL, or else the address on which it listens."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def _hints(settings: IngestSettings) -> None:
    echo(ONCE, err=True)
    if settings.public_url is None:
        echo("Set ingest.public_url to the address by which the provider reaches us.", err=True)


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
