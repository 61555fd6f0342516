"""Blocks of the Native format, cut whole out of a stream without reading their values.

The engine reads and writes the plain format, revision 0. A later revision puts block info before each block,
and still later ones a byte after each column's type, whether its values are serialized in some other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.columns import layout
from compose.embedded.clickhouse.errors import Code
from compose.embedded.clickhouse.wire import ProtocolError, Reader, text, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_COLUMNS = 10_000
MAX_NAME = 64 * 1024  # bytes of a column's name, and of its type
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1, is_overflows: no; field 2, bucket_num: -1; end."""
_BUCKET_BYTES = 4
INFO_REVISION = 51903
"""From this revision on, block info precedes each block (DBMS_MIN_REVISION_WITH_BLOCK_INFO)."""
SERIALIZATION_REVISION = 54454
"""From this one on, each column names its serialization (DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION)."""
_USUAL = b"\x00"


@dataclass(frozen=True)
class Block:
    """`data` is the block in the plain format."""

    columns: tuple[tuple[str, str], ...]
    """Name and type of each."""
    rows: int
    data: bytes


def skip_info(source: Reader) -> None:
    while field := source.varint():
        if field == 1:
            source.skip(1)
        elif field == 2:
            source.skip(_BUCKET_BYTES)
        else:
            raise ProtocolError(f"block info has an unknown field {field}")


def read_block(source: Reader, revision: int = 0) -> Block:
    """The next block, whose info is skipped; ProtocolError if it can't be measured.

    Also for a serialization that isn't a column's usual one: clients don't use any towards a server.
    """
    source.compact()
    start = source.position
    count, rows = source.varint(), source.varint()
    if count > MAX_COLUMNS:
        raise ProtocolError(f"a block has more than {MAX_COLUMNS} columns")
    columns, kept = [], []
    for _ in range(count):
        columns.append((source.text(MAX_NAME), source.text(MAX_NAME)))
        if revision >= SERIALIZATION_REVISION:
            kept.append((start, source.position))
            if source.take(1) != _USUAL:
                raise ProtocolError("a column has a serialization of its own, such as a sparse one")
            start = source.position
        if rows:  # a block without rows has only names and types
            shape = layout(columns[-1][1])
            shape.prefix(source)
            shape.skip(source, rows)
    kept.append((start, source.position))
    data = b"".join(source.data[begin:end] for begin, end in kept)
    return Block(tuple(columns), rows, data)


def render(data: bytes, revision: int) -> bytes:
    """Plain blocks, one after the other, as a reader of this revision expects them.

    Exception 48 for columns that can't be measured, where each block has to be.
    """
    if revision < INFO_REVISION or not data:
        return data
    try:
        if revision < SERIALIZATION_REVISION:
            return b"".join(BLOCK_INFO + block.data for block in split(data))
        return b"".join(_rendered(data))
    except ProtocolError as error:
        sentence = f"The result can't be sent to this client: {error}. Cast it, for example with toString()."
        raise Code.NOT_IMPLEMENTED.error(sentence) from None


def _rendered(data: bytes) -> Iterator[bytes]:
    source = _whole(data)
    while source.waiting:
        yield BLOCK_INFO
        start = source.position
        count, rows = source.varint(), source.varint()
        for _ in range(count):
            source.binary(MAX_NAME)
            kind = source.text(MAX_NAME)
            yield data[start : source.position]
            yield _USUAL
            start = source.position
            if rows:
                shape = layout(kind)
                shape.prefix(source)
                shape.skip(source, rows)
        yield data[start : source.position]


def _whole(data: bytes) -> Reader:
    pieces = iter((data,))
    source = Reader(lambda: next(pieces, b""), len(data) + 1)
    source.more()
    return source


def split(data: bytes) -> Iterator[Block]:
    """The blocks in `data`, one after the other."""
    source = _whole(data)
    while source.waiting:
        yield read_block(source)


def header(columns: Iterable[tuple[str, str]]) -> bytes:
    """A plain block without rows: names and types only."""
    pairs = list(columns)
    return varint(len(pairs)) + varint(0) + b"".join(text(name) + text(kind) for name, kind in pairs)
