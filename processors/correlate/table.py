"""The correlator's state as a Faust table: every leg's state by partition, with a compacted changelog.

Faust's in-memory store keeps what a rebalance took away, and its recovery lets the last writer win. Here a
partition's legs go with the partition; and since a leg's state only grows, what several workers wrote of one
leg is merged. So a worker that was stopped for long, and wrote on before it noticed that its partitions had
gone, takes nothing away from what the others know.
"""

from __future__ import annotations

import logging
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from faust.stores.base import Store
from faust.tables.table import Table

from processors.correlate.leg import Leg, join
from processors.departures import BatchSchema, recovered
from processors.publisher import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from faust.types import TP

    from processors.departures import App

logging.getLogger(__name__).setLevel(logging.WARNING)  # Faust logs under the module of the class: routine

WRITER_HEADER = "writer"

Written = dict[bytes, bytes]
"""By writer, its last version of one leg: a writer's versions only grow, so that the last one says all."""

CHANGELOG_CONFIG = {
    "segment.bytes": 64 * 1024 * 1024,  # only closed segments are compacted
    "min.cleanable.dirty.ratio": 0.1,
    "max.message.bytes": 2 * 1024 * 1024,
}


class LegStore(Store[bytes, bytes]):
    """Legs by partition: topic key (`account/leg`) to the leg's JSON."""

    def __post_init__(self) -> None:
        self.partitions: dict[int, dict[bytes, bytes]] = {}
        self._recovering: dict[int, dict[bytes, Written]] = {}
        self.data: dict[bytes, bytes] = {}  # Faust's own view of a store; ours is by partition

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Take in what the changelog says, writer by writer."""
        del to_key, to_value
        for tp, records in recovered(list(batch)).items():
            legs = self._recovering.setdefault(tp.partition, {})
            for record in records:
                if record.value is None:
                    legs[record.key] = {}
                else:
                    legs.setdefault(record.key, {})[_writer(record.headers)] = record.value

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Let the legs of a lost partition go."""
        del assigned, generation_id
        topic = self.table.changelog_topic.get_topic_name()
        for tp in revoked | newly_assigned:
            if tp.topic == topic:
                self.partitions.pop(tp.partition, None)
                self._recovering.pop(tp.partition, None)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Merge what the writers wrote, and begin to serve."""
        del standby_tps
        for partition in {tp.partition for tp in active_tps}:
            legs = self.partitions.setdefault(partition, {})
            for key, written in self._recovering.pop(partition, {}).items():
                _settle(legs, key, written)

    def persisted_offset(self, tp: TP) -> int | None:
        """Nothing outlives the process: a newly assigned partition is read from its beginning."""
        del tp
        return None

    def reset_state(self) -> None:
        """Nothing is kept on disk."""

    async def backup_partition(self, *_: Any, **__: Any) -> None:
        """Nothing is kept on disk."""

    def restore_backup(self, *_: Any, **__: Any) -> None:
        """Nothing is kept on disk."""

    def _clear(self) -> None:
        self.partitions.clear()


def _settle(legs: dict[bytes, bytes], key: bytes, written: Written) -> None:
    versions = list(written.values())
    if not versions:
        legs.pop(key, None)
        return
    if key in legs:
        versions.append(legs[key])
    if len(versions) == 1:
        legs[key] = versions[0]
    else:
        legs[key] = reduce(join, (Leg.from_json(version) for version in versions)).to_json()


def _writer(headers: Iterable[tuple[str, bytes]]) -> bytes:
    return next((value for name, value in headers if name == WRITER_HEADER), b"")


class LegTable(Table[bytes, bytes]):
    """The table; the app writes a batch's changes at once, and publishes them with its other messages."""

    def __init__(self, app: App, writer: str, **options: Any) -> None:
        """`writer` names this process in the changelog."""
        super().__init__(
            app,
            name="legs",
            key_type=bytes,
            value_type=bytes,
            schema=BatchSchema(key_type=bytes, value_type=bytes),
            extra_topic_configs=CHANGELOG_CONFIG,
            recovery_buffer_size=16,  # batches, not records
            **options,
        )
        self._headers = [(WRITER_HEADER, writer.encode())]

    def _new_store(self) -> LegStore:
        return LegStore("memory://", self.app, self, loop=self.loop)

    def legs(self, partition: int) -> dict[bytes, bytes]:
        """Give the legs of a partition; writing to it is followed by publishing `change`."""
        return self.held().setdefault(partition, {})

    def held(self) -> dict[int, dict[bytes, bytes]]:
        """Give all legs that this worker holds, by partition."""
        return cast("LegStore", self.data).partitions

    def change(self, partition: int, key: bytes, value: bytes | None) -> Outgoing:
        """Give the changelog's message for a new value; None forgets the leg."""

        def latest() -> bytes | None:
            return self.held().get(partition, {}).get(key, value)

        return Outgoing(self.changelog_topic.get_topic_name(), key, value, self._headers, partition, latest)
