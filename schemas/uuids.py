"""UUIDs (RFC 9562): which texts are the same one, and when a version-1 UUID was made (section 5.1)."""

from __future__ import annotations

import re

GREGORIAN_TO_UNIX = 0x01B21DD213814000
"""From the first day of the Gregorian calendar to 1970, in a version-1 UUID's units of 100 ns."""

VERSION_1 = re.compile(
    r"([0-9a-f]{8})-?([0-9a-f]{4})-?1([0-9a-f]{3})-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}", re.IGNORECASE
)
UUID = re.compile(
    r"[\s<({\[]*(?:urn:uuid:)?[{(\[]?"
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})[\s>)}\]]*",
    re.IGNORECASE,
)
BEFORE_UUIDS, AFTER_UUIDS = "<({[uU \t\r\n", ">)}] \t\r\n"
HEX = 32


def canonical(text: str) -> str:
    """An id as it is compared: a UUID in small letters, bare; any other as it is.

    Some systems write UUIDs in capitals, in brackets or as `urn:uuid:…`, and others don't.
    """
    if text[:1] not in BEFORE_UUIDS and text[-1:] not in AFTER_UUIDS and text == text.lower():
        return text
    found = UUID.fullmatch(text)
    return found.group(1).lower() if found else text


def hyphenated(text: str) -> str:
    """A canonical version-1 UUID with its hyphens, for dialects that have them; any other id as it is."""
    if len(text) != HEX or created_at(text) is None:
        return text
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def bare(text: str) -> str:
    """A UUID in the form that all its spellings share, without hyphens; any other id as it is."""
    found = UUID.fullmatch(text)
    return found.group(1).lower().replace("-", "") if found else text


def spellings(text: str) -> tuple[str, ...]:
    """The forms in which an id may be kept: dialects differ in whether a UUID without hyphens gets them."""
    plain = bare(text)
    return tuple(dict.fromkeys((canonical(text), plain, hyphenated(plain))))


def created_at(uuid: str) -> int | None:
    """When a version-1 UUID was made (microseconds since 1970 UTC); None for any other text."""
    found = VERSION_1.fullmatch(uuid)
    if found is None:
        return None
    low, middle, high = found.groups()
    return (int(high + middle + low, 16) - GREGORIAN_TO_UNIX) // 10
