"""The contracts for other languages: JSON Schema 2020-12 and AsyncAPI of the topics, OpenAPI of the ingress.

All of it is made from the definitions beside this package; `callweave schemas write` writes it to disk.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas.documents import asyncapi, messages, openapi

if TYPE_CHECKING:
    from schemas.events import Json

FOLDER = "schemas/published"
"""Relative to the project's root."""


def render() -> dict[str, str]:
    """Every document: its path relative to the project's root, and its text."""
    documents = {
        **messages.schemas(),
        "asyncapi.json": asyncapi.document(),
        "openapi.json": openapi.document(),
    }
    return {f"{FOLDER}/{name}": _text(document) for name, document in sorted(documents.items())}


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
