"""What a recovery makes of a changelog that several workers wrote."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from callweave.settings import KafkaSettings
from processors import worker
from processors.correlate.leg import Leg, join
from processors.correlate.step import step
from processors.correlate.table import WRITER_HEADER, LegStore, LegTable
from processors.departures import Batch
from schemas.links import Link
from tests.processors.correlate.traffic import call_events
from tests.scale import examples

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = b"acme/a"
WRITE = tuple[str, bytes, "bytes | None"]


def store() -> LegStore:
    app = worker.new_app("table", KafkaSettings(), batch=1)
    table = LegTable(app, writer="me")
    return cast("LegStore", table.data)


def recover(into: LegStore, writes: Iterable[tuple[str, bytes, bytes | None]], partition: int = 0) -> None:
    tp = TP(into.table.changelog_topic.get_topic_name(), partition)
    records: list[Any] = [
        SimpleNamespace(key=key, value=value, offset=offset, headers=[(WRITER_HEADER, writer.encode())])
        for offset, (writer, key, value) in enumerate(writes)
    ]
    into.apply_changelog_batch(
        [SimpleNamespace(value=Batch(tp, records))], lambda key: key, lambda value: value
    )
    asyncio.run(into.on_recovery_completed({tp}, set()))


def versions(seed: int, count: int = 4) -> list[Leg]:
    """A leg's state as one worker writes it: every version knows more than the one before."""
    leg, written = Leg(), []
    for number, event in enumerate(call_events(random.Random(seed), legs=1, events=count)):
        leg, _ = step("a", leg, [event] if number % 2 else [event, Link(f"0{seed}")], now=number)
        written.append(leg)
    return written


def test_of_one_writer_the_last_version_holds() -> None:
    held = store()
    written = versions(1)
    recover(held, [("w1", KEY, leg.to_json()) for leg in written])
    assert held.partitions[0] == {KEY: written[-1].to_json()}


@examples(normal=200, long=5_000)
@given(seed=st.integers(0, 2**32), mixed=st.randoms())
def test_what_several_writers_wrote_is_merged_in_whatever_order_it_was_written(
    seed: int, mixed: random.Random
) -> None:
    mine, zombie = versions(seed), versions(seed + 1)
    queues = [[("w1", leg) for leg in mine], [("w2", leg) for leg in zombie]]
    writes = []
    while any(queues):
        writer, leg = mixed.choice([queue for queue in queues if queue]).pop(0)
        writes.append((writer, KEY, leg.to_json()))
    held = store()
    recover(held, writes)
    assert Leg.from_json(held.partitions[0][KEY]) == join(mine[-1], zombie[-1])


def test_a_forgotten_leg_stays_forgotten_until_it_has_news() -> None:
    held = store()
    (old, *_), (new, *_) = versions(1), versions(2)
    recover(held, [("w1", KEY, old.to_json()), ("w1", KEY, None)])
    assert held.partitions[0] == {}
    recover(held, [("w1", KEY, old.to_json()), ("w1", KEY, None), ("w2", KEY, new.to_json())], partition=1)
    assert held.partitions[1] == {KEY: new.to_json()}


def test_what_is_read_after_the_recovery_is_merged_with_what_is_held() -> None:
    held = store()
    mine, other = versions(1)[-1], versions(2)[-1]
    recover(held, [("w1", KEY, mine.to_json())])
    recover(held, [("w2", KEY, other.to_json())])
    assert Leg.from_json(held.partitions[0][KEY]) == join(mine, other)


def test_a_lost_partition_takes_its_legs_along_and_leaves_the_others() -> None:
    held = store()
    leg = versions(1)[-1].to_json()
    recover(held, [("w1", KEY, leg)], partition=0)
    recover(held, [("w1", b"acme/b", leg)], partition=1)
    lost = TP(held.table.changelog_topic.get_topic_name(), 0)
    asyncio.run(held.on_rebalance(set(), {lost}, set()))
    assert held.partitions == {1: {b"acme/b": leg}}


def test_a_change_names_its_writer_and_goes_to_the_partition_of_its_leg() -> None:
    table = LegTable(worker.new_app("table", KafkaSettings(prefix="x."), batch=1), writer="me")
    change = table.change(3, KEY, b"{}")
    assert (change.topic, change.partition, change.key, change.value) == (
        "x.callweave-correlate-legs-changelog".replace("correlate", "table"),
        3,
        KEY,
        b"{}",
    )
    assert change.headers == [("writer", b"me")]
