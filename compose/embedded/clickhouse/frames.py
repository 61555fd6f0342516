"""ClickHouse's compressed frames: checksum (CityHash128), method, sizes, data. LZ4 and stored."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from compose.embedded.clickhouse.wire import ProtocolError, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

LZ4 = 0x82
STORED = 0x02
FRAME_BYTES = 1024 * 1024  # uncompressed, of a frame that we send: ClickHouse's max_compress_block_size
MAX_FRAME_BYTES = 1024 * 1024 * 1024  # of a frame that we take, as ClickHouse's DBMS_MAX_COMPRESSED_SIZE

_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<BII")  # method, compressed size with this header, uncompressed size
_WORDS = struct.Struct("<QQ")


def _checksum(data: bytes) -> bytes:
    both: int = CityHash128(data)
    return _WORDS.pack(both >> 64, both & 0xFFFFFFFFFFFFFFFF)


def compress(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), FRAME_BYTES):
        piece = data[start : start + FRAME_BYTES]
        packed = lz4.block.compress(piece, store_size=False)
        body = _HEADER.pack(LZ4, _HEADER.size + len(packed), len(piece)) + packed
        yield _checksum(body) + body


def read_frame(source: Reader, limit: int = MAX_FRAME_BYTES) -> bytes:
    """The data of the next frame, at most `limit` bytes; ProtocolError for a damaged one."""
    checksum = source.take(_CHECKSUM_BYTES)
    head = source.take(_HEADER.size)
    method, packed_size, size = _HEADER.unpack(head)
    if method not in (LZ4, STORED):
        raise ProtocolError(f"compression method {method:#x} is not supported: use lz4, or none")
    if packed_size < _HEADER.size or packed_size > limit or size > limit:
        raise ProtocolError(f"a compressed frame is larger than {limit} bytes")
    packed = source.take(packed_size - _HEADER.size)
    if _checksum(head + packed) != checksum:
        raise ProtocolError("the checksum of a compressed frame is wrong")
    if method == STORED:
        return packed
    try:
        data: bytes = lz4.block.decompress(packed, uncompressed_size=size)
    except lz4.block.LZ4BlockError:
        raise ProtocolError("a compressed frame can't be decompressed") from None
    return data
