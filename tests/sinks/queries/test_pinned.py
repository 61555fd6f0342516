"""A reader's settings change no figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from operations.accounts.store import Account, put
from runtime import clickhouse
from sinks import grouped, statements
from sinks.pinned import PINNED
from tests.sinks import folded, views
from tests.sinks.queries import day
from tests.sinks.queries.telling import MINUTE, SECOND, START, event, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

NAMED = """
INSERT INTO directory_entries (account, kind, id, valid_from, name, team, loaded_at)
SELECT %(account)s, 'extension', '8001', '1970-01-01 00:00:00', 'Mo', 'Sales', now()
"""

OF_ACCOUNTS_ALONE = {*grouped.KEYS, "reconciliation_by_hour"}
"""Views with conditions on nothing indexed but accounts, which all rows of a call have in common."""
EMPTY = {"alerts", "suspect_ids", "callbacks", "rejected_callbacks"}
"""Views of other tables than these calls fill."""


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    folded.versions_begin(module_settings)
    day.write(module_settings)
    tell(module_settings, *missed_and_called_back())
    with clickhouse.connected(module_settings.clickhouse) as client:
        put(client, Account(day.ACCOUNT, "Europe/Paris"))
        client.execute(NAMED, {"account": day.ACCOUNT})
    return module_settings


def missed_and_called_back() -> Iterator[list[CallEvent]]:
    """Each of nine callers is missed twice, and then called back."""
    for number in range(9):
        line, caller = {"callee": "4000"}, {"caller": f"06123456{number}", "direction": "inbound"}
        back = {"caller": "4000", "callee": caller["caller"], "direction": "outbound"}
        for nth, said in enumerate((line | caller, line | caller, back)):
            leg, began = f"missed-{number}-{nth}", START + nth * MINUTE
            kinds = {"ring": 0, "answer": 5, "hangup": 9} if said is back else {"ring": 0, "hangup": 9}
            told = {"started_at": began, "dialect": "extension-events", "uuid": None, **said}
            yield [event(kind, leg, began + at * SECOND, **told) for kind, at in kinds.items()]


@pytest.fixture(scope="module")
def queries(settings: Settings) -> dict[str, str]:
    with clickhouse.connected(settings.clickhouse) as client:
        ((call_id,),) = client.execute(
            "SELECT call_id FROM call_changes ORDER BY revision DESC, call_id LIMIT 1"
        )
    return views.reading(account=day.ACCOUNT, call_id=call_id, last_day="2024-12-31")


def test_every_view_pins_them() -> None:
    exactly = f"{statements.EXACT_MODE} = 1"
    for file in statements.views():
        _, found, pinned = file.text.rpartition("\nSETTINGS\n")
        assert found, file.name
        wanted = {*PINNED} - ({exactly} if file.name.removesuffix(".sql") in OF_ACCOUNTS_ALONE else set())
        assert all(pinned.count(f"    {each}") == 1 for each in wanted), file.name
        assert pinned.count(f"    {statements.EXACT_MODE} = ") == 1, file.name


def test_a_readers_settings_change_nothing(settings: Settings, queries: dict[str, str]) -> None:
    assert queries.keys() == {file.name.removesuffix(".sql") for file in statements.views()}
    with clickhouse.connected(settings.clickhouse) as client:
        for view, query in queries.items():
            plain = answered(client, query, {})
            assert plain or view in EMPTY, view
            for name, value in views.OF_A_READER.items():
                assert answered(client, query, {name: value}) == plain, (view, name)


def answered(client: Client, query: str, given: dict[str, Any]) -> list[str]:
    """Rows as text, in order, without the last digits of sums, which depend on the order of rows."""
    rows = map(repr, client.execute(query, settings=given))
    return sorted(re.sub(r"\d+\.\d+(e-?\d+)?", lambda n: format(float(n[0]), ".9g"), row) for row in rows)
