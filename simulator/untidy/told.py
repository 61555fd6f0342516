"""A webhook as an untidy sender sends it, and what it changes in the row of its call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook
    from simulator.shapes import Request


@dataclass(frozen=True, slots=True)
class Told:
    """The request that replaces the tidy one."""

    request: Request
    more: tuple[Request, ...] = ()
    """Sent as well, about the same call."""
    probes: tuple[Request, ...] = ()
    """Sent before it, without an event: the sender tests the URL."""
    columns: Mapping[str, bool | None] = field(default_factory=dict)
    """What the row then has."""
    doubts: int = 0
    """How many fields can't be read."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Ids in the spelling of this webhook."""


Mischief: TypeAlias = "Callable[[Random, Webhook, ZoneInfo], Told | None]"
"""Pure; None for a webhook that it does not apply to."""
