"""Who may use the server: its owner, with a password that may be empty, and people with roles."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.errors import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compose.embedded.clickhouse.people import Person


class Access:
    def __init__(
        self, user: str = "default", password: str = "", people: Mapping[str, Person] | None = None
    ) -> None:
        """The default is ClickHouse's own: `default`, without a password."""
        self._user = user
        self._password = password
        self._people = people or {}

    def check(self, user: str, password: str) -> tuple[str, ...]:
        """The roles to keep to, none for the owner; exception 516 for any other user or password."""
        person = self._people.get(user)
        if person is not None and _equal(password, person.password):
            return person.roles
        if _equal(user, self._user) & _equal(password, self._password):
            return ()
        raise Code.AUTHENTICATION_FAILED.error(
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
        )


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
