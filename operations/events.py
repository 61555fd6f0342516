"""Reads events back from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinks.told import SELECTED, event_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

    from schemas.events import CallEvent

TELLINGS = f"SELECT {SELECTED} FROM stored_events FINAL WHERE {{where}}"  # noqa: S608  made of our own names


def tellings(client: Client, where: str, values: dict[str, Any]) -> Iterator[CallEvent]:
    """Return every stored telling of events that meet a condition, in no order."""
    rows = client.execute_iter(TELLINGS.format(where=where), values, settings={"max_block_size": 10_000})
    yield from map(event_of, rows)
