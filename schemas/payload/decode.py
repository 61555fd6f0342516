"""From a callback's bytes to one flat set of fields, in whatever shape the provider sends them.

The shapes (provider documents 000 to 003): a JSON object as body; a urlencoded or multipart form; a form
whose field `detail` holds a JSON object; a GET query. The body is trusted more than the header: a body that
begins with `{` is JSON whatever its Content-Type says.

If two places name one field, the first of these wins: `detail`, the body, the query of a POST. Of a field
given twice the last wins in JSON, the first in a form, as in the providers' own examples of servers.
Values of forms are text. NUL characters are kept, like any other character.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from schemas.callbacks import Reason
from schemas.payload.exact_json import MalformedJsonError, loads
from schemas.payload.multipart import MalformedMultipartError, boundary_of, parse_multipart, sniffed_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_FIELDS = 1000
"""In one form: no provider sends more than a few dozen."""
DETAIL = "detail"
"""The form field that holds a JSON object (provider document 001)."""
BOM = b"\xef\xbb\xbf"
SPACES = b" \t\r\n"

# Charsets that providers are known to declare. Others are refused: Python's codecs include some like "zlib".
CHARSETS = {
    "": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "windows-1252": "windows-1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "utf-16": "utf-16",
}
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\"';\s]*)", re.IGNORECASE)


class Undecodable(Exception):
    """The payload can't be read; `reasons` says why, without any value of the payload."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(reason.message for reason in reasons))
        self.reasons = reasons


def undecodable(code: str, message: str, field: str = "") -> Undecodable:
    return Undecodable(Reason(field=field, code=code, message=message))


def decode(method: str, content_type: str, payload: bytes, query: bytes = b"") -> dict[str, object]:
    """The fields of one callback; raise `Undecodable` with every reason.

    `payload` is the body, or for a GET the query string; `query` is the query string of a POST.
    """
    if method == "GET":
        content_type, query = "application/x-www-form-urlencoded", b""
    reasons: list[Reason] = []
    below: dict[str, object] = {}
    body: dict[str, object] = {}
    try:
        below = with_detail(parse_form(query, "utf-8", field="query"))
    except Undecodable as error:
        reasons.extend(error.reasons)
    try:
        # Some providers put everything into the URL and send no body.
        if payload.removeprefix(BOM).strip(SPACES) or not query:
            body = decode_body(content_type, payload)
    except Undecodable as error:
        reasons.extend(error.reasons)
    if reasons:
        raise Undecodable(*reasons)
    return below | body


def decode_body(content_type: str, payload: bytes) -> dict[str, object]:
    """The fields of a body; raise `Undecodable`."""
    media_type = media_type_of(content_type)
    start = payload.removeprefix(BOM).lstrip(SPACES)
    if not start:
        raise undecodable("empty", "the payload is empty")
    charset = charset_of(content_type)
    if start.startswith(b"{") or media_type.endswith(("/json", "+json")) or charset == "utf-16":
        return parse_json(text_of(payload, charset))
    if media_type == "multipart/form-data" or sniffed_boundary(start) is not None:
        return with_detail(parse_parts(content_type, start))
    if media_type == "application/x-www-form-urlencoded" or b"=" in start:
        return with_detail(parse_form(start.rstrip(SPACES), charset))
    raise undecodable("unknown-shape", "the payload is neither a JSON object nor a form")


@lru_cache(1024)
def media_type_of(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


@lru_cache(1024)
def charset_of(content_type: str) -> str:
    """The Python codec that a Content-Type names, utf-8 without one; raise `Undecodable`."""
    found = CHARSET.search(content_type)
    charset = CHARSETS.get(found.group(1).lower() if found else "")
    if charset is None:
        raise undecodable("unknown-charset", "the Content-Type names a charset that is not supported")
    return charset


def text_of(payload: bytes, charset: str, field: str = "") -> str:
    """Decode strictly; raise `Undecodable`."""
    try:
        return payload.decode(charset)
    except UnicodeDecodeError:
        if charset == "utf-8":
            raise undecodable("malformed-utf8", "the payload is not valid UTF-8", field) from None
        raise undecodable(
            "malformed-charset", f"the payload is not valid {charset}, which it says it is", field
        ) from None


def parse_json(text: str, field: str = "") -> dict[str, object]:
    """A JSON object, with or without a byte order mark; raise `Undecodable`."""
    try:
        value = loads(text.removeprefix("\ufeff"))
    except MalformedJsonError as error:
        raise undecodable(error.code, error.message, field) from None
    if not isinstance(value, dict):
        raise undecodable("not-an-object", "the JSON is not an object", field)
    return value


def parse_form(payload: bytes, charset: str, field: str = "") -> dict[str, str]:
    """The fields of `application/x-www-form-urlencoded`; raise `Undecodable`."""
    if payload.count(b"&") >= MAX_FIELDS:
        raise too_many_fields(field)
    return first_wins(
        (unquoted(name, charset, field), unquoted(value, charset, field))
        for name, _, value in (pair.partition(b"=") for pair in payload.split(b"&") if pair)
    )


def unquoted(text: bytes, charset: str, field: str) -> str:
    return text_of(unquote_to_bytes(text.replace(b"+", b" ")), charset, field)


def parse_parts(content_type: str, payload: bytes) -> dict[str, str]:
    """The fields of a multipart form, files included as text; raise `Undecodable`."""
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
    return first_wins((name, text_of(value, charset_of(kind))) for name, kind, value in parts)


def too_many_fields(field: str) -> Undecodable:
    return undecodable("too-many-fields", f"a form may have at most {MAX_FIELDS} fields", field)


def first_wins(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def with_detail(form: Mapping[str, str]) -> dict[str, object]:
    """The form's fields, replaced by those of the JSON object in `detail`; raise `Undecodable`."""
    fields: dict[str, object] = dict(form)
    detail = fields.pop(DETAIL, None)
    if not isinstance(detail, str):
        return fields
    if not detail.removeprefix("\ufeff").strip():
        raise undecodable("empty", "the field is empty", DETAIL)
    return fields | parse_json(detail, DETAIL)
