"""Which legs have ended of those whose hangups were summed up, and when at the latest: part of a sum.

Those whose hangups were summed up at once have one time, that of the last of them. So there are few times,
each with the hashes of its legs as the text of a `Covered`, the earliest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.covered import MOST, hash_of, hashes_of, packed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from schemas.summary import Ends


def ended_too(ends: Ends, at: int, legs: Iterable[str]) -> Ends:
    """Return these ends, and those of more legs, unless they are known to have ended later.

    Of more than `MOST` legs those that ended last are kept.
    """
    new = {hash_of(leg) for leg in legs}
    found: list[tuple[int, str]] = []
    for time, text in reversed(ends):
        known = hashes_of(text)
        if time > at:
            new -= known
            found.append((time, text))
        elif time == at:
            new |= known
        elif known.isdisjoint(new):
            found.append((time, text))
        elif rest := known - new:
            found.append((time, packed(sorted(rest))))
    return _last([*found, (at, packed(sorted(new)))]) if new else tuple(reversed(found))


def _last(found: list[tuple[int, str]]) -> Ends:
    kept: list[tuple[int, str]] = []
    number = 0
    for time, text in sorted(found, reverse=True):
        if number >= MOST:
            break
        number += len(hashes_of(text))
        kept.append((time, text))
    return tuple(reversed(kept))


def all_ended(ends: Ends) -> frozenset[int]:
    """Return the hashes of all legs that ended."""
    return frozenset[int]().union(*(hashes_of(text) for _, text in ends))


def over(ends: Ends, rang_last: dict[str, int], legs: Collection[str]) -> set[str]:
    """Return which of these legs have ended, and did not ring again since."""
    wanted = {hash_of(leg): leg for leg in legs}
    return {
        wanted[each]
        for time, text in ends
        for each in hashes_of(text).intersection(wanted)
        if rang_last.get(wanted[each], 0) <= time
    }
