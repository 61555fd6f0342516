"""How long a callback takes from HTTP to SQL: measured with callbacks of our own.

They are messages (`EventType` is `message-in`), which are not calls in any stage: no row of `calls` comes of
them, and no view of calls, agents or sources' quality counts them. They are kept as what they are, under the
account that their source has: `callweave`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from operations.watch import archive, metrics
from operations.watch.alerts import Finding, Key, Kind
from operations.watch.checks import Check, Watch
from runtime import clickhouse
from runtime.errors import CallweaveError
from schemas.dialects import EXTENSION_EVENTS

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

SOURCE = "callweave"
ACCOUNT = "callweave"
DIALECT = EXTENSION_EVENTS.name
EVERY_SECONDS = 30.0
AGAIN_SECONDS = 5.0
"""From a callback that was not taken to the next one; nobody is told before half a minute has passed: the
ingress may just be starting again."""
LOOK_SECONDS = 0.2
HTTP_SECONDS = 10.0


def url_file(settings: Settings) -> Path:
    """Where `make run` keeps the callback URL of our own source."""
    return settings.data / "watch-url"


def callback_url(settings: Settings) -> str | None:
    """Where to send callbacks of our own, if anywhere."""
    if settings.watch.callback_url is not None:
        return settings.watch.callback_url.get_secret_value()
    try:
        return url_file(settings).read_text("utf-8").strip()
    except OSError:
        return None


class NotTakenError(CallweaveError):
    """The ingress did not take the callback."""


class FreshnessCheck(Check):
    name = "freshness"
    kinds = (Kind.FRESHNESS,)

    def __init__(self, watch: Watch, url: str) -> None:
        """`url` holds the token: it is in no error, log or metric."""
        super().__init__(watch)
        self.every = EVERY_SECONDS
        self._url = url
        self._taken = time.monotonic()
        self._client = httpx.Client(timeout=HTTP_SECONDS, follow_redirects=False)

    def look(self) -> list[Finding]:
        limit = self.settings.watch.fresh_seconds
        begin, sent = time.monotonic(), self.clock.now()
        try:
            seen = self._wait(self._send(), sent, begin + limit)
        except (NotTakenError, httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) if isinstance(error, NotTakenError) else f"no answer ({type(error).__name__})"
            self.every = AGAIN_SECONDS
            text = f"The ingress does not take callbacks: {why}."
            return [self._finding(text, 0, limit)] if begin - self._taken > 2 * EVERY_SECONDS else []
        self.every, self._taken = EVERY_SECONDS, begin
        took = time.monotonic() - begin
        if not seen:
            return [self._finding(f"SQL does not show a callback within {limit:.0f} seconds.", took, limit)]
        metrics.FRESHNESS.observe(took)
        metrics.FRESH.set(sent / 1e6)
        return []

    def _send(self) -> str:
        """Send a callback that no other is like; its id."""
        probe = {"EventType": "message-in", "Callweave": "freshness", "Probe": str(uuid4())}
        answer = self._client.post(self._url, json=probe)
        if answer.status_code != httpx.codes.OK:
            raise NotTakenError(f"it answers {answer.status_code}")
        try:
            return str(answer.json()["id"])
        except (ValueError, LookupError, TypeError):
            raise NotTakenError("what answers is no ingress, see watch.callback_url") from None

    def _wait(self, callback_id: str, sent: int, deadline: float) -> bool:
        day = datetime.fromtimestamp(sent / 1e6 - 60, UTC).date()  # our clock may be ahead of the ingress's
        with clickhouse.connected(self.settings.clickhouse) as client:
            while not archive.is_seen(client, ACCOUNT, callback_id, day):
                if time.monotonic() > deadline:
                    return False
                time.sleep(LOOK_SECONDS)
        return True

    @staticmethod
    def _finding(text: str, value: float, allowed: float) -> Finding:
        return Finding(Key(Kind.FRESHNESS, "ingest"), "", text, value, allowed)

    def close(self) -> None:
        self._client.close()
