"""Reads from ClickHouse which call an id belongs to, and all that the tables hold of one call."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

from operations import events
from operations.timeline.model import Kept, Match, Told, Whole
from runtime import clickhouse
from runtime.portions import portions
from schemas.calls import Call
from schemas.readings import newest
from schemas.times import microseconds
from schemas.uuids import bare, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clickhouse_driver import Client

    from operations.timeline.model import Row
    from schemas.events import CallEvent

FLAGS = {each.name for each in fields(Call) if each.type == "bool"}

MOST_MATCHES = 100
"""A customer's reference may belong to many calls; a longer list helps nobody to choose."""

LEGS_A_CALL = 20
"""Most calls have fewer, of those that events name together with a reference."""

# An id may have been a call's once: of one that was merged away, or as an earlier reading had it.
CALLED = """
SELECT DISTINCT account, call_id, arrayConcat([call_id], legs, [ifNull(uuid, '')]), leg_count > length(legs)
FROM calls
WHERE (account, day, call_id) IN (SELECT account, day, call_id FROM call_ids WHERE id IN %(ids)s {account})
ORDER BY account, call_id
LIMIT {most}
"""

NAMED = """
SELECT DISTINCT account, arrayJoin(ids) FROM stored_events
WHERE (customer_ref = %(id)s OR event_id = %(id)s OR callback_id = %(id)s) {account}
LIMIT {most}
"""

EVENTS = """
(account, day, event_id) IN
    (SELECT account, day, event_id FROM event_ids WHERE id IN %(legs)s AND account = %(account)s)
"""

# `id` is part of the key, so that a skip index can't hide the row that counts.
_CALLBACKS = """
SELECT id, received_at, source, status, kind, topic, partition, offset, method, content_type{bytes}
FROM callbacks
WHERE account = %(account)s AND id IN %(ids)s
SETTINGS use_skip_indexes_if_final = 1
"""

_ROWS = """
SELECT * FROM {} WHERE account = %(account)s AND call_id = %(call_id)s
AND day IN (SELECT day FROM call_ids WHERE id = %(call_id)s AND account = %(account)s)
"""


def find(client: Client, id_: str, account: str | None = None) -> list[Match]:
    """Return the calls that an id belongs to: as the id of a leg, or else as any other id.

    That may be an event's, a callback's or the customer's own id. A customer's reference finds every call
    with it, up to `MOST_MATCHES`.
    """
    return _called(client, spellings(id_), account) or _named(client, id_, account)


def _called(client: Client, ids: Sequence[str], account: str | None) -> list[Match]:
    narrowed = "" if account is None else "AND account = %(account)s"
    query = CALLED.format(account=narrowed, most=MOST_MATCHES * LEGS_A_CALL)
    # legs are shown as the provider wrote them
    wanted = set(map(bare, ids))
    found = (
        Match(owner, call_id)
        for some in portions(ids)
        for owner, call_id, named, has_more in client.execute(query, {"ids": some, "account": account})
        if has_more or not wanted.isdisjoint(map(bare, named))
    )
    return list(dict.fromkeys(found))[:MOST_MATCHES]


def _named(client: Client, id_: str, account: str | None) -> list[Match]:
    narrowed = "" if account is None else "AND account = %(account)s"
    query = NAMED.format(account=narrowed, most=MOST_MATCHES * LEGS_A_CALL)
    legs: dict[str, list[str]] = {}
    for owner, leg in client.execute(query, {"id": id_, "account": account}):
        legs.setdefault(owner, []).append(leg)
    found = [
        match
        for owner, ids in legs.items()
        for match in _called(client, [each for id_ in ids for each in spellings(id_)], owner)
    ]
    return sorted(found, key=lambda match: (match.account, match.call_id))[:MOST_MATCHES]


def summaries(client: Client, matches: Sequence[Match]) -> list[Row]:
    """Return each match's row of `calls`, to choose from."""
    keys = [(match.account, match.call_id) for match in matches]
    query = """
        SELECT account, call_id, started_at, first_received_at, state, outcome FROM calls
        WHERE (account, call_id) IN %(keys)s ORDER BY account, first_received_at, call_id
    """
    return _rows(client, query, {"keys": keys})


def whole(client: Client, match: Match, *, raw: bool) -> Whole | None:
    """Return everything that the tables hold of a call, or None; callbacks' bytes only if `raw`."""
    key = {"account": match.account, "call_id": match.call_id}
    rows = _rows(client, _ROWS.format("calls"), key)
    if not rows:
        return None
    legs = _rows(client, _ROWS.format("call_legs"), key)
    told = _told(client, match.account, [leg["leg_id"] for leg in legs])  # ids as they are compared
    ids = {id_ for each in told for id_ in each.callback_ids}
    return Whole(
        account=match.account,
        call_id=match.call_id,
        row=rows[0],
        legs=tuple(legs),
        told=tuple(told),
        callbacks={each.id: each for each in _callbacks(client, match.account, ids, raw=raw)},
    )


def _told(client: Client, account: str, legs: list[str]) -> list[Told]:
    """Return each event that names one of these legs, in its newest reading."""
    found: dict[str, list[CallEvent]] = {}
    for some in portions(legs):
        for event in events.tellings(client, EVENTS, {"account": account, "legs": some}):
            found.setdefault(event.event_id, []).append(event)
    told = [
        Told(reduce(newest, said), tuple(sorted({each.callback_id for each in said} - {""})))
        for said in found.values()
    ]
    return [each for each in told if not set(legs).isdisjoint(each.event.ids)]


def _plain(value: Any) -> Any:
    return microseconds(value) if isinstance(value, datetime) else value


def _callbacks(client: Client, account: str, ids: Iterable[str], *, raw: bool) -> Iterator[Kept]:
    query = _CALLBACKS.format(bytes=", query, payload" if raw else "")
    for some in portions(sorted(ids)):
        for row in _rows(client, query, {"account": account, "ids": some}):
            yield Kept(**{name: _kept(name, value) for name, value in row.items()})


def _kept(name: str, value: Any) -> Any:
    if name in {"query", "payload"}:  # the driver gives text where it can
        return value.encode() if isinstance(value, str) else value
    return _plain(value)


def _rows(client: Client, query: str, parameters: dict[str, Any]) -> list[Row]:
    found = clickhouse.rows(client, query, parameters)
    return [{name: _typed(name, value) for name, value in row.items()} for row in found]


def _typed(name: str, value: Any) -> Any:
    """Convert booleans, which may be stored as 1 or 0."""
    return bool(value) if name in FLAGS and value is not None else value
