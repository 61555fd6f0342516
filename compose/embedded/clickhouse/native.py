"""The native TCP front: a thread and an engine session for each connection."""

from __future__ import annotations

import contextlib
import logging
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from compose.embedded.clickhouse import frames, protocol
from compose.embedded.clickhouse.blocks import Block, header, read_block, skip_info, split
from compose.embedded.clickhouse.connections import Connection
from compose.embedded.clickhouse.engine import NotStreamableError, Piece
from compose.embedded.clickhouse.errors import Code, ServerError
from compose.embedded.clickhouse.inserts import InsertColumns
from compose.embedded.clickhouse.sql import EXPLAINS, SELECTS, cut_format, first_word, parse_insert
from compose.embedded.clickhouse.wire import ProtocolError, Reader

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence
    from typing import IO

    from compose.embedded.clickhouse.access import Access
    from compose.embedded.clickhouse.engine import Engine, Session
    from compose.embedded.clickhouse.inserts import Columns
    from compose.embedded.clickhouse.interrupts import Interrupts
    from compose.embedded.clickhouse.sql import Insert

log = logging.getLogger(__name__)

HELLO_SECONDS = 30.0
IDLE_SECONDS = 3600.0  # ClickHouse's idle_connection_timeout
TRANSFER_SECONDS = 300.0  # ClickHouse's send_timeout and receive_timeout
MAX_BLOCK_BYTES = 512 * 1024 * 1024
_RECEIVE_BYTES = 256 * 1024


class NativeConnection(Connection):
    """One client from Hello to its end."""

    def __init__(self, sock: socket.socket, engine: Engine, access: Access, interrupts: Interrupts) -> None:
        super().__init__(sock)
        self._engine = engine
        self._access = access
        self._interrupts = interrupts
        self._revision = protocol.OLDEST_REVISION
        self._source = Reader(lambda: sock.recv(_RECEIVE_BYTES), MAX_BLOCK_BYTES)
        self._frames = Reader(lambda: frames.read_frame(self._source, MAX_BLOCK_BYTES), MAX_BLOCK_BYTES)

    def serve(self) -> None:
        """Answer until the client leaves, breaks the protocol, or `leave` is called."""
        session: Session | None = None
        try:
            session = self._welcome()
            if session is not None:
                columns = InsertColumns(session)
                while self._next_packet(session, columns):
                    pass
        except ProtocolError as broken:
            log.warning("native connection ended: %s", broken)
            self._refuse(Code.UNEXPECTED_PACKET_FROM_CLIENT, str(broken))
        except (EOFError, ConnectionError, TimeoutError) as gone:
            log.debug("native connection ended: %s", type(gone).__name__)
        except OSError as trouble:  # for example a full disk
            log.error("native connection ended: %s", trouble.strerror)
            self._refuse(Code.NOT_ENOUGH_SPACE, str(trouble.strerror))
        finally:
            if session is not None:
                session.close()

    def _welcome(self) -> Session | None:
        self._socket.settimeout(HELLO_SECONDS)
        number = self._source.varint()
        if number != protocol.Client.HELLO:
            raise ProtocolError(f"the first packet is {number}, not Hello")
        hello = protocol.read_hello(self._source)
        if hello.revision < (oldest := protocol.OLDEST_REVISION):
            raise ProtocolError(f"the client's revision {hello.revision} is older than {oldest}")
        self._revision = min(hello.revision, protocol.REVISION)
        try:
            roles = self._access.check(hello.user, hello.password)
            session = self._engine.session(hello.database, roles)
        except ServerError as error:
            log.warning("native connection refused: %d %s", error.code, error.name)
            self._socket.sendall(protocol.exception(error))
            return None
        engine = self._engine
        self._socket.sendall(protocol.hello(engine.version, engine.timezone, engine.host_name))
        protocol.skip_addendum(self._source, self._revision)
        return session

    def _next_packet(self, session: Session, columns: InsertColumns) -> bool:
        """Answer one packet; False when the connection has to end."""
        self._source.compact()
        self._socket.settimeout(IDLE_SECONDS)
        number = self._source.varint()
        with self.working():
            if self.leaving:
                return False
            self._socket.settimeout(TRANSFER_SECONDS)
            if number == protocol.Client.PING:
                self._socket.sendall(protocol.PONG)
            elif number == protocol.Client.QUERY:
                self._query(session, columns)
            elif number != protocol.Client.CANCEL:  # of a query that has ended
                raise ProtocolError(f"unexpected packet {number}")
        return not self.leaving

    def _query(self, session: Session, columns: InsertColumns) -> None:
        query = protocol.read_query(self._source, self._revision)
        has_tables = False
        while (block := self._read_data(compressed=query.compressed)) is not None and block.columns:
            has_tables = True
        if block is None:
            self._socket.sendall(protocol.END_OF_STREAM)
            return
        try:
            if has_tables:
                raise Code.NOT_IMPLEMENTED.error("External tables are not supported.")
            session.configure(query.settings)
            insert = parse_insert(query.sql)
            if insert is not None and insert.data_at == len(query.sql):
                self._insert(session, insert, columns.of(insert), query)
            else:
                self._answer(session, query)
        except ServerError as error:
            log.info("native query failed: %d %s", error.code, error.name)
            self._socket.sendall(protocol.exception(error))

    def _answer(self, session: Session, query: protocol.Query) -> None:
        """Run a statement and send its blocks as they arrive."""
        sql = query.sql if parse_insert(query.sql) else cut_format(query.sql).sql
        reply = _Reply(self._socket, self._revision, compressed=query.compressed)
        with self._interrupts.watch(self._socket, session, self._cancelled) as watched:
            try:
                try:
                    with closing(session.stream(sql, "Native", query.parameters)) as pieces:
                        for piece in pieces:
                            if piece.data and not reply.blocks:
                                reply.header(
                                    _columns_of(piece.data) or _asked_columns(session, sql, query.parameters)
                                )
                            reply.block(piece.data, piece)
                            if self._cancelled():
                                watched.interrupted = True
                                break
                except NotStreamableError:
                    whole = session.run(sql, "Native", query.parameters)
                    for block in split(whole.data) if whole.data else ():
                        if not reply.blocks:
                            reply.header(block.columns)
                        reply.block(block.data, Piece(block.data, block.rows, 0, 0))
                    reply.account(whole)
            except ServerError as error:
                if not (watched.interrupted and error.code == Code.QUERY_WAS_CANCELLED):
                    raise
        if not reply.blocks and not watched.interrupted:
            reply.header(_asked_columns(session, sql, query.parameters))
        reply.end()

    def _cancelled(self) -> bool:
        """Whether a Cancel arrived with the query."""
        source = self._source
        return bool(source.waiting) and source.data[source.position] == protocol.Client.CANCEL

    def _insert(self, session: Session, insert: Insert, columns: Columns, query: protocol.Query) -> None:
        """Send the columns, take all data, then insert: a connection that drops leaves nothing."""
        compressed = query.compressed
        self._socket.sendall(protocol.data(header(columns), self._revision, compressed=compressed))
        with self._engine.spool() as spool:
            if not self._receive_blocks(spool, compressed=compressed):
                self._socket.sendall(protocol.END_OF_STREAM)
                return
            spool.flush()
            done = session.insert(insert, "Native", Path(spool.name), query.parameters)
        written = protocol.progress(written_rows=done.written_rows, written_bytes=done.written_bytes)
        events = protocol.profile_events(self._revision)
        self._socket.sendall(written + events + protocol.END_OF_STREAM)

    def _receive_blocks(self, spool: IO[bytes], *, compressed: bool) -> bool:
        """Spool every block up to the empty one; False if the client cancels."""
        while (block := self._read_data(compressed=compressed)) is not None and block.columns:
            if block.rows:
                spool.write(block.data)
            self._socket.sendall(protocol.profile_events(self._revision))
        return block is not None

    def _read_data(self, *, compressed: bool) -> Block | None:
        """The block of the next packet, which must be Data; None for a Cancel."""
        self._source.compact()
        number = self._source.varint()
        if number == protocol.Client.CANCEL:
            return None
        if number != protocol.Client.DATA:
            raise ProtocolError(f"packet {number} where Data has to be")
        self._source.binary()  # the name of a temporary table
        body = self._frames if compressed else self._source
        skip_info(body)
        return read_block(body, self._revision)

    def _refuse(self, code: Code, reason: str) -> None:
        with contextlib.suppress(OSError):  # a client that breaks the protocol may not listen either
            self._socket.sendall(protocol.exception(code.error(reason)))


