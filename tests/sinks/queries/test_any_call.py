"""Whatever is known of a call, and be it next to nothing, no view fails for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callweave import clickhouse
from sinks import statements
from tests.sinks.queries.telling import LEG_A, START, event, tell

if TYPE_CHECKING:
    from callweave.settings import Settings

PARAMETERS = {
    "since": "'1970-01-01 00:00:00'",
    "until": "'2200-01-01 00:00:00'",
    "threshold": "20",
    "campaign": "'spring'",
    "seconds": "2",
    "account": "'alone'",
    "call_id": f"'{LEG_A}'",
}


def reading() -> list[str]:
    """A query of each view, with a value for each of its parameters."""
    queries = []
    for file in statements.views():
        wanted = dict.fromkeys(re.findall(r"\{(\w+):", file.text))
        given = ", ".join(f"{name} = {PARAMETERS[name]}" for name in wanted)
        view = file.name.removesuffix(".sql")
        queries.append(f"SELECT * FROM {view}({given})" if given else f"SELECT * FROM {view}")
    return queries


def test_every_view_answers_of_nothing(store_settings: Settings) -> None:
    with clickhouse.connected(store_settings.clickhouse) as client:
        for query in reading():
            assert client.execute(query) == [], query


def test_every_view_answers_of_any_single_event(store_settings: Settings) -> None:
    """Each in an account of its own: what is summed up over it alone has nothing else to go by."""
    kinds = ("ring", "dial", "answer", "hangup", "cdr", "requested", "voicemail")
    tell(store_settings, *([event(kind, LEG_A, START, account=f"only-{kind}")] for kind in kinds))
    tell(store_settings, [event("ring", LEG_A, START, account="alone", extension="200", campaign="spring")])
    with clickhouse.connected(store_settings.clickhouse) as client:
        answered = {query: client.execute(query) for query in reading()}
    assert len(answered["SELECT * FROM calls"]) == len(kinds) + 1
    assert len(answered["SELECT * FROM calls_by_hour"]) == len(kinds) + 1
