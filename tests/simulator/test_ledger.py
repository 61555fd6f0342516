"""Between which times the ledger says that callbacks arrived, and when it has done with a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.ledger import EXPECTED, Attempt, Ledger, lines
from simulator.misbehaviour import WELL_BEHAVED
from simulator.schedule import Sending, Span, plan
from tests.simulator.reading import NOW
from tests.simulator.test_traffic import SENDERS

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.model import SimulatedCall
    from simulator.schedule import Planned


@pytest.fixture
def planned() -> Planned:
    """A call with a ring and a bill."""
    made = plan(1, SENDERS[:1], 200, Span(NOW, NOW + 1_000_000), WELL_BEHAVED)
    return next(
        each for each in made if [hook.kind for hook in each.call.webhooks] == ["ring", "hangup", "cdr"]
    )


def attempt(sent_at: int, answered_at: int | None, *, status: int = 200, final: bool = True) -> Attempt:
    return Attempt(
        number=1,
        sent_at=sent_at,
        answered_at=answered_at,
        status=None if answered_at is None else status,
        id=None if answered_at is None else "x",
        final=final,
    )


def entered(folder: Path, planned: Planned, attempts: list[list[Attempt]]) -> list[dict[str, object]]:
    """The line of a call, after these attempts at each of its webhooks."""
    done: list[SimulatedCall] = []
    with Ledger(folder, done.append) as ledger:
        ledger.begins(planned)
        for delivery, tries in zip(planned.fate.deliveries, attempts, strict=True):
            assert done == []
            for each in tries:
                ledger.note(Sending(planned, delivery), each)
        assert done == [planned.call]
    return list(lines(folder / EXPECTED))


def test_each_time_lies_between_sending_and_answer(tmp_path: Path, planned: Planned) -> None:
    (line,) = entered(tmp_path, planned, [[attempt(10, 20)], [attempt(5, 8)], [attempt(30, 33)]])
    assert line["between"] == {
        "first_received_at": [5, 8],
        "last_received_at": [30, 33],
        "rang_at": [10, 20],
        "doubts": [0, None],
    }
    assert line["unacknowledged"] == 0
    assert line["account"] == "a"


def test_an_attempt_without_an_answer_may_have_arrived(tmp_path: Path, planned: Planned) -> None:
    (line,) = entered(
        tmp_path,
        planned,
        [[attempt(10, None, final=False), attempt(15, 20)], [attempt(30, 40)], [attempt(35, 38)]],
    )
    assert line["between"] == {
        "first_received_at": [10, 20],
        "last_received_at": [35, None],
        "rang_at": [10, 20],
        "doubts": [0, None],
    }


def test_what_was_refused_or_never_answered_is_not_acknowledged(tmp_path: Path, planned: Planned) -> None:
    (line,) = entered(
        tmp_path, planned, [[attempt(1, None)], [attempt(2, 3, status=503)], [attempt(4, 5, status=404)]]
    )
    assert line["unacknowledged"] == 3
