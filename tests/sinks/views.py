"""Reading the views; as Python values, times and durations are integer microseconds, as in `schemas`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runtime.clickhouse import rows
from sinks import statements

if TYPE_CHECKING:
    from clickhouse_driver import Client

PARAMETERS = {
    "since": "1970-01-01 00:00:00",
    "until": "2200-01-01 00:00:00",
    "threshold": "20",
    "campaign": "spring",
    "seconds": "2",
    "at": "2200-01-01 00:00:00",
    "first_day": "2020-01-01",
    "last_day": "2021-12-31",
    "minutes": "0",
    "by": "direction,line,queue,team,agent,campaign",
}

OF_A_READER = {
    "aggregate_functions_null_for_empty": 1,
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
}
"""Settings of a reader, or of a profile, that would change what a query means."""


def reading(**more: str) -> dict[str, str]:
    """By view, the query that reads all of it; views that want to know an account or a call only if told."""
    known = PARAMETERS | more
    queries = {}
    for file in statements.views():
        view = file.name.removesuffix(".sql")
        wanted = dict.fromkeys(re.findall(r"\{(\w+):", file.text))
        if wanted.keys() <= known.keys():
            given = ", ".join(f"{name} = '{known[name]}'" for name in wanted)
            queries[view] = f"SELECT * FROM {view}({given})" if given else f"SELECT * FROM {view}"
    return queries


def stored_calls(client: Client, account: str) -> dict[str, dict[str, Any]]:
    """The rows of `calls`, by call id."""
    return {row.pop("call_id"): row for row in _read(client, "calls", account)}


def call_legs(client: Client, account: str) -> dict[str, dict[str, Any]]:
    """The rows of `call_legs`, by leg id."""
    return {row.pop("leg_id"): row for row in _read(client, "call_legs", account)}


def _read(client: Client, view: str, account: str) -> list[dict[str, Any]]:
    columns = client.execute(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = %(view)s",
        {"view": view},
    )
    selected = ", ".join(_exact(name, kind) for name, kind in columns if name != "account")
    query = f"SELECT {selected} FROM {view} AS view WHERE account = %(account)s"
    return rows(client, query, {"account": account})


def _exact(name: str, kind: str) -> str:
    if "DateTime64" in kind:
        return f"toUnixTimestamp64Micro(view.{name}) AS {name}"
    if name.endswith("_seconds"):
        return f"toInt64(round(view.{name} * 1e6)) AS {name.replace('_seconds', '_time')}"
    return name
