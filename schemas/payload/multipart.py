"""multipart/form-data (RFC 7578), read strictly: a truncated form is an error, not a shorter form."""

from __future__ import annotations

import quopri
import re
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, Preamble

if TYPE_CHECKING:
    from werkzeug.sansio.multipart import Event

FIRST_BOUNDARY = re.compile(rb"--([!-~](?:[ -~]{0,68}[!-~])?)[ \t]*\r?\n[Cc]ontent-")
MAX_BOUNDARY = 200
"""RFC 2046 allows 70 characters; some libraries write more."""


@dataclass(slots=True)
class Part:
    """A field of the form."""

    name: str
    """'' without one."""
    kind: str
    """Its Content-Type, '' without one."""
    coding: str
    """How its value is written as text, as mail does it; '' if it is not."""
    written: bytes = b""

    @property
    def value(self) -> bytes:
        """As it was before it was written as text, if it can be read."""
        if self.coding == "quoted-printable":
            return quopri.decodestring(self.written)
        if self.coding == "base64":
            with suppress(ValueError):
                return b64decode(b"".join(self.written.split()), validate=True)
        return self.written


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
            said = {header.lower(): value for header, value in headers}
            coding = said.get("content-transfer-encoding", "").strip().lower()
            # The decoder gives None for a part without a name.
            parts.append(Part(str(name or ""), said.get("content-type", ""), coding))
        case Data(data=data):
            parts[-1].written += data
        case Preamble():
            pass
        case _:
            raise MalformedMultipartError("the form is cut off or malformed")
