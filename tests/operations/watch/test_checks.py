"""What each check finds in real tables."""

from __future__ import annotations

from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from ingest.metrics import SPOOL_BYTES
from operations.watch import archive as questions
from operations.watch import freshness, metrics
from operations.watch.alerts import Key, Kind
from operations.watch.checks import ShareCheck, SilenceCheck, SpoolCheck, Untold, Watch
from operations.watch.freshness import FreshnessCheck
from runtime import sources
from runtime.errors import CallweaveError
from runtime.metrics import serve
from runtime.settings import Settings, WatchSettings
from tests.kit.clock import ManualClock
from tests.kit.http import Quiet, serving
from tests.operations.watch import archived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_driver import Client

HOUR = 3_600
NOW = 1_785_000_000
"""A Saturday, 19:20 in Berlin."""
CLOCK = ManualClock(NOW * 1_000_000)
archive = partial(archived.archive, now=NOW)


def _add(settings: Settings, *names: str) -> None:
    for name in names:
        sources.add(settings.sources_file, name, "acme", "extension-events", "Europe/Berlin")


def _silence(settings: Settings, until: int | None, clock: ManualClock = CLOCK) -> SilenceCheck:
    watch = Watch(settings, clock, lambda *_: False)
    watch.arrived.until = until
    return SilenceCheck(watch)


def test_a_source_that_died_is_found_and_none_that_is_paused_or_new(
    store_settings: Settings, client: Client
) -> None:
    _add(store_settings, "well", "dead", "paused", "new")
    for name, silent, every in (("well", 0, 1200), ("dead", 3, 1200), ("paused", 3, 1200), ("new", 3, 60)):
        archive(client, name, silent_hours=silent, every_seconds=every)
    archive(client, "unknown", silent_hours=3)
    sources.pause(store_settings.sources_file, "paused")
    check = _silence(store_settings, NOW)
    for _ in range(2):
        (found,) = check.look()
        assert found.key == Key(Kind.SILENCE, "dead")
        assert found.account == "acme"
        assert "about 9 callbacks are usual" in found.text


def test_nobody_is_silent_while_the_tables_are_late(store_settings: Settings, client: Client) -> None:
    _add(store_settings, "dead")
    archive(client, "dead", silent_hours=3)
    with pytest.raises(Untold):
        _silence(store_settings, None).look()
    assert _silence(store_settings, NOW - 3 * HOUR + 60).look() == []
    assert len(_silence(store_settings, NOW).look()) == 1


def test_what_the_tables_got_late_was_no_silence(store_settings: Settings, client: Client) -> None:
    """The sink was away for five hours, and has caught up; later the source dies."""
    _add(store_settings, "late")
    clock = ManualClock((NOW - 5 * HOUR) * 1_000_000)
    check = _silence(store_settings, NOW - 5 * HOUR, clock)
    archive(client, "late", silent_hours=5)
    for _ in range(6):
        assert check.look() == []
        clock.advance(HOUR)
    archive(client, "late")
    check.arrived.until = NOW
    assert check.look() == []
    clock.advance(2 * HOUR)
    check.arrived.until = NOW + 3 * HOUR
    assert [found.key.source for found in check.look()] == ["late"]


def test_rejections_above_the_usual_share(store_settings: Settings, client: Client) -> None:
    _add(store_settings, "wrong", "well")
    archive(client, "wrong", rejected=6, every_seconds=600)
    archive(client, "well")
    watch = Watch(store_settings, CLOCK, lambda *_: False)
    check = ShareCheck(watch, Kind.REJECTIONS, question=questions.REJECTED, gauge=metrics.REJECTED)
    (found,) = check.look()
    assert found.key == Key(Kind.REJECTIONS, "wrong")
    assert found.text.startswith("6 of 6 callbacks were rejected")


def test_doubts_above_the_usual_share(store_settings: Settings, client: Client) -> None:
    _add(store_settings, "doubtful")
    client.execute(
        "INSERT INTO stored_events (account, day, event_id, callback_id, source, received_at, doubts) "
        "SELECT 'acme', toDate(received_at), toString(number), toString(number), 'doubtful', "
        "toDateTime64(%(now)s - number * 240 - 5, 6, 'UTC') AS received_at, "
        "if(number < 12, [('uuid', 'not-a-uuid', '')], []) FROM numbers(900)",
        {"now": NOW},
    )
    watch = Watch(store_settings, CLOCK, lambda *_: False)
    check = ShareCheck(watch, Kind.DOUBTS, question=questions.DOUBTFUL, gauge=metrics.DOUBTFUL)
    (found,) = check.look()
    assert found.key == Key(Kind.DOUBTS, "doubtful")


@pytest.mark.parametrize("held", [0, 512])
def test_a_spool_in_use(held: int) -> None:
    """As the ingress exports it."""
    SPOOL_BYTES.set(held)
    with serve(0, lambda: (True, "")) as server:
        host, port = server.address
        settings = Settings(watch=WatchSettings(ingest_metrics=f"{host}:{port}"))
        watch = Watch(settings, ManualClock(), lambda *_: False)
        found = SpoolCheck(watch).look()
    SPOOL_BYTES.set(0)
    assert [each.key for each in found] == [Key(Kind.SPOOL, "ingest")] * bool(held)
    assert watch.arrived.is_held is bool(held)


class Stranger(Quiet, BaseHTTPRequestHandler):
    """Another program, where an ingress should be."""

    def do_GET(self) -> None:
        body = b"<html>Welcome to {another} program</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


@pytest.fixture
def stranger() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Stranger)) as server:
        yield f"127.0.0.1:{server.server_port}"


def test_what_is_no_ingress_says_nothing_of_spools(stranger: str) -> None:
    settings = Settings(watch=WatchSettings(ingest_metrics=stranger))
    with pytest.raises(CallweaveError, match="no ingress"):
        SpoolCheck(Watch(settings, ManualClock(), lambda *_: False)).look()


@pytest.mark.parametrize("url", ["http://{}/callbacks/token", "http://{}:port/callbacks/token"])
def test_what_is_no_ingress_takes_no_callback(
    stranger: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "EVERY_SECONDS", 0.0)  # nobody is told before a while has passed
    check = FreshnessCheck(Watch(Settings(), ManualClock(), lambda *_: False), url.format(stranger))
    (found,) = check.look()
    check.close()
    assert found.key == Key(Kind.FRESHNESS, "ingest")
    assert "The ingress does not take callbacks" in found.text
    assert "token" not in found.text
