"""What dashboards read is what `calls` and `call_legs` say, however a call's records came."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.rows import count, select
from tests.scale import scaled
from tests.sinks.test_calls import generated, written

if TYPE_CHECKING:
    from runtime.settings import Settings

CALLS = scaled(1_000, 10_000)
LEGS = """
SELECT account, leg_id, if(isNull(ended_at), call_id, ''), extension, rang_at, answered_at, ended_at
FROM call_legs
"""
TOLD_OF = """
WHERE call_id != leg_id
    OR isNotNull(extension) OR isNotNull(rang_at) OR isNotNull(answered_at) OR isNotNull(ended_at)
"""
LEG_TIMES = """
SELECT
    account,
    leg_id,
    open_in,
    if(leg.extension.priority > 0, leg.extension.value, NULL),
    fromUnixTimestamp64Micro(nullIf(rang_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(answered_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(ended_at, 9223372036854775807), 'UTC')
FROM (SELECT * FROM stored_leg_times FINAL) AS leg
"""
BILLS = """
SELECT
    call.call_id,
    fact.bill.is_alone = 1 AS found,
    call.is_bill AS expected,
    if(found, fact.bill.extension, '') AS found_extension,
    if(expected, ifNull(call.extension, ''), '') AS expected_extension,
    if(found, nullIf(fact.bill.answered_at, 9223372036854775807), NULL) AS found_answer,
    if(expected, toUnixTimestamp64Micro(call.answered_at), NULL) AS expected_answer,
    if(found, nullIf(fact.bill.ended_at, 9223372036854775807), NULL) AS found_end,
    if(expected, toUnixTimestamp64Micro(call.ended_at), NULL) AS expected_end
FROM (SELECT account, call_id, bill FROM stored_facts FINAL) AS fact
INNER JOIN call_facts AS call ON call.account = fact.account AND call.call_id = fact.call_id
"""


def test_what_is_narrow_says_the_same_as_what_is_wide(store_settings: Settings) -> None:
    told = generated(CALLS)
    written(store_settings, told, random.Random(CALLS))
    assert count(store_settings, "SELECT count() FROM call_facts") == len(told)
    shared = select(
        store_settings,
        "SELECT name FROM system.columns "
        "WHERE database = currentDatabase() AND table IN ('call_facts', 'calls') "
        "GROUP BY name HAVING count() = 2",
    )
    columns = ", ".join(row["name"] for row in shared)
    assert (
        select(store_settings, f"SELECT {columns} FROM call_facts EXCEPT SELECT {columns} FROM calls") == []
    )

    assert select(store_settings, f"{LEG_TIMES} EXCEPT {LEGS}") == []
    assert select(store_settings, f"{LEGS} {TOLD_OF} EXCEPT {LEG_TIMES}") == []

    bills = select(store_settings, BILLS)
    for name in ("", "_extension", "_answer", "_end"):
        assert [row for row in bills if row[f"found{name}"] != row[f"expected{name}"]] == []
        assert len({row[f"expected{name}"] for row in bills}) > 1
