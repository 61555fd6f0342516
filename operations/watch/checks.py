"""Each check finds what is wrong now. Each is for one thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from operations.audit import log as kafka_log
from operations.audit.examine import examine
from operations.audit.identity import Verdict
from operations.audit.offsets import behind
from operations.watch import archive, metrics, rhythm
from operations.watch.alerts import Finding, Key, Kind
from operations.watch.growth import Backlog, Sample
from operations.watch.rhythm import HOUR
from operations.watch.shares import Share, is_unusual, usual
from runtime import clickhouse, sources
from runtime.addresses import written
from runtime.errors import CallweaveError
from runtime.probe import ask, samples
from schemas.topics import Topic
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import tzinfo

    from clickhouse_driver import Client
    from prometheus_client import Gauge

    from operations.audit.examine import Report
    from operations.audit.log import Log
    from operations.audit.offsets import Partition
    from operations.watch.rhythm import Hour, Rhythm
    from runtime.clock import Clock
    from runtime.settings import Settings
    from runtime.sources import Sources

DAY = 86_400
AUDIT_PATIENCE_SECONDS = 20.0
USUAL_DAYS = 8
"""From how many days the usual shares are."""
READS = {
    "normalize": (Topic.RAW, Topic.REPLAY),
    "correlate": (Topic.EVENTS, Topic.LINKS),
    "sink": (Topic.RAW, Topic.REJECTED, Topic.EVENTS, Topic.RECORDS),
}
"""The topics that each stage reads."""
SPOOL_BYTES = "callweave_ingest_spool_bytes"


class Arrived:
    """Up to which time everything that Kafka had is in the tables: silence is judged as of then."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, dict[Partition, int]]] = deque(maxlen=1000)
        self.until: int | None = None
        """Seconds since 1970; None while nothing is known."""
        self.is_held = False
        """Whether callbacks are in a spool, which Kafka does not have."""

    def note(self, at: int, ends: dict[Partition, int], committed: dict[Partition, int]) -> None:
        """Where topics ended at a time, and how far the sink has read now."""
        if self.is_held:
            return
        self._ends.append((at, ends))
        while self._ends and all(committed.get(place, 0) >= end for place, end in self._ends[0][1].items()):
            self.until = self._ends.popleft()[0]


@dataclass(frozen=True)
class Watch:
    """The settings and the state that all checks share."""

    settings: Settings
    clock: Clock
    is_open: Callable[[Kind, str], bool]
    """Whether there is an alert of a kind and a source already."""
    arrived: Arrived = field(default_factory=Arrived)


class Check(ABC):
    name: str
    kinds: Collection[Kind]

    def __init__(self, watch: Watch) -> None:
        self.settings = watch.settings
        self.clock = watch.clock
        self.is_open = watch.is_open
        self.arrived = watch.arrived
        self.every = watch.settings.watch.check_seconds
        """Seconds from one time to the next."""

    @abstractmethod
    def look(self) -> list[Finding]:
        """Return what is wrong now; errors of Kafka, ClickHouse and sockets are not caught."""

    def close(self) -> None:
        """Let go of connections."""

    def now(self) -> int:
        """Seconds since 1970."""
        return self.clock.now() // 1_000_000


