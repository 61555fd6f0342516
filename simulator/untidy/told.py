"""A webhook as an untidy sender tells it, and what of its call's row follows from that."""

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
    """What is sent in place of the tidy request."""

    request: Request
    more: tuple[Request, ...] = ()
    """Sent beside it, and telling of the same call."""
    probes: tuple[Request, ...] = ()
    """Sent before it, and telling nothing: the sender tries the URL."""
    columns: Mapping[str, bool | None] = field(default_factory=dict)
    """What the row then has."""
    doubts: int = 0
    """How many fields can't be read."""
    written: Mapping[str, str] = field(default_factory=dict)
    """How it writes ids that others write otherwise."""


Mischief: TypeAlias = "Callable[[Random, Webhook, ZoneInfo], Told | None]"
"""Pure; None for a webhook to which it can't be done."""
