"""The measure for the processors: a Faust agent, as it comes, that does nothing.

`python -m tests.bench.bare_faust BROKER TOPIC GROUP COUNTER`

COUNTER is a file of eight bytes, in which the number of events seen stands: a bare agent has no metrics.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Any

import faust


def bare_app(broker: str, topic: str, group: str, counter: memoryview) -> faust.App:
    """All settings are Faust's own, but that it begins with the topic's first event and serves no pages."""
    app = faust.App(
        group,
        broker=f"kafka://{broker}",
        value_serializer="json",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )

    @app.agent(app.topic(topic))
    async def nothing(stream: faust.StreamT[Any]) -> None:
        async for _ in stream:
            counter[0] += 1

    return app


def main(broker: str, topic: str, group: str, counter: str) -> None:
    """Run until SIGTERM."""
    with Path(counter).open("r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        app = bare_app(broker, topic, group, memoryview(memory).cast("Q"))
        faust.Worker(app, loglevel="WARN", override_logging=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
