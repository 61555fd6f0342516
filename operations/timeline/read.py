"""Reads from ClickHouse which call an id belongs to, and all that the tables hold of one call."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from operations.timeline.model import Kept, Match, Told, Whole
from schemas.calls import Call
from schemas.events import CallEvent
from schemas.times import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clickhouse_driver import Client

    from operations.timeline.model import Row

FLAGS = {each.name for each in fields(Call) if each.type == "bool"} | {"bridged", "transferred"}

MOST_MATCHES = 100
"""A customer's reference may stand for many calls; more than these help nobody to choose."""

# Without FINAL, under which older releases use no skip index: any row that has the id is reason enough.
_LEG = """
SELECT DISTINCT account, min(call_id) FROM stored_legs WHERE leg_id = %(id)s {account}
GROUP BY account LIMIT {most}
"""
_NAMED = """
SELECT DISTINCT account, min(call_id)
FROM stored_legs
WHERE (account, leg_id) IN (
    SELECT account, arrayJoin(ids) FROM stored_events WHERE uuid = %(id)s {account}
    UNION ALL SELECT account, arrayJoin(ids) FROM stored_events WHERE customer_ref = %(id)s {account}
    UNION ALL SELECT account, arrayJoin(ids) FROM stored_events WHERE event_id = %(id)s {account}
    UNION ALL SELECT account, arrayJoin(ids) FROM stored_events WHERE has(callback_ids, %(id)s) {account}
)
GROUP BY account, leg_id
ORDER BY account, min(call_id)
LIMIT {most}
"""

# By PREWHERE, which FINAL takes for conditions on the key alone when it is told to: it merges the rows of one
# call then, rather than all that lie near it, which takes a fifth of the time.
_RECORD = """
SELECT merged_into, events, closed FROM call_records FINAL
PREWHERE account = %(account)s AND call_id = %(call_id)s
"""

_EVENTS = """
SELECT * FROM stored_events FINAL
WHERE account = %(account)s AND event_id IN (
    SELECT event_id FROM stored_events WHERE account = %(account)s AND hasAny(ids, %(legs)s)
    UNION ALL SELECT arrayJoin(%(events)s)
)
"""

# `id` is part of the key, so that a skip index can't hide the row that counts.
_CALLBACKS = """
SELECT id, received_at, source, status, kind, topic, partition, offset, method, content_type{bytes}
FROM callbacks
WHERE account = %(account)s AND id IN %(ids)s
SETTINGS use_skip_indexes_if_final = 1
"""

_CALL = """
SELECT * FROM calls WHERE account = %(account)s AND call_id = %(call_id)s
SETTINGS optimize_move_to_prewhere_if_final = 1
"""
_LEGS = "SELECT * FROM call_legs WHERE account = %(account)s AND leg_id IN %(legs)s"


def find(client: Client, id_: str, account: str | None = None) -> list[Match]:
    """The calls that this id belongs to: as a leg of theirs, or else as anything that names them.

    That is an event's, a callback's or the customer's own id. Of a customer's reference every call, up to
    `MOST_MATCHES`.
    """
    narrowed = "" if account is None else "AND account = %(account)s"
    found: list[tuple[str, str]] = []
    for query in (_LEG, _NAMED):
        found = found or client.execute(
            query.format(account=narrowed, most=MOST_MATCHES), {"id": id_, "account": account}
        )
    calls = {_root(client, Match(*each)) for each in found}
    return sorted(calls, key=lambda match: (match.account, match.call_id))


def _root(client: Client, match: Match) -> Match:
    """The call itself, where the id's own turned out to be a part of it."""
    record = client.execute(_RECORD, {"account": match.account, "call_id": match.call_id})
    into = record[0][0] if record else None
    return match if into is None or into >= match.call_id else _root(client, Match(match.account, into))


def summaries(client: Client, matches: Sequence[Match]) -> list[Row]:
    """The row of `calls` of each match, for people to choose from."""
    keys = [(match.account, match.call_id) for match in matches]
    query = """
        SELECT account, call_id, started_at, first_received_at, state, outcome FROM calls
        WHERE (account, call_id) IN %(keys)s ORDER BY account, first_received_at, call_id
    """
    return _rows(client, query, {"keys": keys})


def whole(client: Client, match: Match, *, raw: bool) -> Whole | None:
    """All that the tables hold of a call, with the callbacks' bytes if `raw`; None if there is none."""
    key = {"account": match.account, "call_id": match.call_id}
    rows = _rows(client, _CALL, key)
    if not rows:
        return None
    row = rows[0]
    _, merged, closed = client.execute(_RECORD, key)[0]
    told = _told(client, match.account, row["legs"], merged)
    callbacks = _callbacks(
        client, match.account, {id_ for each in told for id_ in each.callback_ids}, raw=raw
    )
    return Whole(
        account=match.account,
        call_id=match.call_id,
        row=row,
        beside={"closed": list(closed)} if closed[0] else {},
        merged=tuple(merged),
        legs=tuple(_rows(client, _LEGS, {"account": match.account, "legs": row["legs"]})),
        told=tuple(told),
        callbacks={each.id: each for each in callbacks},
    )


def _told(client: Client, account: str, legs: list[str], events: list[str]) -> list[Told]:
    rows = _rows(client, _EVENTS, {"account": account, "legs": legs, "events": events or [""]})
    return [Told(_event(row), tuple(sorted(row["callback_ids"]))) for row in rows]


def _event(row: Row) -> CallEvent:
    """As in `calls.events`, but for the callback's id: the first by name stands for all."""
    read = {name: _plain(value) for name, value in row.items() if value is not None}
    read["ids"] = sorted(read["ids"])
    read["callback_id"] = min(read["callback_ids"], default="")
    for name in ("extra", "variables"):
        if isinstance(read.get(name), str):
            read[name] = orjson.loads(read[name]) if read[name] else None
    return CallEvent.from_dict({name: value for name, value in read.items() if value is not None})


def _plain(value: Any) -> Any:
    return microseconds(value) if isinstance(value, datetime) else value


def _callbacks(client: Client, account: str, ids: Iterable[str], *, raw: bool) -> list[Kept]:
    query = _CALLBACKS.format(bytes=", query, payload" if raw else "")
    rows = _rows(client, query, {"account": account, "ids": sorted(ids) or [""]})
    return [Kept(**{name: _kept(name, value) for name, value in row.items()}) for row in rows]


def _kept(name: str, value: Any) -> Any:
    if name in {"query", "payload"}:  # the driver gives text where it can
        return value.encode() if isinstance(value, str) else value
    return _plain(value)


def _rows(client: Client, query: str, parameters: dict[str, Any]) -> list[Row]:
    rows, described = client.execute(query, parameters, with_column_types=True)
    named = (zip(described, row, strict=True) for row in rows)
    return [{name: _typed(name, value) for (name, _), value in row} for row in named]


def _typed(name: str, value: Any) -> Any:
    """What is true or false may come as 1 or 0."""
    return bool(value) if name in FLAGS and value is not None else value
