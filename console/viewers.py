"""Who looks: a user of ClickHouse, and what ClickHouse lets them read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from clickhouse_driver.errors import ServerException
from pydantic import SecretStr

from console.troubles import refusal
from runtime import clickhouse
from runtime.addresses import is_loopback
from runtime.errors import CallweaveError, StartError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

    from runtime.settings import ClickHouseSettings, Settings

MASKED = "_masked"
READABLE = "SELECT name FROM system.tables WHERE database = currentDatabase()"
ROLES = "SELECT arrayJoin(currentRoles())"
ACCOUNTS = "SELECT DISTINCT account FROM {view} WHERE day >= today() - 30 ORDER BY account"
QUERY_SETTINGS = {"readonly": 2, "max_execution_time": 30}
"""A page only reads, and nobody waits longer for one."""
NOT_ALLOWED = frozenset({497, 60, 47})
"""ACCESS_DENIED, UNKNOWN_TABLE, UNKNOWN_IDENTIFIER: for some queries such a view is not there."""


class Refused(CallweaveError):
    """The user or the password is wrong."""


class NotYours(CallweaveError):
    """ClickHouse doesn't let this user read what the page shows."""


@dataclass(frozen=True)
class Viewer:
    user: str
    clickhouse: ClickHouseSettings = field(repr=False)
    """How this user is connected; holds the password."""
    readable: frozenset[str] = frozenset()
    """Tables and views."""
    accounts: tuple[str, ...] = ()
    may_change: bool = False

    def view(self, name: str) -> str:
        """The view to read, or its masked twin; raises `NotYours` if this user may read neither."""
        found = self.readable_as(name)
        if not found:
            raise NotYours(f"Your user of ClickHouse may read neither {name} nor {name}{MASKED}.")
        return found

    def readable_as(self, name: str) -> str:
        """The same; empty if this user may read neither."""
        return next((each for each in (name, name + MASKED) if each in self.readable), "")

    @contextmanager
    def connected(self, *, as_bytes: bool = False) -> Iterator[Client]:
        """Ask ClickHouse as this user; raises `NotYours` or `StartError`."""
        try:
            with clickhouse.connected(self.clickhouse, as_bytes=as_bytes, settings=QUERY_SETTINGS) as client:
                yield client
        except ServerException as error:
            if error.code in NOT_ALLOWED:
                raise NotYours("Your user of ClickHouse may not read all that this page shows.") from None
            raise StartError(refusal(error)) from None

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        with self.connected() as client:
            return clickhouse.rows(client, sql, values)


def needs_no_sign_in(settings: Settings) -> bool:
    """Whether everybody who reaches the console could ask ClickHouse just as well."""
    return (
        settings.console.sign_in == "auto"
        and is_loopback(settings.console.host)
        and is_loopback(settings.clickhouse.host)
        and not settings.clickhouse.password.get_secret_value()
    )


def owner(settings: Settings) -> Viewer:
    """The console's own user, where nobody signs in; raises `StartError`."""
    return replace(_known(settings, settings.clickhouse), may_change=True)


def unasked(settings: Settings) -> Viewer:
    """The same while ClickHouse can't be asked: nothing is known to be readable."""
    return Viewer(settings.clickhouse.user, settings.clickhouse, may_change=True)


def signed_in(settings: Settings, user: str, password: str) -> Viewer:
    """Raises `Refused` for a wrong user or password, `StartError` if ClickHouse can't be asked."""
    given = settings.clickhouse.model_copy(update={"user": user, "password": SecretStr(password)})
    try:
        return _known(settings, given)
    except StartError as error:
        if (
            isinstance(error.__context__, ServerException)
            and error.__context__.code in clickhouse.LOGIN_CODES
        ):
            raise Refused("ClickHouse knows no such user with this password.") from None
        raise


def _known(settings: Settings, given: ClickHouseSettings) -> Viewer:
    with clickhouse.connected(given, settings=QUERY_SETTINGS) as client:
        readable = frozenset(name for (name,) in client.execute(READABLE))
        roles = {name for (name,) in client.execute(ROLES)}
        viewer = Viewer(given.user, given, readable, may_change=settings.console.operator_role in roles)
        calls = viewer.readable_as("calls")
        accounts = client.execute(ACCOUNTS.format(view=calls)) if calls else []
    return replace(viewer, accounts=tuple(account for (account,) in accounts))
