"""From bytes to text, field by field: what can't be decoded stays readable, and is known to be undecoded.

UTF-8 is never an accident, so what is valid UTF-8 is UTF-8, whatever the label says. Then comes what the
label names, then the charset of the source. In a double-byte charset a short text may look like UTF-8 by
accident: a payload that is not UTF-8 as a whole follows a double-byte label first.
"""

from __future__ import annotations

import encodings
import json
import pkgutil
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

UTF_8 = "utf-8"
CODECS = frozenset(module.name for module in pkgutil.iter_modules(encodings.__path__))
"""Python's own. It would remember any other name that it is asked for, and never forget it."""
NO_CHARSETS = frozenset({"charmap", "idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs of text that no label means."""
SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030"}
"""What senders write who say that they write the other."""
ASCII = bytes(range(32, 127))
HIGH = bytes(range(128, 256))
CHARSET = re.compile(r"[;,\s]charset\s*=\s*[\"']?([^\"';,\s]*)", re.IGNORECASE)
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""How Python's `surrogateescape` says a byte that is no text."""
LONGEST_GARBLED = 4096
"""In characters; the callback itself is archived byte for byte."""


class Garbled(str):
    r"""A text that could not be decoded: stray bytes are written `\xNN`, half a surrogate pair `\uNNNN`."""

    __slots__ = ("escaped",)
    escaped: str
    """The whole of it, its stray bytes as surrogates."""


@lru_cache(1024)
def charset_of(content_type: str) -> str:
    """Return the charset that a Content-Type names, as it names it."""
    found = CHARSET.search(content_type)
    return found.group(1) if found else ""


@lru_cache(1024)
def codec_of(label: str) -> str:
    """Return Python's codec of this name; '' for none, and for one that is no superset of ASCII."""
    name = encodings.normalize_encoding(label).lower().removeprefix("x_")
    aliases = encodings.aliases.aliases
    name = aliases.get(name) or aliases.get(name.removeprefix("windows_"), name)
    name = SUPERSETS.get(name, name)
    if name not in CODECS or name in NO_CHARSETS:
        return ""
    try:
        return name if ASCII.decode(name) == ASCII.decode() else ""
    except (LookupError, UnicodeError):
        return ""


@lru_cache(1024)
def codecs_of(*labels: str) -> tuple[str, ...]:
    """Return the codecs to try, in order, on a text of a payload that is not UTF-8 as a whole."""
    named = [codec for label in labels if (codec := codec_of(label)) and codec != "utf_8"]
    first = named[:1] if named and is_double_byte(named[0]) else []
    return tuple(dict.fromkeys([*first, UTF_8, *named]))


def is_double_byte(codec: str) -> bool:
    """Return whether two bytes may be one character."""
    return len(HIGH.decode(codec, "replace")) != len(HIGH)


def text_of(raw: bytes, codecs: Iterable[str]) -> str:
    """Return the text by the first codec that knows all of its bytes; `Garbled` if none does."""
    for codec in codecs:
        try:
            return raw.decode(codec)
        except UnicodeError:
            continue
    return garbled(raw.decode(UTF_8, "surrogateescape"))


def texts_of(raw: Iterable[bytes], *labels: str) -> list[str]:
    raw = list(raw)
    try:
        return [each.decode() for each in raw]
    except UnicodeDecodeError:
        codecs = codecs_of(*labels)
        return [text_of(each, codecs) for each in raw]


def narrow(payload: bytes) -> bytes:
    """Return a payload in UTF-8 that is in one of Unicode's wide encodings, and any other as it is."""
    if b"\0" not in payload[:4] and not payload.startswith(WIDE_BOMS):
        return payload
    try:
        return payload.decode(json.detect_encoding(payload)).encode()
    except UnicodeError:
        return payload


def document_of(payload: bytes, *labels: str) -> str:
    """Return the text of a JSON payload; undecodable bytes become surrogates, for `restored`."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        pass
    first, *_ = codecs_of(*labels)
    try:
        return payload.decode(first)
    except UnicodeError:
        return payload.decode(UTF_8, "surrogateescape")


def restored(value: Any, *labels: str) -> Any:
    """Return a JSON value whose texts with surrogates are decoded one by one, or `Garbled`."""
    if isinstance(value, str):
        return _restored_text(value, labels) if SURROGATE.search(value) else value
    if isinstance(value, dict):
        return {str(restored(name, *labels)): restored(each, *labels) for name, each in value.items()}
    if isinstance(value, list):
        return [restored(each, *labels) for each in value]
    return value


def _restored_text(text: str, labels: tuple[str, ...]) -> str:
    try:
        raw = text.encode(UTF_8, "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair
        return garbled(text)
    return text_of(raw, codecs_of(*labels))


def garbled(text: str) -> Garbled:
    """Escape a text's surrogates; a long text is cut."""
    readable = SURROGATE.sub(_escape, text)
    found = Garbled(readable if len(readable) <= LONGEST_GARBLED else f"{readable[:LONGEST_GARBLED]}…")
    found.escaped = text
    return found


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code - 0xDC00:02x}" if code in ESCAPED_BYTES else f"\\u{code:04x}"
