"""Whole days are dropped when settings say so, and nothing else is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from runtime.clickhouse import connected
from runtime.settings import RetentionSettings
from schemas.times import microseconds, moment
from sinks import retention
from sinks.batch import Insert
from sinks.migrate import migrate
from sinks.retention import is_over
from sinks.rows import REFUSED, dead_letter
from sinks.store import Store
from sinks.tables import DEAD_LETTERS
from tests.kit.messages import StoredMessage
from tests.rows import count
from tests.sinks.folded import write
from tests.sinks.queries.telling import DAY, START, event

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings


@pytest.mark.parametrize(
    ("partition", "number", "over"),
    [
        ("20240301", 3, False),
        ("20240301", 2, True),
        ("202402", 3, True),
        ("202402", 4, False),
        ("202403", 1, False),
    ],
)
def test_a_partition_is_over_when_its_last_day_is(partition: str, number: int, over: bool) -> None:
    assert is_over(partition, number, date(2024, 3, 4)) is over


def test_days_that_are_over_are_dropped(store_settings: Settings, client: Client) -> None:
    write(store_settings, *([event("ring", f"leg{number}", START + number * DAY)] for number in range(5)))
    today = moment(START + 4 * DAY).date()
    assert retention.drop(client, RetentionSettings(versions_days=0, dead_letters_days=0), today) == []
    dropped = retention.drop(client, RetentionSettings(calls_days=2), today)
    assert {table for table, _ in dropped} == {"stored_calls", "stored_legs"}
    views = ("calls", "call_legs", "call_events")
    assert [count(store_settings, f"SELECT count() FROM {view}") for view in views] == [3, 3, 5]
    assert microseconds(client.execute("SELECT min(first_received_at) FROM calls")[0][0]) == START + 2 * DAY


def test_a_day_is_dropped_however_large_it_is(store_settings: Settings) -> None:
    write(store_settings, [event("ring", "leg", START)])
    kept, later = RetentionSettings(calls_days=2), moment(START + 9 * DAY).date()
    with connected(store_settings.clickhouse, settings={"max_partition_size_to_drop": 1}) as client:
        assert {"stored_calls", "stored_legs"} <= {table for table, _ in retention.drop(client, kept, later)}


def test_a_day_that_the_server_refuses_to_drop_keeps_back_no_other(
    store_settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store_settings, [event("ring", "leg", START)])
    made = "ENGINE = MergeTree PARTITION BY toYYYYMMDD(day) ORDER BY day"
    client.execute(f"CREATE TABLE `a b` (day Date) {made}")  # a name that the statement can't have
    client.execute("INSERT INTO `a b` VALUES", [(moment(START).date(),)])
    kept = {"a b": 2} | retention.days(RetentionSettings(calls_days=2))
    monkeypatch.setattr(retention, "days", lambda _: kept)
    later = moment(START + 9 * DAY).date()
    dropped = {table for table, _ in retention.drop(client, RetentionSettings(), later)}
    assert {"stored_calls", "stored_legs"} <= dropped
    assert "a b" not in dropped


@pytest.mark.parametrize("timestamp", [0, -1, 2**62, START // 1000, -(2**62)])
def test_a_dead_letter_is_kept_from_when_it_was_written_whatever_its_own_time(
    store_settings: Settings, client: Client, timestamp: int
) -> None:
    message = StoredMessage("callbacks.raw", 0, 7, b"no callback", timestamp=timestamp)
    store = Store(store_settings)
    for _ in range(2):
        ((_, taken),) = store.insert([Insert(DEAD_LETTERS, [dead_letter(message, REFUSED)], [None])])
        assert taken.error is None
    store.close()
    today = datetime.now(UTC).date()
    assert retention.drop(client, RetentionSettings(), today) == []
    assert count(store_settings, "SELECT count() FROM dead_letters FINAL") == 1
    later = today + timedelta(days=RetentionSettings().dead_letters_days + 31)
    assert {table for table, _ in retention.drop(client, RetentionSettings(), later)} == {"dead_letters"}
    assert count(store_settings, "SELECT count() FROM dead_letters") == 0


def test_a_dead_letter_written_in_two_months_is_one_row(store_settings: Settings, client: Client) -> None:
    message = StoredMessage("callbacks.raw", 0, 7, b"no callback")
    columns = ", ".join((*DEAD_LETTERS.columns, "kept_at"))
    for kept_at in (START, START + 40 * DAY):
        row = (*dead_letter(message, REFUSED), moment(kept_at))
        client.execute(f"INSERT INTO dead_letters ({columns}) VALUES", [row])
    assert count(store_settings, "SELECT count() FROM dead_letters FINAL") == 1


def test_migrate_applies_a_change(store_settings: Settings, client: Client) -> None:
    write(store_settings, [event("ring", "a", START)])
    migrate(store_settings.model_copy(update={"retention": RetentionSettings(events_days=30)}))
    assert count(store_settings, "SELECT count() FROM call_events") == 0
    assert count(store_settings, "SELECT count() FROM event_ids") == 0
    assert count(store_settings, "SELECT count() FROM calls") == 1
