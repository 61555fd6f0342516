"""What was summed up: what is kept of the ids of events and legs, small enough to go along with the sum.

Each is known by the first 32 bits of a hash of its id: among 10,000 that were summed up, one new one of
400,000 is taken for one of them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZE = 4
"""Bytes of a hash."""
MOST = 15_000
"""So many are kept; of more, those with the smallest hashes."""


class Covered:
    """Ids that were summed up."""

    def __init__(self, text: str = "") -> None:
        """`text` is as `with_ids` gives it."""
        self._hashes = b64decode(text)

    def __len__(self) -> int:
        return len(self._hashes) // SIZE

    def __contains__(self, name: str) -> bool:
        wanted = hash_of(name)
        place = bisect_left(range(len(self)), wanted, key=self._at)
        return self._at(place) == wanted

    @property
    def is_whole(self) -> bool:
        """Whether each that was summed up is in it."""
        return len(self) < MOST

    def __iter__(self) -> Iterator[bytes]:
        return map(self._at, range(len(self)))

    def tells(self, name: str) -> bool:
        """Whether it is certain of this id, one way or the other."""
        return self.is_whole or hash_of(name) <= self._at(len(self) - 1)

    def with_ids(self, ids: Iterable[str]) -> str:
        """Return these and more ids as text."""
        hashes = set(self)
        hashes.update(map(hash_of, ids))
        return b64encode(b"".join(sorted(hashes)[:MOST])).decode()

    def _at(self, place: int) -> bytes:
        return self._hashes[place * SIZE : (place + 1) * SIZE]


def hash_of(name: str) -> bytes:
    """Return what is kept of an id."""
    return blake2b(name.encode(), digest_size=SIZE).digest()
