"""Samples with something wrong in them: bytes flipped and cut, encodings swapped, values of any kind."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tests.samples import SAMPLES
from tests.samples.shapes import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

LABELS = (
    *("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""),
    *(
        "text/plain; charset=gb2312",
        "application/json; charset=utf-16",
        "text/html; charset=cp1251;;=",
        "\xff",
    ),
)
CHARSETS = ("utf-16", "utf-32-be", "gb18030", "cp1251", "utf-8-sig", "shift_jis", "cp037", "utf-7")
WORDS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "null",
        "NaN",
        "Infinity",
        "1e999",
        "9" * 400,
        "-" + "9" * 30,
        "1e-400",
        "0x10",
        "٣",
    ),
    *("\0", "\ufeff", "\u202e", "🎉", "a" * 5000, "0000-00-00 00:00:00", "9999-12-31 23:59:60", "24:00:00"),
    *(
        "1970-01-01",
        "2025-02-30 10:00:00",
        "2025-10-16T17:31:13+99:99",
        "T",
        "${x}",
        "{",
        "[]",
        "%",
        "%zz",
        "&",
    ),
    *("2025-13-01 00:00:00", "0001-01-01T00:00:00+14:00", "true", "ring", "hangup", "urn:uuid:", "{}", "-0"),
)
NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    0.5,
    -0.0,
    1e300,
    5e-324,
    True,
    None,
)


def mutated(rng: Random) -> tuple[Request, bytes, str]:
    """A request with its query string beside a body, and the dialect whose sample it once was."""
    sample = rng.choice(SAMPLES)
    exchange = rng.choice(sample.exchanges)
    request, query = exchange.request, b""
    payload, content_type, method = request.payload, request.content_type, request.method
    if exchange.fields and rng.random() < 0.7:
        payload = rng.choice(WRITTEN)(_fields(rng, exchange.fields))
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        payload = rng.choice(SPOILT)(rng, payload)
    if rng.random() < 0.3:
        content_type = rng.choice(LABELS)
    if rng.random() < 0.2:
        method = "POST" if method == "GET" else "GET"
    if rng.random() < 0.1:
        query = payload[: rng.randrange(60)]
    return Request(request.shape, method, content_type, payload), query, sample.dialect


def _fields(rng: Random, fields: dict[str, object]) -> dict[str, Any]:
    changed: dict[str, Any] = dict(fields)
    for _ in range(rng.choice((1, 1, 2, 5))):
        name = rng.choice(list(changed)) if changed else "uuid"
        kind = rng.randrange(6)
        if kind == 0:
            changed.pop(name, None)
        elif kind == 1:
            changed[rng.choice((name.upper(), f" {name}", name[:-1], "detail", "Detail"))] = changed.get(name)
        else:
            changed[name] = value(rng)
    return changed


def value(rng: Random, depth: int = 0) -> Any:
    """Anything that JSON can say, and some that it can't."""
    kind = rng.randrange(7 if depth < 3 else 4)
    if kind < 2:
        return rng.choice(WORDS)
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind == 4:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice(WORDS)[:20]: value(rng, depth + 1) for _ in range(rng.randrange(4))}
    nested: Any = "deep"
    for _ in range(rng.choice((5, 60, 99, 100, 101, 150))):
        nested = [nested]
    return nested


def _json(fields: dict[str, Any], *, ascii_only: bool) -> bytes:
    return json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def _form(fields: dict[str, Any]) -> bytes:
    return urlencode({name: str(said) for name, said in fields.items()}, errors="surrogatepass").encode()


WRITTEN: tuple[Callable[[dict[str, Any]], bytes], ...] = (
    partial(_json, ascii_only=True),
    partial(_json, ascii_only=False),
    _form,
    lambda fields: b"detail=" + _json(fields, ascii_only=True),
    lambda fields: b"detail=" + quote(_json(fields, ascii_only=False)).encode(),
    lambda fields: b"[" + b",".join([_json(fields, ascii_only=True)] * 3) + b"]",
    lambda fields: b"\n".join([_json(fields, ascii_only=True)] * 2),
    lambda fields: json.dumps(json.dumps(fields)).encode(),
)


def _flipped(rng: Random, payload: bytes) -> bytes:
    if not payload:
        return b"\x80"
    changed = bytearray(payload)
    for _ in range(rng.choice((1, 1, 3, 20))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: Random, payload: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(payload) + 1) for _ in range(2))
    return rng.choice((payload[:end], payload[start:], payload[:start] + payload[end:]))


def _repeated(rng: Random, payload: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(payload) + 1) for _ in range(2))
    return payload[:end] + payload[start:end] * rng.choice((1, 2, 50)) + payload[end:]


def _put_in(rng: Random, payload: bytes) -> bytes:
    at = rng.randrange(len(payload) + 1)
    more = rng.choice(
        (
            b"\0",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"[" * rng.choice((3, 200, 5000)),
            b'{"a":' * 300,
            b"\\",
            b'"',
            b"%",
        )
    )
    return payload[:at] + more + payload[at:]


def _in_another_charset(rng: Random, payload: bytes) -> bytes:
    return payload.decode("utf-8", "replace").encode(rng.choice(CHARSETS), "replace")


def _packed(rng: Random, payload: bytes) -> bytes:
    return rng.choice((gzip.compress, zlib.compress))(payload)


SPOILT: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flipped,
    _flipped,
    _cut,
    _repeated,
    _put_in,
    _in_another_charset,
    _packed,
)
