"""The stages as processes, for tests that kill them."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Self

import httpx

from compose.child import Child
from runtime.addresses import free_port
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from runtime.settings import KafkaSettings, Settings, WatchSettings

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is not None:
            for worker in self.workers.values():
                print(f"== the end of {worker.log.name}\n{worker.log.read_text()[-5000:]}")


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a child's environment."""
    kafka, clickhouse = settings.kafka, settings.clickhouse
    return (
        os.environ
        | security(kafka)
        | {
            "CALLWEAVE_SETTINGS": "/dev/null",
            "CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "CALLWEAVE_KAFKA__PREFIX": kafka.prefix,
            "CALLWEAVE_KAFKA__SESSION_TIMEOUT_SECONDS": str(kafka.session_timeout_seconds),
            "CALLWEAVE_KAFKA__PARTITIONS": str(kafka.partitions),
            "CALLWEAVE_CLICKHOUSE__HOST": clickhouse.host,
            "CALLWEAVE_CLICKHOUSE__PORT": str(clickhouse.port),
            "CALLWEAVE_CLICKHOUSE__DATABASE": clickhouse.database,
            "CALLWEAVE_INGEST__PORT": str(settings.ingest.port),
            "CALLWEAVE_CORRELATE__SILENCE_SECONDS": str(settings.correlate.silence_seconds),
            "CALLWEAVE_METRICS_HOST": settings.metrics_host,
            "CALLWEAVE_CORRELATE__FORGET_SECONDS": str(settings.correlate.forget_seconds),
            "CALLWEAVE_CONSOLE__PORT": str(settings.console.port),
            "CALLWEAVE_CONSOLE__SIGN_IN": settings.console.sign_in,
            "CALLWEAVE_CONSOLE__PROBES": settings.console.probes,
            "CALLWEAVE_SOURCES_FILE": str(settings.sources_file),
            "CALLWEAVE_DATA": str(settings.data),
        }
        | watching(settings.watch)
    )


def watching(watch: WatchSettings) -> dict[str, str]:
    """What the watch needs to know."""
    known = {
        "CHECK_SECONDS": str(watch.check_seconds),
        "AUDIT_SECONDS": str(watch.audit_seconds),
        "INGEST_METRICS": watch.ingest_metrics,
        "CALLBACK_URL": watch.callback_url and watch.callback_url.get_secret_value(),
        "WEBHOOK_URL": watch.webhook_url and watch.webhook_url.get_secret_value(),
        "WEBHOOK_SECRET": watch.webhook_secret and watch.webhook_secret.get_secret_value(),
    }
    return {f"CALLWEAVE_WATCH__{name}": value for name, value in known.items() if value}


def security(kafka: KafkaSettings) -> dict[str, str]:
    """What a child needs to know to be let in."""
    known = {
        "SECURITY_PROTOCOL": kafka.security_protocol,
        "SASL_MECHANISM": kafka.sasl_mechanism,
        "SASL_USERNAME": kafka.sasl_username,
        "SASL_PASSWORD": kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        "SSL_CAFILE": str(kafka.ssl_cafile) if kafka.ssl_cafile else None,
    }
    return {f"CALLWEAVE_KAFKA__{name}": value for name, value in known.items() if value}
