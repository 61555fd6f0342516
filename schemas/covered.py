"""Which events were summed up: what is kept of their ids, small enough to go along with the sum.

An event is known by the first 32 bits of a hash of its id: among 10,000 that were summed up, one new event of
400,000 is taken for one of them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZE = 4
"""Bytes of a hash."""
MOST = 15_000
"""So many are kept; of more events, those with the smallest hashes."""


class Covered:
    """Ids of events that were summed up."""

    def __init__(self, text: str = "") -> None:
        """`text` is as `with_ids` gives it."""
        self._hashes = b64decode(text)

    def __len__(self) -> int:
        return len(self._hashes) // SIZE

    def __contains__(self, event_id: str) -> bool:
        wanted = _hash(event_id)
        place = bisect_left(range(len(self)), wanted, key=self._at)
        return self._at(place) == wanted

    @property
    def is_whole(self) -> bool:
        """Whether every event that was summed up is in it."""
        return len(self) < MOST

    def with_ids(self, event_ids: Iterable[str]) -> str:
        """Return these and more ids as text."""
        hashes = {self._at(place) for place in range(len(self))}
        hashes.update(map(_hash, event_ids))
        return b64encode(b"".join(sorted(hashes)[:MOST])).decode()

    def _at(self, place: int) -> bytes:
        return self._hashes[place * SIZE : (place + 1) * SIZE]


def _hash(event_id: str) -> bytes:
    return blake2b(event_id.encode(), digest_size=SIZE).digest()
