"""The body of an HTTP request, without chunks and compression."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

import lz4.frame

from compose.embedded.clickhouse.errors import Code
from compose.embedded.clickhouse.frames import read_frame
from compose.embedded.clickhouse.wire import ProtocolError, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import BufferedIOBase

MAX_BYTES = 8 * 1024 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_FRAME_BYTES = 256 * 1024 * 1024
_LINE_BYTES = 8192
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's wbits


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,  # what clickhouse-connect sends
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


def read_body(file: BufferedIOBase, headers: Mapping[str, str], *, framed: bool) -> Iterator[bytes]:
    """Read the body; `framed`: it is in ClickHouse's compressed frames (`decompress=1`).

    Names in `headers` are in lower case.

    ProtocolError for a body that is cut off or damaged; exception 48 for an unsupported encoding.
    """
    pieces = _transferred(file, headers)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in _WINDOWS:
        pieces = _inflated(pieces, _WINDOWS[encoding])
    elif encoding in _UNPACKERS:
        pieces = _unpacked(pieces, _UNPACKERS[encoding]())
    elif encoding not in ("", "identity"):
        raise Code.NOT_IMPLEMENTED.error(f"Content-Encoding {encoding} is not supported: use gzip or lz4.")
    return _bounded(_unframed(pieces) if framed else pieces)


def _transferred(file: BufferedIOBase, headers: Mapping[str, str]) -> Iterator[bytes]:
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        yield from _chunks(file)
        return
    try:
        left = int(headers.get("content-length", "0"))
    except ValueError:
        raise ProtocolError("Content-Length is no number") from None
    while left > 0:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:
            raise EOFError
        left -= len(piece)
        yield piece


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    while True:
        line = file.readline(_LINE_BYTES)
        try:
            left = int(line.split(b";")[0], 16)
        except ValueError:
            raise ProtocolError("a chunk's size is no number") from None
        if left < 0:
            raise ProtocolError("a chunk's size is negative")
        if left == 0:
            break
        while left:
            piece = file.read(min(left, _PIECE_BYTES))
            if not piece:
                raise EOFError
            left -= len(piece)
            yield piece
        file.readline(_LINE_BYTES)
    while file.readline(_LINE_BYTES).strip():  # trailers
        pass


def _inflated(pieces: Iterator[bytes], window: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield inflater.decompress(rest, _PIECE_BYTES)
                rest = inflater.unconsumed_tail
                if inflater.eof and (rest := inflater.unused_data):  # gzip members may follow each other
                    inflater = zlib.decompressobj(window)
        yield inflater.flush()
    except zlib.error:
        raise ProtocolError("the body can't be decompressed") from None
    if not inflater.eof:
        raise ProtocolError("the compressed body is cut off")


def _unpacked(pieces: Iterator[bytes], unpacker: _Unpacker) -> Iterator[bytes]:
    try:
        for piece in pieces:
            yield unpacker.decompress(piece, _PIECE_BYTES)
            while not unpacker.needs_input and not unpacker.eof:
                yield unpacker.decompress(b"", _PIECE_BYTES)
    except (RuntimeError, EOFError, OSError, lzma.LZMAError):  # EOFError: more after the end
        raise ProtocolError("the body can't be decompressed") from None
    if unpacker.unused_data:
        raise ProtocolError("the compressed body goes on after its end")
    if not unpacker.eof:
        raise ProtocolError("the compressed body is cut off")


def _unframed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    filled = (piece for piece in pieces if piece)
    source = Reader(lambda: next(filled, b""), 2 * _FRAME_BYTES)
    while True:
        source.compact()
        if not source.waiting:
            try:
                source.more()
            except EOFError:
                return
        yield read_frame(source, _FRAME_BYTES)


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            raise Code.QUERY_IS_TOO_LARGE.error(f"The body is larger than {MAX_BYTES} bytes.")
        yield piece
