"""The latest decision on a callback holds, in whatever order they are written."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from schemas.callbacks import Reason, Rejection, Stage
from schemas.topics import Topic
from sinks.batch import Batch
from sinks.rows import Poison, read, verdict
from sinks.store import Store
from tests.kit.messages import StoredMessage
from tests.operations.replay.archived import posted
from tests.rows import select

if TYPE_CHECKING:
    from runtime.settings import Settings

FIRST = Rejection(Stage.NORMALIZE, (Reason("status", "first", "No."),), "callbacks.raw", 1, 2)
ACCEPTED = Rejection(Stage.NORMALIZE, (), "callbacks.raw", 1, 2, decided_at=1_700_000_000_000_000)
AGAIN = Rejection(
    Stage.NORMALIZE,
    (Reason("status", "again", "No."),),
    "callbacks.raw",
    1,
    2,
    decided_at=1_700_000_000_000_001,
)
DECISIONS = [None, FIRST, ACCEPTED, AGAIN]
"""In the order in which they fall; the first is that it came, and was not refused."""


def message(number: int, decision: Rejection | None) -> tuple[Topic, StoredMessage]:
    callback = posted(number, b"{}").callback
    if decision is None:
        return Topic.RAW, StoredMessage("callbacks.raw", 1, 2, b"{}", callback.headers())
    headers = [*callback.headers(), *decision.headers()]
    return Topic.REJECTED, StoredMessage("callbacks.rejected", 0, 0, b"{}", headers)


def test_a_later_decision_is_the_higher() -> None:
    assert [verdict(each) for each in DECISIONS if each] == sorted(
        verdict(each) for each in DECISIONS if each
    )
    assert [verdict(each) % 2 for each in (FIRST, ACCEPTED, AGAIN)] == [1, 0, 1]


def test_the_latest_decision_holds_in_any_order(store_settings: Settings) -> None:
    rng = random.Random(3)
    known = {number: DECISIONS[: number % 4 + 1] for number in range(24)}
    rows = [(number, each) for number, decisions in known.items() for each in decisions]
    rng.shuffle(rows)
    store = Store(store_settings)
    for start in range(0, len(rows), 10):
        batch = Batch()
        for number, decision in rows[start : start + 10]:
            topic, told = message(number, decision)
            batch.add(told, read(topic, told), 0.0)
        assert [taken.error for _, taken in store.insert(batch.inserts()) if taken.error] == []
    store.close()
    found = {
        row["id"]: (row["status"], row["stage"], row["codes"], row["topic"], row["offset"])
        for row in select(
            store_settings, "SELECT id, status, stage, reasons.code AS codes, topic, offset FROM callbacks"
        )
    }
    lies = ("callbacks.raw", 2)
    expected = [
        ("accepted", "", [], *lies),
        ("rejected", "normalize", ["first"], *lies),
        ("accepted", "", [], *lies),
        ("rejected", "normalize", ["again"], *lies),
    ]
    assert found == {f"callback-{number:03}": expected[number % 4] for number in known}


def test_a_decision_of_a_time_that_no_column_holds_is_poison() -> None:
    topic, told = message(1, Rejection(Stage.NORMALIZE, (), "t", 0, 0, decided_at=2**62))
    assert isinstance(read(topic, told), Poison)
