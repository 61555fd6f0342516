"""Blocks of the Native format, cut whole out of a stream without reading their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.columns import layout
from compose.embedded.clickhouse.wire import ProtocolError, Reader, text, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_COLUMNS = 10_000
MAX_NAME = 64 * 1024  # bytes of a column's name, and of its type
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1, is_overflows: no; field 2, bucket_num: -1; end."""
_BUCKET_BYTES = 4


@dataclass(frozen=True)
class Block:
    """`data` is the block in the Native format, without block info."""

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


def read_block(source: Reader) -> Block:
    source.compact()
    start = source.position
    count, rows = source.varint(), source.varint()
    if count > MAX_COLUMNS:
        raise ProtocolError(f"a block has more than {MAX_COLUMNS} columns")
    columns = []
    for _ in range(count):
        columns.append((source.text(MAX_NAME), source.text(MAX_NAME)))
        if rows:  # a block without rows has only names and types
            shape = layout(columns[-1][1])
            shape.prefix(source)
            shape.skip(source, rows)
    return Block(tuple(columns), rows, bytes(source.data[start : source.position]))


def split(data: bytes) -> Iterator[Block]:
    """The blocks in `data`, one after the other."""
    pieces = iter((data,))
    source = Reader(lambda: next(pieces, b""), len(data) + 1)
    source.more()
    while source.waiting:
        yield read_block(source)


def header(columns: Iterable[tuple[str, str]]) -> bytes:
    """A block without rows: names and types only."""
    pairs = list(columns)
    return varint(len(pairs)) + varint(0) + b"".join(text(name) + text(kind) for name, kind in pairs)
