"""A Faust worker as both processors run it: its settings, its readiness, its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import faust
import structlog
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge, Histogram

from processors.departures import App
from runtime import topics as topics_of_cluster
from runtime.errors import StartError
from runtime.kafka import ssl_context
from runtime.stage import EXIT_FAILED, leave
from runtime.stuck import Progress
from schemas.versions import NewerVersionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from faust.types import TP

    from processors.departures import Batch
    from runtime.metrics import Ready
    from runtime.settings import KafkaSettings
    from runtime.stage import StageProcess
    from schemas.topics import Topic

log = structlog.get_logger()

BATCHES = Histogram(
    "callweave_batch_seconds",
    "From reading a batch to the broker's acknowledgement of its results.",
    ["topic"],
)
MESSAGES = Counter("callweave_messages_total", "Messages read and worked on.", ["topic"])
LAG = Gauge(
    "callweave_consumer_lag", "Messages between the committed offset and the end.", ["topic", "partition"]
)
SAME_BATCH = Gauge(
    "callweave_same_batch_seconds",
    "How long the oldest batch that is being worked on has been tried; 0 between two batches.",
)
NO_COMMIT = Gauge(
    "callweave_no_commit_seconds", "How long ago the last commit was, while there is lag; 0 without lag."
)

LAG_SECONDS = 2.0
PULSE_SECONDS = 3.0
ASK_SECONDS = 1.0
"""Between two questions for topics that are not there."""


def new_app(
    name: str,
    kafka: KafkaSettings,
    *,
    batch: int,
    fetch_bytes: int = 1024 * 1024,
    stuck_seconds: float = 60.0,
) -> App:
    """Make the Faust app of one processor; `name` is the stage that its consumer group is called by.

    The broker sends `fetch_bytes` of one partition at once; they are worked off before those of the next.
    After `stuck_seconds` without progress it is not ready.
    """
    app = _bare_app(name, kafka, batch, fetch_bytes)
    app.progress = Progress(stuck_seconds)
    SAME_BATCH.set_function(app.progress.same_batch)
    NO_COMMIT.set_function(app.progress.no_commit)
    return app


def _bare_app(name: str, kafka: KafkaSettings, batch: int, fetch_bytes: int) -> App:
    brokers = ";".join(f"kafka://{server}" for server in kafka.servers)
    session = kafka.session_timeout_seconds
    return App(
        kafka.group(name),
        broker=brokers,
        broker_credentials=_credentials(kafka),
        broker_max_poll_records=batch,
        consumer_max_fetch_size=fetch_bytes,
        # a killed worker's partitions stand still for one session; traps of the defaults: 60 s
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 3,
        broker_rebalance_timeout=max(10.0, session),
        broker_commit_interval=1.0,
        broker_max_poll_interval=3600.0,  # a broker or a worker that waits is no dead worker
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=4,  # batches, not messages
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        processing_guarantee="at_least_once",
        producer_acks=-1,
        producer_linger=0.0,  # batches come ready made
        producer_max_batch_size=512 * 1024,
        producer_max_request_size=3 * 1024 * 1024,  # what `callbacks.rejected` takes
        producer_request_timeout=20.0,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_allow_declare=True,  # the changelog; all other topics are made by `callweave topics`
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        autodiscover=False,
    )


def _credentials(kafka: KafkaSettings) -> faust.types.auth.CredentialsT | None:
    context = ssl_context(kafka)
    if kafka.logs_in:
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.password,
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None


async def work(stream: Any, handle: Callable[[Batch], Any]) -> None:
    """Hand every batch to `handle`; acknowledge it when it returns; end the process when it fails.

    A failed agent that Faust restarts in place may skip what it failed on. A new process begins at the last
    committed offset, and skips nothing.
    """
    async for event in stream.noack().events():
        batch: Batch = event.value
        started = time.perf_counter()
        progress: Progress = stream.app.progress
        progress.begin(batch)
        try:
            await handle(batch)
        except asyncio.CancelledError:
            raise
        except NewerVersionError as error:
            log.error(str(error), topic=batch.tp.topic, partition=batch.tp.partition)
            leave(EXIT_FAILED)
        except BaseException:
            log.exception(
                "a batch failed; ending the process", topic=batch.tp.topic, partition=batch.tp.partition
            )
            leave(EXIT_FAILED)
        finally:
            progress.end(batch)
        batch.done = True
        event.ack()
        BATCHES.labels(batch.tp.topic).observe(time.perf_counter() - started)
        MESSAGES.labels(batch.tp.topic).inc(len(batch.records))


class Pulse:
    """Whether the broker answers: asked once in a while, since Faust itself waits for it in silence."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._answered_at = time.monotonic()
        app.timer(PULSE_SECONDS)(self.feel)

    async def feel(self) -> None:
        with contextlib.suppress(TimeoutError, KafkaError):
            if await asyncio.wait_for(
                self._app.record_producer.client.force_metadata_update(), PULSE_SECONDS
            ):
                self._answered_at = time.monotonic()

    @property
    def beats(self) -> bool:
        return time.monotonic() - self._answered_at < PULSE_SECONDS * 3


