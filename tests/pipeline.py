"""The stages as processes, for tests that kill them."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, Self

import httpx
from pydantic import SecretStr

from compose.child import Child
from runtime.addresses import free_port
from runtime.reading import fields_of
from runtime.settings import Settings
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from pathlib import Path

StageName = Literal["ingest", "normalize", "correlate", "sink", "watch", "console"]
STAGES: tuple[StageName, ...] = ("ingest", "normalize", "correlate", "sink")


class Worker(Child):
    """One process of one stage."""

    def __init__(self, stage: StageName, settings: Settings, log: Path) -> None:
        super().__init__()
        self.stage = stage
        self.settings = settings
        self.log = log
        self.port = free_port()
        """Of its probes and metrics."""

    def start(self) -> None:
        command = [sys.executable, "-m", "callweave", "run", self.stage, "--metrics-port", str(self.port)]
        self.launch(command, self.log, environment=environment(self.settings))

    def ready(self) -> bool:
        assert self.running, f"{self.stage} ended by itself: {self.log.read_text()[-3000:]}"
        try:
            return self._get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """As an operator would; gives the exit status."""
        status = self.terminate(60)
        assert status is not None, f"{self.stage} did not stop"
        return status

    def metrics(self) -> str:
        return self._get("/metrics").text

    def reason(self) -> str:
        """Why it is not ready."""
        return str(self._get("/readyz").json()["reason"])

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.settings.metrics_host}:{self.port}{path}", timeout=5, verify=NO_TLS)


class Started(ABC):
    """What runs until a block ends."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def kill(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Pipeline(Started):
    """The stages that callbacks pass, or some of all."""

    def __init__(self, settings: Settings, folder: Path, stages: tuple[StageName, ...] = STAGES) -> None:
        self.settings = settings
        self.folder = folder
        self.workers: dict[StageName, Worker] = {stage: self.worker(stage) for stage in stages}

    def worker(self, stage: StageName, name: str = "") -> Worker:
        """A worker that is not started, for instance a second one of a stage."""
        return Worker(stage, self.settings, self.folder / f"{stage}{name}.log")

    def wait_ready(self) -> None:
        for worker in self.workers.values():
            eventually(worker.ready, f"{worker.stage} is ready")

    def start(self) -> None:
        for worker in self.workers.values():
            worker.start()
        self.wait_ready()

    def kill(self) -> None:
        for worker in self.workers.values():
            worker.kill()

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        if any(raised):
            for worker in self.workers.values():
                print(f"== the end of {worker.log.name}\n{worker.log.read_text()[-5000:]}")


def environment(settings: Settings) -> dict[str, str]:
    """All settings as a child's environment, beside our own."""
    values = {name: attrgetter(name)(settings) for name, _ in fields_of(Settings)}
    named = {f"CALLWEAVE_{name.replace('.', '__').upper()}": _text(each) for name, each in values.items()}
    return os.environ | named | {"CALLWEAVE_SETTINGS": "/dev/null"}


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)
