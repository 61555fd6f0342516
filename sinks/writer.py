"""The sink as a process: read, insert, commit, again. An offset is committed only after its rows are in.

Inserting again what is in already changes nothing, since every table merges: so whatever fails, wherever it
was, is done again as a whole.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import structlog
from kafka.errors import KafkaError

from runtime.backoff import delays
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.stage import beside
from schemas.times import SECOND
from schemas.topics import Topic
from schemas.versions import NewerVersionError
from sinks import metrics
from sinks.batch import PATIENCE, Batches, Insert, begun_together
from sinks.consumer import MAX_POLL_RECORDS, Consumer
from sinks.directory.placing import keep_placing
from sinks.horizon import Horizon
from sinks.readiness import Readiness
from sinks.recall import Recall, young
from sinks.retention import retain
from sinks.rows import REFUSED, Poison, dead_letter, read
from sinks.store import Store, StoreError
from sinks.tables import DEAD_LETTERS
from sinks.unread import Unread, keep_looking

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from runtime.clock import Clock
    from runtime.settings import Settings, SinkSettings
    from runtime.stage import StageProcess
    from runtime.stuck import Progress
    from sinks.batch import Batch, Partition
    from sinks.rows import Message

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.2
"""How long one wait may take: so soon is a request to stop noticed."""
LAG_SECONDS = 2.0
"""Between two reports of the lag."""
STILL_SECONDS = 120.0
"""How long one round may take, beyond a query's own limit, before the writer is taken to stand still."""
EARLY_SECONDS = 0.5
"""Between two looks whether the events are in for which records of calls wait."""
UNKNOWN_SECONDS = 5.0
"""The same after a look that Kafka did not answer: to ask takes a while, in which nothing is written."""
REPEAT_SECONDS = 30.0
"""Between two log entries about the same trouble."""


def run(stage: StageProcess) -> None:
    """Write until told to stop; then finish the batch, commit, leave the group. Raises `StartError`."""
    readiness = Readiness(stage.settings.sink.stuck_seconds)
    stage.started(readiness)
    settings = stage.settings
    unread = Unread(young(settings.correlate))
    with (
        beside("places", partial(keep_placing, stage)),
        beside("retention", partial(retain, settings)),
        beside("unread", partial(keep_looking, settings.kafka, unread)),
    ):
        work(stage, Trouble(readiness), unread)


def work(stage: StageProcess, trouble: Trouble, unread: Unread) -> None:
    """Connect to both servers, whenever they come up, and write until told to stop.

    Raises `StartError` for a message that only a later release can read.
    """
    settings, stop = stage.settings, stage.stopping
    beat = partial(stage.heart.beat, "the writer", STILL_SECONDS + settings.clickhouse.query_timeout_seconds)
    store = Store(settings)
    recall = Recall(settings, store, unread)
    try:
        if not _wait_for_store(store, trouble, stop):
            return
        consumer = _wait_for_consumer(settings, trouble, stop)
        if consumer is None:
            return
        try:
            Writer(settings.sink, consumer, store, recall, trouble, stop=stop, beat=beat).run()
        except NewerVersionError as error:
            raise StartError(str(error)) from None
        finally:
            consumer.close()
    finally:
        recall.close()
        store.close()


