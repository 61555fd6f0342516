"""The directory in ClickHouse: its entries, and what a file would change."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from operations.directory.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_driver import Client

COLUMNS = tuple(each.name for each in fields(Entry))


@dataclass(frozen=True, slots=True)
class Change:
    """What loading entries does to the directory."""

    added: tuple[Entry, ...]
    corrected: tuple[Entry, ...]
    """They replace others with the same id and time."""
    unchanged: int


def entries(client: Client) -> list[Entry]:
    rows = client.execute(
        "SELECT account, kind, id, toUnixTimestamp64Micro(valid_from), name, team "
        "FROM directory_entries FINAL"
    )
    return sorted(Entry(*row) for row in rows)


def change(known: Sequence[Entry], told: Sequence[Entry]) -> Change:
    """Return the entries of `told` that are not in the table yet. Pure."""
    by_key = {entry.key: entry for entry in known}
    return Change(
        added=tuple(entry for entry in told if entry.key not in by_key),
        corrected=tuple(entry for entry in told if by_key.get(entry.key, entry) != entry),
        unchanged=sum(by_key.get(entry.key) == entry for entry in told),
    )


def load(client: Client, told: Sequence[Entry]) -> Change:
    """Write the entries in `told` that are new; loading the same twice writes nothing the second time."""
    found = change(entries(client), told)
    rows = [astuple(entry) for entry in (*found.added, *found.corrected)]
    if rows:
        ((now,),) = client.execute("SELECT toUnixTimestamp64Micro(now64(6))")
        client.execute(
            f"INSERT INTO directory_entries ({', '.join(COLUMNS)}, loaded_at) VALUES",
            [[*row, now] for row in rows],
        )
    return found
