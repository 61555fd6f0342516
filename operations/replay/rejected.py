"""What was rejected, in groups."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from operations.reading import reader
from operations.replay import archive
from processors.normalize.step import Rejected
from runtime import clickhouse

if TYPE_CHECKING:
    from datetime import datetime

    from clickhouse_driver import Client

    from operations.replay.archive import Selection
    from runtime.settings import ClickHouseSettings, Settings


class Group(NamedTuple):
    """Callbacks that were rejected for the same reasons."""

    source: str
    stage: str
    codes: list[str]
    fields: list[str]
    callbacks: int
    first: datetime
    last: datetime
    example: str
    """The id of the last one."""


GROUPS_SQL = """
SELECT source, stage, codes, fields, count() AS callbacks, min(received_at), max(received_at),
    argMax(id, (received_at, id))
FROM rejected_callbacks
WHERE received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
    AND received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
    AND (%(any_source)s OR source = %(source)s)
    AND (%(any_code)s OR has(codes, %(code)s))
GROUP BY source, stage, codes, fields
ORDER BY callbacks DESC, source, stage, codes, fields
"""


def groups(client: Client, selection: Selection) -> list[Group]:
    """Return the groups, the most frequent first."""
    return [Group(*row) for row in client.execute(GROUPS_SQL, selection.values())]


def fates(
    settings: Settings, server: ClickHouseSettings, selection: Selection, most: int | None = None
) -> Counter[tuple[str, str]]:
    """Count by source and outcome what a redrive would make of callbacks, about the first `most` of them."""
    read = reader(settings)
    found: Counter[tuple[str, str]] = Counter()
    with clickhouse.connected(server, as_bytes=True) as client:
        for page in archive.pages(client, selection.where(), selection.values()):
            for each in page:
                outcome = read(each.callback)
                codes = {reason.code for reason in outcome.reasons} if isinstance(outcome, Rejected) else ()
                fate = f"rejected: {', '.join(sorted(codes))}" if codes else "accepted"
                found[each.callback.source, fate] += 1
            if most is not None and found.total() >= most:
                break
    return found
