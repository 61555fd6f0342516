"""Many sources at once: adding one reads, checks and writes the whole file."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runtime import sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def add_all(path: Path, wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Add sources with their dialect and time zone, each in an account of its own; give their tokens."""
    tokens = {name: secrets.token_urlsafe(32) for name in wanted}
    with sources.edited(path) as tables:
        for name, (dialect, timezone) in wanted.items():
            tables[name] = {
                "account": name,
                "dialect": dialect,
                "timezone": timezone,
                "token_sha256": sources.digest_of(tokens[name]).hexdigest(),
                "added_at": sources.now(),
            }
    return tokens
