"""The whole pipeline on this machine: its parts, and the order in which they start and stop."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from compose import demo_sources as demo
from compose import watch_source
from compose.embedded.clickhouse.node import ClickHouseNode
from compose.embedded.kafka.node import KafkaNode
from compose.embedded.node import Node, NodeError
from compose.supervisor import Stage
from runtime import topics
from runtime.addresses import bind_error, free_port, is_loopback, listening
from runtime.errors import StartError
from runtime.files import writing
from runtime.settings import STAGES
from sinks.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compose.supervisor import Say
    from runtime.settings import Settings

READY_POLL_SECONDS = 0.2
REPORT_SECONDS = 10.0
"""How often to report what is not ready."""
NODE_POLL_SECONDS = 1.0
MISSES = 3
"""Polls in a row without a listening server, after which it is restarted."""
STAGE_PATIENCE_SECONDS = 30.0
"""How long a stage may take to stop, besides ingest's time to drain."""


def resolved(settings: Settings) -> Settings:
    """Return the same settings with a free port in place of each 0."""
    for setting, _, port in settings.listeners():
        stage, name = setting.split(".")
        section = getattr(settings, stage).model_copy(update={name: port or free_port()})
        settings = settings.model_copy(update={stage: section})
    return settings


def objections(settings: Settings) -> Iterator[str]:
    """Say why these settings don't suit our own servers on this machine."""
    kafka, engine = settings.kafka, settings.clickhouse
    addresses = kafka.addresses()
    if len(addresses) != 1 or not is_loopback(addresses[0][0]) or not addresses[0][1]:
        yield "kafka.bootstrap_servers must be one address of this machine, as in 127.0.0.1:9092"
    if kafka.security_protocol != "PLAINTEXT":
        yield "kafka.security_protocol must be PLAINTEXT"
    if kafka.replication_factor != 1:
        yield "kafka.replication_factor must be 1"
    if not is_loopback(engine.host):
        yield "clickhouse.host must be an address of this machine, as in 127.0.0.1"
    if engine.secure:
        yield "clickhouse.secure must be false"
    for name, port in (
        ("clickhouse.port", engine.port),
        ("clickhouse.http_port", engine.http_port),
        ("embedded.kafka_controller_port", settings.embedded.kafka_controller_port),
    ):
        if not port:
            yield f"{name} must not be 0"


