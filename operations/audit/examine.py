"""The audit itself: Kafka's offsets against the archive, and the archive against events and calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from ingest import spool
from operations import suspects
from operations.audit import log, offsets
from operations.audit.identity import (
    UNKNOWN_SOURCE,
    Counts,
    Hole,
    Problem,
    Verdict,
    certain,
    rejected_yet_told,
    tally,
    verdict,
)
from operations.audit.kept import kept
from operations.audit.offsets import Range
from operations.audit.settle import Settled, settle
from operations.audit.tables import Tables
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.errors import StartError
from schemas.callbacks import Callback, Rejection, Stage
from schemas.topics import Topic
from sinks import migrate
from sinks.rows import verdict as verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from kafka.consumer.fetcher import ConsumerRecord

    from operations.audit.identity import Group, Name
    from operations.audit.log import Log
    from operations.audit.offsets import Lag, Partition
    from runtime.settings import KafkaSettings, Settings
    from sinks.span import Span

LOOKED_UP = 2_000
"""Rejections whose place in the archive is asked for at once."""
LOOKED_AT_AGAIN = 10_000
"""At most this many callbacks of one slice with the same fate are looked at again: more can't be incomplete
just for a moment."""
SLACK_MS = 60_000
"""Clocks of several machines: a message may be published by an earlier time than it was received at."""


@dataclass
class Report:
    counts: dict[str, Counts] = field(default_factory=dict)
    """By source."""
    holes: list[Hole] = field(default_factory=list)
    """Some of them; `counts` says how many there are."""
    lags: list[Lag] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Why offsets can't be compared."""
    notes: list[str] = field(default_factory=list)
    """What is no hole, but worth knowing."""

    def verdict(self) -> Verdict:
        return verdict(self.counts, self.lags, self.doubts)

    def certain(self) -> dict[str, int]:
        """Return by source how many callbacks are missing for certain, and not just on their way."""
        return certain(self.counts, self.lags, self.doubts)


