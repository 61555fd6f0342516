"""Acknowledged callbacks per second against a Flask route that does nothing: same server, same load, one run.

`.venv/bin/python -m tests.bench.ingest [--rounds N] [--seconds S] [--connections C] [--threads T]`

The two are measured by turns, since other work on the machine comes and goes; the ratio is the median of the
rounds' ratios. Beside each rate stands the processor time that a request costs the server, which other work
disturbs less. Then the latency at half of the highest acknowledged rate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from compose.embedded.kafka import KafkaNode
from runtime import sources, topics
from runtime.addresses import free_port, listening
from runtime.settings import IngestSettings, KafkaSettings, Settings
from tests.bench.load import closed_loop, open_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.load import Result

JARS = Path(__file__).parents[2] / "var" / "jars"
PATIENCE = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
RATIO, P99_MS = 0.6, 25.0
"""What is wanted."""

BODY = (
    b'{"buuid":"526d643a-e8fe-11ea-a84a-cf6e45e88543","callee":"87847569524","caller":"90240005",'
    b'"companycode":"9024","customuuid":"123Abc","direction":"callout","disnumber":"2190240001",'
    b'"extnumber":"90240005","isbleg":"false","method":"3","starttime":"1598598959","status":"ring",'
    b'"type":"call","uuid":"526d637c-e8fe-11ea-a849-cf6e45e88543"}'
)
"""The sample of provider document 000."""


def request(token: str) -> bytes:
    """The bytes of one callback."""
    head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


@contextmanager
def process(command: list[str], environment: dict[str, str], port: int) -> Iterator[int]:
    """A server on `port`, as its process id."""
    server = subprocess.Popen(command, env=os.environ | environment)
    try:
        deadline = time.monotonic() + PATIENCE
        while not listening("127.0.0.1", port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        yield server.pid
    finally:
        server.terminate()
        server.wait(PATIENCE)


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(pid: int, port: int, load: bytes, connections: int, seconds: float) -> tuple[Result, float]:
    """One round, and the server's processor time for a request, in µs."""
    before = processor_seconds(pid)
    result = closed_loop("127.0.0.1", port, [load], connections, seconds)
    return result, (processor_seconds(pid) - before) / len(result.latencies) * 1e6


def say(text: str) -> None:
    """One line of the report, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def line(name: str, result: Result, microseconds: float) -> str:
    """One row of the report."""
    return (
        f"{name:12} {result.rate:6.0f}/s  p50 {result.quantile(0.5) * 1e3:5.1f} ms  "
        f"p99 {result.quantile(0.99) * 1e3:6.1f} ms  server {microseconds:4.0f} µs/request  "
        f"generator {result.processor_seconds / result.seconds:.0%} of a core  {dict(result.statuses)}"
    )


def bench(settings: Settings, token: str, arguments: argparse.Namespace) -> None:
    """Print the report."""
    noop_port = free_port()
    environment = {
        "CALLWEAVE_SOURCES_FILE": str(settings.sources_file),
        "CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "CALLWEAVE_INGEST__PORT": str(settings.ingest.port),
        "CALLWEAVE_INGEST__METRICS_PORT": str(settings.ingest.metrics_port),
        "CALLWEAVE_INGEST__THREADS": str(arguments.threads),
        "CALLWEAVE_LOG__LEVEL": "warning",
    }
    ingest = [sys.executable, "-m", "callweave", "run", "ingest"]
    noop = [sys.executable, "-m", "tests.bench.ingest_noop", str(noop_port), str(arguments.threads)]
    with (
        process(ingest, environment, settings.ingest.port) as ingest_pid,
        process(noop, {}, noop_port) as noop_pid,
    ):
        wait_ready(settings.ingest.metrics_port)
        load = (request(token), arguments.connections, arguments.seconds)
        rates, ratios = [], []
        measured(noop_pid, noop_port, *load)
        measured(ingest_pid, settings.ingest.port, *load)
        for _ in range(arguments.rounds):
            nothing, nothing_cost = measured(noop_pid, noop_port, *load)
            kept, kept_cost = measured(ingest_pid, settings.ingest.port, *load)
            say(line("no-op", nothing, nothing_cost))
            say(line("acknowledged", kept, kept_cost))
            rates.append(kept.rate)
            ratios.append((kept.rate / nothing.rate, nothing_cost / kept_cost))
        ratio, cost = (statistics.median(values) for values in zip(*ratios, strict=True))
        say(f"ratio of rates {ratio:.2f} (wanted {RATIO}), of processor time {cost:.2f}")
        steady = open_loop(
            "127.0.0.1",
            settings.ingest.port,
            [load[0]],
            arguments.connections,
            seconds=10,
            rate=max(rates) / 2,
        )
        say(
            f"at {steady.rate:.0f}/s, half of the highest: p50 {steady.quantile(0.5) * 1e3:.1f} ms, "
            f"p99 {steady.quantile(0.99) * 1e3:.1f} ms (wanted {P99_MS:.0f}) {dict(steady.statuses)}"
        )


def wait_ready(port: int) -> None:
    """Until the ingress has found its broker."""
    deadline = time.monotonic() + PATIENCE
    while httpx.get(f"http://127.0.0.1:{port}/readyz").status_code != httpx.codes.OK:
        if time.monotonic() > deadline:
            raise RuntimeError("the ingress did not become ready")
        time.sleep(0.05)


def main() -> None:
    """Start a broker, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--threads", type=int, default=IngestSettings().threads)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        node = KafkaNode(Path(folder) / "kafka", port=free_port(), controller_port=free_port(), jars=JARS)
        with node:
            settings = Settings(
                kafka=KafkaSettings(bootstrap_servers=node.bootstrap),
                ingest=IngestSettings(port=free_port()),
                sources_file=Path(folder) / "sources.toml",
            )
            topics.ensure(settings)
            token = sources.add(settings.sources_file, "bench", "bench", "common-api", "UTC")
            bench(settings, token, arguments)


if __name__ == "__main__":
    main()
