"""What a relay has compressed, and perhaps forgot to say."""

from __future__ import annotations

import zlib

MAX_INFLATED = 8 * 2**20
"""In bytes: a small body may say how to write a large one."""
MAX_LAYERS = 3
"""Relays that each compress what comes."""
GZIP = b"\x1f\x8b\x08"
GZIP_OR_ZLIB, RAW = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
"""`wbits` of zlib: the header tells gzip and zlib apart; some senders of `deflate` leave it out."""


class UninflatableError(ValueError):
    """The payload is compressed and can't be read; holds nothing of it."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is a reason's code."""
        super().__init__(message)
        self.code = code
        self.message = message


def inflated(payload: bytes, content_encoding: str = "") -> bytes:
    """Decompress a payload; raise `UninflatableError`.

    The header is not trusted over the body: gzip is known by its first bytes, and a body that the header
    calls compressed but that begins as a payload does was decompressed on its way.
    """
    deflated = "deflate" in content_encoding.lower()
    for _ in range(MAX_LAYERS):
        if payload.startswith(GZIP):
            payload = _inflate(payload, GZIP_OR_ZLIB)
        elif deflated and payload[:1].strip() not in {b"{", b"[", b""} and not payload.isascii():
            payload, deflated = _of_deflate(payload), False
        else:
            break
    return payload


def _of_deflate(payload: bytes) -> bytes:
    try:
        return _inflate(payload, GZIP_OR_ZLIB)
    except UninflatableError as error:
        if error.code == "too-large":
            raise
        return _inflate(payload, RAW)


def _inflate(payload: bytes, wbits: int) -> bytes:
    """Decompress every member of a gzip file, or the one stream."""
    parts: list[bytes] = []
    room = MAX_INFLATED
    while payload:
        stream = zlib.decompressobj(wbits)
        try:
            parts.append(stream.decompress(payload, room))
        except zlib.error:
            raise UninflatableError("malformed-compression", "the payload can't be decompressed") from None
        room -= len(parts[-1])
        if stream.unconsumed_tail or room <= 0:
            raise UninflatableError("too-large", f"the payload unpacks to more than {MAX_INFLATED} bytes")
        if not stream.eof:
            raise UninflatableError("malformed-compression", "the compressed payload is cut off")
        payload = stream.unused_data if stream.unused_data.startswith(GZIP) else b""
    return b"".join(parts)
