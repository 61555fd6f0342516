"""What must be in the tables: the rows of `calls` made from events at once, by a plain union-find."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from runtime import clickhouse
from schemas.calls import call_of
from tests.processors.correlate.network import model
from tests.sinks.views import call_columns, stored_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime.settings import Settings
    from schemas.events import CallEvent

Rows = dict[tuple[str, str], dict[str, Any]]
"""By account and call id."""


def expected_calls(events: Iterable[CallEvent]) -> Rows:
    """The rows that these events make."""
    by_account: dict[str, list[CallEvent]] = defaultdict(list)
    for event in events:
        by_account[event.account].append(event)
    return {
        (account, call_id): call_columns(call_of(record))
        for account, known in by_account.items()
        for call_id, record in model(known).items()
    }


def found_calls(settings: Settings, accounts: Iterable[str]) -> Rows:
    """The rows that there are."""
    with clickhouse.connected(settings.clickhouse) as client:
        return {
            (account, call_id): row
            for account in accounts
            for call_id, row in stored_calls(client, account).items()
        }


def differences(expected: Rows, found: Rows) -> list[str]:
    """Every call that is missing, too many, or has a column that is wrong; empty if all is right."""
    wrong = [f"{key} is missing" for key in expected.keys() - found.keys()]
    wrong += [f"{key} is too many: {found[key]['legs']}" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        wrong += [f"{key}: {said}" for said in _columns(expected[key], found[key])]
    return wrong


def _columns(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is {found[name]!r}, not {value!r}"
        for name, value in expected.items()
        if found[name] != value
    ]
