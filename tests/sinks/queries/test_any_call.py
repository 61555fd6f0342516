"""Whatever is known of a call, and be it next to nothing, no view fails for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime import clickhouse
from tests.sinks.queries.telling import LEG_A, START, event, tell
from tests.sinks.views import reading

if TYPE_CHECKING:
    from runtime.settings import Settings

CALL = {"account": "alone", "call_id": LEG_A}


def test_every_view_answers_of_nothing(store_settings: Settings) -> None:
    with clickhouse.connected(store_settings.clickhouse) as client:
        for query in reading(**CALL).values():
            assert client.execute(query) == [], query


def test_every_view_answers_of_any_single_event(store_settings: Settings) -> None:
    """Each in an account of its own: what is summed up over it alone has nothing else to go by."""
    kinds = ("ring", "dial", "answer", "hangup", "cdr", "requested", "voicemail")
    tell(store_settings, *([event(kind, LEG_A, START, account=f"only-{kind}")] for kind in kinds))
    tell(store_settings, [event("ring", LEG_A, START, account="alone", extension="200", campaign="spring")])
    with clickhouse.connected(store_settings.clickhouse) as client:
        answered = {view: client.execute(query) for view, query in reading(**CALL).items()}
    assert len(answered["calls"]) == len(kinds) + 1
    assert len(answered["calls_by_hour"]) == len(kinds) + 1
