"""What the tables know of sources: their hours, and how much of what they sent was rejected or doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operations.watch.rhythm import HOUR, Hour
from operations.watch.shares import Share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from clickhouse_driver import Client

DAY = 86_400

# Rows still to be merged are counted twice: gaps don't mind, and of the shares each id counts once.
HOURS = """
SELECT
    account,
    source,
    toUnixTimestamp(toStartOfHour(received_at)) AS hour,
    count(),
    min(received_at) AS first,
    max(received_at) AS last,
    arrayMax(arrayDifference(arraySort(groupArray(toUnixTimestamp64Milli(received_at))))) / 1000 AS longest,
    toUnixTimestamp64Milli(first) / 1000,
    toUnixTimestamp64Milli(last) / 1000
FROM stored_callbacks
WHERE received_at >= toDateTime64(%(since)s, 6, 'UTC') AND received_at < toDateTime64(%(until)s, 6, 'UTC')
    AND kind = 'webhook'
GROUP BY account, source, hour
ORDER BY hour
"""

REJECTED = """
SELECT source, uniqIf(id, bitAnd(verdict, 1) = 1), uniq(id)
FROM stored_callbacks
WHERE received_at >= toDateTime64(%(since)s, 6, 'UTC') AND received_at < toDateTime64(%(until)s, 6, 'UTC')
    AND kind = 'webhook'
GROUP BY source
"""

# An event's day is that of its first receipt.
DOUBTFUL = """
SELECT source, uniqIf(event_id, notEmpty(doubts)), uniq(event_id)
FROM stored_events
WHERE received_at >= toDateTime64(%(since)s, 6, 'UTC') AND received_at < toDateTime64(%(until)s, 6, 'UTC')
    AND day >= toDate(toDateTime(%(since)s, 'UTC')) - 1
GROUP BY source
"""

SEEN = """
SELECT count() FROM stored_events
WHERE account = %(account)s AND day >= %(day)s AND callback_id = %(id)s
"""


def hours(client: Client, since: int, until: int) -> Iterator[tuple[str, str, Hour]]:
    """Account, source and hour of everything received in a span, hour by hour; in seconds since 1970.

    Asked day by day, so that a busy year takes no more memory than a busy day.
    """
    for begin in range(since // HOUR * HOUR, until, DAY):
        rows = client.execute(HOURS, {"since": begin, "until": min(until, begin + DAY)})
        for account, source, hour, count, _, _, longest, first, last in rows:
            yield account, source, Hour(hour, count, first, last, longest)


def shares(client: Client, question: str, since: int, until: int) -> dict[str, Share]:
    """`REJECTED` or `DOUBTFUL`, by source; in seconds since 1970."""
    rows = client.execute(question, {"since": since, "until": until})
    return {source: Share(bad, of) for source, bad, of in rows}


def is_seen(client: Client, account: str, callback_id: str, day: date) -> bool:
    """Whether an event of a callback, received that day or later, can be read."""
    ((events,),) = client.execute(SEEN, {"account": account, "day": day, "id": callback_id})
    return bool(events)
