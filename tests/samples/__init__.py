"""The provider documents' own payloads, calls that follow their rules, and the rows they must become.

`documents/` holds every payload of the documents, byte for byte; `documents/resources/` the bodies of their
REST resources, which are no callbacks. `CALLS` are calls as their provider tells them, one payload after the
other, and `requests` puts these into any of the shapes that a provider may choose. Some calls share ids: on
one stack, give each an account of its own, or other ids (`renamed`).
"""

from __future__ import annotations

from tests.samples.calls import Columns, SampleCall
from tests.samples.common_api import CALLS as COMMON_API
from tests.samples.documents import RESOURCES, document
from tests.samples.extension_events import CALLS as EXTENSION_EVENTS
from tests.samples.extension_events import MESSAGES
from tests.samples.shapes import DOCUMENTED, SHAPES, Request, in_shape, requests

CALLS: tuple[SampleCall, ...] = COMMON_API + EXTENSION_EVENTS

__all__ = [
    "CALLS",
    "DOCUMENTED",
    "MESSAGES",
    "RESOURCES",
    "SHAPES",
    "Columns",
    "Request",
    "SampleCall",
    "document",
    "in_shape",
    "requests",
]
