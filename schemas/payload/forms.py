"""Forms: urlencoded, in a body or a query, and multipart. Of a field given twice the first counts."""

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
SECOND_QUERY = re.compile(rb"\?(?=[A-Za-z_][\w.-]*=)")
"""A sender glues its parameters to a URL that has some: `myid=175?EventType=…`."""


def parse_query(query: bytes, *charsets: str) -> dict[str, str]:
    """Read the fields of a query string; raise `Undecodable`."""
    if b"?" not in query:
        return parse_form(query, *charsets, field="query")
    pairs = query.lstrip(b"?").split(b"&")
    return parse_form(b"&".join(map(_split_again, pairs)), *charsets, field="query")


def _split_again(pair: bytes) -> bytes:
    """Split a value that begins a second query; a link keeps its question mark."""
    _, _, value = pair.partition(b"=")
    before, _, _ = value.partition(b"?")
    return (
        pair if b":" in before or b"/" in before or b"%" in before else SECOND_QUERY.sub(b"&", pair, count=1)
    )


def parse_form(payload: bytes, *charsets: str, field: str = "") -> dict[str, str]:
    """Read `application/x-www-form-urlencoded`; raise `Undecodable`."""
    if b"&amp;" in payload:
        payload = ESCAPED_AMPERSAND.sub(b"&", payload)
    if payload.count(b"&") >= MAX_FIELDS:
        raise too_many_fields(field)
    try:
        return _in_utf_8(payload)
    except UnicodeDecodeError:
        pairs = [pair.partition(b"=") for pair in payload.split(b"&") if pair]
        texts = texts_of([unquoted(each) for name, _, value in pairs for each in (name, value)], *charsets)
        return first_wins(zip(map(str, texts[::2]), texts[1::2], strict=True))


def _in_utf_8(payload: bytes) -> dict[str, str]:
    """The fields of nearly every form; raise `UnicodeDecodeError` for one that is not UTF-8."""
    fields: dict[str, str] = {}
    for pair in payload.decode().split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if "%" in pair or "+" in pair:
                name, value = unquoted(name.encode()).decode(), unquoted(value.encode()).decode()
            if name not in fields:
                fields[name] = value
    return fields


def unquoted(text: bytes) -> bytes:
    """Decode one name or value of a form."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


def parse_parts(content_type: str, payload: bytes, charset: str) -> dict[str, str]:
    """Read a multipart form, files included as text; raise `Undecodable`."""
    boundary = boundary_of(content_type) or sniffed_boundary(payload)
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
        (name, texts_of([value], charset_of(kind), of_all, charset)[0]) for name, kind, value in parts
    )


def too_many_fields(field: str) -> Undecodable:
    """Refuse a form that no provider sends."""
    return undecodable("too-many-fields", f"a form may have at most {MAX_FIELDS} fields", field)


def first_wins(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Make a dict of a form's fields."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields
