"""Stages under a supervisor, and servers that may be killed: all that a callback passes through."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx

from compose.supervisor import FIRST_PAUSE_SECONDS
from tests import servers
from tests.pipeline import STAGES, StageName, Started, Worker
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

SESSION_SECONDS = 3.0
"""Half of the default: a dead worker's partitions stand still for so long, and these tests wait for that."""
ATTEND_SECONDS = 0.1


def stand_still(pid: int) -> None:
    """Stop a child of ours, and return when none of its threads runs any more: that may take a moment."""
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)


class Stage(Worker):
    """A worker that is started again when it ends by itself, after the pauses of `compose/supervisor.py`."""

    def __init__(self, stage: StageName, settings: Settings, log: Path) -> None:
        super().__init__(stage, settings, log)
        self.exits: list[int] = []
        """The statuses with which it ended by itself."""
        self._lock = threading.RLock()  # who does not stop in time is killed
        self._resume: float | None = None
        self._wanted = False

    def start(self) -> None:
        with self._lock:
            self._wanted = True
            super().start()

    def kill(self) -> None:
        with self._lock:
            self._wanted = False
            super().kill()

    def stop(self) -> int:
        with self._lock:
            self._wanted = False
            return super().stop()

    def freeze(self) -> None:
        """As a machine that stands still: its connections stay, and it says nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        self.signal(signal.SIGCONT)

    def attend(self) -> None:
        """Notice that it has ended by itself, and start it when its time has come."""
        with self._lock:
            if not self._wanted or self.running:
                return
            if self._resume is None:
                status = self.ended()
                assert status is not None
                self.exits.append(status)
                self._resume = time.monotonic() + FIRST_PAUSE_SECONDS
            elif time.monotonic() >= self._resume:
                self._resume = None
                super().start()

    def answers(self) -> bool:
        """Whether it says that it is ready; it may just be between an end and a start."""
        try:
            return self._get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


class Stages(Started):
    """One worker of each stage, looked after."""

    def __init__(self, settings: Settings, folder: Path, stages: tuple[StageName, ...] = STAGES) -> None:
        self.settings = settings
        self.folder = folder
        self.by_name = {stage: self.another(stage) for stage in stages}
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def another(self, stage: StageName, name: str = "") -> Stage:
        """A worker that nobody looks after, not started."""
        return Stage(stage, self.settings, self.folder / f"{stage}{name}.log")

    def wait_ready(self) -> None:
        for stage in self.by_name.values():
            eventually(stage.answers, f"{stage.stage} is ready")

    def exits(self) -> dict[str, list[int]]:
        """By stage, how its processes ended by themselves."""
        return {name: list(stage.exits) for name, stage in self.by_name.items() if stage.exits}

    def _supervise(self) -> None:
        while not self._over.wait(ATTEND_SECONDS):
            for stage in self.by_name.values():
                stage.attend()

    def start(self) -> None:
        for stage in self.by_name.values():
            stage.start()
        self._supervisor.start()
        self.wait_ready()

    def kill(self) -> None:
        self._over.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for stage in self.by_name.values():
            stage.kill()


class Servers(Started):
    """A Kafka and a ClickHouse of the test's own, with topics and tables for one pipeline."""

    def __init__(self, folder: Path) -> None:
        self.kafka = servers.kafka_node(folder / "kafka")
        self.clickhouse = servers.clickhouse_node(folder / "clickhouse")
        self.settings = servers.new_settings(self.kafka.bootstrap, self.clickhouse.address, folder)
        self.settings = with_short_sessions(self.settings)

    def start(self) -> None:
        self.kafka.start()
        self.clickhouse.start()
        servers.prepared(self.settings)

    def kill(self) -> None:
        self.kafka.kill()
        self.clickhouse.kill()


def with_short_sessions(settings: Settings) -> Settings:
    """The same, but a dead worker is noticed sooner."""
    kafka = settings.kafka.model_copy(update={"session_timeout_seconds": SESSION_SECONDS})
    return settings.model_copy(update={"kafka": kafka})
