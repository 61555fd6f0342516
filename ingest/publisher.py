"""Publish and know: `publish` returns once the broker has acknowledged, or says in time that it has not.

A thread of its own connects, asks the broker every second whether it still answers, and gives the connection
up as soon as an acknowledgement or an answer is overdue. While there is none, publishing fails at once:
requests don't pile up behind a broker that is away.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import structlog
from kafka.errors import KafkaError

from ingest.cluster import Cluster
from ingest.groups import Groups, Message, UnacknowledgedError
from ingest.metrics import BROKER_UP
from runtime.kafka import client_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime.settings import KafkaSettings
    from schemas.callbacks import Headers

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
"""Between two questions to a broker that answers, and between two attempts at one that does not."""
WARN_SECONDS = 30.0
"""Between two warnings that the broker is away."""


class Publisher(Protocol):
    """What the app needs of Kafka."""

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        """Return once the broker has acknowledged; raise `UnacknowledgedError` otherwise, within its time."""

    def answering(self) -> bool:
        """Whether the broker answered when last asked."""


class KafkaPublisher:
    """A publisher that comes up with the broker, whenever that is."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Iterable[str],
        timeout_seconds: float,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`topics` are full names; `timeout_seconds` is how long an acknowledgement may take.

        `beat` is called as long as the keeper's thread works.
        """
        self._beat = beat
        self._topics = tuple(topics)
        self._timeout = timeout_seconds
        self._options = client_options(kafka)
        self._cluster: Cluster | None = None
        self._groups = Groups(self._send)
        self._lost = threading.Event()
        self._closed = threading.Event()
        self._warned_at = -WARN_SECONDS
        self._thread = threading.Thread(target=self._keep, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to look for the broker; returns at once."""
        self._thread.start()

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        """Return once the broker has acknowledged; raise `UnacknowledgedError` otherwise, within the time."""
        if self._cluster is None:
            raise UnacknowledgedError("the broker is away")
        self._groups.publish(Message(topic, value, headers), self._timeout)

    def answering(self) -> bool:
        """Whether the broker answered when last asked."""
        return self._cluster is not None

    def close(self) -> None:
        """Stop. Nothing is buffered here that would have to be flushed."""
        self._closed.set()
        self._lost.set()
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()
        self._thread.join(self._timeout + 1)

    def _send(self, messages: list[Message], deadline: float) -> None:
        """Publish a group; raise `UnacknowledgedError` for all of it."""
        cluster = self._cluster
        if cluster is None:
            raise UnacknowledgedError("the broker is away")
        try:
            cluster.send(messages, deadline)
        except (KafkaError, OSError) as error:
            self._give_up(cluster, error)
            raise UnacknowledgedError(type(error).__name__) from None

    def _keep(self) -> None:
        """Have a cluster that answers, as often as there is one to be had."""
        while not self._closed.is_set():
            self._beat()
            cluster = self._cluster
            try:
                if cluster is None:
                    self._connect()
                else:
                    cluster.refresh(time.monotonic() + self._timeout)
            except (KafkaError, OSError) as error:
                if cluster is None:
                    self._warn("the broker is away", error)
                else:
                    self._give_up(cluster, error)
                    continue
            if self._lost.wait(CHECK_SECONDS):
                self._lost.clear()

    def _connect(self) -> None:
        cluster = Cluster(self._options, self._topics, time.monotonic() + self._timeout)
        if self._closed.is_set():
            cluster.close()
            return
        self._cluster = cluster
        BROKER_UP.set(1)
        log.info("the broker answers")

    def _give_up(self, cluster: Cluster, error: Exception) -> None:
        """Stop using a cluster that failed; the keeper looks for it anew at once."""
        if self._cluster is not cluster or self._closed.is_set():
            return
        self._cluster = None
        BROKER_UP.set(0)
        cluster.close()
        self._warn("the broker does not answer", error)
        self._lost.set()

    def _warn(self, event: str, error: Exception) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            log.warning(event, error=type(error).__name__)