def examine(
    settings: Settings,
    span: Span,
    *,
    patience: float = 0.0,
    limit: int = 20,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Audit the callbacks of a span, naming at most `limit` holes; raises `StartError`.

    Waits at most `patience` seconds for messages under way. `say` is called with what is being done. Days
    that the tables no longer keep are not looked at; a note says so.
    """
    if missing := migrate.pending_tables(settings):
        raise StartError(f"ClickHouse lacks tables ({', '.join(missing)}): run `callweave migrate`.")
    with log.opened(settings.kafka) as kafka, clickhouse.connected(settings.clickhouse) as client:
        cut = kept(span, settings.retention, SystemClock().now())
        tables = Tables(client, settings.kafka, cut)
        report = _Audit(settings.kafka, kafka, tables, span=cut.span, limit=limit, say=say).run(patience)
    if cut.note:
        report.notes.append(cut.note)
    report.doubts += _spooled(settings.spool_folder())
    return report


def _spooled(folder: Path | None) -> list[str]:
    if folder is None:
        return []
    try:
        standing = spool.counted(folder)
    except OSError as error:
        return [f"the spool ({folder}) can't be read ({error.strerror}): what it holds is unknown"]
    return [f"{standing} callbacks are in the spool ({folder}), not in Kafka yet"] if standing else []


class _Audit:
    def __init__(
        self,
        settings: KafkaSettings,
        kafka: Log,
        tables: Tables,
        *,
        span: Span,
        limit: int,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._tables = tables
        self._span = span
        self._limit = limit
        self._say = say
        self._report = Report()
        self._counted: set[str] = set()
        """Callbacks that are known as missing or undecided: each is one hole, wherever it is seen again."""
        self._short: set[Name] = set()
        """Archived callbacks whose group says that something of them is missing."""
        self._raw = settings.topic(Topic.RAW)
        self._rejected = settings.topic(Topic.REJECTED)

    def run(self, patience: float) -> Report:
        settled = self._settle(patience)
        firsts, done = self._come_to()
        lines = {
            place: offsets.line(settled.ends.get(place, 0), first, done.get(place, -1))
            for place, first in firsts.items()
        }
        self._say("the archive, event by event and call by call")
        slices = self._tables.slices()
        groups = self._groups(lines, slices, patience)
        self._report.counts = tally(groups)
        self._short.update(name for group in groups for name in group.short)
        if unsure := self._tables.unsure:
            self._report.notes.append(
                f"{unsure} callbacks that no row names lead to an id of too many calls: they are taken to be "
                "in a call of very many events, and may be missing"
            )
        if twofold := rejected_yet_told(groups):
            self._report.notes.append(
                f"{twofold} callbacks are rejected, but events that they once made still count: "
                "`callweave replay` withdraws these"
            )
        if found := self._tables.suspects():
            self._report.notes.append(suspects.sentence(found))
        self._say("the offsets of callbacks.raw")
        unattributed = self._compare_raw(lines, done)
        self._say("the messages of callbacks.rejected")
        self._compare_rejected(lines)
        self._doubt_unread(firsts, done)
        self._say("events whose callback is not archived")
        unattributed -= self._find_strays(slices, patience)
        if unattributed > 0:
            self._count(UNKNOWN_SOURCE).missing += unattributed
        short = (
            []
            if self._report.lags
            else [name for name in sorted(self._short) if name[1] not in self._counted]
        )
        self._report.holes += self._tables.holes(lines, short, self._limit - len(self._report.holes))
        return self._report

    def _settle(self, patience: float) -> Settled:
        self._say("the stages")
        settled = settle(
            self._kafka,
            self._settings,
            patience,
            lambda messages: self._say(f"{messages} messages on their way"),
        )
        self._report.lags = settled.lags or self._report.lags  # those of the first look have cut its lines
        return settled

    def _come_to(self) -> tuple[dict[Partition, int], dict[Partition, int]]:
        """Return where Kafka's callbacks begin, and the offsets up to which the sink has written."""
        names = [self._raw, self._rejected]
        firsts = self._kafka.firsts(names)
        return firsts, self._kafka.committed(self._settings.group("sink"), names)

    def _groups(self, lines: dict[Partition, int], slices: int, patience: float) -> list[Group]:
        """Return the fate of archived callbacks; those that lack something are looked at twice.

        While a call is being merged, an event may be in no call for a moment: one record has given it
        away, and the other does not have it yet. By the second look it has arrived, or some stage
        lags.
        """
        if self._report.lags:  # what is in no call may be on its way: nothing is followed, nor named
            return list(self._tables.groups(lines, slices, 1, enough=0))
        groups = list(self._tables.groups(lines, slices, max(LOOKED_AT_AGAIN, self._limit)))
        if unfollowed := self._tables.unfollowed:
            self._report.notes.append(
                f"very many callbacks are missing, so {unfollowed} others that no row names were not looked "
                "for in calls of very many events: some may be there"
            )
        short = [name for group in groups if group.is_named for name in group.short]
        if not short:
            return groups
        self._settle(patience)
        self._say("what was missing, again")
        known = [group for group in groups if not group.is_named]
        return [*known, *self._tables.groups_of(lines, short)]

    def _compare_raw(self, lines: dict[Partition, int], done: dict[Partition, int]) -> int:
        """Find what is in Kafka and not archived; return how many messages can't be checked any more."""
        there, archived = self._tables.buckets(self._raw)
        firsts, ends = self._kafka.firsts([self._raw]), self._kafka.ends([self._raw])
        forgotten = 0
        for place, line in sorted(lines.items()):
            name, number = place
            if name != self._raw:
                continue
            known = archived.get(number)
            if known is not None and known.end > ends[place]:
                self._report.doubts.append(
                    f"{name}/{number} ends at {ends[place]}, but {known.end - 1} is archived: the topic "
                    "was created anew or has lost messages, so its offsets can't be compared"
                )
                continue
            wanted = offsets.to_check(Range(firsts[place], line), known, done.get(place, -1))
            for bucket in offsets.suspicious(wanted, there.get(number, {})):
                for gap in offsets.gaps(bucket, self._tables.offsets(place, bucket)):
                    forgotten += self._missing_from(place, gap, firsts[place])
        return forgotten

    def _missing_from(self, place: Partition, gap: Range, first: int) -> int:
        """Read what is missing from Kafka; return how many that may be of the span it has deleted."""
        lost = Range(gap.first, min(gap.end, first))
        records = self._kafka.read(place, Range(max(gap.first, first), gap.end))
        for some in _in_batches(records, LOOKED_UP):
            self._miss(some)
        if not lost.size or not self._tables.may_be_in(self._span, place, lost):
            return 0
        twice = self._tables.twice(place, lost)
        missing = [offset for offset in range(*lost) if offset not in twice]
        for offset in missing[: self._limit]:
            self._name(Problem.NOT_ARCHIVED, UNKNOWN_SOURCE, "", place, offset)
        return len(missing)

    def _miss(self, records: list[ConsumerRecord]) -> None:
        """Count what is not archived; a callback that Kafka has twice is archived with one of its offsets."""
        asked = []
        for record in records:
            callback = _callback(record)
            if callback is None:
                self._add_missing(UNKNOWN_SOURCE, "", record)
            elif self._span.has(callback.source, callback.received_at):
                asked.append((record, callback))
        known = self._tables.verdicts([callback for _, callback in asked])
        for record, callback in asked:
            if callback.id not in known:
                self._add_missing(callback.source, callback.id, record)

    def _compare_rejected(self, lines: dict[Partition, int]) -> None:
        firsts = self._kafka.since([self._rejected], self._span.since // 1000 - SLACK_MS)
        dead = self._tables.dead(self._rejected)
        for place, first in sorted(firsts.items()):
            records = self._kafka.read(place, Range(first, lines[place]))
            for some in _in_batches(records, LOOKED_UP):
                self._look_up(some, dead)

    def _doubt_unread(self, firsts: dict[Partition, int], done: dict[Partition, int]) -> None:
        """If Kafka has deleted a rejection unread, we can't tell whether its callback was archived."""
        for place, first in sorted(firsts.items()):
            unread = offsets.unread(first, done.get(place, -1))
            name, number = place
            if name == self._rejected and unread.size:
                self._report.doubts.append(
                    f"{name}/{number} begins at {first}, but the sink has read only up to {unread.first}: "
                    "the rejections between were deleted unread"
                )

    def _look_up(self, records: list[ConsumerRecord], dead: set[Partition]) -> None:
        asked = []
        for record in records:
            callback, rejection = _callback(record), _rejection(record)
            if callback is None or rejection is None:
                if (f"{record.topic}/{record.partition}", record.offset) not in dead:
                    self._add_missing(UNKNOWN_SOURCE, "", record)
            elif self._span.has(callback.source, callback.received_at):
                asked.append((record, callback, rejection))
        known = self._tables.verdicts([callback for _, callback, _ in asked])
        for record, callback, rejection in asked:
            have = known.get(callback.id)
            if have is None and rejection.stage is Stage.INGEST:
                self._add_missing(callback.source, callback.id, record)
            elif callback.id not in self._counted and (have is None or have < verdict_of(rejection)):
                self._counted.add(callback.id)
                counts = self._count(callback.source)
                counts.undecided += 1
                counts.short_undecided += (callback.account, callback.id) in self._short
                place = record.topic, record.partition
                self._name(Problem.NOT_DECIDED, callback.source, callback.id, place, record.offset)

    def _find_strays(self, slices: int, patience: float) -> int:
        """Find and count callbacks that events name and the archive lacks."""
        strays = self._new_strays(slices)
        if strays:  # unless they arrived just now: what was there at the first look is archived soon
            if self._sink_is_behind(self._settle(patience)):
                return 0  # they may be among what it has not read yet
            again = self._new_strays(slices)
            strays = {each: source for each, source in strays.items() if each in again}
        for callback_id, source in sorted(strays.items()):
            self._count(source).missing += 1
            self._name(Problem.NOT_ARCHIVED, source, callback_id)
        return len(strays)

    def _sink_is_behind(self, settled: Settled) -> bool:
        """Return whether callbacks may be in Kafka that the sink has not read."""
        sink, names = self._settings.group("sink"), {self._raw, self._rejected}
        return any(lag.group == sink and lag.topic in names for lag in settled.lags)

    def _new_strays(self, slices: int) -> dict[str, str]:
        found = self._tables.strays(slices)
        return {each: source for each, source in found.items() if each not in self._counted}

    def _count(self, source: str) -> Counts:
        return self._report.counts.setdefault(source, Counts())

    def _add_missing(self, source: str, callback_id: str, record: ConsumerRecord) -> None:
        if callback_id:
            if callback_id in self._counted:
                return
            self._counted.add(callback_id)
        self._count(source).missing += 1
        self._name(Problem.NOT_ARCHIVED, source, callback_id, (record.topic, record.partition), record.offset)

    def _name(
        self,
        problem: Problem,
        source: str,
        callback_id: str,
        place: Partition = ("", -1),
        offset: int = -1,
    ) -> None:
        if len(self._report.holes) < self._limit:
            self._report.holes.append(Hole(problem, source, callback_id, *place, offset))


def _callback(record: ConsumerRecord) -> Callback | None:
    try:
        return Callback.from_message(record.value, list(record.headers))
    except (KeyError, ValueError, TypeError):
        return None


def _rejection(record: ConsumerRecord) -> Rejection | None:
    try:
        return Rejection.from_headers(list(record.headers))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _in_batches(records: Iterable[ConsumerRecord], size: int) -> Iterator[list[ConsumerRecord]]:
    each = iter(records)
    while batch := list(islice(each, size)):
        yield batch