class _Reply:
    """The packets that answer one query."""

    def __init__(self, sock: socket.socket, revision: int, *, compressed: bool) -> None:
        self.blocks = 0
        self._socket = sock
        self._revision = revision
        self._compressed = compressed
        self._rows = self._bytes = 0

    def block(self, data: bytes, piece: Piece) -> None:
        if data:
            self.blocks += 1
            self._rows += piece.rows
            self._bytes += len(data)
            self._socket.sendall(protocol.data(data, self._revision, compressed=self._compressed))
        self.account(piece)

    def account(self, piece: Piece) -> None:
        if piece.read_rows or piece.written_rows:
            self._socket.sendall(
                protocol.progress(
                    read_rows=piece.read_rows,
                    read_bytes=piece.read_bytes,
                    written_rows=piece.written_rows,
                    written_bytes=piece.written_bytes,
                )
            )

    def header(self, columns: Sequence[tuple[str, str]]) -> None:
        """Send a block without rows: clients take the columns from it, and ClickHouse sends it first."""
        if columns:
            self._socket.sendall(protocol.data(header(columns), self._revision, compressed=self._compressed))

    def end(self) -> None:
        info = protocol.profile_info(rows=self._rows, block_count=self.blocks, size=self._bytes)
        self._socket.sendall(info + protocol.END_OF_STREAM)


def _columns_of(data: bytes) -> tuple[tuple[str, str], ...]:
    """The columns of a block; none if one of them can't be measured."""
    try:
        return next(split(data)).columns
    except ProtocolError:
        return ()


def _asked_columns(session: Session, sql: str, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The columns of a statement's result, as the engine describes them."""
    word = first_word(sql)
    if word in SELECTS:
        return [(name, kind) for name, kind, _ in session.describe(f"(\n{sql}\n)", parameters)]
    if word in EXPLAINS:
        names, kinds = session.run(sql, "TSVWithNamesAndTypes", parameters).data.decode().split("\n")[:2]
        return list(zip(names.split("\t"), kinds.split("\t"), strict=True))
    return []