def listeners(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """Return every address to listen on: the setting's name, host, port."""
    kafka_host, kafka_port = settings.kafka.addresses()[0]
    engine = settings.clickhouse
    yield "kafka.bootstrap_servers", kafka_host, kafka_port
    yield "embedded.kafka_controller_port", kafka_host, settings.embedded.kafka_controller_port
    yield "clickhouse.port", engine.host, engine.port
    yield "clickhouse.http_port", engine.host, engine.http_port
    yield from settings.listeners()


def taken_ports(settings: Settings) -> Iterator[str]:
    """Return a sentence for each address that can't be listened on."""
    seen: dict[int, str] = {}
    for name, host, port in listeners(settings):
        if port in seen:
            yield f"{name} and {seen[port]} are both {port}: change one"
        elif bind_error(host, port) is not None:
            yield f"another program listens on {host}:{port}: stop it, or set {name} to another port"
        seen[port] = name


class Stack:
    def __init__(self, settings: Settings, say: Say) -> None:
        """Check that it can run here; raises `StartError` before anything is started."""
        problems = [f"`make run` starts servers of its own: {text}." for text in objections(settings)]
        if problems:
            raise StartError("\n".join(problems))
        self.settings = resolved(settings)
        taken = [f"{sentence}." for sentence in taken_ports(self.settings)]
        if taken:
            raise StartError("\n".join(taken))
        self.urls: dict[str, str] = {}
        self.logs = settings.data / "log"
        self._say = say
        self._nodes = self._make_nodes()
        self._stages = self._make_stages()
        self._up: list[Node] = []
        self._misses: dict[str, int] = {}
        self._next_poll = 0.0

    def _make_nodes(self) -> list[Node]:
        settings = self.settings
        (host, port), engine, data = settings.kafka.addresses()[0], settings.clickhouse, settings.data
        kafka = KafkaNode(
            data / "kafka",
            host=host,
            port=port,
            controller_port=settings.embedded.kafka_controller_port,
            jars=settings.embedded.jars,
        )
        clickhouse = ClickHouseNode(
            data / "clickhouse",
            host=engine.host,
            port=engine.port,
            http_port=engine.http_port,
            database=engine.database,
        )
        return [kafka, clickhouse]

    def _make_stages(self) -> list[Stage]:
        settings = self.settings
        ports = {name: getattr(settings, name).metrics_port for name in STAGES}
        own = {name: ["--port", str(getattr(settings, name).port)] for name in ("ingest", "console")}
        command = [sys.executable, "-m", "callweave", "run"]
        return [
            Stage(
                name,
                [*command, name, "--metrics-port", str(port), *own.get(name, ())],
                host=settings.metrics_host,
                port=port,
                log=self.logs / f"{name}.log",
                say=self._say,
            )
            for name, port in ports.items()
        ]

    def up(self) -> None:
        """Start everything and return when all of it is ready; raise `CallweaveError` or `NodeError`."""
        for node in self._nodes:
            self._start_node(node)
        made = [report.name for report in topics.ensure(self.settings) if report.missing]
        self._say(f"Topics: created {', '.join(made)}." if made else "Topics: all there.")
        applied = migrate(self.settings)
        self._say(f"Tables: applied {', '.join(applied)}." if applied else "Tables: up to date.")
        with writing(self.settings.sources_file, "sources_file (CALLWEAVE_SOURCES_FILE)"):
            self.urls = demo.ensure(self.settings)
            watch_source.ensure(self.settings)
        for stage in self._stages:
            stage.start()
        self._say(f"Starting {', '.join(stage.name for stage in self._stages)} …")
        self._wait()

    def _start_node(self, node: Node) -> None:
        self._say(f"Starting {node.name} …")
        begin = time.monotonic()
        self._up.append(node)
        node.start()
        self._say(f"{node.name} answers on {node.host}:{node.port} ({time.monotonic() - begin:.1f} s).")

    def _wait(self) -> None:
        report = time.monotonic() + REPORT_SECONDS
        while True:
            self.attend()
            states = {stage.name: stage.ready() for stage in self._stages}
            waiting = [f"{name} ({why or 'not ready'})" for name, (ready, why) in states.items() if not ready]
            if not waiting:
                return
            if time.monotonic() > report:
                self._say(f"Waiting for {', '.join(waiting)} …")
                report += REPORT_SECONDS
            time.sleep(READY_POLL_SECONDS)

    def attend(self) -> None:
        """Restart what has ended. Call this often; raises `StartError` if a stage never becomes ready."""
        for stage in self._stages:
            stage.attend()
            if stage.hopeless:
                raise StartError(f"{stage.name} does not start: {stage.last_words()} (see {stage.log})")
        if time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + NODE_POLL_SECONDS
            for node in self._nodes:
                self._attend_node(node)

    def _attend_node(self, node: Node) -> None:
        if listening(node.host, node.port):
            self._misses[node.name] = 0
            return
        self._misses[node.name] = self._misses.get(node.name, 0) + 1
        if self._misses[node.name] < MISSES:
            return
        self._say(f"{node.name} is gone (see {node.log}): starting it again.")
        node.kill()
        try:
            node.start()
        except NodeError as error:
            self._say(str(error))
        else:
            self._say(f"{node.name} answers again.")

    def down(self) -> None:
        """Stop everything in the order of the flow, so that each stage can finish its work.

        The watch is first: nobody is to be told that what is being stopped has stopped.
        """
        for stage in sorted(self._stages, key=lambda stage: stage.name != "watch"):
            drain = self.settings.ingest.drain_seconds if stage.name == "ingest" else 0.0
            stage.stop(STAGE_PATIENCE_SECONDS + drain)
        while self._up:
            node = self._up[-1]
            begin = time.monotonic()
            node.stop()
            self._up.pop()
            self._say(f"{node.name} stopped ({time.monotonic() - begin:.1f} s).")

    def kill(self) -> None:
        for stage in self._stages:
            stage.kill()
        for node in self._up:
            node.kill()
