from __future__ import annotations

import subprocess
import sys

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
