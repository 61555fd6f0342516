"""The open alerts: stored as rows, exported as metrics, posted to the webhook.

Rows wait in memory while ClickHouse is away; the webhook is told all the same.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from clickhouse_driver.errors import Error

from operations.watch import alerts
from operations.watch.alerts import Alert, Finding, Key, Kind
from operations.watch.metrics import ALERTS
from runtime import clickhouse
from runtime.backoff import pause_after
from runtime.errors import StartError
from schemas.times import SECOND, microseconds, moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from operations.watch.webhook import Post
    from runtime.clock import Clock
    from runtime.settings import ClickHouseSettings

log = structlog.get_logger(__name__)

OPEN = """
WITH fromUnixTimestamp64Micro(toInt64(%(now)s), 'UTC') AS now
SELECT id, kind, account, source, text, value, allowed, raised_at, cleared_at, posted, updated_at
FROM stored_alerts FINAL
WHERE raised_at > now - INTERVAL 400 DAY
    AND (cleared_at IS NULL OR (posted < 2 AND cleared_at > now - INTERVAL 1 DAY))
"""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
"""After failures of the webhook."""
INSERT = """
INSERT INTO stored_alerts
    (id, kind, account, source, text, value, allowed, raised_at, cleared_at, posted, updated_at)
VALUES
"""


class Board:
    """Any thread may report; one delivers."""

    def __init__(self, settings: ClickHouseSettings, post: Post | None, clock: Clock) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[Key, Alert] = {}
        self._unsaved: dict[str, Alert] = {}
        self._outgoing: deque[Alert] = deque()
        self._failures = 0
        self._due = 0
        self.news = threading.Event()
        """Set when there is something to deliver."""

    def load(self) -> None:
        """Go on with the alerts that are open in the table; raises `StartError` and ClickHouse's errors."""
        with clickhouse.connected(self._settings) as client:
            found = [_alert(row) for row in client.execute(OPEN, {"now": self._clock.now()})]
        for alert in found:
            if alert.cleared_at is None:
                self._open[alert.key] = alert
                ALERTS.labels(*alert.key).set(1)
            if alert.unposted and self._post is not None:
                self._outgoing.append(alert)

    def is_open(self, kind: Kind, source: str) -> bool:
        with self._lock:
            return Key(kind, source) in self._open

    def report(self, checked: Collection[Kind], findings: Iterable[Finding]) -> None:
        """Raise what is new and clear what is over, of the kinds that were checked."""
        with self._lock:
            for alert in list(alerts.changes(self._open, checked, findings, self._clock.now())):
                self._change(alert)

    def _change(self, alert: Alert) -> None:
        raised = alert.cleared_at is None
        if raised:
            self._open[alert.key] = alert
        else:
            del self._open[alert.key]
        ALERTS.labels(*alert.key).set(int(raised))
        (log.warning if raised else log.info)(
            "alert raised" if raised else "alert cleared",
            kind=alert.key.kind,
            source=alert.key.source,
            text=alert.finding.text,
        )
        self._unsaved[alert.id] = alert
        if self._post is not None:
            self._outgoing = deque(each for each in self._outgoing if each.id != alert.id)
            self._outgoing.append(alert)
        self.news.set()

    def deliver(self) -> None:
        """Write the rows that wait, and tell the webhook; what fails stays for the next time."""
        self._tell()
        with self._lock:
            rows = list(self._unsaved.values())
        if not rows:
            return
        try:
            with clickhouse.connected(self._settings) as client:
                client.execute(INSERT, [_row(alert, self._clock.now()) for alert in rows])
        except (Error, StartError) as error:
            log.warning("alerts can't be written now", error=type(error).__name__)
            return
        with self._lock:
            for alert in rows:
                if self._unsaved.get(alert.id) == alert:
                    del self._unsaved[alert.id]

    def _tell(self) -> None:
        while self._post is not None and self._clock.elapsed() >= self._due:
            with self._lock:
                if not self._outgoing:
                    return
                alert = self._outgoing[0]
            posted = self._post.send(alert)
            if posted is None:
                self._failures += 1
                self._due = self._clock.elapsed() + int(
                    pause_after(self._failures, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) * SECOND
                )
                return
            self._failures = 0
            with self._lock:
                self._posted(posted)

    def _posted(self, posted: Alert) -> None:
        """Note what the webhook has received; the alert may have been cleared since."""
        waiting = [each for each in self._outgoing if each.id == posted.id]
        newest = replace(waiting[0], posted=posted.posted) if waiting else posted
        self._outgoing = deque(each for each in self._outgoing if each.id != posted.id)
        if newest.unposted:
            self._outgoing.appendleft(newest)
        if newest.key in self._open and self._open[newest.key].id == newest.id:
            self._open[newest.key] = newest
        self._unsaved[newest.id] = newest


def _row(alert: Alert, now: int) -> tuple[Any, ...]:
    finding = alert.finding
    return (
        alert.id,
        str(alert.key.kind),
        finding.account,
        alert.key.source,
        finding.text,
        finding.value,
        finding.allowed,
        moment(alert.raised_at),
        None if alert.cleared_at is None else moment(alert.cleared_at),
        alert.posted,
        moment(now),
    )


def _alert(row: tuple[Any, ...]) -> Alert:
    name, kind, account, source, text, value, allowed, raised_at, cleared_at, posted, _ = row
    finding = Finding(Key(Kind(kind), source), account, text, value, allowed)
    return Alert(
        name,
        finding,
        microseconds(raised_at),
        None if cleared_at is None else microseconds(cleared_at),
        posted,
    )
