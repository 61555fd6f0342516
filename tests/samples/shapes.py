"""The shapes in which the provider documents let a payload come (README of the documents)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlencode

import orjson

from processors.normalize.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.samples.calls import SampleCall

Shape = Literal[
    "json", "urlencoded", "urlencoded-detail", "multipart", "multipart-detail", "query", "query-detail"
]

SHAPES: tuple[Shape, ...] = (
    "json",
    "urlencoded",
    "urlencoded-detail",
    "multipart",
    "multipart-detail",
    "query",
    "query-detail",
)

DOCUMENTED: Mapping[str, tuple[Shape, ...]] = {
    "common-api": ("json", "multipart-detail", "urlencoded-detail"),
    "extension-events": ("query", "urlencoded"),
}
"""Those that the documents of a dialect name; sources may send any."""

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "----callweave-b7f3"


@dataclass(frozen=True)
class Request:
    """A payload as an HTTP request."""

    shape: Shape
    method: Literal["GET", "POST"]
    content_type: str
    payload: bytes
    """The body; of a GET, the query string."""


def shape_of(method: str, content_type: str) -> Shape:
    """The plain shape of a method and a content type."""
    if method == "GET":
        return "query"
    return "urlencoded" if content_type == FORM else "json"


def requests(call: SampleCall, shape: Shape) -> Iterator[Request]:
    """A call's callbacks, all in one shape."""
    return (in_shape(fields, shape) for fields in call.payloads)


def in_shape(fields: Mapping[str, object], shape: Shape) -> Request:
    """One payload in a shape."""
    json = orjson.dumps(fields)
    if shape == "json":
        return Request(shape, "POST", "application/json", json)
    texts = _texts(fields) if not shape.endswith("detail") else {"detail": json.decode()}
    if shape.startswith("multipart"):
        return Request(shape, "POST", f"multipart/form-data; boundary={BOUNDARY}", _multipart(texts))
    query = urlencode(texts, quote_via=quote).encode()
    return (
        Request(shape, "GET", "", query) if shape.startswith("query") else Request(shape, "POST", FORM, query)
    )


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    """As a form has them."""
    return {name: str(value) for name, value in Fields(fields).scalars.items()}


def _multipart(texts: Mapping[str, str]) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in texts.items()
    )
    return f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()
