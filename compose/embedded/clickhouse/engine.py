"""The ClickHouse engine in this process. No other module knows chdb.

One process holds one data directory. Sessions on it are cheap (0.2 ms), have a current database and settings
of their own, and run in parallel, each in its caller's thread: the engine releases Python's lock while it
works.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from compose.embedded.clickhouse import sql as statements
from compose.embedded.clickhouse.errors import Code, ServerError, parse_error
from compose.embedded.clickhouse.people import is_refused, users_xml
from compose.embedded.locks import lock_data
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from compose.embedded.clickhouse.sql import Insert

_INSERT_BYTES = 256 * 1024 * 1024  # an insert up to this becomes one part, which exists wholly or not at all
_REMEMBERED_SETS = 100
_TABLES_STAY = statements.SELECTS | statements.EXPLAINS | {"INSERT", "SET", "USE"}
"""Statements that leave every table as it was."""
_BASE_SETTINGS = {
    "min_insert_block_size_rows": "0",
    "min_insert_block_size_bytes": str(_INSERT_BYTES),
}


@dataclass(frozen=True)
class Piece:
    """A part of a result in the requested format, and what was read for it. In Native it is one block."""

    data: bytes
    rows: int
    read_rows: int
    read_bytes: int
    written_rows: int = 0
    written_bytes: int = 0


class NotStreamableError(Exception):
    """The engine returns this statement's result only as a whole."""


_CONFIGURATION = """\
<clickhouse>
    <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
    <!-- Beside the rest of the stack, on a developer's machine. -->
    <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
    <mark_cache_size>268435456</mark_cache_size>
    <!-- An acknowledged insert is on the disk, and survives a power cut. -->
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>
        <!-- Planning would read those of a hundred columns for every part of calls: 60 ms for one row. -->
        <auto_statistics_types></auto_statistics_types>
    </merge_tree>
</clickhouse>
"""


def _connection_string(data: Path, roles: Mapping[str, list[str]]) -> str:
    """What chdb opens: the engine's folder, with a configuration that is rewritten each time."""
    if any(mark in str(data) for mark in "?&#%*{}"):
        raise NodeError(f"The path {data} must not contain any of ?&#%*{{}}: choose another folder.")
    configuration = data.resolve() / "engine.xml"
    users = data.resolve() / "users.xml"
    users.write_text(users_xml(roles))
    configuration.write_text(_CONFIGURATION.format(users=escape(str(users))))
    return f"{data.resolve() / 'engine'}?config-file={configuration}"


class Engine:
    """The engine on one data directory. Its sessions must be closed before it."""

    def __init__(
        self, data: Path, database: str = "default", roles: Mapping[str, list[str]] | None = None
    ) -> None:
        """Open the directory, create the database if missing, and delete what a killed process spooled."""
        self._lock = lock_data("ClickHouse", data)
        self._spool = data / "spool"
        shutil.rmtree(self._spool, ignore_errors=True)
        self._spool.mkdir()
        self._path = _connection_string(data, roles or {})
        self._connect: Callable[[str], Any] = importlib.import_module("chdb._chdb").connect
        self._numbers = count(1)
        self._control_lock = threading.Lock()
        self._table_changes = count(1)
        self._error_names: dict[int, str] = {}
        self.tables_as_of = 0
        """Changes after every statement that may have changed a table's columns."""
        self._control = self._connect(self._path)
        self.database = "default"
        self.version, self.timezone, self.host_name = self._one("SELECT version(), timezone(), hostName()")
        self._one(f"CREATE DATABASE IF NOT EXISTS {statements.quote_name(database)}")
        self.database = database

    def session(self, database: str = "", roles: tuple[str, ...] = ()) -> Session:
        """A session with this current database, or the engine's default; exception 81 if there is none.

        With `roles` it has no rights but theirs.
        """
        session = Session(self, f"session-{next(self._numbers)}", database or self.database, roles)
        try:
            session.reopen()
        except ServerError:
            session.close()
            raise
        return session

    def spool(self) -> tempfile._TemporaryFileWrapper[bytes]:
        """A file for an insert's data, deleted when it is closed."""
        return tempfile.NamedTemporaryFile(dir=self._spool)

    def connect(self) -> Any:
        return self._connect(self._path)

    def kill(self, tag: str) -> None:
        """Ask the query that runs in the session with this tag, if any, to stop."""
        with contextlib.suppress(RuntimeError):  # it may have just ended
            self._one(f"KILL QUERY WHERE Settings['log_comment'] = {statements.quote(tag)} ASYNC")

    def error_name(self, code: int) -> str:
        if code not in self._error_names:
            self._error_names[code] = self._one(f"SELECT errorCodeToName({code})")[0]
        return self._error_names[code]

    def note_change(self) -> None:
        self.tables_as_of = next(self._table_changes)

    def close(self) -> None:
        """Write out what is pending, and release the directory."""
        self._control.close()
        os.close(self._lock)

    def _one(self, sql: str) -> list[str]:
        with self._control_lock:
            row: bytes = self._control.query(sql, "TabSeparated").bytes()
        return row.decode().rstrip("\n").split("\t")


