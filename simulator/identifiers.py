"""Version-1 UUIDs of a given time, as the documents' own ids are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.uuids import GREGORIAN_TO_UNIX

if TYPE_CHECKING:
    from random import Random

MULTICAST = 1 << 40
"""Marks a node that is not a network card's address (RFC 9562, 6.10), like the samples' nodes."""


class Identifiers:
    """One server's ids. Its clock sequence counts up, as in the samples `…-a849-…` and `…-a84a-…`."""

    def __init__(self, rng: Random) -> None:
        self._node = f"{rng.getrandbits(48) | MULTICAST:012x}"
        self._sequence = rng.getrandbits(14)

    def at(self, time: int) -> str:
        """The next id, created at this time (µs since 1970)."""
        self._sequence = sequence = (self._sequence + 1) & 0x3FFF
        ticks = time * 10 + sequence % 10 + GREGORIAN_TO_UNIX
        low, middle, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0xFFF
        return f"{low:08x}-{middle:04x}-1{high:03x}-{sequence | 0x8000:04x}-{self._node}"
