"""Calls that are loaded without Kafka are in the tables as the simulated provider says that they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compose.demo import check
from processors.normalize.step import Normalized
from schemas.times import SECOND
from schemas.topics import Topic
from simulator.ledger import EXPECTED, Attempt, Ledger, lines
from simulator.schedule import Span
from sinks.rows import event_row, read
from tests.bench.simulated_calls import LATENCY, load, told
from tests.kit.messages import StoredMessage

if TYPE_CHECKING:
    from pathlib import Path

    from clickhouse_driver import Client

    from runtime.settings import Settings

SEED = 3
CALLS = 300
BEGIN = 1_749_945_600 * SECOND
SPAN = Span(BEGIN, BEGIN + 12 * 3600 * SECOND)


def written(folder: Path) -> int:
    """Keep the ledger of the calls, each callback acknowledged; how many calls were told of."""
    seen: set[int] = set()
    with Ledger(folder) as ledger:
        for each in told(SEED, CALLS, SPAN):
            planned, due = each.sending.planned, each.sending.delivery.due
            if planned.number not in seen:
                seen.add(planned.number)
                ledger.begins(planned)
            ledger.note(each.sending, Attempt(1, due, due + LATENCY, 200, each.callback.id, final=True))
        assert ledger.outcomes["lost"] > 0
        assert ledger.outcomes["duplicate"] > 0
    return len(seen)


def test_each_call_is_what_happened(store_settings: Settings, client: Client, tmp_path: Path) -> None:
    calls = written(tmp_path / "ledger")
    totals = load(store_settings, SEED, CALLS, SPAN, portion=80)
    assert totals.calls == calls == CALLS
    assert totals.portions == 4
    expected = list(lines(tmp_path / "ledger" / EXPECTED))
    report = check.compared(client, expected, [])
    assert report.differences == []
    assert report.calls == CALLS
    assert client.execute("SELECT count() FROM calls") == [(CALLS,)]
    ((callbacks, closed),) = client.execute(
        "SELECT (SELECT count(arrayJoin(callback_ids)) FROM call_events), "
        "(SELECT count() FROM calls WHERE close_reason = 'timeout')"
    )
    assert callbacks == totals.callbacks - totals.rejected
    assert closed == totals.closed > 0


def test_rows_of_events_are_the_sinks() -> None:
    """The loader has them made without the detour by JSON."""
    for each in told(SEED, CALLS, SPAN):
        if isinstance(each.said, Normalized):
            (event,) = each.said.events
            message = StoredMessage("calls.events", value=event.to_json())
            assert event_row(event) == read(Topic.EVENTS, message)
