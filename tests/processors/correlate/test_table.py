"""What a recovery makes of a changelog that several workers wrote."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from processors import worker
from processors.correlate.leg import Leg, join
from processors.correlate.step import step
from processors.correlate.table import SEPARATOR, LegStore, LegTable
from processors.departures import Batch
from runtime.settings import KafkaSettings
from schemas.links import Link
from tests.kit.events import call_events
from tests.scale import examples

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = b"acme/a"
PARTITION = 0
Write = tuple[str, bytes | None]
"""A writer's name and what it wrote of `KEY`."""


def table() -> LegTable:
    return LegTable(worker.new_app("table", KafkaSettings(prefix="x."), batch=1))


def store(of: LegTable) -> LegStore:
    return cast("LegStore", of.data)


def changelog(of: LegTable, partition: int) -> TP:
    return TP(of.changelog_topic.get_topic_name(), partition)


def recover(
    into: LegTable, written: Iterable[tuple[bytes, bytes | None]], partition: int = PARTITION
) -> None:
    tp = changelog(into, partition)
    records: list[Any] = [
        SimpleNamespace(key=key, value=value, offset=offset) for offset, (key, value) in enumerate(written)
    ]
    if records:
        batch = SimpleNamespace(value=Batch(tp, records))
        store(into).apply_changelog_batch([batch], lambda key: key, lambda value: value)
    asyncio.run(store(into).on_recovery_completed({tp}, set()))


def by(writes: Iterable[Write]) -> list[tuple[bytes, bytes | None]]:
    return [(KEY + SEPARATOR + writer.encode(), value) for writer, value in writes]


def versions(seed: int, count: int = 4) -> list[Leg]:
    """A leg's state as one worker writes it: every version knows more than the one before."""
    leg, written = Leg(), []
    for number, event in enumerate(call_events(random.Random(seed), legs=1, events=count)):
        leg, _ = step("a", leg, [event] if number % 2 else [event, Link(f"0{seed}")], now=number)
        written.append(leg)
    return written


def test_of_one_writer_the_last_version_holds() -> None:
    held = table()
    written = versions(1)
    recover(held, by(("w1", leg.to_json()) for leg in written))
    assert held.held() == {PARTITION: {KEY: written[-1].to_json()}}


@examples(normal=200, long=5_000)
@given(seed=st.integers(0, 2**32), mixed=st.randoms())
def test_what_several_writers_wrote_is_merged_in_whatever_order_it_was_written(
    seed: int, mixed: random.Random
) -> None:
    mine, zombie = versions(seed), versions(seed + 1)
    queues = [[("w1", leg) for leg in mine], [("w2", leg) for leg in zombie]]
    writes: list[Write] = []
    while any(queues):
        writer, leg = mixed.choice([queue for queue in queues if queue]).pop(0)
        writes.append((writer, leg.to_json()))
    held = table()
    recover(held, by(writes))
    assert leg_of(held) == join(mine[-1], zombie[-1])


def leg_of(held: LegTable) -> Leg:
    value = held.get_leg(PARTITION, KEY)
    return Leg.from_json(value) if value is not None else Leg()


