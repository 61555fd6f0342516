"""The payloads in the provider documents, byte for byte: 000, 001 and 002 have some, 003 and 004 have none.

What 003 and 004 show are bodies of their REST resources, with spaces that JSON doesn't know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent

RESOURCES = tuple(sorted(path.name for path in (HERE / "resources").glob("*.json")))
"""Bodies that are no callbacks."""


def document(name: str) -> bytes:
    """A sample's bytes, by its file's name."""
    return (HERE / name).read_bytes()


def resource(name: str) -> bytes:
    """The bytes of one of `RESOURCES`."""
    return (HERE / "resources" / name).read_bytes()


def fields(name: str) -> dict[str, Any]:
    """A document's payload, decoded."""
    decoded: dict[str, Any] = orjson.loads(document(name))
    return decoded


RING_000, CDR_001, CDR_002 = (fields(name) for name in ("000_ring.json", "001_cdr.json", "002_cdr.json"))
A_000, B_000 = str(RING_000["uuid"]), str(RING_000["buuid"])
