"""The tables that the sink writes, each with the columns in the order of its rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from schemas.calls import COLUMNS, column
from schemas.events import NAMES
from schemas.legs import Leg


@dataclass(frozen=True)
class Table:
    """A table, with the columns of its rows' values, in order."""

    name: str
    columns: tuple[str, ...]

    def insert(self) -> str:
        """Return the statement that precedes the columns of values."""
        columns = ", ".join(f"`{name}`" for name in self.columns)
        return f"INSERT INTO {self.name} ({columns}) VALUES"


Row = tuple[Any, ...]
"""One value a column; times are microseconds since 1970 UTC."""

CALLBACKS = Table(
    "stored_callbacks",
    (
        "account",
        "received_at",
        "id",
        "source",
        "method",
        "content_type",
        "peer",
        "query",
        "payload",
        "stage",
        "reasons",
        "topic",
        "partition",
        "offset",
        "verdict",
        "kind",
        "revision",
        "kept_headers",
    ),
)
DEAD_LETTERS = Table(
    "dead_letters",
    ("topic", "partition", "offset", "written_at", "key", "headers", "value", "reasons"),
)
EVENTS = Table("stored_events", tuple(name for name in NAMES if name != "v"))

CALL_FIELDS = tuple(name for name in COLUMNS if name not in {"account", "call_id"})
LEG_FIELDS = tuple(each.name for each in fields(Leg) if each.name != "leg_id")

CALLS = Table(
    "stored_calls",
    ("account", "day", "call_id", "version", "is_gone", "part_of", *map(column, CALL_FIELDS)),
)
LEGS = Table(
    "stored_legs", ("account", "day", "call_id", "leg_id", "version", "is_gone", *map(column, LEG_FIELDS))
)
SUSPECTS = Table("stored_suspects", ("account", "id", "source", "since", "last_at"))

IN_ORDER = (CALLS, LEGS, SUSPECTS, EVENTS, CALLBACKS, DEAD_LETTERS)
"""In which their writes begin: first what people wait for."""
