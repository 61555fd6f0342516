"""What dashboards read is what `calls` and `call_legs` say, however a call's records came."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.rows import count, select
from tests.scale import scaled
from tests.sinks.test_calls import generated, written

if TYPE_CHECKING:
    from callweave.settings import Settings

CALLS = scaled(1_000, 10_000)
LEGS = "SELECT account, leg_id, call_id, extension, rang_at, answered_at, ended_at FROM call_legs"
LEG_TIMES = """
SELECT
    account,
    leg_id,
    call_id,
    if(leg.extension.priority > 0, leg.extension.value, NULL),
    fromUnixTimestamp64Micro(nullIf(rang_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(answered_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(ended_at, 9223372036854775807), 'UTC')
FROM (SELECT * FROM stored_leg_times FINAL) AS leg
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

    assert count(store_settings, "SELECT count() FROM stored_leg_times FINAL") == count(
        store_settings, "SELECT count() FROM call_legs"
    )
    assert select(store_settings, f"{LEG_TIMES} EXCEPT {LEGS}") == []
