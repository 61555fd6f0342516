"""Which events belong to one call: a union-find in a file, so that memory does not grow with the archive."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Self

from schemas.events import CallEvent
from sinks.tied import tying

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from sinks.batch import Leg

REMEMBERED = 100_000
"""Legs whose root is not looked up twice, once all ties are known."""

_TABLES = (
    "CREATE TABLE ties (account TEXT, leg TEXT, smaller TEXT, PRIMARY KEY (account, leg)) WITHOUT ROWID",
    "CREATE TABLE events (account TEXT, leg TEXT, event BLOB)",
    "CREATE TABLE calls (account TEXT, root TEXT, leg TEXT, PRIMARY KEY (account, root, leg)) WITHOUT ROWID",
)

_CALLS = """
SELECT calls.account, calls.root, events.event
FROM calls CROSS JOIN events ON events.account = calls.account AND events.leg = calls.leg
WHERE (calls.account, calls.root) > (?, ?)
ORDER BY calls.account, calls.root
"""


class Events(NamedTuple):
    """A call: every telling of its events."""

    account: str
    root: str
    """The smallest of its legs."""
    told: list[CallEvent]


class Ties:
    """Events, with the legs that they tie together. A call's root is the smallest of its legs."""

    def __init__(self, path: Path, suspects: Collection[Leg] = frozenset()) -> None:
        """Start over in this file, which is scratch space; suspect ids tie nothing."""
        self._suspects = suspects
        path.unlink(missing_ok=True)
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        for table in _TABLES:
            self._db.execute(table)
        self._db.execute("BEGIN")
        self.root = lru_cache(REMEMBERED)(self._root)

    def add(self, event: CallEvent) -> None:
        """Keep an event; one that names no leg belongs to no call."""
        if event.ids:
            legs = tying(event, self._suspects) or [event.ids[-1]]
            self.tie(event.account, legs)
            row = (event.account, min(legs), event.to_json())
            self._db.execute("INSERT INTO events VALUES (?, ?, ?)", row)

    def tie(self, account: str, legs: Iterable[str]) -> None:
        """Note that these legs belong to one call."""
        known = set(legs)
        if len(known) < 2:
            return
        roots = {self._root(account, leg) for leg in known}
        smallest = min(roots)
        # every leg points at the smallest known, so that ways stay short
        self._db.executemany(
            "INSERT INTO ties VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET smaller = excluded.smaller",
            [(account, leg, smallest) for leg in (known | roots) - {smallest}],
        )
        self.root.cache_clear()

    def count(self) -> int:
        """Count the stored tellings of events."""
        ((number,),) = self._db.execute("SELECT count(*) FROM events")
        return int(number)

    def calls(self, account: str = "", root: str = "") -> Iterator[Events]:
        """Return each call after this one, in order, once all events are stored."""
        self._db.execute("CREATE INDEX IF NOT EXISTS legs ON events (account, leg)")
        legs = self._db.execute("SELECT DISTINCT account, leg FROM events")
        for named in iter(lambda: legs.fetchmany(1_000), []):
            self._db.executemany(
                "INSERT OR IGNORE INTO calls VALUES (?, ?, ?)",
                [(account_, self.root(account_, leg), leg) for account_, leg in named],
            )
        rows = self._db.execute(_CALLS, (account, root))
        for (account_, root_), told in groupby(rows, key=lambda row: (row[0], row[1])):
            yield Events(account_, root_, [CallEvent.from_json(event) for *_, event in told])

    def _root(self, account: str, leg: str) -> str:
        while True:
            found = self._db.execute(
                "SELECT smaller FROM ties WHERE account = ? AND leg = ?", (account, leg)
            ).fetchone()
            if found is None:
                return leg
            leg = found[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)
