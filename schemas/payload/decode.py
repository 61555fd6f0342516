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
from urllib.parse import unquote, unquote_to_bytes

from schemas.payload.charsets import WIDE_BOMS, Garbled, charset_of, document_of, garbled, narrow, restored
from schemas.payload.exact_json import MAX_DEPTH, MalformedJsonError, deeper_than, loads, too_deep
from schemas.payload.forms import parse_form, parse_parts, parse_query, unquoted
from schemas.payload.inflate import MAY_BE_COMPRESSED, UninflatableError, inflated
from schemas.payload.loose_json import MAX_VALUES, first_value, values_by_line, values_of
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
MOST_FIELDS = 100_000
"""All objects of a payload may have this many. A field beside them counts for each: it has a copy of it."""
FEWEST_FIELDS = 2
"""That say what happened without `detail`: an id and a status."""
RAW_JSON = re.compile(rb"(?:^|&)([\w.\[\]-]*)=\s*(?=[{\[]\s*(?:[\"{\[\\]|&quot;|&#34;))")
"""JSON in a form that was not encoded, and so an `&` in it splits the form."""
BOM = b"\xef\xbb\xbf"
SPACES = b" \t\r\n\x1e"
"""The last begins each text of a sequence (RFC 7464)."""
SAYS_NOTHING = frozenset({b"null", b"{}", b"[]", b'""'})
"""A body of a sender that puts everything into the URL."""
MAY_BE_A_FORM = re.compile(rb"[^\x00-\x08\x0e-\x1f<=][^\x00-\x08\x0e-\x1f=]*=")
"""XML has this sign, too, and so have pictures."""
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
        return _fields_of_query(_inflated(payload, content_encoding), content_type, charset)
    return decode_body(content_type, _inflated(payload, content_encoding), charset)


def _of_both(request: tuple[str, str, bytes, str], query: bytes, charset: str) -> list[Fields]:
    """Return the fields of a body, and below them those of the query string beside it."""
    method, content_type, payload, content_encoding = request
    reasons: list[Reason] = []
    below: list[Fields] = []
    try:
        below = _fields_of_query(query, "", charset)
    except Undecodable as error:
        reasons.extend(error.reasons)
    try:
        body = _inflated(payload, content_encoding)
        said = body.removeprefix(BOM).strip(SPACES)
        # Some providers put everything into the URL and post nothing.
        above = (
            decode_body(content_type, body, charset) if said and (reasons or said not in SAYS_NOTHING) else []
        )
    except Undecodable as error:
        if method != "GET" or not below:  # what a GET says is in its query
            raise Undecodable(*reasons, *error.reasons) from None
        return below
    if not below and not above:
        raise Undecodable(*reasons)
    if not below or not above:
        return above or below
    check_fields(below[0], above)
    return [_overlaid(below[0], each) for each in above]


def check_fields(beside: Fields, objects: list[Fields], field: str = "") -> None:
    """Raise `Undecodable` if there are too many objects, or too many fields beside each of them."""
    if len(objects) > MAX_VALUES:
        raise undecodable("too-many-objects", f"a payload may have at most {MAX_VALUES} objects", field)
    if len(beside) * len(objects) > MOST_FIELDS:
        raise undecodable(
            "too-many-fields", f"the objects of a payload may have at most {MOST_FIELDS} fields", field
        )


def beside_each(beside: Fields, objects: list[Fields], field: str = "") -> list[Fields]:
    """Return each object over the fields beside it; raise `Undecodable` for too many."""
    check_fields(beside, objects, field)
    return [beside | each for each in objects]


def _overlaid(below: Fields, above: Fields) -> Fields:
    """Return the fields of both; a field that says nothing hides none that does."""
    silent = {name for name, value in above.items() if value is None or value == ""}
    return above | {name: value for name, value in below.items() if name in silent or name not in above}


def _inflated(payload: bytes, content_encoding: str) -> bytes:
    if not content_encoding and not payload.startswith(MAY_BE_COMPRESSED):
        return payload
    try:
        return inflated(payload, content_encoding)
    except UninflatableError as error:
        raise undecodable(error.code, error.message) from None


def _fields_of_query(query: bytes, content_type: str, charset: str) -> list[Fields]:
    """Read a query string, or a GET's body in its place: no query has a space in it."""
    start = query.removeprefix(BOM).strip(SPACES)
    is_query = b" " not in start
    if is_query and start.startswith(OF_JSON):
        query = unquote_to_bytes(query)
    if start.startswith((*OF_JSON, *WIDE_BOMS, b"--")) or ENCODED_JSON.match(start):
        return decode_body(content_type, query, charset)
    if not start:
        raise undecodable("empty", "the payload is empty")
    labels = (charset_of(content_type), charset)
    return _of_form(parse_query(start, *labels), start, labels, is_query=is_query)


def decode_body(content_type: str, payload: bytes, charset: str = "") -> list[Fields]:
    """The fields of a body; raise `Undecodable`."""
    media_type = media_type_of(content_type)
    payload = narrow(payload)
    start = payload.removeprefix(BOM).lstrip(SPACES)
    if not start:
        raise undecodable("empty", "the payload is empty")
    labels = (charset_of(content_type), charset)
    if start.startswith(OF_JSON) or start[:1] == b"\0":
        return _json_of(payload, labels)
    if ENCODED_JSON.match(start):
        return _json_of(unquoted(start), labels)
    if (media_type == "multipart/form-data" and start.startswith(b"--")) or sniffed_boundary(start):
        return _with_detail(parse_parts(content_type, start, charset))
    if _is_a_form(media_type, start):
        start = start.rstrip(SPACES)
        return _of_form(parse_form(start, *labels), start, labels)
    if media_type.endswith(("/json", "+json")):
        return _json_of(payload, labels)
    raise undecodable("unknown-shape", "the payload is neither a JSON object nor a form")


