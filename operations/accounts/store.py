"""Settings of accounts in ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from operations.accounts.clocks import pieces

if TYPE_CHECKING:
    from clickhouse_driver import Client

AHEAD = timedelta(days=20 * 366)
"""So far into the future changes of clocks are written down; `account set` writes them anew."""


@dataclass(frozen=True, slots=True)
class Account:
    """What an account's figures are worked out with."""

    account: str
    timezone: str = "UTC"
    """The IANA name of the zone in which its days begin and end."""
    service_level_seconds: float = 20.0
    """Within how many seconds a call should be answered."""
    abandon_seconds: float = 5.0
    """A call abandoned within this many seconds is a short abandon."""


def accounts(client: Client) -> list[Account]:
    rows = client.execute(
        "SELECT account, timezone, service_level_seconds, abandon_seconds FROM accounts ORDER BY account"
    )
    return [Account(*row) for row in rows]


def put(client: Client, account: Account) -> None:
    """Write an account's settings, with the changes of its clocks."""
    clock = pieces(ZoneInfo(account.timezone), datetime.now(UTC) + AHEAD)
    client.execute(
        "INSERT INTO stored_accounts "
        "(account, timezone, service_level_seconds, abandon_seconds, clock, set_at) "
        "SELECT %(account)s, %(timezone)s, %(service)s, %(abandon)s, "
        "arrayZip(%(since)s, %(ahead)s), now64(6, 'UTC')",
        {
            "account": account.account,
            "timezone": account.timezone,
            "service": account.service_level_seconds,
            "abandon": account.abandon_seconds,
            "since": [since for since, _ in clock],
            "ahead": [ahead for _, ahead in clock],
        },
    )
