"""Callbacks of every fate for a running pipeline: calls, messages, rejected by ingest and by normalize."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from operations.audit.examine import examine
from operations.audit.identity import Verdict
from runtime import sources
from runtime.sources import SourcesFile
from sinks.span import Span
from tests.chaos.calls import TIMEZONE, common_api_call, extension_events_call
from tests.chaos.truth import DIALECTS
from tests.samples import MESSAGES, in_shape
from tests.servers import PATIENCE

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from operations.audit.examine import Report
    from runtime.settings import Settings
    from tests.samples import Request

MALFORMED = b'{"uuid": "x", "status": '
MEANINGLESS = b'{"uuid": "x-1", "status": "sneeze"}'
JSON = {"Content-Type": "application/json"}


class Traffic:
    """Posts to a running ingress, and knows how many callbacks of each source it has taken."""

    def __init__(self, settings: Settings, rng: random.Random) -> None:
        self._rng = rng
        self._urls = {name: self._url(settings, name) for name in DIALECTS}
        self._client = httpx.Client(timeout=60)
        self.calls = 0
        self.acknowledged = dict.fromkeys(DIALECTS, 0)

    def _url(self, settings: Settings, name: str) -> str:
        token = sources.add(settings.sources_file, name, name, DIALECTS[name], TIMEZONE)
        return f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"

    def post(self, source: str, request: Request | bytes) -> str:
        """The callback's id, once Kafka has it."""
        body = request if isinstance(request, bytes) else request.payload
        headers = JSON if isinstance(request, bytes) else {"Content-Type": request.content_type}
        answer = self._client.post(self._urls[source], content=body, headers=headers)
        assert answer.status_code in {200, 400}, answer.text
        self.acknowledged[source] += 1
        return str(answer.json()["id"])

    def call(self, source: str) -> list[str]:
        """All callbacks of one call; their ids."""
        payloads = (common_api_call if source == "common" else extension_events_call)(self._rng)
        self.calls += 1
        return [self.post(source, in_shape(each, "json")) for each in payloads]

    def of_every_fate(self, calls: int) -> None:
        for _ in range(calls):
            for source in DIALECTS:
                self.call(source)
        for source in DIALECTS:
            self.post(source, MALFORMED)
            self.post(source, MEANINGLESS)
        self.post("extension", in_shape(MESSAGES[0], "json"))

    def wait_for_sources(self) -> None:
        """Until every stage has looked at the sources file again."""
        time.sleep(4 * SourcesFile.CHECK_SECONDS)

    def close(self) -> None:
        self._client.close()


@contextmanager
def traffic(settings: Settings, rng: random.Random) -> Iterator[Traffic]:
    """For the length of a test."""
    running = Traffic(settings, rng)
    try:
        yield running
    finally:
        running.close()


def audited(settings: Settings, span: Span | None = None, patience: float = PATIENCE) -> Report:
    """The audit, once everything has come through."""
    return examine(settings, span or Span(), patience=patience)


def assert_whole(settings: Settings) -> Report:
    report = audited(settings)
    assert report.verdict() is Verdict.WHOLE, (report.counts, report.holes, report.lags, report.doubts)
    return report
