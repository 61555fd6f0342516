from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from tests import servers
from tests.pipeline import Pipeline

if TYPE_CHECKING:
    from pathlib import Path

FAILING = """
import asyncio
from types import SimpleNamespace
from faust.types import TP
from processors import worker
from processors.departures import Batch

batch = Batch(TP("calls.events", 0), [SimpleNamespace(offset=0)])

class Stream:
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


def test_a_worker_is_not_ready_while_the_broker_does_not_answer(
    clickhouse_address: str, tmp_path: Path
) -> None:
    node = servers.kafka_node(tmp_path / "kafka")
    settings = servers.new_settings(node.bootstrap, clickhouse_address, tmp_path)
    with node:
        servers.prepared(settings)
        with Pipeline(settings, tmp_path, ("correlate",)) as pipeline:
            worker = pipeline.workers["correlate"]
            node.kill()
            servers.eventually(lambda: not worker.ready(), "it is not ready without a broker")
            assert "does not answer" in httpx.get(f"http://127.0.0.1:{worker.port}/readyz").text
            node.start()
            servers.eventually(worker.ready, "it is ready again, by itself")
