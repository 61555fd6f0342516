"""Sources with a past, written straight into the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_driver import Client

CALLBACKS = 900
HISTORY = """
INSERT INTO stored_callbacks (account, received_at, id, source, method, kind, stage, verdict)
SELECT
    'acme',
    toDateTime64(%(now)s - number * %(every)s - 3600 * %(silent_hours)s - 5, 6, 'UTC'),
    generateUUIDv4(number), %(source)s, 'POST', 'webhook',
    if(number < %(rejected)s, 'normalize', ''), number < %(rejected)s
FROM numbers(%(callbacks)s)
"""


def archive(
    client: Client,
    source: str,
    *,
    now: int,
    silent_hours: int = 0,
    rejected: int = 0,
    every_seconds: int = 1200,
) -> None:
    """Many callbacks, one each 20 minutes for twelve days up to `now`; the newest `rejected` were rejected.

    `now` is in seconds since 1970. What is usual by the hour of the week depends on it.
    """
    values = {
        "now": now,
        "source": source,
        "silent_hours": silent_hours,
        "rejected": rejected,
        "every": every_seconds,
        "callbacks": CALLBACKS,
    }
    client.execute(HISTORY, values)