class Lag:
    """The lag gauges, and the app's progress; against committed offsets, which a restart would begin with."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._committed: dict[TP, int] = {}
        self._first: Mapping[TP, int] = {}
        """Where partitions began that had lag: what Kafka has deleted, nobody will commit."""
        app.timer(LAG_SECONDS)(self.measure)

    async def measure(self) -> None:
        app = self._app
        read = [tp for tp in app.consumer.assignment() if tp.topic not in app.tables.changelog_topics]
        ends = {tp: end for tp in read if (end := app.consumer.highwater(tp)) is not None}
        before, self._committed = self._committed, {tp: app.committed(tp) for tp in read}
        if before != self._committed:
            app.progress.committed()
        elif any(self._lags(ends).values()):
            await self._look_up_first(ends)
        lags = self._lags(ends)
        app.progress.lag(0 if app.rebalancing or app.in_recovery else sum(lags.values()))
        LAG.clear()
        for tp, lag in lags.items():
            LAG.labels(tp.topic, str(tp.partition)).set(lag)

    def _lags(self, ends: Mapping[TP, int]) -> dict[TP, int]:
        return {
            tp: max(0, end - max(self._committed.get(tp, 0), self._first.get(tp, 0)))
            for tp, end in ends.items()
        }

    async def _look_up_first(self, partitions: Iterable[TP]) -> None:
        with contextlib.suppress(TimeoutError, KafkaError):
            asked = self._app.consumer.earliest_offsets(*partitions)
            self._first = await asyncio.wait_for(asked, PULSE_SECONDS)


def readiness(app: App) -> Callable[[], Ready]:
    """Tell whether the broker answers, the worker has its partitions and its state, and the work goes on."""
    pulse = Pulse(app)

    def ready() -> Ready:
        if not app.started or app.should_stop:
            return False, "not running"
        if app.rebalancing or app.in_recovery or not app.consumer_generation_id:  # 0 until it is in the group
            return False, "rebalancing or recovering"
        if not pulse.beats:
            return False, "the broker does not answer"
        reasons = app.progress.reasons()
        return not reasons, "; ".join(reasons) or "working"

    return ready


class Worker(faust.Worker):
    """Faust's worker, which is told to stop as every stage is."""

    def __init__(self, app: App, stage: StageProcess) -> None:
        super().__init__(app, override_logging=False, redirect_stdouts=False, quiet=True)
        self.spinner = None  # it would write to the log
        self._stage = stage

    def install_signal_handlers(self) -> None:
        """Stop when the stage is told to."""
        self._stage.when_stopping(
            lambda: self.loop.call_soon_threadsafe(self._schedule_shutdown, signal.SIGTERM)
        )


def run(stage: StageProcess, topics: Sequence[Topic], create_app: Callable[[], App]) -> None:
    """Run a worker until the stage is told to stop; raise SystemExit when it ends by itself."""
    stage.passing = (OSError, KafkaError)
    if not await_topics(stage, topics):
        return
    app = create_app()
    app.watch_loop = stage.watch_loop
    stage.started(readiness(app))
    worker = Worker(app, stage)
    stage.watch_loop("the worker's loop", worker.loop)
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        if exit_.code:
            raise


def await_topics(stage: StageProcess, topics: Sequence[Topic]) -> bool:
    """Return true once Kafka has these topics, or false when told to stop; not ready, and why, meanwhile.

    Faust does not see topics that are made after its start for five minutes, and says nothing.
    """
    kafka = stage.settings.kafka
    names = [kafka.topic(topic) for topic in topics]
    told = ""
    while not stage.stopping.is_set():
        reason = _missing(kafka, names)
        if not reason:
            return True
        stage.check = partial(_not_ready, reason)
        if reason != told:
            log.warning("waiting", reason=reason)
            told = reason
        stage.stopping.wait(ASK_SECONDS)
    return False


def _not_ready(reason: str) -> Ready:
    return False, reason


def _missing(kafka: KafkaSettings, names: list[str]) -> str:
    try:
        missing = topics_of_cluster.missing(kafka, names)
    except StartError as error:
        return str(error)
    return f"there is no topic {', '.join(missing)}: run `callweave topics`" if missing else ""
