"""The provider documents' own payloads, and the samples of each dialect in a folder of its name (README.md).

`documents/` holds every payload of the documents, byte for byte; `documents/resources/` the bodies of their
REST resources, which are no callbacks. `requests` puts a call's payloads into any of the shapes that a
provider may choose. Some calls share ids: on one stack, give each an account of its own, or other ids
(`renamed`).
"""

from __future__ import annotations

from pathlib import Path

from schemas import dialects
from tests.samples.calls import Columns, SampleCall, load
from tests.samples.documents import RESOURCES, document
from tests.samples.shapes import DOCUMENTED, SHAPES, Request, in_shape, requests

HERE = Path(__file__).parent
SAMPLES = tuple(load(path) for name in dialects.NAMES for path in sorted((HERE / name).glob("*.json")))
CALLS = tuple(each for each in SAMPLES if each.row)
MESSAGES = tuple(
    exchange.fields
    for each in SAMPLES
    for exchange in each.exchanges
    if any(event["kind"] == "message" for event in exchange.events)
)
"""Of no call: they are archived, and become no row."""

__all__ = [
    "CALLS",
    "DOCUMENTED",
    "MESSAGES",
    "RESOURCES",
    "SAMPLES",
    "SHAPES",
    "Columns",
    "Request",
    "SampleCall",
    "document",
    "in_shape",
    "requests",
]
