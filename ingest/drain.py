"""From the spool to Kafka: once the broker answers, spooled callbacks are published, the oldest first."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import structlog
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from ingest import metrics
from ingest.broker import Turns
from ingest.groups import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka.producer.future import FutureRecordMetadata

    from ingest.broker import Broker
    from ingest.publisher import Publisher
    from ingest.spool import Segment, Spool

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks at the spool."""
TIMEOUT_SECONDS = 10.0
"""For the acknowledgement of messages that nobody waits for."""
REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What no attempt will change."""
TOGETHER = 200
"""Messages published together: one request, short enough not to delay the callbacks that arrive meanwhile."""


class Earlier(Protocol):
    """Who first tried to publish what is now in the spool."""

    def answering(self) -> bool:
        """Return whether the broker answers."""

    def came_after_all(self, message: Message) -> bool:
        """Return whether the message has been acknowledged meanwhile."""


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
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop; unpublished messages stay in the spool."""
        self._closed.set()
        self._thread.join(LOOK_SECONDS + 1)

    def _run(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            self._beat()
            metrics.SPOOL_AGE.set(self._spool.measure())
            metrics.SPOOL_BYTES.set(self._spool.size)
            if self._spool.size and self._publisher.answering():
                try:
                    self._empty()
                except (KafkaError, OSError) as error:
                    log.warning("the spool can't be published now", error=type(error).__name__)

    def _empty(self) -> None:
        """Publish all files of the spool; raise `KafkaError` or OSError."""
        broker = self._connect(self._turns, TIMEOUT_SECONDS)
        try:
            while not self._closed.is_set() and self._publisher.answering():
                self._spool.seal()
                published = sum(self._publish(broker, segment) for segment in self._spool.segments())
                self._spool.measure()
                if not published:
                    return
                log.info("callbacks of the spool are published", callbacks=published)
        finally:
            broker.close()

    def _publish(self, broker: Broker, segment: Segment) -> int:
        """Publish a file and remove it; return its number of messages. Raise `KafkaError` or OSError."""
        messages, bad = segment.read()
        refused = 0
        for start in range(0, len(messages), TOGETHER):
            some = messages[start : start + TOGETHER]
            refused += self._send(broker, [each for each in some if not self._publisher.came_after_all(each)])
        metrics.SPOOL_PUBLISHED.inc(len(messages) - refused)
        if bad or refused:
            segment.set_aside(f"{bad} lines are damaged, {refused} messages are refused by the broker")
        else:
            segment.remove()
        return len(messages)

    def _send(self, broker: Broker, messages: list[Message]) -> int:
        """Return once all are acknowledged, with how many the broker will never take. Raise `KafkaError`.

        A message that one partition could not take goes to another.
        """
        refused = 0
        while messages:
            self._beat()
            again, never = self._attempt(broker, messages)
            refused += never
            if len(again) == len(messages):
                raise KafkaError("no message was acknowledged")
            messages = again
        return refused

    def _attempt(self, broker: Broker, messages: list[Message]) -> tuple[list[Message], int]:
        """Return the messages not acknowledged, and how many the broker will never take."""
        self._turns.next()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        again: list[Message] = []
        never = 0
        for message, future in [(each, self._handed_over(broker, each)) for each in messages]:
            try:
                if future is None:
                    raise MessageSizeTooLargeError
                future.get(max(0.0, deadline - time.monotonic()))
            except REFUSED:
                never += 1
            except KafkaError:
                again.append(message)
                self._avoid(message.topic)
        return again, never

    def _handed_over(self, broker: Broker, message: Message) -> FutureRecordMetadata | None:
        try:
            return broker.send(message.topic, message.value, message.headers)
        except REFUSED:
            return None

    def _avoid(self, topic: str) -> None:
        partition = self._turns.chosen(topic)
        if partition is not None:
            self._turns.avoid(topic, partition)


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
