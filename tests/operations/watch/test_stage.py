"""The watch as a process, beside the stages that it watches."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from operations.watch.alerts import Kind
from operations.watch.freshness import ACCOUNT, DIALECT
from runtime import sources
from runtime.clickhouse import connected
from runtime.settings import WatchSettings
from tests.compose.expressions import missing
from tests.operations.watch.archived import archive
from tests.operations.watch.receiver import SECRET, Receiver, received
from tests.pipeline import Pipeline
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings

CLEARED = "SELECT count() FROM alerts WHERE kind = 'silence' AND source = 'dead' AND cleared_at IS NOT NULL"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with received() as receiver:
        yield receiver


@pytest.fixture
def watched(stack_settings: Settings, receiver: Receiver) -> Settings:
    """Three sources: the watch's own, one that is well, and one that died."""
    file, port = stack_settings.sources_file, stack_settings.ingest.port
    own = sources.add(file, "callweave", ACCOUNT, DIALECT, "UTC")
    with connected(stack_settings.clickhouse) as client:
        for name, silent_hours in (("well", 0), ("dead", 3)):
            sources.add(file, name, "acme", DIALECT, "Europe/Berlin")
            archive(client, name, now=int(time.time()), silent_hours=silent_hours)
    watch = WatchSettings(
        check_seconds=0.5,
        audit_seconds=1,
        callback_url=SecretStr(f"http://127.0.0.1:{port}/callbacks/{own}"),
        webhook_url=SecretStr(receiver.url),
        webhook_secret=SecretStr(SECRET),
    )
    return stack_settings.model_copy(update={"watch": watch})


def _value(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_dead_source_is_told_of_and_a_fresh_stack_is_measured(
    watched: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    token = sources.rotate(watched.sources_file, "dead")
    with Pipeline(watched, tmp_path, ("ingest", "normalize", "correlate", "sink")) as pipeline:
        metrics = f"127.0.0.1:{pipeline.workers['ingest'].port}"
        watch = watched.watch.model_copy(update={"ingest_metrics": metrics})
        pipeline.settings = watched.model_copy(update={"watch": watch})
        worker = pipeline.worker("watch")
        worker.start()
        try:
            eventually(worker.ready, "it is ready")
            wanted = 'callweave_watch_alert{kind="silence",source="dead"}'
            eventually(lambda: _value(worker.metrics(), wanted) == 1, "the dead source is told of")
            eventually(
                lambda: _value(worker.metrics(), "callweave_watch_freshness_seconds_count") > 0, "fresh"
            )
            _send(watched, token)
            eventually(lambda: _count(watched, CLEARED) == 1, "the alert is cleared")
            eventually(lambda: len(_told(receiver, Kind.SILENCE)) == 2, "the webhook is told twice")
            assert _told(receiver, Kind.SILENCE) == ["alert.raised", "alert.cleared"]
            assert _value(worker.metrics(), 'callweave_watch_alert{kind="silence",source="well"}') == 0
            assert _count(watched, "SELECT count() FROM call_events WHERE account = 'callweave'") > 0
            assert _count(watched, "SELECT count() FROM calls") == 0
            pages = [each.metrics() for each in (*pipeline.workers.values(), worker)]
            assert missing("\n".join(pages)) == [], "dashboards and rules ask for what a stack exports"
        finally:
            log = worker.log.read_text()
            assert worker.stop() == 0, log
    assert token not in log
    assert watched.watch.callback_url is not None
    assert watched.watch.callback_url.get_secret_value().rpartition("/")[2] not in log
    assert "Traceback" not in log


def _told(receiver: Receiver, kind: Kind) -> list[str]:
    return [str(each["type"]) for each in receiver.messages if each["data"]["kind"] == kind]


def _send(settings: Settings, token: str) -> None:
    body = {"EventType": "message-in", "At": str(time.time())}
    url = f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"
    assert httpx.post(url, json=body, verify=NO_TLS).status_code == 200


def _count(settings: Settings, sql: str) -> int:
    with connected(settings.clickhouse) as client:
        return int(client.execute(sql)[0][0])
