"""Who may use the server: one user, with a password that may be empty."""

from __future__ import annotations

import hmac

from compose.embedded.clickhouse.errors import Code


class Access:
    def __init__(self, user: str = "default", password: str = "") -> None:
        """The default is ClickHouse's own: `default`, without a password."""
        self._user = user.encode()
        self._password = password.encode()

    def check(self, user: str, password: str) -> None:
        """Raise exception 516 for any other user or password; one answer for both."""
        right_user = hmac.compare_digest(user.encode(), self._user)
        right_password = hmac.compare_digest(password.encode(), self._password)
        if not (right_user and right_password):
            raise Code.AUTHENTICATION_FAILED.error(
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
            )
