"""One broker for all, topics of its own for each test, and the ingress as a process."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from kafka import KafkaConsumer, TopicPartition

from compose.child import Child
from ingest.spool import decoded
from runtime import sources, topics
from runtime.addresses import free_port
from runtime.settings import IngestSettings, KafkaSettings, Settings
from schemas.callbacks import Callback, Rejection
from schemas.topics import Topic
from tests.pipeline import environment
from tests.servers import NO_TLS, PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.callbacks import Headers


PATIENT = {"spool_after_seconds": 20.0, "acknowledge_timeout_seconds": 20.0}
"""For tests that look into Kafka at once: on a busy machine a callback may wait there for its turn."""


class Ingress(Child):
    """`callweave run ingest` as a process."""

    def __init__(self, settings: Settings, log: Path, within: Iterable[str] = ()) -> None:
        """`within` is the command that runs it, if it is to see another file system than we do."""
        super().__init__()
        self.settings = settings
        self.log = log
        self.port = settings.ingest.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.probes = f"http://127.0.0.1:{settings.ingest.metrics_port}"
        self._command = [*within, sys.executable, "-m", "callweave", "run", "ingest"]

    def environment(self) -> dict[str, str]:
        return environment(self.settings) | {"CALLWEAVE_LOG__LEVEL": "debug"}

    def start(self) -> None:
        self.launch(self._command, self.log, environment=self.environment())
        eventually(self.alive, "the ingress serves")

    def alive(self) -> bool:
        assert self.running, self.log.read_text()
        try:
            return httpx.get(self.url, verify=NO_TLS).status_code == 404
        except httpx.TransportError:
            return False

    def connected(self) -> bool:
        """Whether it has found its broker."""
        return self.metric("callweave_ingest_broker_up") == 1

    def ready(self) -> bool:
        return httpx.get(f"{self.probes}/readyz", verify=NO_TLS).status_code == 200

    def post(self, token: str, body: bytes = b"{}", content_type: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": content_type}
        url = f"{self.url}/callbacks/{token}"
        return httpx.post(url, content=body, headers=headers, timeout=PATIENCE, verify=NO_TLS)

    def threads(self) -> int:
        """How many it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def metric(self, name: str) -> float:
        """The value of a sample, by its name and labels as /metrics writes them."""
        text = httpx.get(f"{self.probes}/metrics", verify=NO_TLS, timeout=PATIENCE).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0


def read_topic(settings: Settings, topic: Topic) -> list[tuple[bytes, Headers]]:
    """Everything that a topic holds now."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers, enable_auto_commit=False)
    try:
        name = settings.kafka.prefix + topic
        partitions = [TopicPartition(name, number) for number in range(settings.kafka.partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[tuple[bytes, Headers]] = []
        deadline = time.monotonic() + PATIENCE
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            assert time.monotonic() < deadline, "the topic could not be read to its end"
            for batch in consumer.poll(timeout_ms=500).values():
                found.extend((message.value, list(message.headers)) for message in batch)
        return found
    finally:
        consumer.close()


def accepted(settings: Settings) -> dict[str, Callback]:
    """What `callbacks.raw` holds, by id."""
    callbacks = [Callback.from_message(*message) for message in read_topic(settings, Topic.RAW)]
    assert len({callback.id for callback in callbacks}) == len(callbacks), "an id came twice"
    return {callback.id: callback for callback in callbacks}


def spooled(settings: Settings) -> dict[str, Callback]:
    """What stands in the spool, by id."""
    return kept_in(settings.data / "spool")


def kept_in(folder: Path) -> dict[str, Callback]:
    """What stands in this spool, by id."""
    lines = (line for path in folder.glob("*.spool") for line in path.read_bytes().split(b"\n"))
    found = [message for line in lines if (message := decoded(line)) is not None]
    callbacks = [Callback.from_message(message.value, message.headers) for message in found]
    assert len({callback.id for callback in callbacks}) == len(callbacks), "an id came twice"
    return {callback.id: callback for callback in callbacks}


def rejected(settings: Settings) -> dict[str, tuple[Callback, Rejection]]:
    """What `callbacks.rejected` holds, by id."""
    found = {}
    for value, headers in read_topic(settings, Topic.REJECTED):
        rejection = Rejection.from_headers(headers)
        assert rejection is not None
        callback = Callback.from_message(value, headers)
        found[callback.id] = (callback, rejection)
    return found


def new_settings(bootstrap: str, folder: Path, **ingest: Any) -> Settings:
    """Settings for topics that nobody else uses, and a free port."""
    kafka = KafkaSettings(bootstrap_servers=bootstrap, prefix=f"t{uuid4().hex[:8]}.")
    return Settings(
        kafka=kafka,
        ingest=IngestSettings(port=free_port(), metrics_port=free_port(), **ingest),
        sources_file=folder / "sources.toml",
        data=folder,
    )


def is_drained(settings: Settings) -> bool:
    """Whether the spool has nothing more; costs little, so that it may be asked while it works."""
    sizes = []
    for path in (settings.data / "spool").glob("*.spool"):
        with suppress(FileNotFoundError):  # it has been published meanwhile
            sizes.append(path.stat().st_size)
    return not any(sizes)


@contextmanager
def running(settings: Settings, folder: Path, within: Iterable[str] = ()) -> Iterator[Ingress]:
    """An ingress that ends with the test."""
    ingress = Ingress(settings, folder / "ingest.log", within)
    ingress.start()
    try:
        yield ingress
    finally:
        ingress.kill()


def new_token(settings: Settings, name: str = "shanghai") -> str:
    """Of a source that is added now."""
    return sources.add(settings.sources_file, name, "104026", "common-api", "Asia/Shanghai")


@pytest.fixture
def settings(kafka_address: str, tmp_path: Path) -> Settings:
    """Settings whose topics are there."""
    made = new_settings(kafka_address, tmp_path, **PATIENT)
    topics.ensure(made)
    return made


@pytest.fixture
def ingress(settings: Settings, tmp_path: Path) -> Iterator[Ingress]:
    """A running ingress whose broker answers."""
    with running(settings, tmp_path) as process:
        eventually(process.connected, "the ingress has found its broker")
        yield process
