"""Reading the views as Python values: times and durations as integer microseconds, as in `schemas`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from schemas.calls import Call

CALL_TIMES = ("ring_time", "talk_time")
"""Those which a CDR may say."""


def call_columns(call: Call) -> dict[str, Any]:
    """The columns of `calls` that the contract names, as `stored_calls` gives them."""
    return asdict(call) | {"legs": list(call.legs), "events": list(call.events)}


def stored_calls(client: Client, account: str) -> dict[str, dict[str, Any]]:
    """The rows of `calls`, by call id."""
    return {
        row.pop("call_id"): row for row in _read(client, "calls", account) if row.pop("account") == account
    }


def call_legs(client: Client, account: str) -> dict[str, dict[str, Any]]:
    """The rows of `call_legs`, by leg id."""
    return {
        row.pop("leg_id"): row for row in _read(client, "call_legs", account) if row.pop("account") == account
    }


def _read(client: Client, view: str, account: str) -> list[dict[str, Any]]:
    columns = client.execute(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = %(view)s",
        {"view": view},
    )
    selected = ", ".join(_exact(name, kind) for name, kind in columns)
    rows, described = client.execute(
        f"SELECT {selected} FROM {view} AS view WHERE account = %(account)s",
        {"account": account},
        with_column_types=True,
    )
    names = [name for name, _ in described]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _exact(name: str, kind: str) -> str:
    if "DateTime64" in kind:
        return f"toUnixTimestamp64Micro(view.{name}) AS {name}"
    if name.endswith("_seconds"):
        return f"toInt64(round(view.{name} * 1e6)) AS {name.replace('_seconds', '_time')}"
    return name
