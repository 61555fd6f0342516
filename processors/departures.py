"""Every departure from Faust's own behaviour, each with its reason, and with a test that fails without it.

Faust keeps what it is good at: the consumer group, the assignment of partitions together with their
changelogs, recovery, agents, the worker's life. What changes is the unit of work. Faust hands one message
at a time through a task, a queue and an acknowledgement of its own, and that alone costs more than all our
work on the message (tests/bench/RESULTS.md). Here a unit is what one fetch brought of one partition.

- `Consumer.getmany` yields one Faust message per fetched partition; its value is a `Batch`.
- `Consumer.ack` counts a batch only after the agent said that its results are out (`Batch.done`), and only
  without a hole before it. A stream skips messages while a rebalance is under way, and Faust acknowledges
  those too (`Stream.__aiter__`); a failed agent's event is acknowledged as well. Neither may be committed.
  Nor what was fetched before a rebalance and finished after it: a partition that went away and came back has
  a state read from the changelog, perhaps before the batch's changes were in there.
- A batch that nobody finished is read again (`Consumer._vanished`, `_seek_back`). Faust loses some: what
  `getmany` fetched while a rebalance began, and what stood in a stream's queue when the flow was resumed
  (`FlowControlQueue(clear_on_resume=True)`), at times at every start with a table to recover. What it loses
  of a changelog, its recovery waits for without end, or goes on without.
- Faust's recovery lets data through a moment before it seeks to where all is committed, and goes on without
  when a broker is slow; so `getmany` seeks itself (`Consumer._place`), and before that nothing is finished.
- What was finished between the end of an assignment and the next one is not committed in the next one: others
  may have had the partition in between (`Consumer.on_partitions_assigned`).
- `Consumer._new_offset` commits up to the last finished batch. Faust's own list of acknowledged offsets can
  commit past an event in flight: https://github.com/faust-streaming/faust/issues/606, mended in pull request
  707, not in 0.15.3; and gaps after a recovery race stop its commits: issue 596.
- `Consumer.on_buffer_full` does nothing: a full buffer is waited for, rather than a partition put aside.
- `ConsumerThread` has the broker answer within `FETCH_WAIT_MS`; in Faust that is 1.5 s. A request asks for
  partitions alone of which nothing lies here unread, and there is one at a time: while it waits for news of a
  quiet partition, what comes in a busy one stays unread. Up to `FETCH_LEAST_BYTES` the broker gathers for so
  long, rather than answer at the first message: many small batches cost more.

Nothing is sent through Faust's own producer buffer, whose flush gives up after 0.1 s
(`faust/transport/producer.py`): the publisher waits for every acknowledgement before a batch is done.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.events import Event
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from aiokafka.structs import ConsumerRecord
    from faust.tables.manager import TableManager

    from runtime.stuck import Progress

logging.getLogger(__name__).setLevel(logging.WARNING)  # Faust logs under the module of the class: routine


class Batch:
    """The records that one fetch brought of one partition, in their order; never empty."""

    __slots__ = ("__weakref__", "done", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        self.tp = tp
        self.records = records
        self.done = False
        """Set by the agent when all results of the batch are acknowledged by the broker."""


FETCH_WAIT_MS = 100
FETCH_LEAST_BYTES = 128 * 1024
"""Less than what may come of one partition, or the broker would wait for more than it may send."""


class BatchSchema(Schema[Any, Any]):
    """Hands a message's `Batch` on as it is: the agent reads the records itself."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate
            return Event(app, None, message.value, None, message)

        return decode


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Asks for news often."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        cast("App", self.app).watch_loop("the consumer's loop", self.thread_loop)
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # read when it starts; Faust has no setting
        consumer._fetch_min_bytes = FETCH_LEAST_BYTES
        return consumer


