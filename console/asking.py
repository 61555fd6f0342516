"""The pages' queries, each in a file of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"


@cache
def query(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text("utf-8")
