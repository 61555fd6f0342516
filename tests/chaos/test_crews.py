"""Up to three workers of a stage start, stop, are killed, and stand still for longer than their session.

A rebalance may begin within another, and while a state is recovered: each call is seen soon all the same, and
in the end nothing is lost.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chaos.provider import Provider
from tests.chaos.report import new_rng, say
from tests.chaos.stack import SESSION_SECONDS, Stages
from tests.chaos.test_nothing_lost import (
    are_calls,
    assert_nothing_is_lost,
    assert_the_audit_says_so,
    callback_url,
)
from tests.chaos.truth import DIALECTS
from tests.scale import scaled
from tests.servers import eventually

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from tests.chaos.stack import Servers, Stage
    from tests.pipeline import StageName

pytestmark = pytest.mark.timeout(scaled(600, 2 * 3600))

INNER: tuple[StageName, ...] = ("normalize", "correlate", "sink")
WORKERS = 3
ROUNDS = scaled(5, 100)


class Crew:
    """The workers of one stage; one of them works at any time."""

    def __init__(self, stages: Stages, stage: StageName, rng: random.Random) -> None:
        self.workers = [stages.another(stage, f"-{number}") for number in range(WORKERS)]
        self._rng = rng
        self._up = set(self.workers[:2])
        self._still: dict[Stage, float] = {}
        """Who stands still, and until when."""
        for worker in self._up:
            worker.start()

    def act(self) -> str:
        """Start one, or do something to one that the others can do without; what was done."""
        worker = self._rng.choice(self.workers)
        if worker not in self._up:
            worker.start()
            self._up.add(worker)
            return f"start {worker.log.stem}"
        if not self._up - self._still.keys() - {worker}:
            return f"{worker.log.stem} alone"
        return f"{self._rng.choice((self._kill, self._stop, self._freeze))(worker)} {worker.log.stem}"

    def _kill(self, worker: Stage) -> str:
        self._wake(worker)
        worker.kill()
        self._up.remove(worker)
        return "kill"

    def _stop(self, worker: Stage) -> str:
        self._wake(worker)
        worker.stop()
        self._up.remove(worker)
        return "stop"

    def _freeze(self, worker: Stage) -> str:
        worker.freeze()
        self._still[worker] = time.monotonic() + self._rng.uniform(0.0, 3 * SESSION_SECONDS)
        return "freeze"

    def _wake(self, worker: Stage) -> None:
        if self._still.pop(worker, None) is not None:
            worker.thaw()

    def attend(self, now: float) -> bool:
        """Wake up whose time has come; whether all are awake. AssertionError if one has ended by itself."""
        for worker in [each for each, until in self._still.items() if until <= now]:
            self._wake(worker)
        for worker in self._up:
            assert worker.running, f"{worker.log.stem} ended by itself: {worker.log.read_text()[-3000:]}"
        return not self._still


def test_workers_come_and_go(chaos_servers: Servers, tmp_path: Path) -> None:
    rng = new_rng("test_workers_come_and_go")
    settings = chaos_servers.settings
    urls = [callback_url(settings, name) for name in DIALECTS]
    with Stages(settings, tmp_path, ("ingest",)) as stages, Provider(rng, *urls) as provider:
        crews = [Crew(stages, stage, rng) for stage in INNER]

        def are_awake() -> bool:
            awake = [crew.attend(time.monotonic()) for crew in crews]
            return all(awake)

        def are_seen(ids: list[str]) -> bool:
            are_awake()
            return are_calls(settings, ids)

        try:
            for number in range(1, ROUNDS + 1):
                for _ in range(rng.randint(1, 3)):
                    say(f"round {number}: {rng.choice(crews).act()}")
                    time.sleep(rng.uniform(0.0, 2.0))
                sent = time.monotonic()
                ids = [provider.probe() for _ in range(2 * settings.kafka.partitions)]
                eventually(partial(are_seen, ids), "calls are seen")
                say(f"round {number}: seen after {time.monotonic() - sent:.1f} s")
            eventually(are_awake, "all are awake")
            provider.finish()
            assert_nothing_is_lost(settings, provider.ledger)
            assert_the_audit_says_so(settings, provider.ledger)
        finally:
            for crew in crews:
                for worker in crew.workers:
                    worker.kill()
