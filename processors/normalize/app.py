"""The normalizer as a Faust app: `callbacks.raw` in, `calls.events` and `callbacks.rejected` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from callweave import logs, metrics
from callweave.sources import SourcesFile
from processors import worker
from processors.dead_letters import dead_letter
from processors.normalize.step import Rejected, normalize
from processors.publisher import Outgoing, Publisher
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.topics import Topic, topic_key

if TYPE_CHECKING:
    from callweave.settings import Settings
    from callweave.sources import Sources
    from processors.departures import App, Batch

EVENTS = Counter("callweave_events_total", "Events made of callbacks.", ["source", "kind"])
REJECTED = Counter(
    "callweave_rejected_total", "Callbacks rejected, by the code of a reason.", ["source", "code"]
)

UNKNOWN_SOURCE = Reason("", "unknown-source", "no such source is configured here")


class Normalizer:
    """Works on batches of callbacks."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Read the sources file; nothing yet needs a broker."""
        self._prefix = settings.kafka.prefix
        self._publisher = Publisher(app)
        self._sources = SourcesFile(settings.sources_file)

    async def callbacks(self, batch: Batch) -> None:
        """Work on a batch of `callbacks.raw`."""
        outgoing: list[Outgoing] = []
        sources = self._sources.current()
        for record in batch.records:
            outgoing += self._normalize(record, sources)
        await self._publisher.publish(outgoing)

    def _normalize(self, record: Any, sources: Sources) -> list[Outgoing]:
        try:
            callback = Callback.from_message(record.value, list(record.headers))
        except (KeyError, ValueError) as error:
            reason = Reason("", "unreadable", f"not a callback: {type(error).__name__}")
            return [dead_letter(self._prefix, record, Stage.NORMALIZE, reason)]
        source = sources.get(callback.source)
        if source is None:
            return [self._rejected(record, callback, (UNKNOWN_SOURCE,))]
        outcome = normalize(callback, source.dialect, ZoneInfo(source.timezone))
        if isinstance(outcome, Rejected):
            return [self._rejected(record, callback, outcome.reasons)]
        outgoing = []
        for event in outcome.events:
            EVENTS.labels(event.source, event.kind).inc()
            key = topic_key(event.account, event.ids[0] if event.ids else "")
            outgoing.append(Outgoing(self._prefix + Topic.EVENTS, key, event.to_json()))
        return outgoing

    def _rejected(self, record: Any, callback: Callback, reasons: tuple[Reason, ...]) -> Outgoing:
        for code in {reason.code for reason in reasons}:
            REJECTED.labels(callback.source, code).inc()
        rejection = Rejection(Stage.NORMALIZE, reasons, record.topic, record.partition, record.offset)
        headers = [*callback.headers(), *rejection.headers()]
        return Outgoing(self._prefix + Topic.REJECTED, None, callback.payload, headers)


def create_app(settings: Settings) -> App:
    """Wire the normalizer to its topics."""
    app = worker.new_app("normalize", settings.kafka, batch=settings.normalize.batch)
    normalizer = Normalizer(app, settings)

    @app.agent(app.batches(settings.kafka.prefix + Topic.RAW))
    async def callbacks(stream: Any) -> None:
        await worker.work(stream, normalizer.callbacks)

    worker.track_lag(app)
    return app


def run(settings: Settings) -> None:
    """Run the normalizer until it is told to stop."""
    logs.configure(settings.log, "normalize")
    app = create_app(settings)
    with metrics.serve(settings.normalize.metrics_port, worker.readiness(app)):
        worker.run(app)
