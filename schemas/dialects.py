"""The dialects in which providers write to us: each is declared here, once, and everything else follows.

Its reader registers under its name in `processors.normalize`; docs/new-dialect.md is the recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What must be known of a dialect outside its reader."""

    name: str
    sends_cdrs: bool
    """Whether a call is complete only with its CDR; without, its last hangup completes it."""
    legs_end_apart: bool
    """Whether every leg's own hangup is awaited; otherwise the A leg's hangup ends the call."""
    has_api: bool
    """Whether the provider has a REST API, for `dial`, `backfill` and `subscribe`."""


COMMON_API = Dialect(name="common-api", sends_cdrs=True, legs_end_apart=False, has_api=False)
EXTENSION_EVENTS = Dialect(name="extension-events", sends_cdrs=False, legs_end_apart=True, has_api=True)
DIALECTS = (COMMON_API, EXTENSION_EVENTS)

NAMES = tuple(dialect.name for dialect in DIALECTS)
SENDING_CDRS = frozenset(dialect.name for dialect in DIALECTS if dialect.sends_cdrs)
LEGS_END_APART = frozenset(dialect.name for dialect in DIALECTS if dialect.legs_end_apart)
WITH_API = frozenset(dialect.name for dialect in DIALECTS if dialect.has_api)


def checked(name: str) -> str:
    """The name of a dialect; raise `ValueError` for anything else."""
    if name not in NAMES:
        raise ValueError(f"must be {one_of(NAMES)}")
    return name


def one_of(names: Iterable[str]) -> str:
    """The names as a sentence lists them."""
    return " or ".join(sorted(names))
