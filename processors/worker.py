"""A Faust worker as both processors run it: its settings, its readiness, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import time
from typing import TYPE_CHECKING, Any

import faust
import structlog
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge, Histogram

from processors.departures import App
from runtime.errors import StartError
from schemas.versions import NewerVersionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.departures import Batch
    from runtime.settings import KafkaSettings

log = structlog.get_logger()

EXIT_FAILED = 70
"""As sysexits.h: an internal error. Whoever started us starts us again."""

BATCHES = Histogram(
    "callweave_batch_seconds",
    "From reading a batch to the broker's acknowledgement of its results.",
    ["topic"],
)
MESSAGES = Counter("callweave_messages_total", "Messages read and worked on.", ["topic"])
LAG = Gauge(
    "callweave_consumer_lag", "Messages between the committed offset and the end.", ["topic", "partition"]
)

LAG_SECONDS = 2.0
PULSE_SECONDS = 3.0


def new_app(name: str, kafka: KafkaSettings, *, batch: int) -> App:
    """Make the Faust app of one processor; `name` is the stage that its consumer group is called by."""
    brokers = ";".join(f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(","))
    session = kafka.session_timeout_seconds
    return App(
        kafka.group(name),
        broker=brokers,
        broker_credentials=_credentials(kafka),
        broker_max_poll_records=batch,
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
    context = None
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.sasl_password.get_secret_value() if kafka.sasl_password else None
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=password,
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
        try:
            await handle(batch)
        except asyncio.CancelledError:
            raise
        except NewerVersionError as error:
            log.error(str(error), topic=batch.tp.topic, partition=batch.tp.partition)  # noqa: TRY400  says all
            logging.shutdown()
            os._exit(EXIT_FAILED)
        except BaseException:
            log.exception(
                "a batch failed; ending the process", topic=batch.tp.topic, partition=batch.tp.partition
            )
            logging.shutdown()
            os._exit(EXIT_FAILED)
        batch.done = True
        event.ack()
        BATCHES.labels(batch.tp.topic).observe(time.perf_counter() - started)
        MESSAGES.labels(batch.tp.topic).inc(len(batch.records))


class Pulse:
    """Whether the broker answers: asked once in a while, since Faust itself waits for it in silence."""

    def __init__(self, app: App) -> None:
        """Ask from the start of the app on."""
        self._app = app
        self._answered_at = time.monotonic()
        app.timer(PULSE_SECONDS)(self.feel)

    async def feel(self) -> None:
        """Ask the broker for its metadata."""
        with contextlib.suppress(TimeoutError, KafkaError):
            if await asyncio.wait_for(
                self._app.record_producer.client.force_metadata_update(), PULSE_SECONDS
            ):
                self._answered_at = time.monotonic()

    @property
    def beats(self) -> bool:
        """Whether it answered lately."""
        return time.monotonic() - self._answered_at < PULSE_SECONDS * 3


def track_lag(app: App) -> None:
    """Keep the lag gauges; against committed offsets, which is what a restart would have to do again."""

    async def lag() -> None:
        LAG.clear()
        for tp in app.consumer.assignment():
            end = app.consumer.highwater(tp)
            if end is not None and tp.topic not in app.tables.changelog_topics:
                LAG.labels(tp.topic, str(tp.partition)).set(max(0, end - app.committed(tp)))

    app.timer(LAG_SECONDS)(lag)


def readiness(app: App) -> Callable[[], tuple[bool, str]]:
    """Tell whether the broker answers, and the worker has its partitions and has recovered its state."""
    pulse = Pulse(app)

    def ready() -> tuple[bool, str]:
        if not app.started or app.should_stop:
            return False, "not running"
        if app.rebalancing or app.in_recovery or not app.consumer_generation_id:  # 0 until it is in the group
            return False, "rebalancing or recovering"
        if not pulse.beats:
            return False, "the broker does not answer"
        return True, "working"

    return ready


def run(app: App) -> None:
    """Run the worker until SIGTERM or SIGINT; exit status 0 after an orderly stop."""
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # it would write to the log
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        if exit_.code:
            raise StartError("The worker ended by itself; its log says why.") from exit_
