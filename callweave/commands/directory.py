"""`callweave directory`: names of agents, campaigns and customers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from callweave.commands import tables
from operations.directory import load as store
from operations.directory.entries import Defaults, parse
from runtime import clickhouse, sources
from runtime.errors import CallweaveError
from runtime.settings import checked_timezone
from runtime.settings import load as load_settings
from runtime.terminal import echo
from schemas.times import moment
from sinks.directory import areas as known

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.directory.entries import Entry


@click.group()
def directory() -> None:
    """Name agents, campaigns and customers.

    The CSV file has the columns kind, id, name, valid_from, and optionally team and account. Kinds: extension
    or user (name and team of the agent), campaign, number (name of the customer). A row is valid from its
    time until the next row of the same id; a row without a name ends the previous one.
    """


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the commands that read a file."""
    for option in (
        click.option(
            "--country", help="Country of numbers without +, such as CN; without it they match as written."
        ),
        click.option("--timezone", help="Zone of times without an offset, such as Asia/Shanghai."),
        click.option("--account", help="Account of rows without one."),
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        command = option(command)
    return command


@directory.command()
@reading
def load(file: Path, account: str | None, timezone: str | None, country: str | None) -> None:
    """Load a CSV file, all of it or nothing. Loading it again changes nothing."""
    told = told_by(file, account, timezone, country)
    with clickhouse.connected(load_settings().clickhouse) as client:
        done = store.load(client, told)
    echo(f"{len(done.added)} added, {len(done.corrected)} corrected, {done.unchanged} unchanged.", err=True)


@directory.command()
@reading
def check(file: Path, account: str | None, timezone: str | None, country: str | None) -> None:
    """Report everything that is wrong with a CSV file, and load nothing."""
    told = told_by(file, account, timezone, country)
    echo(f"{file}: {len(told)} rows, nothing wrong.", err=True)


@directory.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
@click.option("--account", help="Only of this account.")
def list_(account: str | None, *, as_json: bool) -> None:
    """List all names. Customers' numbers are shown as loaded."""
    with clickhouse.connected(load_settings().clickhouse) as client:
        found = [
            asdict(entry) | {"valid_from": moment(entry.valid_from).isoformat()}
            for entry in store.entries(client)
            if account in {None, entry.account}
        ]
    tables.listed(
        found, as_json=as_json, nothing="The directory is empty: `callweave directory load --help`."
    )


@directory.command()
def areas() -> None:
    """Load the names of areas, which give numbers their region. A sink that finds none loads them itself."""
    with clickhouse.connected(load_settings().clickhouse) as client:
        echo(f"{known.load(client)} areas.", err=True)


def told_by(file: Path, account: str | None, timezone: str | None, country: str | None) -> list[Entry]:
    """Read the entries of a file; raise `CallweaveError` with every mistake and its line."""
    try:
        zone = ZoneInfo(checked_timezone(timezone)) if timezone else None
        country = sources.checked_country(country) if country else None
    except ValueError as error:
        raise CallweaveError(f"--timezone or --country {error}") from None
    told, problems = parse(file.read_bytes(), Defaults(account, zone, country))
    if problems:
        raise CallweaveError("\n".join(f"{file}: {problem}" for problem in problems))
    return told
