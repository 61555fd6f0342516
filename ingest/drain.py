"""From the spool to Kafka: once the broker answers, spooled callbacks are published, the oldest first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

import structlog
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from ingest import metrics
from ingest.broker import Turns
from ingest.groups import Message
from ingest.publisher import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kafka.producer.future import FutureRecordMetadata

    from ingest.broker import Broker
    from ingest.publisher import Publisher
    from ingest.spool import Segment, Spool

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks at the spool."""
MOST_SECONDS = 10.0
"""The longest pause after an attempt that failed; each pause is twice as long as the one before."""
TIMEOUT_SECONDS = 10.0
"""For the acknowledgement of messages that nobody waits for."""
LATE_SECONDS = 10.0
"""In a look at the spool, for all messages together that were given up and may be acknowledged yet."""
REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What no attempt will change."""
TOGETHER = 200
"""Messages published together: one request, short enough not to delay the callbacks that arrive meanwhile."""


class Earlier(Protocol):
    """Who first tried to publish what is now in the spool."""

    def answering(self) -> bool:
        """Return whether the broker answers."""

    def came_after_all(self, message: Message, deadline: float) -> bool:
        """Return whether the message has been acknowledged meanwhile, or is by then (monotonic seconds)."""


class Drain:
    def __init__(
        self,
        spool: Spool,
        connect: Callable[[Turns, float], Broker],
        publisher: Earlier,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`connect(turns, timeout_seconds)` makes a connection of its own, once the publisher has one.

        `beat` is called as long as the thread works.
        """
        self._beat = beat
        self._spool = spool
        self._connect = connect
        self._publisher = publisher
        self._turns = Turns()
        self._progress: dict[Path, Progress] = {}
        """How far each file is that is not published as a whole."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop; unpublished messages stay in the spool."""
        self._closed.set()
        self._thread.join(LOOK_SECONDS + 1)

    def _run(self) -> None:
        pause, due = LOOK_SECONDS, 0.0
        while not self._closed.wait(LOOK_SECONDS):
            self._beat()
            metrics.SPOOL_AGE.set(self._spool.measure())
            metrics.SPOOL_BYTES.set(self._spool.size)
            if not self._publisher.answering():
                pause, due = LOOK_SECONDS, 0.0
            elif self._spool.size and time.monotonic() >= due:
                pause = LOOK_SECONDS if self._empty() else min(2 * pause, MOST_SECONDS)
                due = time.monotonic() + pause

    def _goes_on(self) -> bool:
        self._beat()
        return not self._closed.is_set() and self._publisher.answering()

    def _empty(self) -> bool:
        """Publish what the broker takes of all files; return whether it took all."""
        attempt = Attempt(lambda: self._connect(self._turns, TIMEOUT_SECONDS), self._turns, self._goes_on)
        try:
            with contextlib.closing(attempt):
                while self._goes_on() and (published := self._look(attempt)):
                    log.info("callbacks of the spool are published", callbacks=published)
        except (KafkaError, OSError) as error:
            log.warning("the spool can't be published now", error=type(error).__name__)
            return False
        if self._progress:
            log.warning("a part of the spool is not published yet", trouble=attempt.trouble)
        return not self._progress

    def _look(self, attempt: Attempt) -> int:
        """Publish what the broker takes of each file; return how many messages it took.

        Raise `KafkaError` or OSError if there is no connection.
        """
        self._spool.seal()
        published, late_until = 0, time.monotonic() + LATE_SECONDS
        with contextlib.closing(self._spool.segments()) as segments:
            for segment in segments:
                if not self._goes_on():
                    break
                attempt.connect()
                published += self._publish(attempt, segment, late_until)
        self._spool.measure()
        self._progress = {path: each for path, each in self._progress.items() if path.exists()}
        return published

    def _publish(self, attempt: Attempt, segment: Segment, late_until: float) -> int:
        """Publish what the broker takes of a file, remove it if that is all; return how many it took."""
        progress = self._progress.setdefault(segment.path, Progress())
        before = len(progress.acknowledged)
        try:
            messages, bad = segment.read()
        except OSError as error:
            log.warning(
                "a file of the spool can't be read", file=segment.path.name, error=type(error).__name__
            )
            return 0
        try:
            self._send(attempt, messages, progress, late_until)
        finally:
            metrics.SPOOL_PUBLISHED.inc(len(progress.acknowledged) - before)
        if not progress.left(messages):
            finish(segment, bad, len(progress.refused))
        return len(progress.acknowledged) - before

    def _send(self, attempt: Attempt, messages: list[Message], progress: Progress, late_until: float) -> None:
        left = list(progress.left(messages).items())
        for start in range(0, len(left), TOGETHER):
            some: dict[int, Message] = {}
            for each, message in left[start : start + TOGETHER]:
                if self._publisher.came_after_all(message, late_until):
                    progress.acknowledged.add(each)
                else:
                    some[each] = message
            attempt.send(some, progress)


