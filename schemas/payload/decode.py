"""From a callback's bytes to flat sets of fields, whatever shape the provider chose for them.

The shapes (provider documents 000 to 003): a JSON object as body; a urlencoded or multipart form; a form
whose field `detail` holds a JSON object; a GET query. Senders mix them up, so the header is not trusted over
the body: what looks like JSON is JSON, what looks like a form is a form. Several objects in one body, as an
array or one after the other, are several sets of fields.

Where two places name one field, the first of these wins: `detail`, the body, the query. A field given twice:
the last wins in JSON, the first in a form, as in the providers' own examples of servers. Values of forms are
text. NUL characters are kept: they are characters like others. A text that can't be decoded is `Garbled`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from schemas.payload.charsets import charset_of, document_of, restored
from schemas.payload.exact_json import MAX_DEPTH, MalformedJsonError, deeper_than, loads, too_deep
from schemas.payload.forms import parse_form, parse_parts, parse_query, unquoted
from schemas.payload.inflate import GZIP, UninflatableError, inflated
from schemas.payload.loose_json import MAX_VALUES, first_value, values_of
from schemas.payload.multipart import sniffed_boundary
from schemas.payload.undecodable import Undecodable, undecodable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.callbacks import Callback, Reason

__all__ = ["Fields", "Undecodable", "decode", "payloads"]

Fields: TypeAlias = "dict[str, object]"

DETAIL = "detail"
"""The field that holds a JSON object (provider document 001)."""
NAMES_OF_DETAIL = frozenset({DETAIL, "Detail", "DETAIL"})
RAW_DETAIL = re.compile(rb"(?:^|&)detail=\s*(?=[{\[])", re.IGNORECASE)
"""It was not encoded, and so an `&` in it splits the form."""
BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
SPACES = b" \t\r\n"
OF_JSON = (b"{", b"[", b'"')
ENCODED_JSON = re.compile(
    rb"(?:%(?:5B|7B|22|20|0D|0A|09)|\+)*%7B(?:%(?:20|0D|0A|09)|\+)*(?:%22|%5C|\"|\\)", re.IGNORECASE
)
"""An object that is a form's only name."""


def payloads(callback: Callback, charset: str) -> list[Fields]:
    """Decode a callback, as `decode` does."""
    return decode(
        callback.method,
        callback.content_type,
        callback.payload,
        callback.query,
        content_encoding=callback.content_encoding,
        charset=charset,
    )


def decode(
    method: str,
    content_type: str,
    payload: bytes,
    query: bytes = b"",
    *,
    content_encoding: str = "",
    charset: str = "",
) -> list[Fields]:
    """Return the fields of each object in one callback; raise `Undecodable` with every reason.

    `payload` is the body, or for a GET without a body the query string; `query` is the query string
    beside a body. `content_encoding` is the request's header; `charset` is what the source writes in, if
    not UTF-8.
    """
    if query:
        return _of_both((method, content_type, payload, content_encoding), query, charset)
    if method == "GET":
        content_type = f"application/x-www-form-urlencoded;{content_type.partition(';')[2]}"
        return _fields_of_query(payload, content_type, charset)
    return decode_body(content_type, _inflated(payload, content_encoding), charset)


def _of_both(request: tuple[str, str, bytes, str], query: bytes, charset: str) -> list[Fields]:
    """Return the fields of a body, and below them those of the query string beside it."""
    method, content_type, payload, content_encoding = request
    reasons: list[Reason] = []
    below: list[Fields] = []
    above: list[Fields] = []
    try:
        below = _fields_of_query(query, "", charset)
    except Undecodable as error:
        reasons.extend(error.reasons)
    try:
        body = _inflated(payload, content_encoding)
        # Some providers put everything into the URL and post nothing.
        if body.removeprefix(BOM).strip(SPACES):
            above = decode_body(content_type, body, charset)
    except Undecodable as error:
        if method != "GET" or not below:  # what a GET says is in its query
            reasons.extend(error.reasons)
    if reasons:
        raise Undecodable(*reasons)
    return [below[0] | each for each in above] if above else below


def _inflated(payload: bytes, content_encoding: str) -> bytes:
    if not content_encoding and not payload.startswith(GZIP):
        return payload
    try:
        return inflated(payload, content_encoding)
    except UninflatableError as error:
        raise undecodable(error.code, error.message) from None


def _fields_of_query(query: bytes, content_type: str, charset: str) -> list[Fields]:
    """Read a query string, or a GET's body in its place."""
    start = query.removeprefix(BOM).lstrip(SPACES)
    if start.startswith((*OF_JSON, *WIDE_BOMS, b"--")) or ENCODED_JSON.match(start):
        return decode_body(content_type, query, charset)
    if not start:
        raise undecodable("empty", "the payload is empty")
    labels = (charset_of(content_type), charset)
    return _with_detail(parse_query(start.rstrip(SPACES), *labels), start, *labels)


