"""What dashboards read is what `calls` and `call_legs` say, however a call's records came."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING

from schemas.records import join
from tests.rows import count, select
from tests.scale import scaled
from tests.sinks.test_calls import generated, inserted, written

if TYPE_CHECKING:
    from callweave.settings import Settings
    from schemas.records import Record

CALLS = scaled(1_000, 10_000)
LEGS = """
SELECT account, leg_id, extension, rang_at, answered_at, ended_at
FROM call_legs
WHERE isNotNull(extension) OR isNotNull(rang_at) OR isNotNull(answered_at) OR isNotNull(ended_at)
"""
LEG_TIMES = """
SELECT
    account,
    leg_id,
    if(leg.extension.priority > 0, leg.extension.value, NULL),
    fromUnixTimestamp64Micro(nullIf(rang_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(answered_at, 9223372036854775807), 'UTC'),
    fromUnixTimestamp64Micro(nullIf(ended_at, 9223372036854775807), 'UTC')
FROM (SELECT * FROM stored_leg_times FINAL) AS leg
"""
CALL_ENDS = """
SELECT
    leg.leg_id AS leg_id,
    nullIf(leg.call_end.ended_at, 9223372036854775807) AS told,
    toUnixTimestamp64Micro(call.ended_at) AS expected
FROM (SELECT account, leg_id, call_id, call_end FROM stored_legs FINAL WHERE isNull(ended_at)) AS leg
INNER JOIN calls AS call ON call.account = leg.account AND call.call_id = leg.call_id
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
    assert select(store_settings, f"{LEGS} EXCEPT {LEG_TIMES}") == []


def each_of_an_event(records: list[Record]) -> list[Record]:
    """The same, where one event says the same each time that it comes."""
    return [
        {**record, "events": [f"e{records.index(record)}"]} if "events" in record else record
        for record in records
    ]


def test_a_leg_without_an_end_ends_with_its_call(store_settings: Settings) -> None:
    told = {
        call_id: list(accumulate(each_of_an_event(records), join))
        for call_id, records in generated(CALLS).items()
    }
    inserted(store_settings, told, random.Random(CALLS))
    found = select(store_settings, CALL_ENDS)
    assert [row for row in found if row["told"] != row["expected"]] == []
    assert {row["expected"] is None for row in found} == {False, True}
