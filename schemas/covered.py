"""What was summed up: what is kept of the ids of events and legs, small enough to go along with the sum.

Each is known by the first 32 bits of a hash of its id: among 10,000 that were summed up, one new one of
400,000 is taken for one of them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import blake2b
from struct import pack, unpack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SIZE = 4
"""Bytes of a hash."""
MOST = 8_000
"""So many are kept; of more, those that were summed up last."""


class Covered:
    """Ids that were summed up."""

    def __init__(self, text: str = "") -> None:
        """`text` is as `with_ids` gives it. Raises ValueError for any other."""
        written = b64decode(text)
        if len(written) % SIZE:
            raise ValueError("these are no hashes")
        self._in_order = unpack(f">{len(written) // SIZE}I", written)
        self.hashes = frozenset(self._in_order)

    def __len__(self) -> int:
        return len(self.hashes)

    def __contains__(self, name: str) -> bool:
        return hash_of(name) in self.hashes

    @property
    def is_whole(self) -> bool:
        """Whether each that was summed up is in it."""
        return len(self) < MOST

    def with_ids(self, ids: Iterable[str]) -> str:
        """Return these and more ids as text."""
        new = dict.fromkeys(hash_of(name) for name in ids)
        hashes = [*self._in_order, *(each for each in new if each not in self.hashes)][-MOST:]
        return packed(hashes)


def packed(hashes: Collection[int]) -> str:
    """Return hashes as the text of a `Covered`."""
    return b64encode(pack(f">{len(hashes)}I", *hashes)).decode()


def hash_of(name: str) -> int:
    """Return what is kept of an id."""
    return int.from_bytes(blake2b(name.encode(), digest_size=SIZE).digest())
