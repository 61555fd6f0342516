"""What was summed up: what is kept of the ids of events and legs, small enough to go along with the sum.

Each is known by the first 32 bits of a hash of its id: among 10,000 that were summed up, one new one of
400,000 is taken for one of them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import defaultdict
from hashlib import blake2b
from struct import pack, unpack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

SIZE = 4
"""Bytes of a hash."""
MOST = 8_000
"""So many are kept; of more, those that were summed up last."""

Numbered = tuple[tuple[int, str], ...]
"""By number, the ids that have it, as the text of a `Covered`."""


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


def numbers_of(written: Numbered) -> dict[int, int]:
    """Return each id's number, by the id's hash."""
    return {each: number for number, text in written for each in Covered(text).hashes}


def highest(*parts: Mapping[int, int]) -> dict[int, int]:
    """Of each id's numbers return the highest."""
    found: dict[int, int] = {}
    for part in parts:
        found |= {each: number for each, number in part.items() if number > found.get(each, number - 1)}
    return found


def numbered(numbers: Mapping[int, int], first: Container[int] = ()) -> Numbered:
    """Return ids with their numbers as text: of more than `MOST`, those of `first` before others."""
    kept = sorted((each in first, number, each) for each, number in numbers.items())[-MOST:]
    by_number: dict[int, list[int]] = defaultdict(list)
    for _, number, each in kept:
        by_number[number].append(each)
    return tuple((number, packed(by_number[number])) for number in sorted(by_number))
