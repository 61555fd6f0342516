"""The normalizer as a Faust app: `callbacks.raw` in, `calls.events` and `callbacks.rejected` out.

`callbacks.replay` brings archived callbacks once more. Their events are made anew, in the replay's reading;
events of earlier readings that are not made any more become void. And where a callback is rejected that was
accepted, or the other way round, or for other reasons, that is told, with the time at which the replay began:
the latest decision holds.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from prometheus_client import Counter

from processors import worker
from processors.dead_letters import dead_letter, refused
from processors.normalize.outcome import decided_anew, is_not_yet, outcome_of, read_again
from processors.normalize.step import Normalized, Rejected
from processors.publisher import Outgoing, Publisher
from runtime.clock import SystemClock
from runtime.sources import SourcesFile
from schemas.callbacks import Callback, Reason, Rejection, Replayed, Stage
from schemas.topics import Topic, topic_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from processors.departures import App, Batch
    from runtime.settings import Settings
    from runtime.stage import StageProcess
    from schemas.events import CallEvent, Doubt

EVENTS = Counter("callweave_events_total", "Events made of callbacks.", ["source", "kind"])
REJECTED = Counter(
    "callweave_rejected_total", "Callbacks rejected, by the code of a reason.", ["source", "code"]
)
DOUBTS = Counter(
    "callweave_doubts_total", "Fields that could not be read, and were left out.", ["source", "field", "code"]
)
REPLAYED = Counter("callweave_replayed_total", "Archived callbacks read once more.", ["source", "outcome"])

OBJECT = re.compile(r"^\[\d+\]\.?")
"""Which of several objects of a callback it was: no label."""
NAME = re.compile(r"[A-Za-z_.]{1,40}")
"""The names that documents give to fields are like this; any other may be a number, or a link."""
MOST_FIELDS = 500
"""So many fields are counted by name, and all others together: senders may make names up."""


PAUSE_SECONDS = 0.5
"""Before a source that is not known is looked for again."""

Answer: TypeAlias = "list[Outgoing] | None"
"""What is published of a callback; None if that can't be said yet."""

FETCH_BYTES = 256 * 1024
"""A full topic is worked off partition by partition: small pieces keep a call's events close together."""


class Normalizer:
    """Works on batches of callbacks."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Read the sources file; nothing yet needs a broker."""
        self._app = app
        self._prefix = settings.kafka.prefix
        self._clock = SystemClock()
        self._publisher = Publisher(
            app, lambda message: refused(self._prefix, message, Stage.NORMALIZE, self._clock.now())
        )
        self._sources = SourcesFile(settings.sources_file)
        self._doubted: set[tuple[str, str]] = set()

    async def callbacks(self, batch: Batch) -> None:
        """Work on a batch of `callbacks.raw`."""
        records = await self._work(batch.records, self._first)
        while records:  # of a source that may still become known
            self._app.progress.waits(batch)
            await asyncio.sleep(PAUSE_SECONDS)
            records = await self._work(records, self._first)

    async def replayed(self, batch: Batch) -> None:
        """Work on a batch of `callbacks.replay`."""
        await self._work(batch.records, self._again)

    async def _work(self, records: Iterable[Any], answer: Callable[[Any, Callback], Answer]) -> list[Any]:
        """Publish the answers; return the records that have none yet."""
        outgoing: list[Outgoing] = []
        later: list[Any] = []
        for record in records:
            try:
                callback = Callback.from_message(record.value, list(record.headers))
                answered = answer(record, callback)
            except (KeyError, ValueError, TypeError) as error:
                reason = Reason("", "unreadable", f"not a callback: {type(error).__name__}")
                answered = [dead_letter(self._prefix, record, Stage.NORMALIZE, reason)]
            if answered is None:
                later.append(record)
            else:
                outgoing += answered
        await self._publisher.publish(outgoing)
        return later

    def _first(self, record: Any, callback: Callback) -> Answer:
        source = self._sources.get(callback.source, callback.revision)
        if is_not_yet(callback, source, self._clock.now()):
            return None
        outcome = outcome_of(callback, source)
        if isinstance(outcome, Rejected):
            for code in {reason.code for reason in outcome.reasons}:
                REJECTED.labels(callback.source, code).inc()
            rejection = Rejection(
                Stage.NORMALIZE, outcome.reasons, record.topic, record.partition, record.offset
            )
            return [self._decided(callback, rejection)]
        for event in outcome.events:
            EVENTS.labels(event.source, event.kind).inc()
            for doubt in event.doubts:
                self._count(event.source, doubt)
        return self._events(outcome.events)

    def _count(self, source: str, doubt: Doubt) -> None:
        """Count a doubt by its field's name, if it is a name, and as long as there are not too many."""
        field = OBJECT.sub("", doubt.field)
        if NAME.fullmatch(field) and len(self._doubted) < MOST_FIELDS:
            self._doubted.add((source, field))
        DOUBTS.labels(source, field if (source, field) in self._doubted else "other", doubt.code).inc()

    def _again(self, record: Any, callback: Callback) -> Answer:
        known = Replayed.from_headers(list(record.headers))
        source = self._sources.get(callback.source)
        outcome = outcome_of(callback, source)
        accepted = isinstance(outcome, Normalized)
        REPLAYED.labels(callback.source, "accepted" if accepted else "rejected").inc()
        outgoing = self._events(read_again(outcome, callback, source, known))
        decision = decided_anew(outcome, known)
        return [*outgoing, *([self._decided(callback, decision)] if decision else [])]

    def _events(self, events: Iterable[CallEvent]) -> list[Outgoing]:
        return [
            Outgoing(
                self._prefix + Topic.EVENTS,
                topic_key(event.account, event.ids[0] if event.ids else ""),
                event.to_json(),
            )
            for event in events
        ]

    def _decided(self, callback: Callback, rejection: Rejection) -> Outgoing:
        headers = [*callback.headers(), *rejection.headers()]
        return Outgoing(self._prefix + Topic.REJECTED, None, callback.payload, headers)


def create_app(settings: Settings) -> App:
    """Wire the normalizer to its topics."""
    app = worker.new_app(
        "normalize",
        settings.kafka,
        batch=settings.normalize.batch,
        fetch_bytes=FETCH_BYTES,
        stuck_seconds=settings.normalize.stuck_seconds,
    )
    normalizer = Normalizer(app, settings)

    @app.agent(app.batches(settings.kafka.prefix + Topic.RAW))
    async def callbacks(stream: Any) -> None:
        await worker.work(stream, normalizer.callbacks)

    @app.agent(app.batches(settings.kafka.prefix + Topic.REPLAY))
    async def replayed(stream: Any) -> None:
        await worker.work(stream, normalizer.replayed)

    worker.Lag(app)
    return app


def run(stage: StageProcess) -> None:
    """Run the normalizer until it is told to stop."""
    topics = (Topic.RAW, Topic.REPLAY, Topic.EVENTS, Topic.REJECTED)
    worker.run(stage, topics, lambda: create_app(stage.settings))
