"""Acknowledged callbacks per second against a Flask route that does nothing: same server, same load, one run.

The two are measured by turns, since other work on the machine comes and goes; the ratio is the median of the
rounds' ratios. Beside each rate is the processor time that a request costs the server, which other work
disturbs less. Then the latency at half of the highest acknowledged rate.

`--beside COMMIT` measures the ingress and the server of another commit by turns with ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runtime import sources, topics
from runtime.addresses import free_port, listening
from tests.bench import machine
from tests.bench.load import closed_loop, open_loop
from tests.bench.report import Section
from tests.bench.stages import stage
from tests.samples import document
from tests.servers import NO_CLICKHOUSE, PATIENCE, eventually, kafka_node, new_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from tests.bench.load import Result

CONNECTIONS = 32
RATIO, P99_MS = 0.6, 25.0
"""What is wanted."""
STEADY_SECONDS = 10.0
ROOT = Path(__file__).parents[2]

Servers: TypeAlias = "dict[str, tuple[int, int]]"
"""Process id and port, by name."""
Round: TypeAlias = "dict[str, tuple[Result, float]]"
"""Of each server what it answered, and its processor time for a request in µs."""


def request(token: str, body: bytes | None = None) -> bytes:
    """The bytes of one callback, by default of provider document 000's ring."""
    body = document("000_ring.json") if body is None else body
    head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def process(
    port: int, *command: str, tree: Path = ROOT, python: str = sys.executable, **environment: str
) -> Iterator[int]:
    """A module of a tree of files that serves on `port`, as its process id."""
    server = subprocess.Popen([python, "-m", *command], cwd=tree, env=os.environ | environment)
    try:
        eventually(lambda: listening("127.0.0.1", port), f"{command[0]} serves")
        yield server.pid
    finally:
        server.terminate()
        server.wait(PATIENCE)


@contextmanager
def served(settings: Settings) -> Iterator[Servers]:
    """Our servers."""
    noop, threads = free_port(), str(settings.ingest.threads)
    with (
        stage("ingest", settings) as ingest,
        process(noop, "tests.bench.ingest_noop", str(noop), threads) as pid,
    ):
        yield {"no-op": (pid, noop), "acknowledged": (ingest.pid, settings.ingest.port)}


@contextmanager
def served_by(commit: str, settings: Settings, folder: Path) -> Iterator[Servers]:
    """Those of another commit, with its own libraries, for the same broker and sources."""
    tree = folder / "beside"
    tree.mkdir()
    files = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "x"], cwd=tree, check=True, input=files)
    subprocess.run(["make", "venv"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    python = str(tree / ".venv/bin/python")
    port, noop, threads = free_port(), free_port(), str(settings.ingest.threads)
    environment = {
        "CALLWEAVE_SETTINGS": "/dev/null",
        "CALLWEAVE_SOURCES_FILE": str(settings.sources_file),
        "CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "CALLWEAVE_KAFKA__PREFIX": settings.kafka.prefix,
        "CALLWEAVE_INGEST__PORT": str(port),
        "CALLWEAVE_LOG__LEVEL": "warning",
    }
    ingest = process(port, "callweave", "run", "ingest", tree=tree, python=python, **environment)
    noop_command = ("tests.bench.ingest_noop", str(noop), threads)
    with ingest as pid, process(noop, *noop_command, tree=tree, python=python) as noop_pid:
        yield {f"no-op, {commit}": (noop_pid, noop), f"acknowledged, {commit}": (pid, port)}


def bench(folder: Path, *, quick: bool, beside: str | None = None) -> Section:
    """All by turns, then the latencies."""
    rounds, seconds = (2, 2.0) if quick else (5, 3.0)
    with kafka_node(folder / "kafka") as node, ExitStack() as stack:
        settings = new_settings(node.bootstrap, NO_CLICKHOUSE, folder)
        topics.ensure(settings)
        load = request(sources.add(settings.sources_file, "bench", "bench", "common-api", "UTC"))
        servers = stack.enter_context(served(settings))
        if beside:
            servers |= stack.enter_context(served_by(beside, settings, folder))

        def one_round() -> Round:
            return {name: measured(*server, load, seconds) for name, server in servers.items()}

        one_round()  # at first, Python is slow, and a broker is looked for
        found = [one_round() for _ in range(rounds)]
        steady = {
            name: open_loop(
                *("127.0.0.1", servers[name][1], [load], CONNECTIONS),
                seconds=STEADY_SECONDS,
                rate=max(each[name][0].rate for each in found) / 2,
            )
            for name in list(servers)[1::2]
        }
    return section(found, steady)


def measured(pid: int, port: int, load: bytes, seconds: float) -> tuple[Result, float]:
    """One run, and the server's processor time for a request, in µs."""
    before = machine.processor_seconds(pid)
    result = closed_loop("127.0.0.1", port, [load], CONNECTIONS, seconds)
    return result, (machine.processor_seconds(pid) - before) / len(result.latencies) * 1e6


def section(found: list[Round], steady: dict[str, Result]) -> Section:
    """As in the report."""
    names = list(found[0])
    pairs = zip(names[::2], names[1::2], strict=True)
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
            *(compared(found, *pair) for pair in pairs),
            *(
                f"{name}: at {result.rate:.0f}/s, half of its highest, p50, p99 {milliseconds(result)} ms "
                f"(wanted {P99_MS:.0f}), {dict(result.statuses)}."
                for name, result in steady.items()
            ),
            f"Load average {os.getloadavg()[0]:.1f} at the end.",
        ],
    )


def compared(found: list[Round], noop: str, kept: str) -> str:
    """The medians of a server and its measure, and of their ratios."""
    rates = statistics.median(each[kept][0].rate / each[noop][0].rate for each in found)
    costs = statistics.median(each[noop][1] / each[kept][1] for each in found)
    nothing, cost = (statistics.median(each[name][1] for each in found) for name in (noop, kept))
    return (
        f"{kept}: {cost:.0f} µs a callback, no-op {nothing:.0f}. Ratio of rates {rates:.2f} "
        f"(wanted {RATIO}), of processor time {costs:.2f}."
    )


def milliseconds(result: Result) -> str:
    """The median latency, and that of the slowest hundredth."""
    return f"{result.quantile(0.5) * 1e3:.1f}, {result.quantile(0.99) * 1e3:.1f}"
