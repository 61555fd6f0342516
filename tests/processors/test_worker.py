from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import httpx
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from runtime import topics
from runtime.kafka import client_options
from runtime.probe import samples
from schemas.topics import Topic
from tests import servers
from tests.pipeline import Pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from tests.pipeline import StageName, Worker

FAILING = """
import asyncio
from types import SimpleNamespace
from faust.types import TP
from processors import worker
from processors.departures import Batch
from runtime.stuck import Progress

batch = Batch(TP("calls.events", 0), [SimpleNamespace(offset=0)])

class Stream:
    app = SimpleNamespace(progress=Progress(60))

    def noack(self):
        return self

    async def events(self):
        yield SimpleNamespace(value=batch, ack=lambda: print("acknowledged"))

async def handle(batch):
    raise RuntimeError("the reason")

asyncio.run(worker.work(Stream(), handle))
print("went on")
"""


def test_a_batch_that_fails_ends_the_process_and_is_not_acknowledged() -> None:
    ended = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=False)
    assert ended.returncode == 70
    assert "acknowledged" not in ended.stdout
    assert "went on" not in ended.stdout


def test_a_worker_is_not_ready_while_the_broker_does_not_answer(tmp_path: Path) -> None:
    node = servers.kafka_node(tmp_path / "kafka")
    settings = servers.new_settings(node.bootstrap, servers.NO_CLICKHOUSE, tmp_path)
    with node:
        topics.ensure(settings)
        with Pipeline(settings, tmp_path, ("correlate",)) as pipeline:
            worker = pipeline.workers["correlate"]
            node.kill()
            servers.eventually(lambda: not worker.ready(), "it is not ready without a broker")
            assert "does not answer" in worker.reason()
            node.start()
            servers.eventually(worker.ready, "it is ready again, by itself")


def test_processors_wait_for_their_topics_are_not_ready_and_say_why(
    kafka_address: str, tmp_path: Path
) -> None:
    settings = servers.new_settings(kafka_address, servers.NO_CLICKHOUSE, tmp_path)
    pipeline = Pipeline(settings, tmp_path, ("normalize", "correlate"))
    try:
        for worker in pipeline.workers.values():
            worker.start()
        waiting: tuple[tuple[StageName, Topic], ...] = (("normalize", Topic.RAW), ("correlate", Topic.LINKS))
        for stage, topic in waiting:
            worker = pipeline.workers[stage]
            servers.eventually(
                partial(reason_names, worker, settings.kafka.topic(topic)), f"{stage} says why"
            )
            assert not worker.ready()
            assert httpx.get(f"http://127.0.0.1:{worker.port}/healthz").status_code == 200
        topics.ensure(settings)
        pipeline.wait_ready()
        assert [worker.stop() for worker in pipeline.workers.values()] == [0, 0]
    finally:
        pipeline.kill()


def test_a_processor_that_tries_the_same_batch_again_and_again_is_not_ready_and_says_why(
    topics_settings: Settings, tmp_path: Path
) -> None:
    settings = impatient(topics_settings)
    rejected = settings.kafka.topic(Topic.REJECTED)
    with Pipeline(settings, tmp_path, ("normalize",)) as pipeline:
        worker = pipeline.workers["normalize"]
        configure(settings, rejected, {"cleanup.policy": "compact"})  # takes nothing without a key
        produce(settings, b"no callback")
        servers.eventually(lambda: "the same batch has been tried" in worker.reason(), "it says why")
        servers.eventually(
            lambda: "nothing was committed" in worker.reason(), "and that nothing is committed"
        )
        # aiokafka knows no INVALID_RECORD
        assert "(UnknownError)" in worker.reason()
        assert sample(worker.metrics(), "callweave_same_batch_seconds") > 0
        assert sample(worker.metrics(), "callweave_no_commit_seconds") > 0
        configure(settings, rejected, {"cleanup.policy": "delete"})
        servers.eventually(worker.ready, "it is ready again, by itself")


def test_what_kafka_has_deleted_is_no_lag(topics_settings: Settings, tmp_path: Path) -> None:
    settings = impatient(topics_settings)
    raw = settings.kafka.topic(Topic.RAW)
    produce(settings, b"no callback")
    with topics.admin(settings.kafka) as admin:
        admin.delete_records({TopicPartition(raw, 0): 1})
    with Pipeline(settings, tmp_path, ("normalize",)) as pipeline:
        worker = pipeline.workers["normalize"]
        none = f'callweave_consumer_lag{{partition="0",topic="{raw}"}} 0.0'
        servers.eventually(lambda: none in worker.metrics(), "there is no lag")
        assert sample(worker.metrics(), "callweave_no_commit_seconds") == 0


def test_the_changelog_is_as_doctor_wants_it(topics_settings: Settings, tmp_path: Path) -> None:
    kafka = topics_settings.kafka
    with Pipeline(topics_settings, tmp_path, ("correlate",)):
        (report,) = (each for each in topics.inspect(topics_settings) if each.name == kafka.changelog)
    assert report.drifts == ()


def impatient(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"normalize": settings.normalize.model_copy(update={"stuck_seconds": 0.1})}
    )


def configure(settings: Settings, topic: str, config: dict[str, str]) -> None:
    with topics.admin(settings.kafka) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])


def produce(settings: Settings, value: bytes) -> None:
    producer = KafkaProducer(**client_options(settings.kafka))
    producer.send(settings.kafka.topic(Topic.RAW), value, partition=0).get(servers.PATIENCE)
    producer.close()


def sample(text: str, name: str) -> float:
    (value,) = (each.value for each in samples(text.encode()) if each.name == name)
    return value


def reason_names(worker: Worker, topic: str) -> bool:
    try:
        return topic in worker.reason()
    except httpx.TransportError:
        return False
