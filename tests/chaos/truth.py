"""What must be in the tables: the rows of `calls` made from events at once, by a plain union-find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from operations.timeline.gaps import as_column
from processors.normalize.step import Normalized, normalize
from schemas.callbacks import Callback
from schemas.calls import SHOWN, call_of
from schemas.readings import newest
from tests.chaos.calls import TIMEZONE
from tests.rows import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime.settings import Settings
    from schemas.calls import Call
    from schemas.events import CallEvent

Rows = dict[tuple[str, str], dict[str, Any]]
"""By account and call id."""

DIALECTS = {"common": "common-api", "extension": "extension-events"}
"""By source; each has an account of the same name."""

ARCHIVED = """
SELECT *, toUnixTimestamp64Micro(received_at) AS received_us FROM callbacks WHERE status = 'accepted'
"""


def archived_events(settings: Settings) -> list[CallEvent]:
    """What all accepted callbacks say, read anew from their bytes."""
    return [event for row in select(settings, ARCHIVED) for event in events_of(row)]


def events_of(row: dict[str, Any]) -> tuple[CallEvent, ...]:
    """What an archived callback says, read anew from its bytes."""
    callback = Callback(
        id=row["id"],
        source=row["source"],
        account=row["account"],
        received_at=row["received_us"],
        method=row["method"],
        content_type=row["content_type"],
        peer=row["peer"],
        payload=row["payload"].encode(),
        query=row["query"].encode(),
    )
    outcome = normalize(callback, DIALECTS[callback.source], ZoneInfo(TIMEZONE))
    assert isinstance(outcome, Normalized)
    return outcome.events


def expected_calls(events: Iterable[CallEvent]) -> Rows:
    """The rows that these events make, whatever their order."""
    known: dict[tuple[str, str], CallEvent] = {}
    for event in events:
        if event.ids:
            key = event.account, event.event_id
            known[key] = newest(known.get(key, event), event)
    groups: dict[tuple[str, str], list[CallEvent]] = {}
    roots = _roots(known.values())
    for event in known.values():
        groups.setdefault((event.account, roots[event.account, event.leg]), []).append(event)
    return {key: columns(call_of(told)) for key, told in groups.items()}


def columns(call: Call) -> dict[str, Any]:
    """A row as the tables have it."""
    return dict(as_column(name, getattr(call, name)) for name in SHOWN)


def _roots(events: Iterable[CallEvent]) -> dict[tuple[str, str], str]:
    """By account and leg, the smallest leg of its call."""
    members: dict[tuple[str, str], set[str]] = {}
    for event in events:
        tied = set(event.ids).union(*(members.get((event.account, id_), ()) for id_ in event.ids))
        members |= {(event.account, id_): tied for id_ in tied}
    return {key: min(tied) for key, tied in members.items()}


def found_calls(settings: Settings, accounts: Iterable[str]) -> Rows:
    """The rows that there are."""
    rows = select(settings, "SELECT * FROM calls WHERE has(%(accounts)s, account)", {"accounts": [*accounts]})
    return {(row["account"], row["call_id"]): row for row in rows}


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
