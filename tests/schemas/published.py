"""The published schemas, as a reader in another language would take them: from their files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from schemas.documents import FOLDER

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / FOLDER
BASE = "file:///published/"
"""Schemas refer to each other by file name, wherever they lie."""


def read(name: str) -> dict[str, Any]:
    """One of the documents."""
    document: dict[str, Any] = json.loads((PUBLISHED / name).read_text("utf-8"))
    return document


@cache
def _registry() -> Registry[Any]:
    files = sorted(PUBLISHED.glob("*.schema.json"))
    return Registry().with_resources(
        (f"{BASE}{each.name}", Resource.from_contents(read(each.name))) for each in files
    )


@cache
def validator(reference: str) -> Draft202012Validator:
    """A validator of a file, or of a part of one: `reason.schema.json`, `link.schema.json#/properties/to`."""
    return Draft202012Validator({"$ref": f"{BASE}{reference}"}, registry=_registry())


def complaints(reference: str, value: Any) -> list[str]:
    """What the schema has against a value: where, and what."""
    return [f"{error.json_path}: {error.message}" for error in validator(reference).iter_errors(value)]