def _is_a_form(media_type: str, start: bytes) -> bool:
    """Whether a body that is no JSON is one: announced, it need not have a value."""
    if media_type == "application/x-www-form-urlencoded":
        return not start.startswith(b"<")
    return MAY_BE_A_FORM.match(start) is not None


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
    inner = [each for fields in found for each in _with_inner(fields)]
    check_fields({}, inner)
    return inner


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
        values = _values_of(text)
        if deeper_than(MAX_DEPTH + 1, values):
            raise too_deep()
        values = [restored(value, *labels) for value in values]
    except MalformedJsonError as error:
        raise undecodable(error.code, error.message, field) from None
    return values[0] if len(values) == 1 else values


def _values_of(text: str) -> list[Any]:
    """Return the values of a text, or else those of the lines that can be read."""
    try:
        return values_of(text)
    except MalformedJsonError:
        values = values_by_line(text)
        if not any(isinstance(value, dict) for value in values):
            raise
        return values


def _objects_in(value: Any, field: str) -> list[Fields]:
    """Return the object, an array's objects, or those of a JSON text within JSON."""
    if isinstance(value, str):
        text = value.lstrip()
        if text[:1] in {"{", "[", '"'}:
            return objects_of(value, field)
        if ENCODED_JSON.match(text.encode("utf-8", "surrogateescape")):
            return objects_of(unquote(text), field)
    found = _objects_within(value if isinstance(value, list) else [value])
    check_fields({}, found, field)
    if not found:
        raise undecodable("not-an-object", "the JSON is not an object", field)
    return found


def _objects_within(values: list[Any]) -> list[Fields]:
    """Return the objects of an array, of arrays in it and of JSON texts; what is none among them, as one."""
    found: list[Fields] = []
    others: list[Fields] = []
    for value in values:
        if isinstance(value, dict):
            found.append(value)
        elif isinstance(value, list):
            found += _objects_within(value)
        elif value is not None:
            inner = objects_of_text(value)
            found += inner
            others += [] if inner else [{"": value}]
    return found + others if found else []


def objects_of_text(value: Any) -> list[Fields]:
    """Return the objects that a value holds as JSON in a text; none if it is no such text."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return []
    try:
        return objects_of(value)
    except Undecodable:
        return []


def _with_inner(fields: Fields) -> list[Fields]:
    """Return the fields of a JSON object, overlaid by those of the objects in its `detail`, if any."""
    name = next((each for each in fields if each in NAMES_OF_DETAIL), None)
    if name is None:
        return [fields]
    beside = {other: value for other, value in fields.items() if other != name}
    try:
        objects = _objects_in(fields[name], DETAIL)
    except Undecodable:
        return [fields]
    return beside_each(beside, objects, DETAIL)


def _of_form(
    form: Mapping[str, str], payload: bytes, labels: tuple[str, ...], *, is_query: bool = False
) -> list[Fields]:
    """Return the fields of a form, overlaid by those of the JSON in `detail`; raise `Undecodable`."""
    found = RAW_JSON.search(payload) if b"{" in payload or b"[" in payload else None
    if found is not None:
        raw = payload[found.end() :]
        text = document_of(unquote_to_bytes(raw) if is_query else raw, *labels)
        try:
            return _with_raw_json(found.group(1).decode(), text, payload[: found.start()], labels)
        except Undecodable:
            pass  # half of it was encoded
    return _with_detail(form)


def _with_raw_json(name: str, text: str, before: bytes, labels: tuple[str, ...]) -> list[Fields]:
    """Return a form with JSON that was not encoded: it ends where its JSON does, or else with a bracket."""
    try:
        value, after = first_value(text)
        objects = _objects_in(restored(value, *labels), name)
    except MalformedJsonError:
        end = max(map(text.rfind, "}]")) + 1
        objects, after = objects_of(text[:end], name, *labels), text[end:]
    after = after.strip()
    if after.strip("=") and not after.startswith("&"):
        raise undecodable("malformed-json", "there is text after the JSON", name)
    form = parse_form(before + b"&" + after.encode("utf-8", "surrogateescape"), *labels)
    if name in NAMES_OF_DETAIL:
        return beside_each({**form}, objects, DETAIL)
    return [{**form, name: objects}]


def _with_detail(form: Mapping[str, str]) -> list[Fields]:
    """Return the form's fields, overlaid by those of the JSON in `detail`; raise `Undecodable`."""
    fields: Fields = {**form}
    if NAMES_OF_DETAIL.isdisjoint(form):
        return [fields]
    name = next(each for each in form if each in NAMES_OF_DETAIL)
    said = fields.pop(name)
    detail = str(said.escaped if isinstance(said, Garbled) else said).removeprefix("\ufeff").strip()
    try:
        if not detail:
            raise undecodable("empty", "the field is empty", DETAIL)
        objects = _objects_in(detail, DETAIL)
    except Undecodable:
        if len(fields) < (FEWEST_FIELDS if detail.startswith(("{", "[")) else 1):
            raise
        return [fields | {name: garbled(detail) if detail.startswith(("{", "[")) else form[name]}]
    return beside_each(fields, objects, DETAIL)
