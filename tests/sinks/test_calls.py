"""What the tables show of a call is what its events fold to, however its versions came."""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings

from schemas.calls import SUMS, call_of, days_of, is_call, version_of
from schemas.legs import legs_of
from schemas.topics import Topic
from sinks.batch import Batch
from tests.scale import scaled
from tests.sinks.folded import add, insert, joined, record_of
from tests.sinks.strategies import calls, within
from tests.sinks.views import call_legs, stored_calls

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

ACCOUNT = "acme"
CALLS = scaled(400, 10_000)
INSERTS = 4

Told = dict[str, list["CallEvent"]]
"""The events of each call, by call id: any order, some twice."""


def generated(count: int) -> Told:
    """So many calls that hypothesis made up: checked all at once, since an insert takes its time."""
    told: Told = {}

    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None)
    @given(events=calls())
    def collect(events: list[CallEvent]) -> None:
        call_id = f"{len(told):08x}"
        told[f"{call_id}-a"] = [within(call_id, event) for event in events]

    collect()
    return told


def written(settings: Settings, told: Told, order: random.Random) -> None:
    """Write each version of each call that there was on the way, in any order, in several inserts."""
    batches = [Batch() for _ in range(INSERTS)]
    for events in told.values():
        for number, event in enumerate(events, 1):
            add(order.choice(batches), Topic.EVENTS, event.to_json())
            if is_call(events[:number]):
                add(order.choice(batches), Topic.RECORDS, record_of(events[:number]).to_json())
    for batch in batches:
        insert(settings, batch)


def test_any_order_of_versions_reads_as_the_whole(store_settings: Settings, client: Client) -> None:
    told = generated(CALLS)
    written(store_settings, told, random.Random(len(told)))
    found = stored_calls(client, ACCOUNT)
    expected = {call_id: expected_call(events) for call_id, events in told.items()}
    wrong = [call_id for call_id in told if found.get(call_id) != expected[call_id]]
    smallest = min(wrong, key=lambda call_id: len(repr(told[call_id])), default="")
    assert found.get(smallest) == expected.get(smallest), told[smallest]
    assert found.keys() == told.keys()
    assert call_legs(client, ACCOUNT) == expected_legs(told)


def expected_call(events: list[CallEvent]) -> dict[str, Any]:
    events = joined(events)
    call = asdict(call_of(events))
    columns = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in call.items()
        if name not in SUMS
    }
    began = (columns[name] for name in ("started_at", "requested_at", "first_received_at"))
    del columns["account"], columns["call_id"]
    return columns | {
        "day": days_of(events)[0],
        "version": version_of(events),
        "began_at": next(each for each in began if each is not None),
    }


def expected_legs(told: Told) -> dict[str, dict[str, Any]]:
    return {
        leg.leg_id: {
            name: value for name, value in asdict(leg).items() if name not in {"leg_id", "busy_until"}
        }
        | {"call_id": call_id, "day": days_of(events)[0]}
        for call_id, events in told.items()
        for leg in legs_of(joined(events))
    }
