"""Calls many times over: what is in the tables, again with other ids on later days.

The simulated provider makes a thousand calls a second, and ClickHouse copies a hundred thousand. Which days,
ids and events belong together stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_driver import Client

TABLES = ("stored_events", "stored_legs", "stored_calls")
IDS = frozenset({"call_id", "leg_id", "leg", "uuid"})
LISTS = frozenset({"ids", "legs"})

ID = (
    "concat(lower(leftPad(hex(bitXor(reinterpretAsUInt32(reverse(unhex(substring({0}, 1, 8)))), "
    "toUInt32({1}))), 8, '0')), substring({0}, 9))"
)
"""Another UUID of the same version: the first part of it is not as it was."""


def copy(client: Client, number: int, days: int) -> None:
    """Write all of the first `days` days once more, `number` times as many days later."""
    for table in TABLES:
        columns = dict(
            client.execute(
                "SELECT name, type FROM system.columns WHERE database = currentDatabase() "
                "AND table = %(table)s AND default_kind IN ('', 'DEFAULT') ORDER BY position",
                {"table": table},
            )
        )
        values = ", ".join(_value(name, kind, number, days) for name, kind in columns.items())
        client.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} "
            "WHERE day < (SELECT min(day) FROM stored_calls) + %(days)s",
            {"days": days},
            settings={"max_partitions_per_insert_block": 0},
        )


def _value(name: str, kind: str, number: int, days: int) -> str:
    if name in IDS:
        return f"if(empty(ifNull({name}, '')), {name}, {ID.format(name, number)})"
    if name in LISTS:
        return f"arrayMap(each -> {ID.format('each', number)}, {name})"
    if name in {"event_id", "callback_id"}:
        return f"concat('{number}-', {name})"
    if name == "events":
        return f"arrayMap(each -> concat('{number}-', each), events)"
    if name == "day" or ("DateTime64" in kind and name != "visible_at"):
        return f"{name} + toIntervalDay({days * number})"
    return name
