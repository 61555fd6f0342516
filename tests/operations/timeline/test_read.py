from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from operations.timeline import read
from operations.timeline.gaps import gaps
from operations.timeline.model import Match
from processors.correlate.leg import Leg
from processors.correlate.step import step
from runtime import clickhouse
from schemas.legs import MOST_LEGS, Tellings
from schemas.records import row_of
from schemas.topics import Topic
from sinks.batch import Batch
from tests.sinks.folded import add, insert, record_of
from tests.sinks.queries.telling import START, event

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.settings import Settings

CALLBACKS = 8_000
"""Their ids take more than a query may have."""
REFERENCE = "order-7"


def test_a_call_of_very_many_callbacks_is_read(store_settings: Settings) -> None:
    first = event("ring", "leg", START, callback_id="")
    batch = Batch()
    for number in range(CALLBACKS):
        add(batch, Topic.EVENTS, replace(first, callback_id=f"{number:036}").to_json())
    add(batch, Topic.RECORDS, record_of([first]).to_json())
    insert(store_settings, batch)
    with clickhouse.connected(store_settings.clickhouse) as client:
        (match,) = read.find(client, "leg")
        whole = read.whole(client, match, raw=False)
    assert whole is not None
    (told,) = whole.told
    assert len(told.callback_ids) == CALLBACKS


def test_a_call_of_very_many_legs_is_found_by_each_of_them(store_settings: Settings) -> None:
    """Its row lists the smallest."""
    legs = [f"leg {number:03}" for number in range(MOST_LEGS + 50)]
    told = [event("ring", leg, START, ids=tuple(sorted({legs[0], leg})), uuid=legs[0]) for leg in legs]
    state, batch = Leg(), Batch()
    for number in range(0, len(told), 50):
        some = told[number : number + 50]
        state, sends = step(legs[0], state, some, START)
        record = sends.record("acme", legs[0])
        assert record is not None
        add(batch, Topic.RECORDS, record.to_json())
    insert(store_settings, batch)
    with clickhouse.connected(store_settings.clickhouse) as client:
        for leg in (legs[0], legs[-1], legs[MOST_LEGS]):
            assert [match.call_id for match in read.find(client, leg)] == [legs[0]]


def test_a_call_that_keeps_the_id_of_a_misread_leg_is_found_by_it(store_settings: Settings) -> None:
    """Its name stays with it; no event names that leg any more."""
    said = event("ring", "b", START, reading=7)
    before = replace(said, ids=("a", "b"), leg="a", reading=6, kind="void")
    row = row_of("acme", "a", Tellings([replace(before, event_id="other"), said]))
    batch = Batch()
    add(batch, Topic.EVENTS, said.to_json())
    add(batch, Topic.RECORDS, row.to_json())
    insert(store_settings, batch)
    with clickhouse.connected(store_settings.clickhouse) as client:
        for name in "ab":
            (match,) = read.find(client, name)
            whole = read.whole(client, match, raw=False)
            assert whole is not None
            assert (match.call_id, len(whole.told)) == ("a", 1)


def test_a_reference_leads_to_calls_whatever_the_length_of_their_ids(store_settings: Settings) -> None:
    names = [f"{number:03}".ljust(256, "通") for number in range(400)]
    batch = Batch()
    for name in names:
        told = event("ring", name, START, customer_ref=REFERENCE)
        add(batch, Topic.EVENTS, told.to_json())
        add(batch, Topic.RECORDS, record_of([told]).to_json())
    insert(store_settings, batch)
    with clickhouse.connected(store_settings.clickhouse) as client:
        found = read.find(client, REFERENCE)
        assert len(read.summaries(client, found)) == read.MOST_MATCHES
    assert found == [Match("acme", name) for name in names[: read.MOST_MATCHES]]


@pytest.mark.parametrize("spelled", [str.upper, lambda leg: leg.replace("-", ""), "{{{}}}".format])
def test_a_call_is_whole_and_found_by_each_leg_however_the_provider_writes_ids(
    store_settings: Settings, spelled: Callable[[str], str]
) -> None:
    legs = ("526d637c-e8fe-11ea-a849-cf6e45e88543", "526d643a-e8fe-11ea-a84a-cf6e45e88543")
    written = {leg: spelled(leg) for leg in legs}
    told = replace(event("ring", legs[0], START), ids=legs, written=written)
    batch = Batch()
    add(batch, Topic.EVENTS, told.to_json())
    add(batch, Topic.RECORDS, record_of([told]).to_json())
    insert(store_settings, batch)
    with clickhouse.connected(store_settings.clickhouse) as client:
        for asked in (*legs, *written.values()):
            assert read.find(client, asked) == [Match("acme", legs[0])]
        whole = read.whole(client, Match("acme", legs[0]), raw=False)
    assert whole is not None
    assert whole.row["legs"] == list(written.values())
    assert [each.event.event_id for each in whole.told] == [told.event_id]
    assert {gap.code for gap in gaps(whole, START)}.isdisjoint({"event-missing", "row-differs"})
