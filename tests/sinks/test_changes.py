"""`call_changes` and its like say what `schemas.changes` says, and are what `sinks.changes` writes."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.changes import Change, changes
from schemas.records import join, record_of, record_to_json
from schemas.topics import Topic
from sinks import changes as made_views
from sinks import statements
from sinks.batch import Batch
from sinks.rows import read
from sinks.store import Store
from tests.kit.messages import StoredMessage
from tests.scale import scaled
from tests.sinks.strategies import events

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

ACCOUNT = "acme"
CALLS = scaled(300, 3_000)

Calls = dict[str, list["CallEvent"]]


def generated(count: int) -> Calls:
    """Events of so many calls, some of them told twice, in any order."""
    told: Calls = {}

    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None)
    @given(said=st.lists(events(), min_size=1, max_size=6))
    def collect(said: list[CallEvent]) -> None:
        call_id = f"{len(told):08x}"
        told[call_id] = [
            replace(
                event,
                event_id=f"{call_id}-{event.event_id}",
                ids=tuple(f"{call_id}-{leg}" for leg in event.ids),
                leg=f"{call_id}-{event.leg}",
            )
            for event in said
        ]

    collect()
    return told


def write(settings: Settings, calls: Calls, order: random.Random) -> None:
    """As the sink does: the events, and the records that several workers had made of them."""
    messages = []
    for call_id, told in calls.items():
        for event in told:
            messages.append((Topic.EVENTS, event.to_json()))
            part = order.sample(told, order.randint(1, len(told)))
            messages.append(
                (Topic.RECORDS, record_to_json(ACCOUNT, call_id, reduce(join, map(record_of, part))))
            )
        whole = reduce(join, map(record_of, told))
        messages.append((Topic.RECORDS, record_to_json(ACCOUNT, call_id, whole)))
    order.shuffle(messages)
    batches = [Batch() for _ in range(3)]
    for offset, (topic, value) in enumerate(messages):
        message = StoredMessage(topic, 0, offset, value)
        order.choice(batches).add(message, read(topic, message), 0.0)
    store = Store(settings)
    for batch in batches:
        assert [error for _, error in store.insert(batch.inserts()) if error is not None] == []
    store.close()


COLUMNS = "revision, toUnixTimestamp64Micro(received_at), event_id, field, before, after"


def stored_changes(client: Client, source: str) -> dict[str, set[Change]]:
    found: dict[str, set[Change]] = defaultdict(set)
    for call_id, *change in client.execute(f"SELECT call_id, {COLUMNS} FROM {source}"):
        found[call_id].add(Change(*change))
    return dict(found)


def test_each_event_changed_what_the_model_says(store_settings: Settings, client: Client) -> None:
    calls = generated(CALLS)
    order = random.Random(len(calls))
    write(store_settings, calls, order)
    expected = {call_id: set(changes(told)) for call_id, told in calls.items()}
    for _ in range(2):
        found = stored_changes(client, "call_changes")
        wrong = [call_id for call_id in calls if found.get(call_id, set()) != expected[call_id]]
        smallest = min(wrong, key=lambda call_id: len(repr(calls[call_id])), default="")
        assert found.get(smallest) == expected.get(smallest), calls[smallest]
        assert found.keys() <= expected.keys()
        write(store_settings, calls, order)  # all of it once more, as a replay does


def test_one_call_and_some_time_read_as_all_of_it_does(store_settings: Settings, client: Client) -> None:
    calls = generated(50)
    write(store_settings, calls, random.Random(1))
    everything = stored_changes(client, "call_changes")
    for call_id in list(calls)[:5]:
        found = stored_changes(client, f"changes_of_call(account = '{ACCOUNT}', call_id = '{call_id}')")
        assert found == {call_id: everything[call_id]}
    assert stored_changes(client, f"changes_of_call(account = 'other', call_id = '{call_id}')") == {}
    ever = "since = '1970-01-01 00:00:00', until = '2100-01-01 00:00:00'"
    assert stored_changes(client, f"late_changes({ever})") == everything
    since = "2021-02-09 02:00:01"
    rest = f"since = '{since}', until = '2100-01-01 00:00:00'"
    late = f"late_changes({rest}) WHERE received_at >= toDateTime64('{since}', 6, 'UTC')"
    expected = {
        call_id: {change for change in found if change.received_at >= 1_612_836_001_000_000}
        for call_id, found in everything.items()
    }
    assert stored_changes(client, late) == {call_id: found for call_id, found in expected.items() if found}


@pytest.mark.parametrize("name", made_views.VIEWS)
def test_the_views_are_made_of_the_formula_of_calls(name: str) -> None:
    files = {file.name: file.text for file in statements.views()}
    made = made_views.render(files["calls.sql"], files["call_changes_masked.sql"])
    assert files[f"{name}.sql"] == made[name]


def test_another_shape_of_calls_is_refused() -> None:
    (calls,) = (file.text for file in statements.views() if file.name == "calls.sql")
    with pytest.raises(ValueError, match=r"calls\.sql does not look as it did"):
        made_views.render(calls.replace("r.account AS account", "account"), "")
