"""How long tables keep rows: `migrate` and the sink drop whole partitions, as settings say.

No TTL: what a part was promised when it was written would hold on when the setting has grown.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from clickhouse_driver.errors import Error, ServerException

from runtime import clickhouse
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from threading import Event

    from clickhouse_driver import Client

    from runtime.settings import RetentionSettings, Settings

log = structlog.get_logger(__name__)

SECONDS = 3600.0
"""Between two looks for days that are over."""

DROP_SETTINGS = {
    # A server refuses to drop a large partition, in case somebody does so by mistake.
    "max_partition_size_to_drop": 0,
}

PARTITIONS = """
SELECT DISTINCT table, partition, partition_id
FROM system.parts
WHERE database = currentDatabase() AND active AND table IN %(tables)s
ORDER BY table, partition
"""


def days(settings: RetentionSettings) -> dict[str, int]:
    """Return by table for how many days it keeps its rows; tables that keep them for ever are left out."""
    kept = {
        "stored_callbacks": settings.callbacks_days,
        "callback_places": settings.callbacks_days,
        "stored_events": settings.events_days,
        "event_ids": settings.events_days,
        "stored_calls": settings.calls_days,
        "stored_legs": settings.calls_days,
        "call_ids": settings.calls_days,
        "call_versions": settings.versions_days,
        "dead_letters": settings.dead_letters_days,
    }
    return {table: number for table, number in kept.items() if number}


def is_over(partition: str, number: int, today: date) -> bool:
    """Return whether a partition, YYYYMMDD or YYYYMM, ended more than so many days ago."""
    year, month, *_ = int(partition[:4]), int(partition[4:6])
    day = int(partition[6:]) if len(partition) > len("YYYYMM") else calendar.monthrange(year, month)[1]
    return date(year, month, day) < today - timedelta(days=number)


def drop(client: Client, settings: RetentionSettings, today: date) -> list[tuple[str, str]]:
    """Drop partitions whose time is over, and return table and partition of each.

    One that the server refuses to drop stays, and a warning says so: it keeps back no other.
    """
    kept = days(settings)
    if not kept:
        return []
    found = client.execute(PARTITIONS, {"tables": tuple(kept)})
    over = [(table, name, number) for table, name, number in found if is_over(name, kept[table], today)]
    dropped: list[tuple[str, str]] = []
    for table, name, number in over:
        query = f"ALTER TABLE {table} DROP PARTITION ID %(number)s"
        try:
            client.execute(query, {"number": number}, settings=DROP_SETTINGS)
        except ServerException as error:
            log.warning("what is over can't be dropped", table=table, partition=name, code=error.code)
        else:
            dropped.append((table, name))
    return dropped


def retain(settings: Settings, stop: Event) -> None:
    """Drop what is over, again and again, until stopped."""
    while not stop.wait(SECONDS):
        try:
            with clickhouse.connected(settings.clickhouse) as client:
                dropped = drop(client, settings.retention, datetime.now(UTC).date())
        except (CallweaveError, Error, OSError) as error:
            log.warning("days that are over are still kept", error=type(error).__name__)
        else:
            for table, partition in dropped:
                log.info("dropped what is over", table=table, partition=partition)