class LagCheck(Check):
    """Lag that grows; and on the way, up to when the tables are whole."""

    name = "lag"
    kinds = (Kind.LAG,)

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._backlogs = {stage: Backlog() for stage in READS}
        self._open = ExitStack()
        self._log: Log | None = None
        """Kafka, kept open from one look to the next."""

    def look(self) -> list[Finding]:
        if self._log is None:
            self._log = self._open.enter_context(kafka_log.opened(self.settings.kafka))
        try:
            return list(self._look(self._log))
        except BaseException:
            self.close()
            raise

    def _look(self, log: Log) -> Iterator[Finding]:
        kafka = self.settings.kafka
        for stage, topics in READS.items():
            names = [kafka.topic(topic) for topic in topics]
            at, ends = self.now(), log.ends(names)
            group = kafka.group(stage)
            committed = log.committed(group, names)
            lag = sum(each.messages for each in behind(group, log.firsts(names), ends, committed))
            metrics.LAG.labels(stage).set(lag)
            backlog = self._backlogs[stage]
            backlog.add(Sample(self.clock.elapsed() / 1e6, lag))
            if stage == "sink":
                told = kafka.topic(Topic.RAW), kafka.topic(Topic.REJECTED)
                self.arrived.note(
                    at, {place: end for place, end in ends.items() if place[0] in told}, committed
                )
            if backlog.grows(told=self.is_open(Kind.LAG, stage)):
                text = f"{stage} falls behind: {lag} messages wait, and they grow more."
                yield Finding(Key(Kind.LAG, stage), "", text, lag, 0)

    def close(self) -> None:
        self._log = None
        self._open.close()


class _Known(NamedTuple):
    account: str
    hours: deque[Hour]


