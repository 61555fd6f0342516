"""ClickHouse exceptions: the engine's message, split into code, name and text."""

from __future__ import annotations

import re
from enum import IntEnum

# The engine repeats "Code: N. DB::Exception: ", and appends "(NAME)" and "(version V)", up to twice each.
_HEAD = re.compile(r"Code: (\d+)\. DB::(?:\w+::)*Exception: ")
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\.?\s*$")
_NAME = re.compile(r"\s*\(([A-Z][A-Z0-9_]+)\)\.?\s*$")


class ServerError(Exception):
    """A ClickHouse exception: `code` and `name` as in ClickHouse's list of error codes."""

    def __init__(self, code: int, name: str, text: str) -> None:
        """`text` is the message without code, name and version."""
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")
        self.code = code
        self.name = name
        self.text = text


class Code(IntEnum):
    """Those of ClickHouse's codes that we use ourselves."""

    BAD_ARGUMENTS = 36
    NOT_IMPLEMENTED = 48
    UNKNOWN_TYPE = 50
    SYNTAX_ERROR = 62
    UNEXPECTED_PACKET_FROM_CLIENT = 101
    NOT_ENOUGH_SPACE = 243
    QUERY_IS_TOO_LARGE = 229
    QUERY_WAS_CANCELLED = 394
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516

    def error(self, text: str) -> ServerError:
        return ServerError(self.value, self.name, text)


def parse_error(said: str) -> ServerError | None:
    """Split one of the engine's messages; `name` is '' if the engine left it out.

    None for a text that is no ClickHouse exception.
    """
    head = _HEAD.search(said)
    if head is None:
        return None
    code, name, text = int(head[1]), "", said[head.end() :]
    if (again := _HEAD.match(text)) is not None and int(again[1]) == code:
        text = text[again.end() :]
    while True:
        if (version := _VERSION.search(text)) is not None:
            text = text[: version.start()]
        elif (named := _NAME.search(text)) is not None and name in ("", named[1]):
            name, text = named[1], text[: named.start()]
        else:
            return ServerError(code, name, text.strip())
