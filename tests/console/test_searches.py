from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from console.searches import Search
from schemas.topics import Topic
from sinks.batch import Batch
from tests.sinks.folded import add, insert, record_of
from tests.sinks.queries.telling import START, event

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings

FIRST, SECOND = "526d637c-e8fe-11ea-a849-cf6e45e88543", "626d643a-e8fe-11ea-a84a-cf6e45e88543"
SPELLINGS = (SECOND, SECOND.upper(), SECOND.replace("-", ""), f"{{{SECOND.upper()}}}", f"urn:uuid:{SECOND}")


def test_a_call_is_found_by_any_spelling_of_a_leg_with_the_index_and_without(
    store_settings: Settings, client: Client
) -> None:
    """As the provider writes it, in capitals and without hyphens, and as others do."""
    written = {leg: leg.replace("-", "").upper() for leg in (FIRST, SECOND)}
    told = replace(event("ring", FIRST, START), ids=(FIRST, SECOND), written=written)
    batch = Batch()
    add(batch, Topic.EVENTS, told.to_json())
    add(batch, Topic.RECORDS, record_of([told]).to_json())
    insert(store_settings, batch)
    for text in SPELLINGS:
        search = Search.asked({"q": text}, ZoneInfo("UTC"))
        for view, has_index in (("calls", True), ("calls_masked", False)):
            where = search.where(has_index=has_index)
            found = client.execute(f"SELECT call_id FROM {view} WHERE {where}", search.values())
            assert found == [(FIRST,)], (text, view)