class Session:
    """One client's current database and settings. For one thread at a time, except `interrupt`."""

    def __init__(self, engine: Engine, tag: str, database: str, roles: tuple[str, ...] = ()) -> None:
        """`tag` names it among all sessions."""
        self._engine = engine
        self._tag = tag
        self._database = database
        self._roles = roles
        self._connection: Any = None
        self._settings: dict[str, str] = {}
        self._own_sets: list[str] = []
        self._changes = 0

    @property
    def state(self) -> tuple[int, int]:
        """Changes whenever the same statement may mean something else."""
        return self._engine.tables_as_of, self._changes

    def reopen(self) -> None:
        """Start over: the settings as at the start, in the current database."""
        self._changes += 1
        if self._connection is not None:
            self._database = self._query("SELECT currentDatabase()", "TabSeparatedRaw").data.decode()[:-1]
            self._connection.close()
        self._connection = self._engine.connect()
        self._settings = {}
        self._query(f"USE {statements.quote_name(self._database)}", "Null")
        self._set({"log_comment": self._tag, **_BASE_SETTINGS})
        if self._roles:
            self._query(f"SET ROLE {', '.join(map(statements.quote_name, self._roles))}", "Null")
        for sql in self._own_sets:
            self._query(sql, "Null")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def interrupt(self) -> None:
        """Ask the statement that runs now to stop; it ends with exception 394. Any thread may call this."""
        self._engine.kill(self._tag)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Apply exactly these settings to what follows, besides those that the client SET itself."""
        self._keep_to_roles("", settings)
        if settings == self._settings:
            return
        if any(name not in settings for name in self._settings):
            # Some settings can't be reset (readonly); a new connection always works.
            self.reopen()
        self._settings = dict(settings)
        try:
            self._set(settings)
        except ServerError:
            self._settings = {"": ""}  # some may be set already: start over next time
            raise

    def run(self, sql: str, form: str, parameters: Mapping[str, str] | None = None) -> Piece:
        """Run any statement; its result is one piece (in Native: blocks one after the other)."""
        self._keep_to_roles(sql, parameters)
        word = statements.first_word(sql)
        try:
            piece = self._query(sql, form, parameters)
        finally:
            if word not in _TABLES_STAY:
                self._engine.note_change()
        if word in {"SET", "USE"}:
            self._changes += 1
        if word == "SET":
            self._own_sets = [*self._own_sets[-_REMEMBERED_SETS:], sql]
        return piece

    def stream(
        self, sql: str, form: str, parameters: Mapping[str, str] | None = None
    ) -> Generator[Piece, None, None]:
        """Run a SELECT piece by piece; raise `NotStreamableError` for other statements before anything runs.

        Closing the generator early stops the query.
        """
        if statements.first_word(sql) == "SET":
            raise NotStreamableError
        self._keep_to_roles(sql, parameters)
        try:
            running = self._connection.send_query(sql, form, params=dict(parameters or {}))
        except RuntimeError as error:
            translated = self._translate(error)
            if translated.code == Code.BAD_ARGUMENTS and translated.text.startswith("Streaming query is not"):
                raise NotStreamableError from None
            raise translated from None
        return self._pieces(running)

    def _pieces(self, running: Any) -> Generator[Piece, None, None]:
        ended = False
        try:
            while not ended:
                try:
                    result = self._connection.streaming_fetch_result(running)
                except RuntimeError as error:
                    ended = True
                    raise self._translate(error) from None
                piece = self._piece(result)
                ended = not piece.data and piece.rows == 0
                yield piece
        finally:
            if not ended:
                self._connection.streaming_cancel_query(running)

    def insert(
        self, insert: Insert, form: str, data: Path, parameters: Mapping[str, str] | None = None
    ) -> Piece:
        """Insert the file `data`, in the format `form`; call `check_insert` first.

        Up to 256 MB, all of it is in when this returns, and nothing of it when it raises. Of a larger insert
        some may be in, as in ClickHouse itself.
        """
        # Not chdb's own way to feed an INSERT, send_insert: it doesn't check the table's constraints.
        if data.stat().st_size == 0:
            return Piece(b"", 0, 0, 0)
        file = f"FROM INFILE {statements.quote(str(data))} COMPRESSION 'none'"
        return self._query(f"{insert.head}\n{file} {insert.settings}\nFORMAT {form}", "Null", parameters)

    def check_insert(self, insert: Insert) -> None:
        """Raise what the engine reports about an INSERT before it has seen any data."""
        self._keep_to_roles(f"{insert.head}\n{insert.settings}")
        try:
            begun = self._connection.send_insert(f"{insert.head}\n{insert.settings}", "Native")
            self._connection.insert_cancel(begun)
        except RuntimeError as error:
            raise self._translate(error) from None

    def describe(self, what: str, parameters: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
        """Name, type and kind of default of each column of `TABLE name`, or of a query in parentheses."""
        rows = self._query(f"DESCRIBE {what}", "TabSeparated", parameters).data.decode().splitlines()
        cells = ([statements.unescape(cell) for cell in row.split("\t")] for row in rows)
        return [(row[0], row[1], row[2]) for row in cells]

    def _keep_to_roles(self, sql: str, values: Mapping[str, str] | None = None) -> None:
        """Exception 497 for what would lead a person out of their roles; values: settings or parameters."""
        if not self._roles:
            return
        word = statements.first_word(sql)
        if word == "SET" and any(token.upper == "ROLE" for token in statements.tokens(sql)):
            raise Code.ACCESS_DENIED.error("Not enough privileges: roles can't be changed here.")
        if word == "KILL" or any(map(is_refused, chain((sql,), *(values or {}).items()))):
            raise Code.ACCESS_DENIED.error(
                "Not enough privileges: files, and the statements of others, are the owner's only."
            )

    def _set(self, settings: Mapping[str, str]) -> None:
        if settings:
            self._changes += 1
            pairs = ", ".join(
                f"{statements.quote_name(name)} = {statements.quote(value)}"
                for name, value in settings.items()
            )
            self._query(f"SET {pairs}", "Null")

    def _query(self, sql: str, form: str, parameters: Mapping[str, str] | None = None) -> Piece:
        try:
            return self._piece(self._connection.query(sql, form, params=dict(parameters or {})))
        except RuntimeError as error:
            raise self._translate(error) from None

    def _piece(self, result: Any) -> Piece:
        if result.has_error():
            raise self._translate(RuntimeError(result.error_message()))
        return Piece(
            result.bytes(),
            result.rows_read(),
            result.storage_rows_read(),
            result.storage_bytes_read(),
            result.rows_written(),
            result.bytes_written(),
        )

    def _translate(self, error: RuntimeError) -> ServerError:
        said = str(error)
        known = parse_error(said)
        if known is None:
            return Code.BAD_ARGUMENTS.error(said)
        return ServerError(known.code, known.name or self._engine.error_name(known.code), known.text)
