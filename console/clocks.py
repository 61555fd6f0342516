"""The clock of each account, and how soon it wants calls answered: what `callweave account set` sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from operations.accounts.store import accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from clickhouse_driver import Client

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Clock:
    zone: ZoneInfo
    service_level_seconds: float
    """Calls that are answered within this time are answered in time."""

    @property
    def name(self) -> str:
        return self.zone.key


@dataclass(frozen=True)
class Clocks:
    """Those of all accounts, and the console's own."""

    own: Clock
    by_account: Mapping[str, Clock]

    def shown(self, accounts: Collection[str]) -> Clock:
        """By which a page counts days: one account's own, of several together the console's."""
        return self.of(next(iter(accounts))) if len(accounts) == 1 else self.own

    def of(self, account: str) -> Clock:
        """Without settings of its own, the console's."""
        return self.by_account.get(account, self.own)

    def targets(self, accounts: Collection[str]) -> set[float]:
        """Within how many seconds these accounts want their calls answered."""
        return {self.of(each).service_level_seconds for each in accounts} or {self.own.service_level_seconds}

    def zones(self) -> set[ZoneInfo]:
        return {self.own.zone, *(each.zone for each in self.by_account.values())}


def read(client: Client) -> dict[str, Clock]:
    """By account, of those that have settings."""
    return dict(_known(client))


def _known(client: Client) -> Iterator[tuple[str, Clock]]:
    for each in accounts(client):
        try:
            yield each.account, Clock(ZoneInfo(each.timezone), each.service_level_seconds)
        except (ZoneInfoNotFoundError, ValueError):
            log.warning("no time zone of this machine", account=each.account, timezone=each.timezone)


def zone_of(client: Client, account: str) -> ZoneInfo | None:
    """None for an account without settings, and for all accounts together."""
    known = read(client).get(account)
    return None if known is None else known.zone
