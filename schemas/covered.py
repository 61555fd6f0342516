"""What was summed up: what is kept of the ids of events and legs, small enough to go along with the sum.

Each is known by the first 32 bits of a hash of its id: among 10,000 that were summed up, one new one of
400,000 is taken for one of them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import defaultdict
from functools import lru_cache
from hashlib import blake2b
from struct import pack, unpack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

SIZE = 4
"""Bytes of a hash."""
MOST = 8_000
"""The most ids that are kept. If there are more, those that were summed up last are."""

Numbered = tuple[tuple[int, str], ...]
"""By number, the ids that have it, as the text of a `Covered`."""


class Covered:
    """Ids that were summed up."""

    def __init__(self, text: str = "") -> None:
        """`text` is as `with_ids` gives it. Raises ValueError for any other."""
        self._in_order = _unpacked(text)
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
        return self.with_hashes(map(hash_of, ids))

    def with_hashes(self, new: Iterable[int], without: Container[int] = ()) -> str:
        """Return these and more hashes of ids as text, without some."""
        hashes = [each for each in dict.fromkeys([*self._in_order, *new]) if each not in without]
        return packed(hashes[-MOST:])


def packed(hashes: Collection[int]) -> str:
    """Return hashes as the text of a `Covered`."""
    return b64encode(pack(f">{len(hashes)}I", *hashes)).decode()


def _unpacked(text: str) -> tuple[int, ...]:
    written = b64decode(text)
    if len(written) % SIZE:
        raise ValueError("these are no hashes")
    return unpack(f">{len(written) // SIZE}I", written)


@lru_cache(maxsize=512)
def hashes_of(text: str) -> frozenset[int]:
    """Return the hashes in the text of a `Covered` that has few: those of one call come again and again."""
    return frozenset(_unpacked(text))


def hash_of(name: str) -> int:
    """Return what is kept of an id."""
    return int.from_bytes(blake2b(name.encode(), digest_size=SIZE).digest())


def numbers_of(written: Numbered) -> dict[int, int]:
    """Return each id's number, by the id's hash."""
    return {each: number for number, text in written for each in Covered(text).hashes}


def highest(*parts: Mapping[int, int]) -> dict[int, int]:
    """Return the highest number of each id."""
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