class SilenceCheck(Check):
    """Sources that are silent for longer than their rhythm explains."""

    name = "silence"
    kinds = (Kind.SILENCE,)

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._known: dict[str, _Known] = {}
        self._rhythms: dict[str, Rhythm | None] = {}
        self._learnt = 0
        self._whole: int | None = None
        """How far the tables were complete when they were last read, in seconds since 1970."""

    def look(self) -> list[Finding]:
        until = self.arrived.until
        if until is None:
            raise Untold
        with clickhouse.connected(self.settings.clickhouse) as client:
            self._read(client, until)
        return list(self._judge(sources.load(self.settings.sources_file), until))

    def _read(self, client: Client, until: int) -> None:
        """All at first; then the hours that had not arrived, and one more: spooled callbacks come late."""
        now = self.now()
        since = now - rhythm.LEARNT_DAYS * DAY if self._whole is None else (self._whole // HOUR - 1) * HOUR
        for known in self._known.values():
            while known.hours and known.hours[-1].begin >= since // HOUR * HOUR:
                known.hours.pop()
        for account, source, hour in archive.hours(client, since, now + 1):
            self._known.setdefault(source, _Known(account, deque())).hours.append(hour)
        if now // HOUR != self._learnt or since < (now // HOUR - 1) * HOUR:
            self._learnt = now // HOUR
            self._rhythms.clear()
        self._whole = until

    def _judge(self, configured: Sources, until: int) -> Iterator[Finding]:
        for name, known in self._known.items():
            source = configured.get(name)
            if source is None or not source.active or source.paused_at is not None or not known.hours:
                continue
            zone = ZoneInfo(source.timezone)
            if name not in self._rhythms:
                self._rhythms[name] = self._learn(known.hours, zone)
            last, learnt = known.hours[-1].last, self._rhythms[name]
            metrics.SILENT.labels(name).set(max(0.0, until - last))
            if learnt is not None:
                metrics.SILENT_ALLOWED.labels(name).set(learnt.longest * rhythm.OF_SECONDS)
                yield from self._finding(name, known.account, rhythm.silence(learnt, last, until, zone))

    @staticmethod
    def _learn(hours: deque[Hour], zone: tzinfo) -> Rhythm | None:
        while hours and hours[0].begin < hours[-1].begin - rhythm.LEARNT_DAYS * DAY:
            hours.popleft()
        return rhythm.learn(hours, zone)

    @staticmethod
    def _finding(name: str, account: str, silent: rhythm.Silence) -> Iterator[Finding]:
        if silent.is_too_long:
            text = (
                f"Nothing from {name} for {silent.seconds / 60:.0f} minutes, in which about "
                f"{silent.callbacks:.0f} callbacks are usual."
            )
            yield Finding(Key(Kind.SILENCE, name), account, text, silent.seconds, silent.seconds_allowed)


class ShareCheck(Check):
    """Rejections or doubts above the usual share."""

    def __init__(self, watch: Watch, kind: Kind, *, question: str, gauge: Gauge) -> None:
        """`kind` is what it finds; `question` reads the shares, `gauge` exports them."""
        super().__init__(watch)
        self.name = str(kind)
        self.kinds = (kind,)
        self.every *= 6
        self._kind = kind
        self._question = question
        self._gauge = gauge
        self._usual: dict[str, Share] = {}
        self._usual_of = 0

    def look(self) -> list[Finding]:
        now = self.now()
        with clickhouse.connected(self.settings.clickhouse) as client:
            if now // HOUR != self._usual_of:
                since = now - USUAL_DAYS * DAY
                self._usual = archive.shares(client, self._question, since, now - HOUR)
                self._usual_of = now // HOUR
            shares = archive.shares(client, self._question, now - HOUR, now + 1)
        known = sources.load(self.settings.sources_file)
        return [finding for name, share in shares.items() for finding in self._judge(name, share, known)]

    def _judge(self, name: str, share: Share, known: Sources) -> Iterator[Finding]:
        self._gauge.labels(name).set(share.share)
        before = self._usual.get(name, Share(0, 0))
        if is_unusual(share, before, told=self.is_open(self._kind, name)):
            what = "callbacks were rejected" if self._kind is Kind.REJECTIONS else "events have doubts"
            text = (
                f"{share.bad} of {share.of} {what} in the last hour; "
                f"{100 * usual(before):.1f} % are usual for {name}."
            )
            yield Finding(Key(self._kind, name), _account(known, name), text, share.share, usual(before))


class AuditCheck(Check):
    name = "audit"
    kinds = (Kind.AUDIT,)

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.every = self.settings.watch.audit_seconds

    def look(self) -> list[Finding]:
        now = self.clock.now()
        since = now - int(self.settings.watch.audit_hours * HOUR * 1e6)
        report = examine(self.settings, Span(since=since), patience=AUDIT_PATIENCE_SECONDS, limit=0)
        if report.verdict() is Verdict.UNTOLD:
            raise Untold
        metrics.AUDITED.set(now / 1e6)
        return list(missing(report, sources.load(self.settings.sources_file)))


def missing(report: Report, known: Sources) -> Iterator[Finding]:
    """Find what is missing for certain, and export it."""
    for name, callbacks in report.certain().items():
        metrics.DIFFERENCE.labels(name).set(callbacks)
        if callbacks:
            text = f"{callbacks} callbacks of {name} are missing: `callweave audit` says where."
            yield Finding(Key(Kind.AUDIT, name), _account(known, name), text, callbacks, 0)


class Untold(Exception):
    """There is no result now: stages are at work, or it is not known yet how far they are."""


class SpoolCheck(Check):
    """Callbacks on ingresses' disks, which the broker did not take."""

    name = "spool"
    kinds = (Kind.SPOOL,)

    def look(self) -> list[Finding]:
        settings = self.settings
        places = settings.watch.ingresses((settings.metrics_host, settings.ingest.metrics_port))
        held = sum(_held(*place) for place in places)
        metrics.SPOOL.set(held)
        self.arrived.is_held = held > 0
        if not held:
            return []
        text = f"{held:.0f} bytes of callbacks are in the spool: Kafka does not take them."
        return [Finding(Key(Kind.SPOOL, "ingest"), "", text, held, 0)]


def _account(known: Sources, name: str) -> str:
    source = known.get(name)
    return "" if source is None else source.account


def _held(host: str, port: int) -> float:
    """Return the bytes in an ingress's spool; raise `CallweaveError` if something else answers."""
    try:
        values = [
            sample.value for sample in samples(ask(host, port, "/metrics")[1]) if sample.name == SPOOL_BYTES
        ]
    except ValueError:
        values = []
    if not values:
        raise CallweaveError(
            f"What answers at {written(host, port)} is no ingress: see watch.ingest_metrics."
        )
    return sum(values)
