"""The correlator's state as a Faust table: every leg's state by partition, with a compacted changelog.

Faust's in-memory store keeps what a rebalance took away, and its recovery lets the last writer win. Here a
partition's legs go with the partition; and since a leg's state only grows, what several workers wrote of one
leg is merged. So a worker that was stopped for long, and wrote on before it noticed that its partitions had
gone, takes nothing away from what the others know.

The changelog is compacted, so each writer has keys of its own in it. A writer is a worker between two
assignments of partitions: when it has written a leg, it deletes those versions of the leg that it had read
from others, and they write no more, or only what it works on as well.
"""

from __future__ import annotations

import logging
import uuid
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from faust.stores.base import Store
from faust.tables.table import Table

from processors.correlate.leg import Leg, join
from processors.departures import BatchSchema, recovered
from processors.publisher import Outgoing
from schemas.topics import CHANGELOG_CONFIG, insync_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from faust.types import TP

    from processors.departures import App

logging.getLogger(__name__).setLevel(logging.WARNING)  # Faust logs under the module of the class: routine

SEPARATOR = b"\0"
"""Between leg and writer in the changelog's keys; no writer's name has it."""

Written = dict[bytes, bytes]
"""By writer, its last version of one leg: a writer's versions only grow, so that the last one says all."""


class LegStore(Store[bytes, bytes]):
    """Legs by partition: topic key (`account/leg`) to the leg's JSON."""

    def __post_init__(self) -> None:
        self.partitions: dict[int, dict[bytes, bytes]] = {}
        self.writer = b""
        self._superseded: dict[int, dict[bytes, frozenset[bytes]]] = {}
        """By leg, who wrote the versions that lie in the changelog, unless `writer` alone did."""
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
                key, _, writer = record.key.rpartition(SEPARATOR)
                if record.value is not None:
                    legs.setdefault(key, {})[writer] = record.value
                elif key in legs:
                    legs[key].pop(writer, None)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Let the legs of a lost partition go."""
        del assigned, generation_id
        topic = self.table.changelog_topic.get_topic_name()
        for tp in revoked | newly_assigned:
            if tp.topic == topic:
                for by_partition in (self.partitions, self._superseded, self._recovering):
                    by_partition.pop(tp.partition, None)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Merge what the writers wrote, and begin to serve as a writer that nobody knows yet.

        Also where a partition stayed: another worker may have had it in between.
        """
        del standby_tps
        before, self.writer = self.writer, uuid.uuid4().hex.encode()
        same: dict[frozenset[bytes], frozenset[bytes]] = {}  # few writers wrote all of the legs
        for partition in {tp.partition for tp in active_tps}:
            legs = self.partitions.setdefault(partition, {})
            superseded = self._superseded.setdefault(partition, {})
            mine = frozenset({before})
            for key in legs:
                superseded.setdefault(key, mine)
            for key, written in self._recovering.pop(partition, {}).items():
                if written:
                    _settle(legs, key, written)
                    writers = superseded.get(key, frozenset()).union(written)
                    superseded[key] = same.setdefault(writers, writers)

    def supersede(self, partition: int, key: bytes) -> frozenset[bytes]:
        """Give whose versions of the leg can go once `writer` has written it."""
        return self._superseded.get(partition, {}).pop(key, frozenset())

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
    if key in legs:
        versions.append(legs[key])
    if len(versions) == 1:
        legs[key] = versions[0]
    else:
        legs[key] = reduce(join, (Leg.from_json(version) for version in versions)).to_json()


class LegTable(Table[bytes, bytes]):
    """The table; the app writes a batch's changes at once, and publishes them with its other messages."""

    def __init__(self, app: App, **options: Any) -> None:
        """As Faust's own."""
        super().__init__(
            app,
            name="legs",
            key_type=bytes,
            value_type=bytes,
            schema=BatchSchema(key_type=bytes, value_type=bytes),
            extra_topic_configs={
                **CHANGELOG_CONFIG,
                "min.insync.replicas": str(insync_replicas(app.conf.topic_replication_factor)),
            },
            recovery_buffer_size=16,  # batches, not records
            **options,
        )

    def _new_store(self) -> LegStore:
        return LegStore("memory://", self.app, self, loop=self.loop)

    @property
    def _legs(self) -> LegStore:
        return cast("LegStore", self.data)

    def held(self) -> Mapping[int, Mapping[bytes, bytes]]:
        """Give all legs that this worker holds, by partition."""
        return self._legs.partitions

    def get_leg(self, partition: int, key: bytes) -> bytes | None:
        """Give a leg's JSON; None for one that is not known here."""
        return self._legs.partitions.get(partition, {}).get(key)

    def write(self, partition: int, key: bytes, value: bytes | None) -> Outgoing:
        """Hold a new value, and give the message that tells the changelog; None forgets the leg.

        Raises KeyError for a partition that this worker does not hold.
        """
        legs = self._legs.partitions[partition]
        if value is None:
            legs.pop(key, None)
        else:
            legs[key] = value
        topic = self.changelog_topic.get_topic_name()

        def latest() -> bytes | None:
            held = self._legs.partitions.get(partition)
            return value if held is None else held.get(key)

        def change(writer: bytes, **more: Any) -> Outgoing:
            return Outgoing(topic, key + SEPARATOR + writer, partition=partition, **more)

        gone = [change(writer, value=None) for writer in self._legs.supersede(partition, key)]
        return change(self._legs.writer, value=value, renew=latest, then=gone)
