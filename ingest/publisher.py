"""Publish and know: `publish` returns once the broker has acknowledged, or says in time that it has not.

A thread of its own connects, asks the broker every second whether it still answers, and gives the connection
up when it does not. While there is none, publishing fails at once: requests don't pile up behind a broker
that is away.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import structlog
from kafka.errors import KafkaError

from ingest.broker import Broker, Turns
from ingest.groups import LATE, Groups, Message, UnacknowledgedError
from ingest.metrics import BROKER_UP
from runtime.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kafka.producer.future import FutureRecordMetadata

    from runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
"""Between two questions to a broker that answers, and between two attempts at one that does not."""
WARN_SECONDS = 30.0
"""Between two warnings that the broker is away."""
MOST_LATE = 10_000
"""Messages that are remembered after nobody waited for them any more."""
FAILURES = 2
"""After this many groups in a row without an acknowledgement, the trouble is not a single partition."""


class Publisher(Protocol):
    def publish(self, messages: list[Message]) -> None:
        """Return within its time: each message is kept then, or has its `error`."""

    def answering(self) -> bool:
        """Return whether messages can be kept now."""


class KafkaPublisher:
    """A publisher that connects to the broker whenever it appears."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Iterable[str],
        timeout_seconds: float,
        *,
        patience_seconds: float | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`topics` are full names; `timeout_seconds` is how long an acknowledgement may take.

        `publish` waits for `patience_seconds` if that is given: then the message may still come to be kept.
        `beat` is called as long as the keeper's thread works.
        """
        self._beat = beat
        self._topics = tuple(topics)
        self._timeout = timeout_seconds
        self._patience = timeout_seconds if patience_seconds is None else patience_seconds
        self._options = client_options(kafka)
        self._turns = Turns()
        self._broker: Broker | None = None
        self._groups = Groups(self._send)
        self._failures = 0
        self._late: dict[bytes, FutureRecordMetadata] = {}
        self._acknowledged_at = 0.0
        self._lost = threading.Event()
        self._closed = threading.Event()
        self._warned_at = -WARN_SECONDS
        self._thread = threading.Thread(target=self._keep, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to look for the broker; return at once."""
        self._thread.start()

    def publish(self, messages: list[Message]) -> None:
        """Return within the time: the broker has acknowledged each message then, or it has its `error`."""
        if self._broker is not None:
            self._groups.publish(messages, self._patience)
            return
        for message in messages:
            message.error = "the broker is away"

    def answering(self) -> bool:
        """Return whether the broker answered when last asked."""
        return self._broker is not None

    def came_after_all(self, message: Message, deadline: float) -> bool:
        """Return whether a message that was given up has been acknowledged later, or is by the deadline.

        The deadline is in monotonic seconds. Each message is found once.
        """
        future = self._late.pop(name_of(message), None)
        if future is None:
            return False
        try:
            future.get(max(0.0, deadline - time.monotonic()))
        except KafkaError:
            return False
        return True

    def late(self, message: Message, future: FutureRecordMetadata) -> None:
        """Note that a message under way was given up."""
        if len(self._late) < MOST_LATE:
            self._late[name_of(message)] = future

    def close(self) -> None:
        """Stop. Nothing is buffered here that would have to be flushed."""
        self._closed.set()
        self._lost.set()
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()
        self._thread.join(self._timeout + 1)

    def _send(self, messages: list[Message]) -> Sent:
        """Hand a group over; raise `UnacknowledgedError` for all of it."""
        broker = self._broker
        if broker is None:
            raise UnacknowledgedError("the broker is away")
        return Sent(self, broker, self._turns, messages)

    def acknowledged(self) -> None:
        self._acknowledged_at, self._failures = time.monotonic(), 0

    def failed(self, broker: Broker, error: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self.give_up(broker, error)

    def _keep(self) -> None:
        """Keep a connection to a broker that answers."""
        while not self._closed.is_set():
            self._beat()
            broker, asked_at = self._broker, time.monotonic()
            try:
                if broker is None:
                    self._connect()
                else:
                    broker.ask()
            except (KafkaError, OSError) as error:
                if broker is None:
                    self._warn("the broker is away", type(error).__name__)
                elif self._acknowledged_at < asked_at:  # else only the one that was asked has trouble
                    self.give_up(broker, type(error).__name__)
                    continue
            if self._lost.wait(CHECK_SECONDS):
                self._lost.clear()

    def _connect(self) -> None:
        broker = Broker(self._options, self._topics, self._turns, self._timeout)
        if self._closed.is_set():
            broker.close()
            return
        self._failures = 0
        self._broker = broker
        BROKER_UP.set(1)
        log.info("the broker answers")

    def give_up(self, broker: Broker, error: str) -> None:
        """Stop using a broker that failed; the keeper looks for one at once."""
        if self._broker is not broker or self._closed.is_set():
            return
        self._broker = None
        BROKER_UP.set(0)
        broker.close()
        self._warn("the broker does not answer", error)
        self._lost.set()

    def _warn(self, event: str, error: str) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            log.warning(event, error=error)


class Sent:
    """A group under way; each message learns its own fate."""

    def __init__(
        self, publisher: KafkaPublisher, broker: Broker, turns: Turns, messages: list[Message]
    ) -> None:
        self._publisher = publisher
        self._broker = broker
        self._turns = turns
        self._futures: list[tuple[Message, FutureRecordMetadata]] = []
        self._errors: dict[Message, str] = {}
        turns.next()
        for message in messages:
            try:
                future = broker.send(message.topic, message.value, message.headers)
            except KafkaError as error:  # it is too large, or its topic is gone
                self._errors[message] = type(error).__name__
            else:
                self._futures.append((message, future))
        self._partitions = {message.topic: turns.chosen(message.topic) for message in messages}

    def wait(self, deadline: float) -> bool:
        """Return whether all are acknowledged or have failed by then."""
        for _, future in self._futures:
            if future.is_done:  # as most are, once the first of their batch is
                continue
            try:
                future.get(max(0.0, deadline - time.monotonic()))
            except KafkaError:
                if not future.is_done:
                    return False
        return True

    def end(self) -> dict[Message, str]:
        """Return why messages are not acknowledged, by message: nobody waits any more."""
        acknowledged = 0
        for message, future in self._futures:
            if not future.is_done:
                self._errors[message] = LATE
                self._publisher.late(message, future)
            elif future.failed():
                self._errors[message] = type(future.exception).__name__
            else:
                acknowledged += 1
                continue
            partition = self._partitions[message.topic]
            if partition is not None:
                self._turns.avoid(message.topic, partition)
        if acknowledged:
            self._publisher.acknowledged()
        elif self._futures:
            self._publisher.failed(self._broker, self._errors[self._futures[0][0]])
        return self._errors


def name_of(message: Message) -> bytes:
    """The callback's id."""
    return dict(message.headers).get("id", b"")