class Workers:
    """Workers that take one leg over from each other, and write of it also after they have lost it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tables = [table() for _ in range(3)]
        self.log: list[tuple[bytes, bytes | None]] = []
        self.read: dict[int, int] = {}
        self.owner = 0
        self.known = Leg()
        """What owners have learnt of the leg."""
        self.learnt = 0

    def take_over(self) -> None:
        """The broker compacts, or not; a worker that had the leg reads on from where it stood, or anew."""
        self.owner = self.rng.randrange(len(self.tables))
        if self.rng.random() < 0.5:
            self.compact()
        held = self.tables[self.owner]
        if self.rng.random() < 0.5:
            self.read.pop(self.owner, None)
            asyncio.run(store(held).on_rebalance(set(), set(), {changelog(held, PARTITION)}))
        position = self.read.get(self.owner, 0)
        recover(held, [write for write in self.log[position:] if write != COMPACTED])
        self.read[self.owner] = len(self.log)
        assert join(leg_of(held), self.known) == leg_of(held)

    def compact(self) -> None:
        """Of each key the last message stays, and offsets stay as they are."""
        last = {key: offset for offset, (key, _) in enumerate(self.log)}
        for offset, (key, _) in enumerate(self.log):
            if last[key] != offset:
                self.log[offset] = COMPACTED

    def learn(self) -> None:
        """The owner takes something in; perhaps one that has lost the leg does too, before it or after."""
        self.learnt += 1
        news = Leg(peers=frozenset({f"{self.learnt:04d}"}), touched_at=self.learnt)
        self.known = join(self.known, news)
        workers = [self.owner]
        others = [n for n, held in enumerate(self.tables) if n != self.owner and held.held()]
        if others and self.rng.random() < 0.5:
            workers.append(self.rng.choice(others))
        self.rng.shuffle(workers)
        for number in workers:
            self.write(number, join(leg_of(self.tables[number]), news).to_json())

    def write(self, number: int, value: bytes | None) -> None:
        message = self.tables[number].write(PARTITION, KEY, value)
        for sent in (message, *message.then[: self.rng.randint(0, len(message.then))]):
            assert sent.key is not None
            self.log.append((sent.key, sent.value))


COMPACTED = (b"", None)


@examples(normal=500, long=20_000)
@given(seed=st.integers(0, 2**63))
def test_whoever_takes_a_leg_over_knows_all_that_its_owners_knew(seed: int) -> None:
    """However late the writes of others come, and whatever the broker compacts."""
    workers = Workers(random.Random(seed))
    workers.take_over()
    for _ in range(workers.rng.randint(1, 20)):
        workers.rng.choice((workers.take_over, workers.learn, workers.learn))()
    workers.take_over()


def test_a_writer_deletes_what_it_had_read_of_others_once_its_own_version_is_there() -> None:
    held = table()
    first, second = versions(1)[-1], versions(2)[-1]
    recover(held, by([("w1", first.to_json()), ("w2", second.to_json())]))
    message = held.write(PARTITION, KEY, leg_of(held).to_json())
    assert {(sent.key, sent.value) for sent in message.then} == set(by([("w1", None), ("w2", None)]))
    assert held.write(PARTITION, KEY, leg_of(held).to_json()).then == []
    recovered = table()
    recover(recovered, [(sent.key or b"", sent.value) for sent in (message, *message.then)])
    assert leg_of(recovered) == join(first, second)


def test_a_forgotten_leg_stays_forgotten_until_it_has_news() -> None:
    held = table()
    (old, *_), (new, *_) = versions(1), versions(2)
    recover(held, by([("w1", old.to_json())]))
    message = held.write(PARTITION, KEY, None)
    left = [(sent.key or b"", sent.value) for sent in (message, *message.then)]
    assert held.held() == {PARTITION: {}}
    recovered = table()
    recover(recovered, [*by([("w1", old.to_json())]), *left])
    assert recovered.held() == {PARTITION: {}}
    recover(recovered, [*by([("w1", old.to_json())]), *left, *by([("w2", new.to_json())])], partition=1)
    assert recovered.held()[1] == {KEY: new.to_json()}


def test_what_is_read_after_the_recovery_is_merged_with_what_is_held() -> None:
    held = table()
    mine, other = versions(1)[-1], versions(2)[-1]
    recover(held, by([("w1", mine.to_json())]))
    recover(held, by([("w2", other.to_json())]))
    assert leg_of(held) == join(mine, other)


def test_a_lost_partition_takes_its_legs_along_and_leaves_the_others() -> None:
    held = table()
    leg = versions(1)[-1].to_json()
    recover(held, by([("w1", leg)]), partition=0)
    recover(held, by([("w1", leg)]), partition=1)
    asyncio.run(store(held).on_rebalance(set(), {changelog(held, 0)}, set()))
    assert held.held() == {1: {KEY: leg}}


def test_a_change_names_its_writer_and_goes_to_the_partition_of_its_leg() -> None:
    held = table()
    recover(held, [], partition=3)
    change = held.write(3, KEY, b"{}")
    assert (change.topic, change.partition, change.key, change.value) == (
        "x.callweave-table-legs-changelog",
        3,
        KEY + SEPARATOR + store(held).writer,
        b"{}",
    )
    assert held.get_leg(3, KEY) == b"{}"
