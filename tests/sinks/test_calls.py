"""What ClickHouse makes of records is what Python makes of them: the lattice, `calls` and `call_legs`."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import reduce
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings

from schemas.calls import call_of
from schemas.records import BILLED, LEG_FIELDS, Record, join
from sinks.batch import Batch
from sinks.rows import Known
from sinks.store import Store
from tests.kit.messages import StoredMessage
from tests.scale import scaled
from tests.sinks.strategies import call_records, pieces, within
from tests.sinks.views import CALL_TIMES, call_columns, call_legs, stored_calls

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings

ACCOUNT = "acme"
CALLS = scaled(1_000, 10_000)
INSERTS = 5

Told = dict[str, list[Record]]
"""What each call's records are, by call id: any order, some twice."""


def generated(count: int) -> Told:
    """So many calls that hypothesis made up: checked all at once, since an insert takes its time."""
    told: Told = {}

    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None)
    @given(records=call_records())
    def collect(records: list[Record]) -> None:
        call_id = f"{len(told):08x}"
        told[call_id] = [within(call_id, record) for record in records]

    collect()
    return told


def written(settings: Settings, told: Told, order: random.Random) -> None:
    """Write the records in several inserts, split and joined as several workers might."""
    batches = [Batch() for _ in range(INSERTS)]
    said = [(call_id, piece) for call_id, records in told.items() for piece in pieces(records, order)]
    order.shuffle(said)
    for offset, (call_id, record) in enumerate(said):
        message = StoredMessage("calls.records", 0, offset)
        order.choice(batches).add(message, Known(ACCOUNT, call_id, record), 0.0)
    store = Store(settings)
    for batch in batches:
        assert [error for _, error in store.insert(batch.inserts()) if error] == []
    store.close()


def test_any_split_of_a_call_reads_as_its_whole(store_settings: Settings, client: Client) -> None:
    told = generated(CALLS)
    written(store_settings, told, random.Random(len(told)))
    whole = {call_id: reduce(join, records) for call_id, records in told.items()}
    found = stored_calls(client, ACCOUNT)
    wrong = [call_id for call_id in told if found.get(call_id) != expected_call(whole[call_id])]
    smallest = min(wrong, key=lambda call_id: len(repr(told[call_id])), default="")
    assert found.get(smallest) == (expected_call(whole[smallest]) if smallest else None), told[smallest]
    assert call_legs(client, ACCOUNT) == expected_legs(whole)


def expected_call(record: Record) -> dict[str, Any]:
    events_alone = {name: value for name, value in record.items() if name != "cdr"}
    billed: dict[str, Any] = record["cdr"][2] if "cdr" in record else {}
    expected = call_columns(call_of(record))
    expected |= {
        f"event_{name}": value
        for name, value in call_columns(call_of(events_alone)).items()
        if name in BILLED or name in CALL_TIMES
    }
    expected["event_outcome"] = expected["event_outcome"] or None
    expected |= {f"cdr_{name}": billed.get(name) for name in BILLED}
    expected["cdr_received_at"] = record["cdr"][0] if "cdr" in record else None
    return expected | {name: record[name] for name in ("sources", "dialects", "kinds")}


def expected_legs(whole: dict[str, Record]) -> dict[str, dict[str, Any]]:
    legs: dict[str, dict[str, Any]] = defaultdict(dict)
    for call_id, record in whole.items():
        for leg_id in record["ids"]:
            leg = record.get("legs", {}).get(leg_id, {})
            legs[leg_id] = {"call_id": call_id} | {
                name: leg[name][2] if name in leg and isinstance(leg[name], list) else leg.get(name)
                for name in LEG_FIELDS
            }
    return dict(legs)
