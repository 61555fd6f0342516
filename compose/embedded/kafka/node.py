"""One Kafka node as a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from compose.embedded.kafka.archive import quick_start_archive
from compose.embedded.kafka.install import install
from compose.embedded.kafka.jars import kafka_version, locked_jars
from compose.embedded.kafka.java import java_command, java_environment
from compose.embedded.kafka.properties import render, server_properties
from compose.embedded.kafka.storage import format_storage, is_formatted, new_cluster_id
from compose.embedded.locks import lock_data, name_holder
from compose.embedded.node import Node
from runtime.addresses import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGING = Path(__file__).with_name("log4j2.xml")
API_VERSIONS = 18  # every client's first request
TRAINING_STOP_SECONDS = 180.0


class KafkaNode(Node):
    """Apache Kafka, broker and controller in one, on loopback.

    `data` keeps its topics and its log. `jars` is shared by every node of the machine, and filled from the
    network once. `advertised` is the HOST:PORT that clients are told, if something is between them and the
    node.
    """

    name = "Kafka"

    def __init__(
        self,
        data: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 9092,
        controller_port: int = 9093,
        jars: Path,
        advertised: str | None = None,
    ) -> None:
        super().__init__(data.absolute(), host)
        self.port = port
        self.controller_port = controller_port
        self.jars = jars.absolute()
        self.advertised = advertised or f"{host}:{port}"
        self._locked = locked_jars()
        self._java_options: list[str] = []
        self._log_before = 0  # bytes that earlier starts wrote

    @property
    def bootstrap(self) -> str:
        return self.advertised

    @property
    def version(self) -> str:
        return kafka_version(self._locked)

    @property
    def log(self) -> Path:
        """Kafka rotates it itself."""
        return self.data / "kafka.log"

    @property
    def output(self) -> Path:
        """Java's own output: mostly nothing."""
        return self.data / "java.log"

    def ports(self) -> list[int]:
        return [self.port, self.controller_port]

    def environment(self) -> dict[str, str]:
        return java_environment()

    @contextlib.contextmanager
    def holding(self) -> Iterator[tuple[int, ...]]:
        """Keep a second Kafka off the folder.

        Kafka locks it itself, but only after it has opened its metadata, which truncates files that a running
        one has mapped; that one dies of it at one of its next writes, minutes later.
        """
        lock = lock_data(self.name, self.data)
        try:
            yield (lock,)
            name_holder(lock, self.pid)
        finally:
            os.close(lock)

    def prepare(self) -> None:
        install(self.jars, self._locked)
        self._java_options = self._archive_options()
        if not is_formatted(self._logs):
            formatting = self.data / "logs.new"
            config = self._configure(formatting)
            arguments = ["format", "--cluster-id", new_cluster_id(), "--config", str(config)]
            format_storage(self._java("kafka.tools.StorageTool", arguments), formatting, self._logs)
        self._configure(self._logs)
        shutil.rmtree(self._scratch, ignore_errors=True)  # left there by a killed node
        self._scratch.mkdir()
        self.output.unlink(missing_ok=True)
        self._log_before = self.log.stat().st_size if self.log.exists() else 0

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", [str(self._config)])

    def ready(self) -> bool:
        """Whether it answers a client's first request: a broker listens only once it may serve."""
        return answers(self.host, self.port)

    def explain(self) -> str | None:
        lines = self._last_words()
        errors = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line]
        return errors[-1].strip().rstrip(".") if errors else None

    @property
    def _logs(self) -> Path:
        return self.data / "logs"

    @property
    def _config(self) -> Path:
        return self.data / "server.properties"

    @property
    def _scratch(self) -> Path:
        return self.data / "tmp"

    def _configure(self, logs: Path) -> Path:
        properties = server_properties(
            host=self.host,
            port=self.port,
            controller_port=self.controller_port,
            advertised=self.advertised,
            logs=logs,
        )
        self._config.write_text(render(properties))
        return self._config

    def _java(self, main: str, arguments: list[str]) -> list[str]:
        options = [
            f"-Dlog4j2.configurationFile={LOGGING}",
            f"-Dcallweave.log={self.log}",
            f"-Djava.io.tmpdir={self._scratch}",  # the native parts of compressors are unpacked there
            *self._java_options,
        ]
        return java_command(self.jars, self._locked, main, arguments, options)

    def _archive_options(self) -> list[str]:
        archive = quick_start_archive(self.jars, self._locked, self._train)
        return [] if archive is None else [f"-XX:AOTCache={archive}"]

    def _train(self, archive: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trainee = _Trainee(Path(folder) / "data", jars=self.jars, host=self.host, archive=archive)
            trainee.start()
            trainee.stop(TRAINING_STOP_SECONDS)  # Java writes the archive on its way out

    def _last_words(self) -> list[str]:
        said = ""
        for path, start in ((self.output, 0), (self.log, self._log_before)):
            if path.exists():
                with path.open("rb") as file:
                    file.seek(start if start <= os.fstat(file.fileno()).st_size else 0)
                    said += file.read().decode(errors="replace")
        return said.splitlines()


class _Trainee(KafkaNode):
    """A node that starts and stops once, so that Java sees what a start needs."""

    def __init__(self, data: Path, *, host: str, jars: Path, archive: Path) -> None:
        super().__init__(data, host=host, port=free_port(host), controller_port=free_port(host), jars=jars)
        self._archive = archive

    def _archive_options(self) -> list[str]:
        return []

    def command(self) -> list[str]:
        java, *rest = super().command()
        return [java, f"-XX:AOTCacheOutput={self._archive}", *rest]


def answers(host: str, port: int, timeout_seconds: float = 2.0) -> bool:
    """Whether a broker answers an ApiVersions request (version 0) there."""
    client = b"callweave"
    body = struct.pack(">hhih", API_VERSIONS, 0, 1, len(client)) + client
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
