"""The other callbacks of the calls that a replay touches.

A correlator forgets a call after some days. If it then heard of one leg again, and not of what ties that leg
to the others, there would be another call. So calls are replayed whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations.replay.archive import SELECTED, pages, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clickhouse_driver import Client

    from operations.replay.archive import Archived, Selection

_PARTLY = """
SELECT account, arrayJoin(events) AS event_id
FROM
(
    SELECT account, events, merged_into, first_received_at, last_received_at, sources
    FROM call_records FINAL
)
WHERE merged_into IS NULL
    AND last_received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND first_received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
    AND (%(any_source)s OR has(sources, %(source)s))
    AND (first_received_at < fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
        OR last_received_at >= fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
        OR (NOT %(any_source)s AND length(sources) > 1))
"""

BEYOND_SQL = f"""
NOT ({SELECTED})
AND source != ''
AND sipHash64(account, id) IN
(
    SELECT sipHash64(account, arrayJoin(callback_ids))
    FROM (SELECT account, event_id, callback_ids FROM stored_events FINAL)
    WHERE sipHash64(account, event_id) IN (SELECT sipHash64(account, event_id) FROM ({_PARTLY}))
)
"""  # noqa: S608 - made of our own texts alone

CALLS_SQL = """
SELECT account, call_id, events,
    toUnixTimestamp64Micro(assumeNotNull(first_received_at)),
    toUnixTimestamp64Micro(assumeNotNull(last_received_at))
FROM (SELECT account, call_id, events, first_received_at, last_received_at FROM call_records FINAL
    WHERE (account, call_id) IN
    (
        SELECT account, min(call_id) FROM stored_legs
        WHERE (account, leg_id) IN %(legs)s
        GROUP BY account, leg_id
    ))
WHERE isNotNull(first_received_at)
"""

SAYING_SQL = """
SELECT account, callback_ids
FROM (SELECT account, event_id, callback_ids FROM stored_events FINAL
    WHERE (account, event_id) IN %(events)s)
"""

NAMED_SQL = """
received_at >= fromUnixTimestamp64Micro(toInt64(%(first)s), 'UTC')
AND received_at <= fromUnixTimestamp64Micro(toInt64(%(last)s), 'UTC')
AND (account, id) IN %(callbacks)s
"""

CHUNK = 500
"""Ids in one question."""


def beyond(selection: Selection) -> tuple[str, dict[str, Any]]:
    """Callbacks outside of the selection's span whose calls lie partly in it, as a condition and its values.

    Later reports of the same event may come after the call's last news, and need not be known.
    """
    return BEYOND_SQL, selection.values()


def of_legs(client: Client, legs: Iterable[tuple[str, str]]) -> Iterator[list[Archived]]:
    """All callbacks of the calls that these legs belong to: pairs of account and leg id."""
    for some in _chunks(sorted(set(legs))):
        calls = client.execute(CALLS_SQL, {"legs": some})
        if not calls:
            continue
        first, last = min(call[3] for call in calls), max(call[4] for call in calls)
        events = [(text(account), text(event)) for account, _, known, *_ in calls for event in known]
        for named in _chunks(events):
            callbacks = [
                (text(account), text(each))
                for account, ids in client.execute(SAYING_SQL, {"events": named})
                for each in ids
            ]
            if callbacks:
                yield from pages(client, NAMED_SQL, {"callbacks": callbacks, "first": first, "last": last})


def _chunks(pairs: list[tuple[Any, Any]]) -> Iterator[list[tuple[Any, Any]]]:
    return (pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK))
