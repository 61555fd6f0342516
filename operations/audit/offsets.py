"""Which offsets are missing, and which are still to be read. Pure.

Producers that use no transactions leave no gaps: each offset between a log's ends is a message. Offsets are
compared in buckets, of which ClickHouse counts the distinct ones; only a bucket that is not full is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BUCKET = 65_536
"""Offsets of one partition that are counted together."""

Partition = tuple[str, int]
"""A topic's name on the cluster, and a partition's number."""


class Range(NamedTuple):
    """Offsets from `first` to `end`, without `end`."""

    first: int
    end: int

    @property
    def size(self) -> int:
        return max(0, self.end - self.first)


def line(end: int, first: int, committed: int) -> int:
    """Return the offset of one partition up to which all must be archived.

    That is the sink's position; but messages that Kafka has deleted, before its `first`, are no longer on
    their way either.
    """
    return min(end, max(first, committed, 0))


def to_check(log: Range, archived: Range | None, committed: int) -> Range:
    """Return the range of one partition that must be archived without a gap.

    Of messages that Kafka has deleted, we know only those in the archive, from its first offset on; if it
    has none, those that the sink never reached.
    """
    known = unread(log.first, committed).first if archived is None else archived.first
    return Range(min(log.first, known), log.end)


def unread(first: int, committed: int) -> Range:
    """Return the range of one partition that Kafka deleted before the sink read it."""
    return Range(max(committed, 0), first)


def suspicious(wanted: Range, there: Mapping[int, int]) -> Iterator[Range]:
    """Return the buckets, cut to what is wanted, that hold fewer offsets than they should."""
    for bucket in range(wanted.first // BUCKET, -(-wanted.end // BUCKET)):
        cut = Range(max(wanted.first, bucket * BUCKET), min(wanted.end, (bucket + 1) * BUCKET))
        if there.get(bucket, 0) < cut.size:
            yield cut


def gaps(wanted: Range, there: Iterable[int]) -> Iterator[Range]:
    """Return wanted offsets that are missing, as ranges in order."""
    first = wanted.first
    for offset in sorted(each for each in set(there) if wanted.first <= each < wanted.end):
        if offset > first:
            yield Range(first, offset)
        first = offset + 1
    if first < wanted.end:
        yield Range(first, wanted.end)


class Lag(NamedTuple):
    """The messages of one partition that a consumer group has not yet finished."""

    group: str
    topic: str
    partition: int
    committed: int
    """It has finished all before this offset."""
    end: int

    @property
    def messages(self) -> int:
        return self.end - self.committed


def behind(
    group: str,
    first: Mapping[Partition, int],
    end: Mapping[Partition, int],
    committed: Mapping[Partition, int],
) -> list[Lag]:
    """Return where the group has not reached `end`; without a commit it begins at the log's `first`."""
    found = []
    for (topic, partition), until in sorted(end.items()):
        place = topic, partition
        done = max(committed.get(place, -1), first.get(place, 0))
        if done < until:
            found.append(Lag(group, topic, partition, done, until))
    return found
