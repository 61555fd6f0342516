"""A webhook as an HTTP request, in the shape that its document names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote_plus, urlencode

import orjson

if TYPE_CHECKING:
    from simulator.model import Fields, Shape

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BOUNDARY = "----callweave-simulated-8f1d"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of an HTTP request that depend on the webhook."""

    method: Literal["GET", "POST", "HEAD", "OPTIONS"]
    content_type: str
    """'' for none."""
    body: bytes
    query: str = ""
    """To append to the URL, after a `?` or an `&`."""
    headers: tuple[tuple[str, str], ...] = ()
    """More of them."""
    suffix: str = ""
    """To append to the URL's path."""


def request_of(fields: Fields, shape: Shape) -> Request:
    if shape == "json":
        return Request("POST", JSON, orjson.dumps(fields))
    if shape == "detail":
        return Request("POST", MULTIPART, detail(orjson.dumps(fields)))
    text = urlencode(fields, quote_via=quote_plus)
    return Request("GET", "", b"", text) if shape == "query" else Request("POST", FORM, text.encode())


def detail(json: bytes) -> bytes:
    """A form with one field, `detail` (document 001)."""
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="detail"\r\n\r\n'.encode()
        + json
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
