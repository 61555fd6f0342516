"""`call_checks` says of every call what `calls` says, from a table of its own."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.sinks.test_calls import CALLS, generated, written

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings


WAITS = """
WITH
    toUnixTimestamp64Micro(coalesce(event_answered_at, event_ended_at))
        - toUnixTimestamp64Micro(event_started_at) AS waited
SELECT
    call_id,
    multiIf(
        event_outcome = 'answered' AND isNull(event_answered_at), NULL,
        if(waited < 0, 0, waited) / 1e6
    )
FROM calls
ORDER BY call_id
"""


def test_any_split_of_a_call_is_checked_as_its_whole(store_settings: Settings, client: Client) -> None:
    told = generated(CALLS)
    written(store_settings, told, random.Random(len(told)))

    def said(view: str) -> dict[str, tuple[object, ...]]:
        rows = client.execute(f"SELECT call_id, {', '.join(shared)} FROM {view}")
        return {call_id: tuple(values) for call_id, *values in rows}

    calls, checks = (
        [name for name, *_ in client.execute(f"DESCRIBE TABLE {view}")] for view in ("calls", "call_checks")
    )
    shared = [name for name in checks if name in calls and name != "call_id"]
    assert {*checks} - {*calls} == {
        "is_over",
        "is_request",
        "sends_cdr",
        "has_events",
        "event_wait_seconds",
        "uuid_times",
    }
    expected, found = said("calls"), said("call_checks")
    wrong = [call_id for call_id in expected if found.get(call_id) != expected[call_id]]
    smallest = min(wrong, key=lambda call_id: len(repr(told[call_id])), default=None)
    if smallest is not None:
        assert dict(zip(shared, found[smallest], strict=True)) == dict(
            zip(shared, expected[smallest], strict=True)
        )
    assert found.keys() == expected.keys() == told.keys()
    over = client.execute(
        "SELECT count() FROM calls WHERE state IN ('ended', 'complete') OR close_reason != ''"
    )
    assert client.execute("SELECT count() FROM call_checks WHERE is_over") == over
    waits = "SELECT call_id, event_wait_seconds FROM call_checks ORDER BY call_id"
    assert client.execute(waits) == client.execute(WAITS)
