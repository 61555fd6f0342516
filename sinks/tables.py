"""The tables that the sink writes, each with the columns in the order of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.events import NAMES
from schemas.records import FIELDS, LEG_FIELDS


@dataclass(frozen=True)
class Table:
    """A table, and the columns in which a row's values stand."""

    name: str
    columns: tuple[str, ...]

    def insert(self) -> str:
        """The statement that goes before the columns of values."""
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
    ),
)
DEAD_LETTERS = Table(
    "dead_letters",
    ("topic", "partition", "offset", "written_at", "key", "headers", "value", "reasons"),
)
EVENTS = Table(
    "stored_events",
    (
        *("callback_ids" if name == "callback_id" else name for name in NAMES if name != "v"),
        "contributions",
    ),
)
LEGS = Table("stored_legs", ("account", "leg_id", "call_id", *LEG_FIELDS))
RECORDS = Table("call_records", ("account", "call_id", *(name for name in FIELDS if name != "legs")))

IN_ORDER = (RECORDS, LEGS, EVENTS, CALLBACKS, DEAD_LETTERS)
"""In which their writes begin: first what people wait for."""
