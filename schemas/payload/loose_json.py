"""JSON as senders write it who don't use a library, or use two: tried only on what strict JSON refuses.

Several values one after the other, text escaped once too often or too seldom, quotes of other languages,
control characters as they are, values that are no JSON (NaN, 007, undefined, nothing), commas too many.
A document that is cut off stays an error; of several, one a line, it costs no other.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from schemas.payload.exact_json import MalformedJsonError, exact_float, exact_int, too_deep

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES = 1000
"""Objects in one payload: no provider sends more than a few dozen."""
LONGEST_TIDIED = 256 * 1024
"""In characters: token by token takes a microsecond each, and no provider's callback is that long."""
BETWEEN = re.compile(r"[\s,;=&\0\x1e\ufeff]*")
"""What stands between values, and after the last: a library adds `=` to a form without one."""
TOKEN = re.compile(
    r"""("(?:[^"\\]|\\.)*")|('(?:[^'\\]|\\.)*')|([{}\[\],:])|([^\s"'{}\[\],:][^\s"{}\[\],:]*)|\s+""",
    re.DOTALL,
)
LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
WRONG_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4})|\\")
"""Each escape, so that those which are none are found."""
DECODER = json.JSONDecoder(
    strict=False, parse_int=exact_int, parse_float=exact_float, parse_constant=lambda name: name
)


def values_of(text: str) -> list[Any]:
    """Return every value of the text; raise `MalformedJsonError`."""
    first: MalformedJsonError | None = None
    for mend in (_as_it_is, _unescaped, _tidied):
        try:
            return list(_one_by_one(mend(text)))
        except MalformedJsonError as error:
            if error.code != "malformed-json":
                raise
            first = first or error
    raise first or MalformedJsonError("malformed-json", "the JSON is malformed")


def values_by_line(text: str) -> list[Any]:
    """Return the values of a text with an object a line; a line that can't be read is itself one, as text."""
    lines = [line.strip("\ufeff\x1e \t\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if not 1 < len(lines) <= MAX_VALUES or not all(line[0] == "{" for line in lines):
        return []
    values: list[Any] = []
    for line in lines:
        try:
            values += values_of(line)
        except MalformedJsonError:
            values.append(line)
    return values


def first_value(text: str) -> tuple[Any, str]:
    """Return the text's first value, and the text after it; raise `MalformedJsonError`."""
    value, end = _read(text, 0)
    return value, text[end:]


def _one_by_one(text: str) -> Iterator[Any]:
    at = _after(text, 0)
    if at == len(text):
        raise MalformedJsonError("malformed-json", "the JSON is malformed at character 0")
    for _ in range(MAX_VALUES):
        value, at = _read(text, at)
        yield value
        at = _after(text, at)
        if at == len(text):
            return
    raise MalformedJsonError("too-many-objects", f"a payload may have at most {MAX_VALUES} objects")


def _after(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def _read(text: str, at: int) -> tuple[Any, int]:
    try:
        return DECODER.raw_decode(text, at)
    except RecursionError:
        raise too_deep() from None
    except json.JSONDecodeError as error:
        message = f"the JSON is malformed at character {error.pos}"
        raise MalformedJsonError("malformed-json", message) from None


def _as_it_is(text: str) -> str:
    return text


def _unescaped(text: str) -> str:
    """Undo the escaping of a document that was written as if into a text of JSON or HTML."""
    start = text.lstrip(" \t\r\n{[")
    if start.startswith("&") and '"' not in text:
        return html.unescape(text)
    if not start.startswith("\\"):
        return text
    ending = text.rstrip(" \t\r\n=")
    try:
        value = json.loads(f'"{ending}"', strict=False)
    except (json.JSONDecodeError, RecursionError):
        return text
    again = str(value)
    return again if again.lstrip(" \t\r\n{[")[:1] != "\\" else _unescaped(again)


def _as_json(piece: str) -> str:
    """Write a token as JSON does."""
    if piece[0] == "'":
        piece = '"{}"'.format(piece[1:-1].replace("\\'", "'").replace('\\"', '"').replace('"', '\\"'))
    if piece[0] == '"':
        return WRONG_ESCAPE.sub(lambda found: found.group() if len(found.group()) > 1 else "\\\\", piece)
    return piece if piece in "{}[],:" or LITERAL.fullmatch(piece) else json.dumps(piece)


def _tokens(text: str) -> list[str] | None:
    """Return the tokens of a text; None for one that is cut off.

    At the first quote without its end nothing more is looked at: from each of many such quotes the whole rest
    would be searched for an end.
    """
    tokens: list[str] = []
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            return None
        if not found.group().isspace():
            tokens.append(found.group())
        at = found.end()
    return tokens


def _tidied(text: str) -> str:
    """Quote what is not quoted as JSON does, put null for missing values, and drop commas before an end."""
    pieces = _tokens(text) if len(text) <= LONGEST_TIDIED else None
    if pieces is None:
        return text
    written: list[str] = []
    for number, piece in enumerate(pieces):
        after = pieces[number + 1] if number + 1 < len(pieces) else ""
        if piece == "," and after in {"}", "]", ","}:
            continue
        written.append(_as_json(piece))
        if piece == ":" and after in {",", "}"}:
            written.append("null")
    return " ".join(written)
