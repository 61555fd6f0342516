"""`callweave account`: the time zone of an account, and what counts as answered in time."""

from __future__ import annotations

from dataclasses import asdict

import click

from callweave.commands import tables
from callweave.commands.numbers import FiniteRange
from operations.accounts.store import Account, accounts, put
from runtime import clickhouse, sources
from runtime.errors import CallweaveError
from runtime.settings import checked_timezone
from runtime.settings import load as load_settings

DAY_SECONDS = 86_400


@click.group()
def account() -> None:
    """Set an account's time zone and targets.

    Figures and `_local` views count an account's calls by its own clock. An account without settings has UTC,
    20 seconds of service level and 5 seconds of short abandons.
    """


@account.command("set")
@click.argument("name")
@click.option("--timezone", help="IANA name of the zone of its days, such as Asia/Shanghai.")
@click.option(
    "--service-level-seconds",
    type=FiniteRange(0, DAY_SECONDS),
    help="Within how long a call should be answered.",
)
@click.option(
    "--abandon-seconds",
    type=FiniteRange(0, DAY_SECONDS),
    help="Within how long giving up is a short abandon.",
)
def set_(
    name: str, timezone: str | None, service_level_seconds: float | None, abandon_seconds: float | None
) -> None:
    """Set what is given, and leave the rest as it is."""
    try:
        name = sources.checked_name(name)
        timezone = checked_timezone(timezone) if timezone else None
    except ValueError as error:
        raise CallweaveError(f"the account's name or --timezone {error}") from None
    with clickhouse.connected(load_settings().clickhouse) as client:
        known = {each.account: each for each in accounts(client)}.get(name, Account(name))
        service, abandon = known.service_level_seconds, known.abandon_seconds
        changed = Account(
            name,
            timezone or known.timezone,
            service if service_level_seconds is None else service_level_seconds,
            abandon if abandon_seconds is None else abandon_seconds,
        )
        put(client, changed)


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
def list_(*, as_json: bool) -> None:
    """List the accounts with settings."""
    with clickhouse.connected(load_settings().clickhouse) as client:
        found = [asdict(each) for each in accounts(client)]
    tables.listed(found, as_json=as_json, nothing="No account has settings: `callweave account set --help`.")
