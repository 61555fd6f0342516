"""The stages as processes, for tests that kill them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Literal, Self

import httpx

from compose.embedded.node import free_port
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from runtime.settings import KafkaSettings, Settings

StageName = Literal["ingest", "normalize", "correlate", "sink"]
STAGES: tuple[StageName, ...] = ("ingest", "normalize", "correlate", "sink")


class Worker:
    """One process of one stage."""

    def __init__(self, stage: StageName, settings: Settings, log: Path) -> None:
        self.stage = stage
        self.settings = settings
        self.log = log
        self.port = settings.ingest.port if stage == "ingest" else free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = [] if self.stage == "ingest" else ["--metrics-port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "callweave", "run", self.stage, *options],
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> bool:
        assert self.running, f"{self.stage} ended by itself: {self.log.read_text()[-3000:]}"
        try:
            return self._get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> int:
        """As an operator would; gives the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def metrics(self) -> str:
        return self._get("/metrics").text

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, verify=NO_TLS)


class Pipeline:
    """All four stages, or some of them."""

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

    def __enter__(self) -> Self:
        for worker in self.workers.values():
            worker.start()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        for worker in self.workers.values():
            worker.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error is not None:
            for worker in self.workers.values():
                print(f"== the end of {worker.log.name}\n{worker.log.read_text()[-5000:]}")  # noqa: T201


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
            "CALLWEAVE_CORRELATE__FORGET_SECONDS": str(settings.correlate.forget_seconds),
            "CALLWEAVE_SOURCES_FILE": str(settings.sources_file),
            "CALLWEAVE_DATA": str(settings.data),
        }
    )


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
