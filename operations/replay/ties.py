"""Which legs belong to one call: a union-find in a file, so that memory does not grow with the archive."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from clickhouse_driver import Client

REMEMBERED = 100_000
"""Legs whose root is not looked up twice, once all ties are known."""

NAMED_SQL = """
SELECT account, ids FROM stored_events WHERE length(ids) > 1
"""
"""Of an event that is not merged yet there are several rows, and all say the same."""


def named(client: Client) -> Iterator[tuple[str, list[str]]]:
    """The legs that stored events name together, with their account; one leg alone is tied to nothing."""
    yield from client.execute_iter(NAMED_SQL)


class Ties:
    """Legs that events have named together. A call's root is the smallest of its legs."""

    def __init__(self, path: Path) -> None:
        """Begin anew in this file: it is scratch, and made again from what is stored."""
        path.unlink(missing_ok=True)
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(
            "CREATE TABLE ties (account TEXT, leg TEXT, smaller TEXT, PRIMARY KEY (account, leg)) "
            "WITHOUT ROWID"
        )
        self._db.execute("BEGIN")
        self.root = lru_cache(REMEMBERED)(self._root)

    def tie(self, account: str, legs: Iterable[str]) -> None:
        """These legs belong to one call."""
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)
