"""The newest figures of *Now*: read once a second while anybody looks, however many these are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from clickhouse_driver.errors import Error

from console.asking import query
from console.clocks import Clock, Clocks
from console.clocks import read as read_clocks
from console.figures import HOUR, Snapshot, day_of
from console.troubles import sentence_of
from runtime import clickhouse
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_driver import Client

    from runtime.settings import Settings
    from runtime.stage import Heart

    Rows = tuple[dict[str, Any], ...]

T = TypeVar("T")

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
IDLE_SECONDS = 20.0
"""Nobody who looks asks less often."""
FIRST_SECONDS = 10.0
"""How long the first one who looks waits for it."""
PAUSE_SECONDS = 2.0
CLOCKS_SECONDS = 30.0
ALERTS_SECONDS = 5.0
LAST_WEEK_SECONDS = 600.0
"""Late news changes it seldom."""
PATIENCE_SECONDS = 120.0


class Kept(Generic[T]):
    """An answer of ClickHouse, asked for again once it is old or the question is another."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answer: tuple[float, object, T] | None = None

    def get(self, question: object, ask: Callable[[], T]) -> T:
        kept, now = self._answer, time.monotonic()
        if kept is None or kept[1] != question or now - kept[0] > self._seconds:
            self._answer = kept = (now, question, ask())
        return kept[2]


class Board:
    """Any thread may ask for the newest snapshot; one thread reads them."""

    def __init__(self, settings: Settings, own: Clock) -> None:
        """`own` is the console's clock."""
        self._settings = settings
        self._own = own
        self._clocks: Kept[dict[str, Clock]] = Kept(CLOCKS_SECONDS)
        self._alerts: Kept[int] = Kept(ALERTS_SECONDS)
        self._last_week: Kept[Rows] = Kept(LAST_WEEK_SECONDS)
        self._wanted = threading.Event()
        self._came = threading.Condition()
        self._looked = 0.0
        self._snapshot: Snapshot | None = None
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
                with clickhouse.connected(self._settings.clickhouse) as client:
                    self._read_on(client, stopping, heart)
            except (CallweaveError, Error) as error:
                self.trouble = sentence_of(self._settings, error) or ""
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
        self.refreshes += 1
        clocks = Clocks(self._own, self._clocks.get(None, lambda: read_clocks(client)))
        days = [day_of(now, zone) for zone in clocks.zones()]
        an_hour_ago = int(now) - HOUR
        targets = {account: each.service_level_seconds for account, each in clocks.by_account.items()}
        known = {
            "since": min(an_hour_ago, *(day.begin for day in days)),
            "an_hour_ago": an_hour_ago,
            "accounts": [*targets, ""],
            "targets": [*targets.values(), 0.0],
            "target": self._own.service_level_seconds,
        }
        found = tuple(clickhouse.rows(client, query("now"), known))
        week = {
            "since": min(day.begin_last_week for day in days),
            "until": max(day.end_last_week for day in days),
        }
        last_week = self._last_week.get(
            week, lambda: tuple(clickhouse.rows(client, query("same_day_last_week"), week))
        )
        alerts = self._alerts.get(None, lambda: int(client.execute(query("open_alerts"))[0][0]))
        return Snapshot(now, clocks, found, last_week, alerts)
