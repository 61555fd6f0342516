"""What an audit asks ClickHouse, in SQL; `tables` fills in the values."""
# ruff: noqa: S608 - made of these texts alone

from __future__ import annotations

from operations.audit.offsets import BUCKET
from sinks.rows import GONE

PLACES = """
(
    SELECT partition, offset FROM stored_callbacks WHERE topic = %(topic)s
    UNION ALL
    SELECT partition, offset FROM dead_letters WHERE topic = %(topic)s
)
"""

BUCKETS = f"""
SELECT partition, intDiv(offset, {BUCKET}) AS bucket,
    groupBitmap(toUInt32(modulo(offset, {BUCKET}))) AS there, min(offset) AS first, max(offset) AS last
FROM {PLACES}
GROUP BY partition, bucket
"""

OFFSETS = f"""
SELECT DISTINCT offset FROM {PLACES}
WHERE partition = %(partition)s AND offset >= %(first)s AND offset < %(end)s
"""

# Offsets whose callback is archived with another offset; the times keep the search within a few days.
TWICE = """
WITH gap AS
(
    SELECT offset, callback, received_at FROM callback_places
    WHERE topic = %(topic)s AND partition = %(partition)s AND offset >= %(first)s AND offset < %(end)s
)
SELECT DISTINCT offset FROM gap
WHERE callback IN
(
    SELECT sipHash64(account, id) AS callback FROM stored_callbacks
    WHERE received_at >= (SELECT min(received_at) FROM gap)
        AND received_at <= (SELECT max(received_at) FROM gap)
        AND callback IN (SELECT callback FROM gap)
)
"""

SLICED = "modulo(sipHash64(id), %(slices)s) IN %(which)s"
NAMED = "(account, id) IN %(names)s"

# Archived callbacks before the lines only: later ones may still be on their way.
ARCHIVED = """
SELECT account, id, source, rejected, codes, topic, partition, offset
FROM
(
    SELECT account, id, source, topic, partition, offset, received_at, bitAnd(verdict, 1) = 1 AS rejected,
        arrayStringConcat(arraySort(arrayDistinct(reasons.code)), ' + ') AS codes
    FROM
    (
        SELECT account, id, source, topic, partition, offset, received_at, verdict, reasons
        FROM stored_callbacks FINAL
    )
)
WHERE ((topic = %(raw)s AND offset < arrayElement(%(raw_line)s, partition + 1))
    OR (topic = %(rejected)s AND offset < arrayElement(%(rejected_line)s, partition + 1)))
    AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
    AND (%(any_source)s OR source = %(source)s)
"""

# Each event by the callbacks that said it, in its newest reading; that a call was closed no callback said.
TOLD = """
SELECT account, event_id, notEmpty(ids) AND kind != 'void' AS is_call, ids, source, received_at,
    callback_id AS id
FROM stored_events FINAL
WHERE callback_id != ''
"""

# Legs of calls that were reported again on a day that is kept, but whose own day is dropped. A call that
# became part of another has such rows too: its legs are among those of the other, under a day that is kept.
_DROPPED = f"""
SELECT sipHash64(account, leg_id) FROM stored_legs
WHERE toDate(%(calls_since)s) > toDate(0) AND version = {GONE} AND sipHash64(account, leg_id) NOT IN
    (SELECT sipHash64(account, id) FROM call_ids WHERE day >= %(calls_since)s)
"""

KEPT = "SELECT sipHash64(account, arrayJoin(events)) FROM calls WHERE truncated"

# Only correlate knows which events a suspect id ties. Such ids are passed over, unless an event has no other.
_TYING = "(empty(beside) OR (account, id) NOT IN (SELECT account, id FROM stored_suspects))"

# A call that has very many events names the latest. Of the others, only those that share an id with these are
# found here; `tied` finds the rest, from id to id.
_IN_CALLS = f"""
SELECT sipHash64(account, arrayJoin(events)) FROM calls
UNION ALL
SELECT sipHash64(account, event_id) FROM event_ids
WHERE {_TYING} AND sipHash64(account, id) IN
(
    SELECT sipHash64(account, id) FROM event_ids
    WHERE sipHash64(account, event_id) IN ({KEPT})
)
UNION ALL
SELECT sipHash64(account, event_id) FROM event_ids
WHERE {_TYING} AND sipHash64(account, id) IN ({_DROPPED})
"""

_SHORT = "NOT rejected AND (events = 0 OR held < calls)"


def _fates(which: str) -> str:
    return f"""
SELECT a.source AS source, a.rejected AS rejected, a.codes AS codes, e.events AS events, e.calls AS calls,
    e.held AS held, e.loose AS loose, a.account AS account, a.id AS id,
    a.topic AS topic, a.partition AS partition, a.offset AS offset
FROM ({ARCHIVED} AND {which}) AS a
LEFT JOIN
(
    SELECT account, id, count() AS events, countIf(is_call) AS calls, countIf(is_call AND is_held) AS held,
        groupArrayIf(ids, is_call AND NOT is_held) AS loose
    FROM
    (
        SELECT account, id, is_call, ids, sipHash64(account, event_id) IN ({_IN_CALLS}) AS is_held
        FROM ({TOLD})
        WHERE {which}
    )
    GROUP BY account, id
) AS e ON a.account = e.account AND a.id = e.id
"""


def _groups(which: str) -> str:
    return f"""
SELECT source, rejected, codes, events, calls, held, count(),
    groupArrayIf(%(most)s)((account, id, loose), {_SHORT}) AS short
FROM ({_fates(which)})
GROUP BY source, rejected, codes, events, calls, held
"""


GROUPS = _groups(SLICED)
GROUPS_OF = _groups(NAMED)

LINKED = """
SELECT account, id, groupUniqArray(sipHash64(account, event_id)) AS events,
    groupUniqArrayArray(beside) AS others
FROM event_ids
WHERE id IN %(ids)s
GROUP BY account, id
"""

HOLES = f"""
SELECT events = 0, source, id, topic, partition, offset
FROM ({_fates(NAMED)})
WHERE {_SHORT}
ORDER BY source, topic, partition, offset
LIMIT %(limit)s
"""

STRAYS = f"""
SELECT DISTINCT account, id, source
FROM ({TOLD})
WHERE {SLICED}
    AND received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
    AND (%(any_source)s OR source = %(source)s)
    AND sipHash64(account, id) NOT IN
    (
        SELECT sipHash64(account, id) FROM stored_callbacks
        WHERE {SLICED}
    )
"""

VERDICTS = """
SELECT id, max(verdict) FROM stored_callbacks
WHERE account IN %(accounts)s AND id IN %(ids)s
    AND received_at >= fromUnixTimestamp64Micro(toInt64(%(first)s), 'UTC')
    AND received_at <= fromUnixTimestamp64Micro(toInt64(%(last)s), 'UTC')
GROUP BY id
"""

AROUND = """
SELECT toUnixTimestamp64Micro(maxIf(received_at, offset < %(first)s)),
    toUnixTimestamp64Micro(minIf(received_at, offset >= %(end)s)), countIf(offset >= %(end)s)
FROM stored_callbacks
WHERE topic = %(topic)s AND partition = %(partition)s
"""