def decode_body(content_type: str, payload: bytes, charset: str = "") -> list[Fields]:
    """The fields of a body; raise `Undecodable`."""
    media_type = media_type_of(content_type)
    start = payload.removeprefix(BOM).lstrip(SPACES)
    if not start:
        raise undecodable("empty", "the payload is empty")
    labels = (charset_of(content_type), charset)
    if start.startswith(OF_JSON) or payload.startswith(WIDE_BOMS) or start[:1] == b"\0":
        return _json_of(payload, labels)
    if ENCODED_JSON.match(start):
        return _json_of(unquoted(start), labels)
    if media_type == "multipart/form-data" or sniffed_boundary(start) is not None:
        form = parse_parts(content_type, start, charset)
    elif b"=" in start or media_type == "application/x-www-form-urlencoded":
        form = parse_form(start.rstrip(SPACES), *labels)
    elif media_type.endswith(("/json", "+json")):
        return _json_of(payload, labels)
    else:
        raise undecodable("unknown-shape", "the payload is neither a JSON object nor a form")
    return _with_detail(form, start, *labels)


@lru_cache(1024)
def media_type_of(content_type: str) -> str:
    """Return the type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def _json_of(payload: bytes, labels: tuple[str, ...]) -> list[Fields]:
    """Return the objects of a JSON body, or of JSON in the place of a form."""
    if b"%22" in payload and b'"' not in payload:
        payload = unquoted(payload)
    found = objects_of(document_of(payload, *labels), "", *labels)
    if len(found) == 1 and NAMES_OF_DETAIL.isdisjoint(found[0]):
        return found
    return [each for fields in found for each in _with_inner(fields)]


def objects_of(text: str, field: str = "", *labels: str) -> list[Fields]:
    """Return the JSON objects of a text, with or without a byte order mark; raise `Undecodable`."""
    text = text.removeprefix("\ufeff")
    try:
        value = loads(text)
    except MalformedJsonError as error:
        value = _loosely(text, error, field, labels)
    if isinstance(value, dict):
        return [value]
    return _objects_in(value, field)


def _loosely(text: str, strictly: MalformedJsonError, field: str, labels: tuple[str, ...]) -> Any:
    """Read what strict JSON refuses, if there is a value in it all the same."""
    try:
        if strictly.code == "too-deep":
            raise strictly
        values = values_of(text)
        if deeper_than(MAX_DEPTH + 1, values):
            raise too_deep()
        values = [restored(value, *labels) for value in values]
    except MalformedJsonError as error:
        raise undecodable(error.code, error.message, field) from None
    return values[0] if len(values) == 1 else values


def _objects_in(value: Any, field: str) -> list[Fields]:
    """Return the object, an array's objects, or those of a JSON text within JSON."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}:
        return objects_of(value, field)
    each = value if isinstance(value, list) else [value]
    found: list[Fields] = [one for one in each if isinstance(one, dict)]
    if len(found) > MAX_VALUES:
        raise undecodable("too-many-objects", f"a payload may have at most {MAX_VALUES} objects", field)
    if not found:
        raise undecodable("not-an-object", "the JSON is not an object", field)
    return found


def _with_inner(fields: Fields) -> list[Fields]:
    """Return the fields of a JSON object, overlaid by those of the objects in its `detail`, if any."""
    name = next((each for each in fields if each in NAMES_OF_DETAIL), None)
    if name is None:
        return [fields]
    beside = {other: value for other, value in fields.items() if other != name}
    try:
        return [beside | each for each in _objects_in(fields[name], DETAIL)]
    except Undecodable:
        return [fields]


def _with_detail(form: Mapping[str, str], payload: bytes, *labels: str) -> list[Fields]:
    """Return the form's fields, overlaid by those of the JSON in `detail`; raise `Undecodable`."""
    fields: Fields = {**form}
    if NAMES_OF_DETAIL.isdisjoint(form):
        return [fields]
    name = next(each for each in form if each in NAMES_OF_DETAIL)
    detail = str(fields.pop(name)).removeprefix("\ufeff").strip()
    try:
        if not detail:
            raise undecodable("empty", "the field is empty", DETAIL)
        return [fields | each for each in objects_of(detail, DETAIL)]
    except Undecodable:
        raw = RAW_DETAIL.search(payload)
        if raw is not None:
            return _raw_detail(payload[: raw.start()], payload[raw.end() :], labels)
        if not fields or detail.startswith(("{", "[")):
            raise
        return [fields | {name: form[name]}]


def _raw_detail(before: bytes, payload: bytes, labels: tuple[str, ...]) -> list[Fields]:
    """Return `detail` as JSON that was not encoded: it ends where its JSON does."""
    try:
        value, after = first_value(document_of(payload, *labels))
    except MalformedJsonError as error:
        raise undecodable(error.code, error.message, DETAIL) from None
    after = after.strip()
    if after.strip("=") and not after.startswith("&"):
        raise undecodable("malformed-json", "there is text after the JSON", DETAIL)
    beside = parse_form(before + b"&" + after.encode("utf-8", "surrogateescape"), *labels)
    return [beside | each for each in _objects_in(restored(value, *labels), DETAIL)]
