"""The columns of an INSERT, which a native client is told before it sends data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compose.embedded.clickhouse.columns import layout
from compose.embedded.clickhouse.errors import Code
from compose.embedded.clickhouse.sql import column_names
from compose.embedded.clickhouse.wire import ProtocolError

if TYPE_CHECKING:
    from compose.embedded.clickhouse.engine import Session
    from compose.embedded.clickhouse.sql import Insert

Columns = list[tuple[str, str]]
"""Name and type of each."""

MOST_REMEMBERED = 100


class InsertColumns:
    """The columns of one session's INSERTs, by statement.

    Asking the engine takes as long as a small insert. So an answer is remembered until any statement may have
    changed a table, or one of this session has changed what names and settings mean.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._holds_in = session.state
        self._known: dict[tuple[str, str], Columns] = {}

    def of(self, insert: Insert) -> Columns:
        """The columns. Raises what the engine reports; exception 50 for a type we can't read."""
        state = self._session.state
        if state != self._holds_in or len(self._known) >= MOST_REMEMBERED:
            self._holds_in = state
            self._known.clear()
        key = (insert.head, insert.settings)
        if key not in self._known:
            self._session.check_insert(insert)
            self._known[key] = _ask(self._session, insert)
        return self._known[key]


def _ask(session: Session, insert: Insert) -> Columns:
    names = None if insert.columns is None else column_names(insert.columns)
    if insert.columns is not None and names is None:  # `* EXCEPT(a)` and the like
        query = f"(SELECT {insert.columns} FROM {insert.target})"  # noqa: S608 - parts of the client's own SQL
        pairs = [(name, kind) for name, kind, _ in session.describe(query)]
    else:
        described = session.describe(f"TABLE {insert.target}")
        if names is None:
            pairs = [
                (name, kind)
                for name, kind, default in described
                if default not in ("MATERIALIZED", "ALIAS", "EPHEMERAL")
            ]
        else:
            kinds = {name: kind for name, kind, _ in described}
            pairs = [(name, kinds[name]) for name in names if name in kinds]
    for _, kind in pairs:
        try:
            layout(kind)
        except ProtocolError as error:
            raise Code.UNKNOWN_TYPE.error(str(error)) from None
    return pairs