class Consumer(driver.Consumer):
    """Reads whole batches, and commits what is finished, in order and without a hole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._due: dict[TP, int] = {}
        """By partition, the offset up to which all is finished: where the next batch must begin."""
        self._astray: set[TP] = set()
        """Partitions in which a batch got lost: they are read again from where all is finished."""
        self._sought: set[TP] = set()
        """Partitions just sought back: what comes next is what Kafka has from there on."""
        self._placed = False
        """Whether it reads from where all is committed: not between an assignment and the seek after it."""
        self._placing = asyncio.Lock()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch, and yield one message per partition that had news."""
        await self._place()
        await self._seek_back()
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        for tp, fetched in (records or {}).items():
            known = TP(tp.topic, tp.partition)
            stale = self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation
            if fetched and known in self._sought:
                self._sought.discard(known)
                self._due[known] = fetched[0].offset  # what lay before it is gone from Kafka itself
            if stale or (active is not None and tp not in active):
                self._astray.add(known)
            elif fetched:
                self.app.monitor.track_tp_end_offset(known, self.highwater(known) or 0)
                yield known, self._batch_message(known, fetched)

    def _batch_message(self, tp: TP, records: Sequence[ConsumerRecord[bytes, bytes]]) -> ConsumerMessage:
        last = records[-1]
        batch = Batch(tp, records)
        weakref.finalize(batch, self._vanished, tp, records[0].offset)
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=last.timestamp_type,
            headers=None,
            key=None,
            value=cast("Any", batch),
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget what was finished before: others may have had the partitions since, and finished more."""
        self._placed = False
        self._acked.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        async with self._placing:
            await self._seek_to_committed()

    async def _place(self) -> None:
        """Seek first: Faust's recovery lets data through before it seeks, and gives up a slow seek."""
        if self.flow_active and not (self._placed or self.app.in_recovery) and self.assignment():
            async with self._placing:
                if not self._placed:  # Faust was just about to
                    await self._seek_to_committed()

    async def _seek_to_committed(self) -> None:
        self._placed = False
        self._due.clear()
        self._sought.clear()
        await super().perform_seek()
        self._placed = True

    def ack(self, message: Any) -> bool:
        self._unacked_messages.discard(message)
        batch: Batch = message.value
        if not self.app.topics.acks_enabled_for(message.topic):
            return False
        first, due = batch.records[0].offset, self._next_due(batch.tp)
        of_now = self._placed and message.generation_id == self.app.consumer_generation_id
        if not (batch.done and of_now):
            return False
        if first > due:
            self._astray.add(batch.tp)
            return False
        message.acked = True
        self._due[batch.tp] = max(due, message.offset + 1)
        self._acked[batch.tp] = [self._due[batch.tp]]
        return True

    def _next_due(self, tp: TP) -> int:
        if self._is_changelog_tp(tp):
            recovered = cast("TableManager", self.app.tables).recovery.active_offsets.get(tp)
            return 0 if recovered is None else recovered + 1
        return self._due.get(tp, self._committed_offset[tp] or 0)

    def _vanished(self, tp: TP, first: int) -> None:
        """Notice that nobody holds the batch that began there any more: finished, or lost on the way."""
        if first >= self._next_due(tp):
            self._astray.add(tp)

    async def _seek_back(self) -> None:
        """Read again from where all is finished, where a batch got lost."""
        astray, self._astray = self._astray, set()
        for tp in filter(self._is_read, astray & self.assignment()):
            await self.seek(tp, self._next_due(tp))
            self._sought.add(tp)

    def _is_read(self, tp: TP) -> bool:
        """Whether the partition is being read: a changelog in a recovery, data once their place is known."""
        is_recovering: bool = self.app.in_recovery
        return is_recovering if self._is_changelog_tp(tp) else self._placed

    def _new_offset(self, tp: TP) -> int | None:
        return self._acked[tp][0] if self._acked[tp] else None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Between the last offsets of two batches there is no gap."""

    def on_buffer_full(self, tp: TP) -> None:
        """Wait for the buffer."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was put aside."""


class Transport(driver.Transport):
    Consumer = Consumer


class App(faust.App):
    """A Faust app on our transport, with nothing on disk."""

    progress: Progress
    """Whether the work goes on."""
    watch_loop: Callable[[str, AbstractEventLoop], None] = staticmethod(lambda _name, _loop: None)
    """Is given the consumer's event loop, in its thread."""

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    @property
    def record_producer(self) -> Any:
        """The aiokafka producer itself: what builds and sends record batches."""
        producer = cast("driver.Producer", self.producer)
        return producer._ensure_producer()

    def committed(self, tp: TP) -> int:
        consumer = cast("Consumer", self.consumer)
        return consumer._committed_offset[tp] or 0

    def batches(self, topic: str) -> Any:
        """Give the topic, whose agents get a `Batch` at a time."""
        return self.topic(topic, schema=BatchSchema(key_type=bytes, value_type=bytes))


def recovered(events: Sequence[Any]) -> Mapping[TP, list[ConsumerRecord[bytes, bytes]]]:
    """Unpack the batches that a table's changelog gave, by partition."""
    by_partition: dict[TP, list[ConsumerRecord[bytes, bytes]]] = {}
    for event in events:
        by_partition.setdefault(event.value.tp, []).extend(event.value.records)
    return by_partition
