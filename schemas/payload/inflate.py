"""What a relay has compressed, and perhaps forgot to say."""

from __future__ import annotations

import re
import zlib

MAX_INFLATED = 8 * 2**20
"""In bytes: a small body may say how to write a large one."""
MAX_LAYERS = 3
"""Relays that each compress what comes."""
GZIP = b"\x1f\x8b\x08"
ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
"""How its streams begin."""
MAY_BE_COMPRESSED = (GZIP, *ZLIB)
GZIP_OR_ZLIB, RAW = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
"""`wbits` of zlib: the header tells gzip and zlib apart; some senders of `deflate` leave it out."""
OURS = frozenset({"gzip", "x-gzip", "deflate"})
NO_CODINGS = frozenset({"", "identity", "none", "plain", "8bit", "binary", "utf-8", "utf8"})
"""What some write there."""
is_text = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s*[{\[]\s*[\"{\[]|[\t\n\r\x1e -~]{12}|[\t\n\r\x1e -~]{0,11}\Z)|\xff\xfe|\xfe\xff"
).match
"""How every payload begins that is not compressed."""


class UninflatableError(ValueError):
    """The payload is compressed and can't be read; holds nothing of it."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is a reason's code."""
        super().__init__(message)
        self.code = code
        self.message = message


def inflated(payload: bytes, content_encoding: str = "") -> bytes:
    """Decompress a payload; raise `UninflatableError`.

    The header is not trusted over the body: gzip and zlib are known by their first bytes, and a body that
    the header calls compressed but that begins as a payload does was decompressed on its way.
    """
    codings = {each.strip().lower() for each in content_encoding.split(",")} - NO_CODINGS
    for _ in range(MAX_LAYERS):
        if payload.startswith(GZIP):
            payload = _inflate(payload, GZIP_OR_ZLIB)
        elif payload.startswith(ZLIB) or (codings & OURS and not is_text(payload)):
            payload = _of_deflate(payload, may_be_text=not codings)
        else:
            break
    if codings - OURS and not is_text(payload):
        raise UninflatableError("unsupported-encoding", "the payload must be plain, or as gzip or deflate")
    return payload


def _of_deflate(payload: bytes, *, may_be_text: bool) -> bytes:
    try:
        return _inflate(payload, GZIP_OR_ZLIB)
    except UninflatableError as error:
        if error.code == "too-large":
            raise
        return payload if may_be_text else _inflate(payload, RAW)


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
