"""Forms: urlencoded, in a body or a query, and multipart. Of a field given twice the first word counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from schemas.payload.charsets import charset_of, texts_of
from schemas.payload.multipart import MalformedMultipartError, boundary_of, parse_multipart, sniffed_boundary
from schemas.payload.undecodable import Undecodable, undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FIELDS = 1000
"""Of one form: no provider sends more than a few dozen."""
ESCAPED_AMPERSAND = re.compile(rb"&(?:amp;)+")
"""As a URL stands in HTML."""
SECOND_QUERY = re.compile(rb"(?:\?|%3F)(?=[A-Za-z_][\w.-]*=)", re.IGNORECASE)
"""A sender glues its parameters to a URL that has some: `myid=175?EventType=…`."""
OTHER_ENDS = (
    re.compile(rb";\s*(?=[A-Za-z_][\w.\[\]-]*=)"),
    re.compile(rb"(?<![\r\n])[\r\n]++(?=[A-Za-z_][\w.\[\]-]*=)"),
)
"""These may stand between fields if no `&` does: HTML once wrote it so, and writes forms of plain text so.
Line ends are looked at once: from each of very many, all that follow would be tried."""
ALL_ENCODED = re.compile(rb"[\w.\[\]-]+%3D[^=&]*=?", re.IGNORECASE)
"""A form that is a form's only name."""
NAME_OF_DETAIL = "detail"
"""It may be there several times, once for each event."""


def parse_query(query: bytes, *charsets: str) -> dict[str, str]:
    """Read the fields of a query string; raise `Undecodable`."""
    if b"?" in query or query.count(b"=") > query.count(b"&") + 1:
        query = b"&".join(map(_split_again, query.lstrip(b"?").split(b"&")))
    return parse_form(query, *charsets, field="query")


def _split_again(pair: bytes) -> bytes:
    """Split a value that begins a second query; a link keeps its question mark."""
    _, _, value = pair.partition(b"=")
    if b"=" not in value:
        return pair
    before = SECOND_QUERY.split(value, maxsplit=1)[0]
    return pair if b":" in before or b"/" in before or b"%" in before else SECOND_QUERY.sub(b"&", pair)


def parse_form(payload: bytes, *charsets: str, field: str = "") -> dict[str, str]:
    """Read `application/x-www-form-urlencoded`; raise `Undecodable`."""
    if b"&amp;" in payload:
        payload = ESCAPED_AMPERSAND.sub(b"&", payload)
    if b"&" not in payload:
        payload = _with_ampersands(payload)
    if payload.count(b"&") >= MAX_FIELDS:
        raise too_many_fields(field)
    try:
        return _in_utf_8(payload)
    except UnicodeDecodeError:
        pairs = [pair.partition(b"=") for pair in payload.split(b"&") if pair]
        texts = texts_of([unquoted(each) for name, _, value in pairs for each in (name, value)], *charsets)
        return first_wins(zip(map(str, texts[::2]), texts[1::2], strict=True))


def _with_ampersands(payload: bytes) -> bytes:
    """Put them where something else stands between the fields."""
    values = payload.count(b"=")
    if values == payload.endswith(b"=") and ALL_ENCODED.fullmatch(payload):
        return unquoted(payload.removesuffix(b"="))
    if values < 2:
        return payload
    semicolons, lines = OTHER_ENDS
    by_line = lines.sub(b"&", payload)
    if b"&" in by_line:
        return by_line.strip().replace(b"+", b"%2B")  # nothing is encoded there
    return semicolons.sub(b"&", payload)


def _in_utf_8(payload: bytes) -> dict[str, str]:
    """The fields of nearly every form; raise `UnicodeDecodeError` for one that is not UTF-8."""
    fields: dict[str, str] = {}
    for pair in payload.decode().split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if "%" in value or "+" in value:
                value = unquoted(value.encode()).decode()
            if "%" in name or "+" in name:
                name = unquoted(name.encode()).decode()
            if name not in fields:
                fields[name] = value
            else:
                again(fields, name, value)
    return fields


def unquoted(text: bytes) -> bytes:
    """Decode one name or value of a form."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


def parse_parts(content_type: str, payload: bytes, charset: str) -> dict[str, str]:
    """Read a multipart form, files included as text; raise `Undecodable`."""
    boundary = boundary_of(content_type)
    if boundary is None or b"--" + boundary not in payload:
        boundary = sniffed_boundary(payload) or boundary
    if boundary is None:
        raise undecodable("malformed-multipart", "the Content-Type of the form names no boundary")
    try:
        parts = parse_multipart(boundary, payload, MAX_FIELDS)
    except MalformedMultipartError as error:
        raise undecodable("malformed-multipart", str(error)) from None
    if parts is None:
        raise too_many_fields("")
    if not parts:
        raise undecodable("empty", "the form has no fields")
    of_all = charset_of(content_type)
    return first_wins(
        (part.name, texts_of([part.value], charset_of(part.kind), of_all, charset)[0]) for part in parts
    )


def too_many_fields(field: str) -> Undecodable:
    """Refuse a form that no provider sends."""
    return undecodable("too-many-fields", f"a form may have at most {MAX_FIELDS} fields", field)


def first_wins(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Make a dict of a form's fields."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            again(fields, name, value)
        else:
            fields[name] = value
    return fields


def again(fields: dict[str, str], name: str, value: str) -> None:
    """Take a field that was there before: where nothing was said, it says it."""
    if not fields[name]:
        fields[name] = value
    elif name == NAME_OF_DETAIL:
        fields[name] = f"{fields[name]}\n{value}"
