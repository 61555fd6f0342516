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


def test_narrow_views_say_the_same_as_the_wide_ones(store_settings: Settings) -> None:
    told = generated(CALLS)
    written(store_settings, told, random.Random(CALLS))
    assert count(store_settings, "SELECT count() FROM call_facts") == len(told)
    assert count(store_settings, "SELECT count() FROM leg_times") == count(
        store_settings, "SELECT count() FROM call_legs"
    )
    for narrow, wide in (("call_facts", "calls"), ("leg_times", "call_legs")):
        shared = select(
            store_settings,
            "SELECT name FROM system.columns "
            "WHERE database = currentDatabase() AND table IN (%(narrow)s, %(wide)s) "
            "GROUP BY name HAVING count() = 2",
            {"narrow": narrow, "wide": wide},
        )
        columns = ", ".join(row["name"] for row in shared)
        differing = select(
            store_settings, f"SELECT {columns} FROM {narrow} EXCEPT SELECT {columns} FROM {wide}"
        )
        assert differing == []
