"""Messages for a running sink, and what must come of them."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from kafka import KafkaProducer

from runtime.clock import SystemClock
from runtime.kafka import client_options
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.times import SECOND
from schemas.topics import Topic, topic_key
from tests.kit.callbacks import posted
from tests.kit.events import event
from tests.rows import count, select, until
from tests.servers import eventually
from tests.sinks.folded import record_of

if TYPE_CHECKING:
    from kafka.producer.future import FutureRecordMetadata

    from runtime.settings import Settings
    from schemas.callbacks import Callback, Headers
    from schemas.events import CallEvent

START = 1_612_836_000_000_000
RECENT = 48 * 3600 * SECOND
"""Shorter than any topic's retention."""
REASONS = (Reason("status", "unknown-status", "is none that the document names"),)


class Flow:
    """Publishes calls of two events each; every second call has a callback that normalize rejects."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.accepted: set[str] = set()
        self.rejected: set[str] = set()
        self.events: set[str] = set()
        self.calls: set[str] = set()
        self._producer: KafkaProducer | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(
        self,
        topic: Topic,
        value: bytes,
        *,
        headers: Headers | None = None,
        key: bytes | None = None,
        at: int | None = None,
    ) -> FutureRecordMetadata:
        """`at` is the message's own time, in microseconds since 1970 UTC; now by default.

        It must be recent: what is older than a topic's retention, the broker deletes at any moment.
        """
        assert at is None or SystemClock().now() - at < RECENT, "the broker may delete it before it is read"
        if self._producer is None:
            self._producer = KafkaProducer(
                **client_options(self.settings.kafka), acks="all", linger_ms=5, metrics_enabled=False
            )
        return self._producer.send(
            self.settings.kafka.topic(topic),
            value=value,
            headers=headers or [],
            key=key,
            timestamp_ms=None if at is None else at // 1000,
        )

    def callback(self, payload: bytes) -> Callback:
        received_at = START + len(self.accepted) + len(self.rejected)
        return posted(payload, id=str(uuid.uuid4()), source="shop", received_at=received_at)

    def accept(self, callback: Callback) -> None:
        self.publish(Topic.RAW, callback.payload, headers=callback.headers())
        self.accepted.add(callback.id)

    def reject(self, callback: Callback) -> None:
        """As normalize does: the raw message stays, and the rejected one comes besides."""
        self.publish(Topic.RAW, callback.payload, headers=callback.headers())
        rejection = Rejection(Stage.NORMALIZE, REASONS, self.settings.kafka.topic(Topic.RAW), 0, 0)
        headers = [*callback.headers(), *rejection.headers()]
        self.publish(Topic.REJECTED, callback.payload, headers=headers)
        self.rejected.add(callback.id)

    def call(self) -> None:
        number = len(self.calls)
        leg = str(uuid.uuid4())
        key = topic_key("acme", leg)
        told: list[CallEvent] = []
        for kind in ("ring", "hangup"):
            callback = self.callback(b'{"number": %d}' % number)
            self.accept(callback)
            said = event(
                kind,
                leg,
                event_id=uuid.uuid4().hex,
                callback_id=callback.id,
                source="shop",
                dialect="extension-events",
                received_at=callback.received_at,
                occurred_at=callback.received_at + number,
            )
            self.publish(Topic.EVENTS, said.to_json(), key=key)
            self.events.add(said.event_id)
            told.append(said)
            record = replace(record_of(told), began=len(told) == 1)
            self.publish(Topic.RECORDS, record.to_json(), key=key)
        self.calls.add(leg)
        if number % 2:
            self.reject(self.callback(b"\xff\x00"))

    def flush(self) -> None:
        """Return once the broker has all of it."""
        if self._producer is not None:
            self._producer.flush(timeout=60)

    def disconnect(self) -> None:
        """Flush and let the broker go; publishing connects again."""
        if self._producer is not None:
            self._producer.close(timeout=60)
            self._producer = None

    def run(self, calls_a_second: float) -> None:
        """Publish calls from a thread until `stop`."""

        def publish() -> None:
            while not self._stop.wait(1 / calls_a_second):
                self.call()

        self._thread = threading.Thread(target=publish)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def goes_on(self, more: int) -> None:
        """Wait until so many more calls are published."""
        goal = len(self.calls) + more
        eventually(lambda: len(self.calls) >= goal, f"{more} more calls are published")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.disconnect()

    def assert_all_is_there_once(self) -> None:
        """Everything that was published, and nothing else, each once."""
        expected = {
            "SELECT count() FROM callbacks": len(self.accepted) + len(self.rejected),
            "SELECT count() FROM callbacks WHERE status = 'rejected'": len(self.rejected),
            "SELECT count() FROM call_events": len(self.events),
            "SELECT count() FROM calls WHERE state = 'complete' AND has_ring": len(self.calls),
            "SELECT count() FROM call_legs WHERE isNotNull(rang_at) AND isNotNull(ended_at)": len(self.calls),
        }
        for query, number in expected.items():
            until(self.settings, query, number)
        for query, ids in (
            ("SELECT id FROM callbacks WHERE status = 'accepted'", self.accepted),
            ("SELECT id FROM callbacks WHERE status = 'rejected'", self.rejected),
            ("SELECT event_id AS id FROM call_events", self.events),
            ("SELECT call_id AS id FROM calls", self.calls),
        ):
            found = [row["id"] for row in select(self.settings, query)]
            assert len(found) == len(ids)
            assert set(found) == ids
        assert count(self.settings, "SELECT count() FROM dead_letters") == 0
