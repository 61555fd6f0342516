"""Alerts as rows and as signed messages, over restarts and while ClickHouse or the receiver is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from operations.watch.alerts import Finding, Key, Kind
from operations.watch.board import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Board
from operations.watch.webhook import Post
from runtime.backoff import pause_after
from runtime.settings import ClickHouseSettings, WatchSettings
from tests.kit.clock import ManualClock
from tests.operations.watch.receiver import SECRET, received

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings

NOW = 1_785_000_000_123_456
SILENT = Finding(Key(Kind.SILENCE, "shop"), "acme", "Nothing from shop for 90 minutes.", 5400.0, 3600.0)
LATE = Finding(Key(Kind.FRESHNESS, "ingest"), "", "SQL does not show a callback.", 60.0, 60.0)
ROWS = (
    "SELECT kind, source, account, value, isNull(cleared_at), toUnixTimestamp64Micro(raised_at) FROM alerts"
)


def _post(url: str) -> Post:
    return Post(SecretStr(url), SecretStr(SECRET))


def test_an_alert_is_a_row_until_it_is_cleared(store_settings: Settings, client: Client) -> None:
    clock = ManualClock(NOW)
    board = Board(store_settings.clickhouse, None, clock)
    board.report([Kind.SILENCE, Kind.FRESHNESS], [SILENT, LATE])
    board.deliver()
    assert client.execute(f"{ROWS} ORDER BY kind") == [
        ("freshness", "ingest", "", 60.0, 1, NOW),
        ("silence", "shop", "acme", 5400.0, 1, NOW),
    ]
    again = Board(store_settings.clickhouse, None, clock)
    again.load()
    assert again.is_open(Kind.SILENCE, "shop")
    again.report([Kind.SILENCE], [SILENT])
    clock.advance(60)
    again.report([Kind.SILENCE], [])
    again.deliver()
    assert not again.is_open(Kind.SILENCE, "shop")
    assert [(row[0], row[4]) for row in client.execute(f"{ROWS} ORDER BY kind")] == [
        ("freshness", 1),
        ("silence", 0),
    ]


def test_rows_wait_while_clickhouse_is_away(store_settings: Settings, client: Client) -> None:
    board = Board(ClickHouseSettings(port=1), None, ManualClock(NOW))
    board.report([Kind.SILENCE], [SILENT])
    board.deliver()
    board._settings = store_settings.clickhouse  # noqa: SLF001 - it is back, at another address
    board.deliver()
    assert client.execute("SELECT count() FROM alerts") == [(1,)]


def test_the_webhook_is_told_twice_and_signed(store_settings: Settings, client: Client) -> None:
    clock = ManualClock(NOW)
    with received(refusals=2) as receiver:
        post = _post(receiver.url)
        board = Board(store_settings.clickhouse, post, clock)
        board.report([Kind.SILENCE], [SILENT])
        for _ in range(4):
            board.deliver()
            clock.advance(5)
        assert len(set(receiver.ids)) == 1, "a message that is sent again has the same id"
        assert [each["type"] for each in receiver.messages] == ["alert.raised"]
        assert receiver.messages[0]["data"]["text"] == SILENT.text
        board.report([Kind.SILENCE], [])
        board.deliver()
        assert [each["type"] for each in receiver.messages] == ["alert.raised", "alert.cleared"]
        post.close()
    assert client.execute("SELECT posted FROM stored_alerts FINAL") == [(2,)]


def test_what_the_webhook_did_not_get_is_posted_after_a_restart(store_settings: Settings) -> None:
    clock = ManualClock(NOW)
    post = _post("http://127.0.0.1:1/nobody")
    board = Board(store_settings.clickhouse, post, clock)
    board.report([Kind.SILENCE], [SILENT])
    board.report([Kind.SILENCE], [])
    board.deliver()
    post.close()
    with received() as receiver:
        post = _post(receiver.url)
        again = Board(store_settings.clickhouse, post, clock)
        again.load()
        again.deliver()
        again.deliver()
        assert [each["type"] for each in receiver.messages] == ["alert.raised", "alert.cleared"]
        post.close()


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = [pause_after(failures, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, LONGEST_PAUSE_SECONDS)


def test_a_webhook_needs_a_secret() -> None:
    with pytest.raises(ValidationError, match="webhook_secret"):
        WatchSettings(webhook_url=SecretStr("https://example.com"))
    with pytest.raises(ValidationError, match="24 bytes"):
        WatchSettings(webhook_secret=SecretStr("whsec_c2hvcnQ="))
