"""The primitives of the native protocol: varints, strings, and a buffer that can look ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_VARINT_BYTES = 10
MAX_TEXT = 64 * 1024 * 1024  # bytes of one string outside of blocks: a query text
CONTINUES = 0x80
"""A varint byte at or above this has a successor."""


class ProtocolError(Exception):
    """The peer's bytes can't be understood any further: the connection must end."""


class Reader:
    """Bytes from one peer, kept until they are taken: a block can be measured before it is cut out."""

    def __init__(self, fill: Callable[[], bytes], limit: int) -> None:
        """`fill` returns the next bytes, b'' at the end; `limit` is how many bytes may wait."""
        self.data = bytearray()
        self.position = 0
        self._fill = fill
        self._limit = limit

    @property
    def waiting(self) -> int:
        return len(self.data) - self.position

    def compact(self) -> None:
        """Release what was taken. Positions change: only between packets or blocks."""
        del self.data[: self.position]
        self.position = 0

    def more(self) -> None:
        """Wait for at least one further byte; EOFError at the end of the stream."""
        if len(self.data) > self._limit:
            raise ProtocolError(f"a packet is larger than {self._limit} bytes")
        piece = self._fill()
        if not piece:
            raise EOFError
        self.data += piece

    def need(self, count: int) -> None:
        """Wait until `count` bytes after the position are here."""
        if self.position + count > self._limit:
            raise ProtocolError(f"a packet is larger than {self._limit} bytes")
        while len(self.data) - self.position < count:
            self.more()

    def skip(self, count: int) -> None:
        self.need(count)
        self.position += count

    def take(self, count: int) -> bytes:
        self.need(count)
        start = self.position
        self.position += count
        return bytes(self.data[start : self.position])

    def integer(self, width: int) -> int:
        """A little-endian unsigned number of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def varint(self) -> int:
        """An unsigned LEB128 number."""
        value = 0
        for place in range(MAX_VARINT_BYTES):
            self.need(1)
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 0x7F) << (7 * place)
            if byte < CONTINUES:
                return value
        raise ProtocolError("a number is longer than ten bytes")

    def binary(self, limit: int = MAX_TEXT) -> bytes:
        """A string as bytes, of at most `limit` bytes."""
        length = self.varint()
        if length > limit:
            raise ProtocolError(f"a string is longer than {limit} bytes")
        return self.take(length)

    def text(self, limit: int = MAX_TEXT) -> str:
        """A string that must be UTF-8."""
        try:
            return self.binary(limit).decode()
        except UnicodeDecodeError:
            raise ProtocolError("a text is not UTF-8") from None


def varint(value: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while value >= CONTINUES:
        out.append((value & 0x7F) | CONTINUES)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str | bytes) -> bytes:
    """A string with its length in front."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(len(raw)) + raw
