"""`callweave source`: who may send us callbacks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
import orjson

from callweave.commands import tables
from callweave.commands.provider import provider, sources_written
from operations.replay.readings import Last, means_of
from runtime import sources
from runtime.clock import SystemClock
from runtime.settings import load
from runtime.terminal import echo, echo_json
from schemas import dialects

if TYPE_CHECKING:
    from runtime.settings import IngestSettings
    from runtime.sources import Setting, Source

ONCE = "This URL holds the token and is shown only now: keep it secret. A running ingress accepts it at once."

UNSET = "none"
"""In place of a value: remove the setting."""


OPTIONS: dict[str, Setting] = {
    "timezone": "timezone",
    "close_after": "close_after_seconds",
    "charset": "charset",
    "country": "country",
    "requests_per_second": "requests_per_second",
    "burst": "burst",
}
"""Which setting an option of `source change` is about."""
UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class OrNone(click.ParamType):
    """Another type's values, or the word none."""

    def __init__(self, of: click.ParamType) -> None:
        self.name = of.name
        self._of = of

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return UNSET if value == UNSET else self._of.convert(value, param, ctx)


class Duration(click.ParamType):
    """A time span: a number of seconds, or a number followed by s, m, h or d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not (found := re.fullmatch(r"(\d{1,6})([smhd]?)", value)):
            self.fail(f"{value!r} is no time span as in 48h or 30m", param, ctx)
        return timedelta(seconds=int(found.group(1)) * UNIT_SECONDS[found.group(2)])


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
@click.option("--charset", help="Encoding of texts that are not UTF-8 and name none, such as gb18030.")
@click.option("--country", metavar="ISO", help="Country of phone numbers without +, such as CN.")
def add(
    name: str,
    account: str,
    dialect: str,
    timezone: str,
    *,
    close_after: float | None,
    **read_with: str | None,
) -> None:
    """Add a source. Only its callback URL is printed on standard output."""
    settings = load()
    with sources_written(settings) as path:
        token = sources.add(
            path, name, account, dialect, timezone, close_after_seconds=close_after, **read_with
        )
    echo(settings.ingest.callback_url(token))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
@click.option(
    "--overlap",
    type=Duration(),
    default="48h",
    show_default=True,
    help="How long the old URL still works, such as 48h, 30m or 0; with 0 it stops at once.",
)
def rotate(name: str, overlap: timedelta) -> None:
    """Give a source a new token, and print the new callback URL. The old one stays valid for a while."""
    settings = load()
    with sources_written(settings) as path:
        token = sources.rotate(path, name, overlap)
    echo(settings.ingest.callback_url(token))
    _hints(settings.ingest)


@source.command()
@click.argument("name")
def pause(name: str) -> None:
    """Refuse a source's callbacks with 503, so that its provider sends them again later."""
    with sources_written(load()) as path:
        sources.pause(path, name)
    echo(f"{name} is paused; its callbacks are answered with 503 until `source resume`.", err=True)


@source.command()
@click.argument("name")
def resume(name: str) -> None:
    """Take a paused source's callbacks again."""
    with sources_written(load()) as path:
        sources.resume(path, name)
    echo(f"{name} is resumed.", err=True)


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
    "--charset",
    metavar="NAME|none",
    help="Encoding of texts that are not UTF-8 and name none, such as gb18030; none: unknown.",
)
@click.option(
    "--country", metavar="ISO|none", help="Country of phone numbers without +, such as CN; none: unknown."
)
@click.option(
    "--requests-per-second",
    type=OrNone(click.FLOAT),
    metavar="NUMBER|none",
    help="More are answered with 429; none: any number.",
)
@click.option(
    "--burst",
    type=OrNone(click.INT),
    metavar="NUMBER|none",
    help="How many may arrive at once; none: as many as in a second.",
)
def change(name: str, **options: float | str | None) -> None:
    """Change settings of a source; its callback URL stays the same.

    Options that are left out keep their value. Times that were read before keep the zone they were read with,
    until `callweave replay` reads them again.
    """
    given = given_settings(options)
    settings = load()
    Last(settings.data).write_first(means_of(settings, SystemClock().now()))
    with sources_written(settings) as path:
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


def given_settings(options: dict[str, float | str | None]) -> dict[Setting, float | str | None]:
    """Return the settings that options name, None for one to unset; raise `UsageError` for no option."""
    settings = {OPTIONS[option]: value for option, value in options.items() if value is not None}
    if not settings:
        given_by = ", ".join(f"--{option.replace('_', '-')}" for option in OPTIONS)
        raise click.UsageError(f"Give what is to change: {given_by}.")
    return {
        setting: None if value == UNSET and setting != "timezone" else value
        for setting, value in settings.items()
    }


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
        "charset": item.charset,
        "country": item.country,
        "close_after_seconds": item.close_after_seconds,
        "added_at": item.added_at.isoformat(),
        "paused_at": item.paused_at.isoformat() if item.paused_at else None,
        "removed_at": item.removed_at.isoformat() if item.removed_at else None,
    }
