"""What ClickHouse has: archived offsets, and the fate of every archived callback.

Sets of ids are compared by their 64-bit hashes, and in slices of the callbacks' ids: so the memory that a
question takes does not grow with the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations import suspects
from operations.audit import questions, tied
from operations.audit.identity import Group, Hole, Name, Problem
from operations.audit.offsets import Range
from operations.audit.tied import Fate, Loose
from operations.audit.trail import Trail
from runtime.portions import MOST_BYTES, MOST_VALUES, portions
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from clickhouse_driver import Client

    from operations.audit.kept import Kept
    from operations.audit.offsets import Partition
    from runtime.settings import KafkaSettings
    from schemas.callbacks import Callback
    from sinks.span import Span

SLICE = 500_000
"""Callbacks that one question is about."""
NAMED_AT_ONCE = MOST_VALUES // 2
"""Callbacks that one question names, twice."""
ENOUGH = 10_000
"""Missing callbacks after which ids are no longer followed: more change no verdict."""


class Tables:
    def __init__(self, client: Client, kafka: KafkaSettings, kept: Kept) -> None:
        self._client = client
        self._kafka = kafka
        self._kept = {**kept.span.values(), "calls_since": kept.calls_since}
        self.unfollowed = self.unsure = 0

    def buckets(self, topic: str) -> tuple[dict[int, dict[int, int]], dict[int, Range]]:
        """Return by partition how many offsets each bucket has, with its first and last."""
        there: dict[int, dict[int, int]] = {}
        ranges: dict[int, Range] = {}
        for partition, bucket, count, first, last in self._ask(questions.BUCKETS, topic=topic):
            there.setdefault(partition, {})[bucket] = count
            known = ranges.get(partition, Range(first, last + 1))
            ranges[partition] = Range(min(known.first, first), max(known.end, last + 1))
        return there, ranges

    def offsets(self, place: Partition, wanted: Range) -> list[int]:
        topic, partition = place
        found = self._ask(
            questions.OFFSETS, topic=topic, partition=partition, first=wanted.first, end=wanted.end
        )
        return [offset for (offset,) in found]

    def twice(self, place: Partition, gap: Range) -> set[int]:
        """Offsets of a gap whose callbacks are archived with another offset."""
        topic, partition = place
        found = self._ask(questions.TWICE, topic=topic, partition=partition, first=gap.first, end=gap.end)
        return {offset for (offset,) in found}

    def may_be_in(self, span: Span, place: Partition, gap: Range) -> bool:
        """Return whether missing messages may have been received in the span, judging by their neighbours."""
        topic, partition = place
        ((before, after, later),) = self._ask(
            questions.AROUND, topic=topic, partition=partition, first=gap.first, end=gap.end
        )
        return span.since < span.until and before < span.until and (not later or after >= span.since)

    def slices(self) -> int:
        """Return into how many slices the callbacks are cut."""
        ((callbacks,),) = self._ask("SELECT count() FROM stored_callbacks")
        return int(callbacks) // SLICE + 1

    def groups(
        self, lines: Mapping[Partition, int], slices: int, most: int, enough: int = ENOUGH
    ) -> Iterator[Group]:
        """Return the fate of the callbacks before the lines, slice by slice, naming a few of each group.

        Once `enough` callbacks are certainly missing, ids are no longer followed to truncated calls: of the
        others that seem to be in no call, `unfollowed` may be in one, and these are not named. `unsure` are
        those that only a suspect id may have put into one: they count as held.
        """
        trail = Trail(self._ask, enough)
        for number in range(slices):
            yield from self._slice(lines, slices, [number], most, trail)
        self.unfollowed, self.unsure = trail.unfollowed, trail.unsure

    def _slice(
        self, lines: Mapping[Partition, int], slices: int, which: Sequence[int], most: int, trail: Trail
    ) -> Iterable[Group]:
        """Look at a slice in parts where otherwise some callbacks would not be named that may be held."""
        fates = self._fates(questions.GROUPS, lines, most, slices=slices, which=which)
        finer = tied.parts(fates, most)
        if finer == 1 or not trail.leads_on:
            return trail.settled(fates)
        numbers = [number + slices * part for number in which for part in range(finer)]
        return tied.joined(self._parts(lines, slices * finer, numbers, most, trail), most)

    def _parts(
        self, lines: Mapping[Partition, int], slices: int, numbers: list[int], most: int, trail: Trail
    ) -> Iterator[Group]:
        """Look at parts one by one; at all that are left at once when the trail is over."""
        while numbers:
            some = numbers if trail.is_over else numbers[:1]
            numbers = numbers[len(some) :]
            yield from self._slice(lines, slices, some, most, trail)

    def groups_of(self, lines: Mapping[Partition, int], names: Sequence[Name]) -> Iterator[Group]:
        trail = Trail(self._ask)
        for some in _in_portions(names):
            yield from trail.settled(self._fates(questions.GROUPS_OF, lines, len(some), names=some))
        self.unsure += trail.unsure

    def _fates(self, query: str, lines: Mapping[Partition, int], most: int, **values: Any) -> list[Fate]:
        fates = []
        for *numbers, short in self._ask(query, **self._lines(lines), most=most, **values):
            source, rejected, codes, events, calls, held, callbacks = numbers
            group = Group(source, bool(rejected), codes, events, calls, held, callbacks)
            fates.append(Fate(group, [Loose(*each) for each in short]))
        return fates

    def holes(self, lines: Mapping[Partition, int], names: Sequence[Name], limit: int) -> list[Hole]:
        """Return holes among these callbacks: archived, but without events or calls that should exist.

        They are those that a group names as short: here, nothing is looked up from id to id.
        """
        holes: list[Hole] = []
        for some in _in_portions(names):
            if len(holes) >= limit:
                break
            found = self._ask(questions.HOLES, **self._lines(lines), names=some, limit=limit - len(holes))
            holes += [
                Hole(Problem.NOT_NORMALIZED if untold else Problem.NOT_IN_A_CALL, *where)
                for untold, *where in found
            ]
        return holes

    def strays(self, slices: int) -> dict[str, str]:
        """Return callbacks that events name and the archive lacks: id to source."""
        return {
            callback_id: source
            for number in range(slices)
            for _, callback_id, source in self._ask(questions.STRAYS, slices=slices, which=[number])
        }

    def verdicts(self, callbacks: Sequence[Callback]) -> dict[str, int]:
        """Return the highest verdict on each of these that is archived, by id."""
        if not callbacks:
            return {}
        accounts = sorted({each.account for each in callbacks})
        times = [each.received_at for each in callbacks]
        values = {"accounts": accounts, "first": min(times), "last": max(times)}
        return {
            id_: verdict
            for ids in portions(each.id for each in callbacks)
            for id_, verdict in self._ask(questions.VERDICTS, ids=ids, **values)
        }

    def suspects(self) -> list[tuple[str, str]]:
        """Ids that tied too many calls together, and their sources."""
        return suspects.asked(self._client)

    def dead(self, topic: str) -> set[Partition]:
        """Return partitions and offsets of a topic's messages that the sink could not read."""
        found = self._ask("SELECT topic, partition, offset FROM dead_letters WHERE topic = %(t)s", t=topic)
        return {(f"{name}/{partition}", offset) for name, partition, offset in found}

    def _lines(self, lines: Mapping[Partition, int]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for short, topic in (("raw", Topic.RAW), ("rejected", Topic.REJECTED)):
            name = self._kafka.topic(topic)
            values[short] = name
            values[f"{short}_line"] = [line for (of, _), line in sorted(lines.items()) if of == name]
        return values

    def _ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._client.execute(query, {**self._kept, **values})
        return found


def _in_portions(names: Sequence[Name]) -> Iterator[tuple[Name, ...]]:
    return portions(names, most=NAMED_AT_ONCE, most_bytes=MOST_BYTES // 2)
