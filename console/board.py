"""The newest figures of *Now*: read once a second while anybody looks, however many these are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from clickhouse_driver.errors import Error

from console.asking import query
from console.figures import HOUR, Day, Snapshot, day_of
from console.viewers import rows
from runtime import clickhouse
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from clickhouse_driver import Client

    from runtime.settings import ClickHouseSettings
    from runtime.stage import Heart

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
IDLE_SECONDS = 20.0
"""Nobody who looks asks less often."""
FIRST_SECONDS = 5.0
"""How long the first one who looks waits for it."""
PAUSE_SECONDS = 2.0
LAST_WEEK_SECONDS = 600.0
PATIENCE_SECONDS = 120.0


class Board:
    """Any thread may ask for the newest snapshot; one thread reads them."""

    def __init__(self, server: ClickHouseSettings, zone: ZoneInfo, threshold: float) -> None:
        self._server = server
        self._zone = zone
        self._threshold = threshold
        self._wanted = threading.Event()
        self._came = threading.Condition()
        self._looked = 0.0
        self._snapshot: Snapshot | None = None
        self._last_week: tuple[float, Day, tuple[dict[str, Any], ...]] | None = None
        self.refreshes = 0
        """How often it was read."""
        self.trouble = ""
        """Why it can't be read now, in a sentence; empty while it can."""

    def current(self) -> Snapshot | None:
        """The newest one, at most about a second old; None if none can be had."""
        self._looked = time.monotonic()
        self._wanted.set()
        with self._came:
            self._came.wait_for(self._is_new, FIRST_SECONDS)
            return self._snapshot

    def _is_new(self) -> bool:
        known = self._snapshot
        return bool(self.trouble) or (known is not None and time.time() - known.read_at < 2 * EVERY_SECONDS)

    def run(self, stopping: threading.Event, heart: Heart) -> None:
        """Read until told to stop."""
        while not stopping.is_set():
            heart.beat("the board", PATIENCE_SECONDS)
            if not self._wanted.wait(EVERY_SECONDS):
                continue
            try:
                with clickhouse.connected(self._server) as client:
                    self._read_on(client, stopping, heart)
            except (CallweaveError, Error) as error:
                self.trouble = str(error) if isinstance(error, CallweaveError) else "ClickHouse refuses."
                log.warning("the board can't be read", problem=self.trouble)
                with self._came:
                    self._came.notify_all()
                stopping.wait(PAUSE_SECONDS)

    def _read_on(self, client: Client, stopping: threading.Event, heart: Heart) -> None:
        """Read once a second until nobody has looked for a while."""
        while not stopping.is_set():
            if time.monotonic() - self._looked > IDLE_SECONDS:
                self._wanted.clear()
                return
            heart.beat("the board", PATIENCE_SECONDS)
            begun = time.monotonic()
            snapshot = self.read(client, time.time())
            with self._came:
                self._snapshot, self.trouble = snapshot, ""
                self._came.notify_all()
            stopping.wait(max(0.05, EVERY_SECONDS - (time.monotonic() - begun)))

    def read(self, client: Client, now: float) -> Snapshot:
        day = day_of(now, self._zone)
        self.refreshes += 1
        known = {
            "since": min(day.begin, int(now) - HOUR),
            "an_hour_ago": int(now) - HOUR,
            "threshold": self._threshold,
        }
        found = tuple(rows(client, query("now"), **known))
        return Snapshot(now, day, found, self._of_last_week(client, day))

    def _of_last_week(self, client: Client, day: Day) -> tuple[dict[str, Any], ...]:
        """Late news changes it seldom."""
        kept = self._last_week
        if kept is None or kept[1] != day or time.monotonic() - kept[0] > LAST_WEEK_SECONDS:
            found = rows(client, query("same_day_last_week"), **day.parameters_of_last_week)
            self._last_week = kept = (time.monotonic(), day, tuple(found))
        return kept[2]
