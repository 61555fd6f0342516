"""How long a callback takes from its 200 until `calls` shows it, found by asking for some of them.

Asked is the table under the view: what is in the one is in the other, and to plan the view's query twenty
times a second would take as much of the machine as all stages together.
"""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import orjson

from runtime import clickhouse
from tests.bench import calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

POLL_SECONDS = 0.05
"""What is found may have been there for so long."""
PATIENCE = 30.0
SHOWN_BY = ("ring", "answer", "hangup", "cdr")
"""The kind of event that each of `calls.TELLINGS` is."""
CALLS_AT_ONCE = 5

Told = tuple[str, int]
"""A call's id, and which of `calls.TELLINGS`."""


class Probe:
    """Sends callbacks of its own beside the load, one at a time, and watches for each."""

    def __init__(self, settings: Settings, token: str, rate: float) -> None:
        """`rate` callbacks a second, spread over the calls' four tellings."""
        self._settings = settings
        self._path = f"/callbacks/{token}"
        self._rate = rate
        self._waiting: dict[Told, float] = {}
        """What has got its 200, and when."""
        self.latencies: list[float] = []
        """In seconds, of those that were seen."""
        self.lost = 0
        """Those that got no 200, or were never seen."""
        self._stop = threading.Event()
        self._sent = threading.Event()
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._watch)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Send no more, and return when all that was sent has been seen, or given up."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def quantile(self, share: float) -> float:
        """Latency that `share` of the callbacks stayed within."""
        ordered = sorted([*self.latencies, *[float("inf")] * self.lost])
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def _send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._settings.ingest.port, timeout=10)
        due = time.monotonic()
        for told, payload in _tellings():
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            connection.request(
                "POST", self._path, orjson.dumps(payload), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status == http.client.OK:
                self._waiting[told] = time.monotonic()
            else:
                self.lost += 1
            due += 1 / self._rate
        connection.close()
        self._sent.set()

    def _watch(self) -> None:
        shown = ", ".join(f"has(known, '{kind}')" for kind in SHOWN_BY)
        query = (
            f"SELECT call_id, {shown} FROM (SELECT call_id, groupUniqArrayArray(kinds) AS known "
            "FROM stored_calls WHERE account = %(account)s AND call_id IN %(call_ids)s GROUP BY call_id)"
        )
        with clickhouse.connected(self._settings.clickhouse) as client:
            while not (self._sent.is_set() and not self._waiting):
                waiting = dict(self._waiting)
                if waiting:
                    call_ids = sorted({call_id for call_id, _ in waiting})
                    rows = client.execute(query, {"account": calls.ACCOUNT, "call_ids": call_ids})
                    self._found({row[0]: row[1:] for row in rows}, waiting, time.monotonic())
                time.sleep(POLL_SECONDS)

    def _found(self, shown: dict[str, tuple[bool, ...]], waiting: dict[Told, float], now: float) -> None:
        for (call_id, telling), since in waiting.items():
            if call_id in shown and shown[call_id][telling]:
                self.latencies.append(now - since)
            elif now - since > PATIENCE:
                self.lost += 1
            else:
                continue
            del self._waiting[call_id, telling]


def _tellings() -> Iterator[tuple[Told, calls.Payload]]:
    """Endless calls, a few at once."""
    while True:
        names = [calls.new_ids() for _ in range(CALLS_AT_ONCE)]
        for number, tell in enumerate(calls.TELLINGS):
            for ids in names:
                yield (min(ids), number), tell(ids)
