"""Rejected callbacks, by what they were rejected for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rows import select
from tests.sinks.queries.telling import START

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings


def test_each_once_with_its_reasons_grouped(store_settings: Settings, client: Client) -> None:
    reasons = [("status", "unknown-status", "is none"), ("uuid", "missing", "a"), ("buuid", "missing", "b")]
    rows: list[dict[str, Any]] = [
        {"id": "accepted", "stage": "", "reasons": [], "verdict": 0},
        {"id": "later rejected", "stage": "", "reasons": [], "verdict": 0},
        {"id": "later rejected", "stage": "normalize", "reasons": reasons, "verdict": 1},
        {"id": "refused", "stage": "ingest", "reasons": [("", "malformed-json", "is no JSON")], "verdict": 1},
    ]
    said = [{"account": "acme", "received_at": START, "payload": b"{", "offset": 7} | row for row in rows]
    client.execute(f"INSERT INTO stored_callbacks ({', '.join(said[0])}) VALUES", said)
    found = select(store_settings, "SELECT * FROM rejected_callbacks ORDER BY id")
    assert [(row["id"], row["stage"], row["codes"], row["fields"]) for row in found] == [
        ("later rejected", "normalize", ["missing", "unknown-status"], ["buuid", "status", "uuid"]),
        ("refused", "ingest", ["malformed-json"], [""]),
    ]
    assert found[0]["reasons"] == reasons
    assert [(row["payload"], row["offset"]) for row in found] == [("{", 7), ("{", 7)]
