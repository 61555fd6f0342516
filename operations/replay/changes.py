"""What two sets of tables say differently: call by call and field by field.

ClickHouse compares hashes of rows; only rows that differ are read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.portions import portions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clickhouse_driver import Client

    from sinks.span import Span

Row = dict[str, Any]

SLICE = 200_000
"""Rows that are compared at once."""
CHUNK = 200
"""Calls whose rows are read at once."""

LISTED = frozenset({"events", "legs", "truncated"})
"""Columns that show which events of a truncated call were summed up.

That depends on when the events came, and changes no figure.
"""

WITHIN_SQL = """
first_received_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')
AND last_received_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')
AND (%(any_source)s OR sources = [%(source)s])
"""

# A call that was read in part may be stored there under any leg that this part names: `legs` has ids as the
# provider wrote them, `call_legs` as they are compared.
DIFFERENT_SQL = """
SELECT account, call_id
FROM
(
    SELECT account, call_id, sipHash64(toString(({columns}))) AS hash FROM {before}.calls
    WHERE {within} AND modulo(sipHash64(call_id), %(slices)s) = %(slice)s
) AS b
FULL OUTER JOIN
(
    SELECT account, call_id, sipHash64(toString(({columns}))) AS hash FROM {after}.calls
    WHERE modulo(sipHash64(call_id), %(slices)s) = %(slice)s
        AND (account, call_id) NOT IN
        (
            SELECT account, leg_id FROM {before}.call_legs
            WHERE (account, day, call_id) IN
                (SELECT account, day, call_id FROM {before}.calls WHERE NOT ({within}))
        )
) AS a USING (account, call_id)
WHERE b.hash != a.hash
ORDER BY account, call_id
"""

_ROWS = """
SELECT account, call_id, {columns} FROM {database}.calls WHERE (account, call_id) IN %(keys)s
"""

ROWS_SQL = "SELECT total_rows FROM system.tables WHERE database = %(database)s AND name = %(table)s"

STATUS_SQL = """
SELECT b.status AS was, a.status AS is, count()
FROM
(
    SELECT account, id, status FROM {before}.callbacks WHERE modulo(sipHash64(id), %(slices)s) = %(slice)s
) AS b
INNER JOIN
(
    SELECT account, id, status FROM {after}.callbacks WHERE modulo(sipHash64(id), %(slices)s) = %(slice)s
) AS a ON a.account = b.account AND a.id = b.id
WHERE was != is
GROUP BY was, is
"""


@dataclass(frozen=True)
class Change:
    account: str
    call_id: str
    before: Row | None
    """The fields that differ; None if there was no such call."""
    after: Row | None

    @property
    def what(self) -> str:
        return "new" if self.before is None else "gone" if self.after is None else "changed"

    def fields(self) -> Iterator[tuple[str, Any, Any]]:
        """Return each field that differs, with its values; of a new or missing call, only what is known."""
        before, after = self.before or {}, self.after or {}
        for name in before | after:
            yield name, before.get(name), after.get(name)


def change(key: tuple[str, str], before: Row | None, after: Row | None) -> Change | None:
    """Return what differs between two rows, either of which may be missing. Pure."""
    if before is not None and after is not None:
        unsaid = LISTED if before.get("truncated") or after.get("truncated") else ()
        names = [name for name in before if before[name] != after[name] and name not in unsaid]
        if not names:
            return None
        before, after = {name: before[name] for name in names}, {name: after[name] for name in names}
    elif before is None and after is None:
        return None
    else:
        before = None if before is None else _known(before)
        after = None if after is None else _known(after)
    return Change(*key, before, after)


def _known(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "", [], {}, ())}


def calls(client: Client, before: str, after: str, span: Span) -> Iterator[Change]:
    """Return every call of the span that differs between two databases, slice by slice."""
    columns = ", ".join(f"`{name}`" for name in _columns(client, before, after))
    query = DIFFERENT_SQL.format(columns=columns, before=before, after=after, within=WITHIN_SQL)
    for values in _slices(client, before, "stored_calls"):
        for keys in portions(client.execute(query, {**span.values(), **values}), most=CHUNK):
            was, now = (_rows(client, database, columns, keys) for database in (before, after))
            for key in keys:
                found = change(key, was.get(key), now.get(key))
                if found is not None:
                    yield found


def statuses(client: Client, before: str, after: str) -> Counter[tuple[str, str]]:
    """Count callbacks whose status differs, by both statuses."""
    query = STATUS_SQL.format(before=before, after=after)
    found: Counter[tuple[str, str]] = Counter()
    for values in _slices(client, before, "stored_callbacks"):
        for was, now, number in client.execute(query, values):
            found[was, now] += number
    return found


def _slices(client: Client, database: str, table: str) -> Iterator[dict[str, int]]:
    ((rows,),) = client.execute(ROWS_SQL, {"database": database, "table": table})
    slices = rows // SLICE + 1
    return ({"slices": slices, "slice": number} for number in range(slices))


def _columns(client: Client, *databases: str) -> Iterable[str]:
    """Return the columns of `calls` that both have, in order, without its key and version.

    The version also counts how often the archive was read.
    """
    known = [
        [
            name
            for (name,) in client.execute(
                "SELECT name FROM system.columns WHERE database = %(database)s AND table = 'calls' "
                "ORDER BY position",
                {"database": database},
            )
        ]
        for database in databases
    ]
    return [
        name
        for name in known[0]
        if all(name in each for each in known) and name not in {"account", "call_id", "version"}
    ]


def _rows(
    client: Client, database: str, columns: str, keys: tuple[tuple[str, str], ...]
) -> dict[tuple[str, str], Row]:
    query = _ROWS.format(columns=columns, database=database)
    rows, described = client.execute(query, {"keys": keys}, with_column_types=True)
    names = [name for name, _ in described][2:]
    return {(row[0], row[1]): dict(zip(names, row[2:], strict=True)) for row in rows}
