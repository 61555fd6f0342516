"""multipart/form-data (RFC 7578), read strictly: a truncated form is an error, not a shorter form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, Preamble

if TYPE_CHECKING:
    from werkzeug.sansio.multipart import Event

Part = tuple[str, str, bytes]
"""Name, Content-Type ('' without one), value."""
FIRST_BOUNDARY = re.compile(rb"--([!-~](?:[ -~]{0,68}[!-~])?)[ \t]*\r?\n[Cc]ontent-")
MAX_BOUNDARY = 200
"""RFC 2046 allows 70 characters; some libraries write more."""


class MalformedMultipartError(ValueError):
    """The form can't be read; holds nothing of it."""


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type names."""
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > MAX_BOUNDARY or not boundary.isascii():
        return None
    return boundary.encode()


def sniffed_boundary(payload: bytes) -> bytes | None:
    """Return the boundary with which a body begins, if its header names none."""
    found = FIRST_BOUNDARY.match(payload)
    return found.group(1) if found else None


def parse_multipart(boundary: bytes, payload: bytes, max_parts: int) -> list[Part] | None:
    """Return every part in order; None for more than `max_parts`; raise `MalformedMultipartError`."""
    decoder = MultipartDecoder(boundary, max_parts=max_parts)
    decoder.receive_data(payload)
    decoder.receive_data(None)
    parts: list[Part] = []
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            take(event, parts)
    except RequestEntityTooLarge:
        return None
    except MalformedMultipartError:
        raise
    except ValueError:
        raise MalformedMultipartError("the form is cut off or malformed") from None
    return parts


def take(event: Event, parts: list[Part]) -> None:
    """Add the decoder's event to the parts."""
    match event:
        case Field(name=name, headers=headers) | File(name=name, headers=headers):
            # The decoder gives None for a part without a name.
            if not isinstance(name, str):
                raise MalformedMultipartError("a part of the form has no name")
            said = {header.lower(): value for header, value in headers}
            if said.get("content-transfer-encoding", "binary").lower() not in {"7bit", "8bit", "binary"}:
                raise MalformedMultipartError("a part of the form has a transfer encoding")
            parts.append((name, said.get("content-type", ""), b""))
        case Data(data=data):
            name, kind, before = parts[-1]
            parts[-1] = (name, kind, before + data)
        case Preamble():
            pass
        case _:
            raise MalformedMultipartError("the form is cut off or malformed")
