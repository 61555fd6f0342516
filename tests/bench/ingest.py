"""Acknowledged callbacks per second against a Flask route that does nothing: same server, same load, one run.

The two are measured by turns, since other work on the machine comes and goes; the ratio is the median of the
rounds' ratios. Beside each rate is the processor time that a request costs the server, which other work
disturbs less. Then the latency at half of the highest acknowledged rate.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runtime import sources, topics
from runtime.addresses import free_port, listening
from runtime.settings import IngestSettings
from tests.bench import machine
from tests.bench.load import closed_loop, open_loop
from tests.bench.report import Section
from tests.bench.stages import stage
from tests.samples import document
from tests.servers import PATIENCE, eventually, kafka_node, new_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.load import Result

CONNECTIONS = 32
RATIO, P99_MS = 0.6, 25.0
"""What is wanted."""
STEADY_SECONDS = 10.0
NO_CLICKHOUSE = "127.0.0.1:9"
"""The ingress needs none."""


def request(token: str, body: bytes | None = None) -> bytes:
    """The bytes of one callback, by default of provider document 000's ring."""
    body = document("000_ring.json") if body is None else body
    head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def process(module: str, port: int, *options: str) -> Iterator[int]:
    """A program of these tests that serves on `port`, as its process id."""
    server = subprocess.Popen([sys.executable, "-m", module, str(port), *options], env=os.environ)
    try:
        eventually(lambda: listening("127.0.0.1", port), f"{module} serves")
        yield server.pid
    finally:
        server.terminate()
        server.wait(PATIENCE)


def bench(folder: Path, *, quick: bool) -> Section:
    """Both by turns, then the latency."""
    rounds, seconds = (2, 2.0) if quick else (5, 3.0)
    with kafka_node(folder / "kafka") as node:
        settings = new_settings(node.bootstrap, NO_CLICKHOUSE, folder)
        topics.ensure(settings)
        token = sources.add(settings.sources_file, "bench", "bench", "common-api", "UTC")
        noop, threads = free_port(), str(IngestSettings().threads)
        with stage("ingest", settings) as ingest, process("tests.bench.ingest_noop", noop, threads) as pid:
            served = {"no-op": (pid, noop), "acknowledged": (ingest.pid, settings.ingest.port)}

            def one_round(load: bytes) -> dict[str, tuple[Result, float]]:
                return {name: measured(*server, load, seconds) for name, server in served.items()}

            one_round(request(token))  # at first, Python is slow
            found = [one_round(request(token)) for _ in range(rounds)]
            rate = max(each["acknowledged"][0].rate for each in found) / 2
            load = ("127.0.0.1", settings.ingest.port, [request(token)], CONNECTIONS)
            steady = open_loop(*load, seconds=STEADY_SECONDS, rate=rate)
    return section(found, steady)


def measured(pid: int, port: int, load: bytes, seconds: float) -> tuple[Result, float]:
    """One run, and the server's processor time for a request, in µs."""
    before = machine.processor_seconds(pid)
    result = closed_loop("127.0.0.1", port, [load], CONNECTIONS, seconds)
    return result, (machine.processor_seconds(pid) - before) / len(result.latencies) * 1e6


def section(found: list[dict[str, tuple[Result, float]]], steady: Result) -> Section:
    """As in the report."""
    ratios = [each["acknowledged"][0].rate / each["no-op"][0].rate for each in found]
    costs = [each["no-op"][1] / each["acknowledged"][1] for each in found]
    return Section(
        title="Ingest",
        meaning=(
            "Acknowledged callbacks per second against a Flask route that does nothing: same server, same "
            "load, by turns. Then the latency at half of the highest acknowledged rate."
        ),
        columns=("", "requests/s", "p50, p99 ms", "server µs a request", "answers"),
        rows=[
            (name, f"{result.rate:.0f}", milliseconds(result), f"{cost:.0f}", f"{dict(result.statuses)}")
            for each in found
            for name, (result, cost) in each.items()
        ],
        notes=[
            f"Ratio of rates {statistics.median(ratios):.2f} (wanted {RATIO}), "
            f"of processor time {statistics.median(costs):.2f}.",
            f"At {steady.rate:.0f}/s, half of the highest: p50, p99 {milliseconds(steady)} ms "
            f"(wanted {P99_MS:.0f}), {dict(steady.statuses)}.",
        ],
    )


def milliseconds(result: Result) -> str:
    """The median latency, and that of the slowest hundredth."""
    return f"{result.quantile(0.5) * 1e3:.1f}, {result.quantile(0.99) * 1e3:.1f}"