def finish(segment: Segment, bad: int, refused: int) -> None:
    """Remove a file in which nothing is left to publish; set it aside if a part of it can never be."""
    try:
        if bad or refused:
            segment.set_aside(f"{bad} lines are damaged, {refused} messages are refused by the broker")
        else:
            segment.remove()
    except OSError as error:
        log.warning(
            "a file of the spool can't be removed", file=segment.path.name, error=type(error).__name__
        )


class Progress:
    """Which messages of a file are published, and which never can be, by their positions in the file."""

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        """The broker will never take them."""

    def left(self, messages: list[Message]) -> dict[int, Message]:
        settled = self.acknowledged | self.refused
        return {each: message for each, message in enumerate(messages) if each not in settled}


class Attempt:
    """One attempt at the spool. A topic that can't be written delays no other.

    Topics go out one after the other, and after an error on a new connection: one topic's error makes a
    producer of kafka-python 3.0.12 fail all that is under way, and all that follows.
    """

    def __init__(self, connect: Callable[[], Broker], turns: Turns, goes_on: Callable[[], bool]) -> None:
        self.trouble: dict[str, str] = {}
        """By topic, the last error."""
        self._connect = connect
        self._turns = turns
        self._goes_on = goes_on
        self._broker: Broker | None = None
        self._failures: Counter[str] = Counter()
        """By topic, how many groups in a row were not acknowledged."""

    def connect(self) -> Broker:
        """Connect unless that is done; raise `KafkaError` or OSError."""
        self._broker = self._broker or self._connect()
        return self._broker

    def close(self) -> None:
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()

    def send(self, messages: dict[int, Message], progress: Progress) -> None:
        """Note in `progress` what becomes of the messages; those that the broker does not take now are left.

        A message that one partition could not take goes to another. Raise `KafkaError` or OSError if there
        is no connection.
        """
        for topic in sorted({message.topic for message in messages.values()}):
            left = {each: message for each, message in messages.items() if message.topic == topic}
            while left and self._failures[topic] < FAILURES and self._goes_on():
                before = len(left)
                left = self._send_once(topic, left, progress)
                self._failures[topic] = self._failures[topic] + 1 if len(left) == before else 0

    def _send_once(self, topic: str, messages: dict[int, Message], progress: Progress) -> dict[int, Message]:
        """Return the messages that were not acknowledged."""
        results = self._handed_over(messages)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        left: dict[int, Message] = {}
        for each, message in messages.items():
            error = outcome(results[each], deadline)
            if error is None:
                progress.acknowledged.add(each)
            elif isinstance(error, REFUSED):
                progress.refused.add(each)
            else:
                left[each] = message
                self.trouble[topic] = type(error).__name__
        if left:
            self._avoid(topic)
            self.close()
        return left

    def _handed_over(self, messages: dict[int, Message]) -> dict[int, FutureRecordMetadata | KafkaError]:
        """Hand over messages of a topic; after an error none follows, since each might wait for as long."""
        self._turns.next()
        broker = self.connect()
        results: dict[int, FutureRecordMetadata | KafkaError] = {}
        failed: KafkaError | None = None
        for each, message in messages.items():
            results[each] = result = failed or handed_over(broker, message)
            if isinstance(result, KafkaError) and not isinstance(result, REFUSED):
                failed = result
        return results

    def _avoid(self, topic: str) -> None:
        partition = self._turns.chosen(topic)
        if partition is not None:
            self._turns.avoid(topic, partition)


def handed_over(broker: Broker, message: Message) -> FutureRecordMetadata | KafkaError:
    try:
        return broker.send(message.topic, message.value, message.headers)
    except KafkaError as error:
        return error


def outcome(result: FutureRecordMetadata | KafkaError, deadline: float) -> KafkaError | None:
    """Return why a message is not acknowledged by then (monotonic seconds), None if it is."""
    if isinstance(result, KafkaError):
        return result
    try:
        result.get(max(0.0, deadline - time.monotonic()))
    except KafkaError as error:
        return error
    return None


class Keeper:
    """Keeps messages: in Kafka, or on the disk while Kafka does not answer."""

    def __init__(self, broker: Publisher, spool: Spool) -> None:
        """Both must be started elsewhere."""
        self._broker = broker
        self._spool = spool

    def publish(self, messages: list[Message]) -> None:
        """Return within its time: each message is kept then, or has its `error`."""
        self._broker.publish(messages)
        left = [each for each in messages if each.error is not None]
        if not left:
            return
        again = [Message(each.topic, each.value, each.headers) for each in left]
        self._spool.publish(again)
        for message, kept in zip(left, again, strict=True):
            message.error = kept.error
        metrics.SPOOLED.inc(sum(each.error is None for each in again))

    def answering(self) -> bool:
        """Return whether messages can be kept now."""
        return self._broker.answering() or self._spool.usable