class Trouble:
    """What is wrong now: logged once in a while, and reported by /readyz."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self.progress: Progress = readiness.progress
        self._told: dict[str, tuple[str, float]] = {}

    def met(self, attempt: str, sentence: str, code: str, *, passes: bool = True) -> None:
        """Note that an attempt failed, with a sentence that holds no secret."""
        metrics.ERRORS.labels(attempt, code).inc()
        self._readiness.hinder(attempt, sentence)
        last = self._told.get(attempt)
        now = time.monotonic()
        if last is None or last[0] != code or now - last[1] >= REPEAT_SECONDS:
            self._told[attempt] = (code, now)
            level = log.warning if passes else log.error
            level("waiting, nothing is lost", attempt=attempt, error=sentence)

    @property
    def starting(self) -> bool:
        """Return whether the start is not over yet."""
        return self._readiness.is_hindered("start")

    def over(self, attempt: str) -> None:
        """Note that the attempt has succeeded."""
        if self._told.pop(attempt, None) is not None:
            log.info("going on", attempt=attempt)
        self._readiness.clear(attempt)


class Writer:
    """Writes batches of messages to tables."""

    def __init__(
        self,
        settings: SinkSettings,
        consumer: Consumer,
        store: Store,
        recall: Recall,
        trouble: Trouble,
        *,
        stop: threading.Event,
        clock: Clock | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`stop` ends `run`; `clock` tells how old rows are; `beat` is called while the work goes on."""
        self._settings = settings
        self._consumer = consumer
        self._store = store
        self._recall = recall
        self._trouble = trouble
        self._stop = stop
        self._clock = clock or SystemClock()
        self._beat = beat
        self._horizon = Horizon(consumer, recall.margin // 2)
        self._together = recall.margin // 4
        """Legs that began within this time are looked up at once; microseconds."""
        self._batches = Batches(settings.batch_seconds * PATIENCE)
        self._uncommitted: dict[Partition, int] = {}
        self._gather_seconds = settings.batch_seconds
        """How long a batch may wait for more: what came during the last write has been waiting already."""
        self._lag_due = 0.0

    def run(self) -> None:
        """Work until told to stop; what was read by then is written if ClickHouse takes it at once."""
        while not self._stop.is_set():
            more = self._read()
            now = time.monotonic()
            rows, seconds = self._settings.batch_rows, self._gather_seconds
            self._write(self._batches.due(now, rows=rows, seconds=seconds, more=more))
            self._commit()
            self._look_around(now)
        self._write(self._batches.all())
        self._commit()

    def _read(self) -> bool:
        """Read once; return whether there is more to read."""
        self._beat()
        wait = self._batches.due_in(time.monotonic(), seconds=self._gather_seconds)
        try:
            messages = self._consumer.poll(min(wait, IDLE_SECONDS))
        except KafkaError as error:
            self._trouble.met("poll", f"Kafka: {type(error).__name__}", type(error).__name__)
            self._stop.wait(IDLE_SECONDS)
            return False
        self._trouble.over("poll")
        self._let_go()
        now, before = time.monotonic(), self._batches.messages
        for topic, message in messages:
            outcome = read(topic, message)
            if isinstance(outcome, Poison):
                self._note_poison(message, outcome)
            self._batches.add(topic, message, outcome, now)
        return self._batches.messages - before >= MAX_POLL_RECORDS

    def _let_go(self) -> None:
        taken = self._consumer.taken()
        self._batches.forget(taken)
        for partition in taken:
            self._uncommitted.pop(partition, None)

    def _write(self, batches: Iterable[Batch]) -> None:
        """Insert the batches, one after the other, and note how long it took."""
        begun = time.monotonic()
        waiting = [batch for batch in batches if batch.messages and not self._is_early(batch)]
        for batch in waiting:
            self._write_one(batch)
        if waiting:
            self._consumer.resume()
            self._gather_seconds = gathering(self._settings.batch_seconds, time.monotonic() - begun)

    def _is_early(self, batch: Batch) -> bool:
        """Return whether its legs can't be looked up yet; its topic then waits, and only that."""
        if not batch.began:
            return False
        wait = self._early_seconds(batch)
        self._consumer.withhold([Topic.RECORDS] if wait else [])
        if wait:
            self._batches.postpone_calls(time.monotonic() + wait)
        return wait > 0

    def _early_seconds(self, batch: Batch) -> float:
        """Return how long to wait before another look whether its legs can be looked up; 0 if they can be."""
        batch.began_by(self._clock.now())
        try:
            if self._horizon.reaches(max(batch.began.values()) - self._recall.margin):
                return 0.0
        except KafkaError as error:
            self._trouble.met("recall", f"Kafka: {type(error).__name__}", type(error).__name__)
            return UNKNOWN_SECONDS
        sentence = "records of calls wait for events that are not in yet, of which they are made"
        self._trouble.met("recall", sentence, "events-behind")
        return EARLY_SECONDS

    def _write_one(self, batch: Batch) -> None:
        """Insert the batch, however long that takes; only a request to stop leaves it unwritten."""
        inserts = batch.inserts()
        self._trouble.progress.begin()
        for wait in delays():
            if self._insert(inserts) and self._tell_forgetful(batch):
                self._note_written(batch)
                break
            if self._stopped_within(wait):
                break  # not committed: the next worker reads it again
        self._trouble.progress.end()
        self._batches.written(batch)

    def _note_written(self, batch: Batch) -> None:
        self._uncommitted |= batch.offsets
        metrics.BATCH_MESSAGES.observe(batch.messages)
        for topic, messages in batch.topics.items():
            metrics.MESSAGES.labels(topic).inc(messages)

    def _stopped_within(self, seconds: float) -> bool:
        """Stay in the group for so long, or until told to stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stop.is_set():
                return True
            self._hold(min(left, IDLE_SECONDS))
        return False

    def _hold(self, seconds: float) -> None:
        self._beat()
        try:
            self._consumer.hold(seconds)
        except KafkaError as error:
            self._trouble.met("poll", f"Kafka: {type(error).__name__}", type(error).__name__)
            self._stop.wait(seconds)
        self._let_go()

    def _insert(self, inserts: list[Insert]) -> bool:
        """Return whether all rows are in. Inserts that succeeded leave the list, and are not repeated."""
        refused: list[Message] = []
        for insert, taken in self._store.insert(list(inserts)):
            if taken.error is None:
                inserts.remove(insert)
                refused += taken.refused
                self._note_age(insert)
            else:
                self._trouble.met("insert", str(taken.error), taken.error.code, passes=taken.error.passes)
        if refused:
            self._put_aside(refused).put_into(inserts)
            return self._insert(inserts)
        if not inserts:
            self._trouble.over("insert")
        return not inserts

    def _put_aside(self, refused: list[Message]) -> Insert:
        for message in refused:
            self._note_poison(message, Poison((), (REFUSED,)))
        rows = [dead_letter(message, REFUSED) for message in refused]
        return Insert(DEAD_LETTERS, rows, [None] * len(rows))

    def _tell_forgetful(self, batch: Batch) -> bool:
        """Return whether legs that began with nothing were sent what the tables know of them."""
        if not batch.began:
            return True
        try:
            groups = begun_together(batch.began, self._together)
            found = [each for legs, at in groups for each in self._recall.find(legs, at)]
            if found:
                if not self._insert(self._recall.hidden(found)):
                    return False
                self._recall.send(found)
        except StoreError as error:
            self._trouble.met("recall", str(error), error.code, passes=error.passes)
            return False
        except KafkaError as error:
            self._trouble.met("recall", f"Kafka: {type(error).__name__}", type(error).__name__)
            return False
        self._trouble.over("recall")
        return True

    def _commit(self) -> None:
        """Commit what is written. What can't be committed now is committed with the next batch."""
        if not self._uncommitted:
            self._trouble.over("commit")  # others may have taken over what could not be committed
            return
        try:
            self._consumer.commit(self._uncommitted)
        except KafkaError as error:
            self._trouble.met("commit", f"Kafka: {type(error).__name__}", type(error).__name__)
            return
        self._trouble.over("commit")
        self._trouble.progress.committed()
        self._uncommitted = {}

    def _look_around(self, now: float) -> None:
        if self._consumer.is_member():
            self._trouble.over("group")
            self._trouble.over("start")
            if now >= self._lag_due:
                self._lag_due = now + LAG_SECONDS
                self._note_lag()
        elif not self._trouble.starting:
            self._trouble.met("group", "Kafka: out of the consumer group, joining it again", "no-member")

    def _note_lag(self) -> None:
        try:
            self._trouble.progress.lag(self._consumer.report_lag())
        except KafkaError as error:
            log.info("the lag is not known", error=type(error).__name__)

    def _note_age(self, insert: Insert) -> None:
        if insert.oldest is None or insert.newest is None:
            return
        age = (self._clock.now() - insert.oldest) / SECOND
        metrics.AGE_SECONDS.labels(insert.table.name).observe(age)
        metrics.NEWEST.labels(insert.table.name).set(insert.newest / SECOND)

    def _note_poison(self, message: Message, poison: Poison) -> None:
        for code in {reason.code for reason in poison.reasons}:
            metrics.POISON.labels(message.topic, code).inc()
        log.warning(
            "a message goes to dead_letters",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            reasons=[f"{reason.field}: {reason.code}" for reason in poison.reasons],
        )


def gathering(batch_seconds: float, writing: float) -> float:
    """Return how long to gather the next batch, after a write that took so long; all in seconds.

    A write begins every `batch_seconds`. But a fifth of that passes in any case: the consumer has asked
    the broker for little more than the write's messages.
    """
    return max(batch_seconds - writing, batch_seconds / 5)


def _wait_for_store(store: Store, trouble: Trouble, stop: threading.Event) -> bool:
    """Return true once ClickHouse has every table, or false when told to stop."""
    for wait in delays():
        try:
            store.check()
        except StoreError as error:
            trouble.met("insert", str(error), error.code, passes=error.passes)
            if stop.wait(wait):
                return False
        else:
            trouble.over("insert")
            return True
    return False


def _wait_for_consumer(settings: Settings, trouble: Trouble, stop: threading.Event) -> Consumer | None:
    """Return the consumer once a broker answers, or None when told to stop."""
    for wait in delays():
        try:
            consumer = Consumer(settings.kafka)
        except KafkaError as error:
            where = settings.kafka.bootstrap_servers
            sentence = f"Kafka at {where} does not answer ({type(error).__name__})"
            trouble.met("poll", sentence, type(error).__name__)
            if stop.wait(wait):
                return None
        else:
            trouble.over("poll")
            return consumer
    return None
