"""How many callbacks a second the simulated provider sends, against a server that does nothing.

`python -m tests.bench.simulate [--rounds N] [--calls C]`: the simulator makes the calls up, renders, sends,
reads the answers and keeps its ledger; beside it, by turns, a generator of load that sends prepared bytes
(tests/bench/load.py) to the same server. The server runs on the other core. The ratio says what the
simulator's own work costs.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.addresses import free_port
from simulator.connection import Endpoint
from simulator.ledger import Ledger
from simulator.misbehaviour import Misbehaviour
from simulator.progress import quantiles
from simulator.run import Wishes, run
from simulator.sending import Manner, Tally
from simulator.traffic import Sender
from tests.bench.ingest import process, request
from tests.bench.load import closed_loop
from tests.bench.report import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

WANTED = 3000
"""Callbacks a second, from one process on one core."""
CONNECTIONS = 16
SENDERS = (
    Sender("common", "bench", "common-api", "Asia/Shanghai"),
    Sender("pbx", "bench", "extension-events", "UTC"),
)
MISBEHAVIOUR = Misbehaviour(
    duplicates=0.02, shuffle=30_000_000, lost_hangups=0.01, malformed=0.005, late_cdr=300_000_000
)
"""As in `make demo`, with late bills."""


@contextmanager
def noop() -> Iterator[int]:
    """A server that does nothing, as its port."""
    port = free_port()
    with process([sys.executable, "-m", "tests.bench.simulate_noop", str(port)], {}, port):
        yield port


def simulated(port: int, calls: int, folder: Path) -> tuple[Tally, float]:
    """One run as fast as it goes, and the processor time (s) that it took."""
    wishes = Wishes(
        calls=calls,
        rate=1e6,
        misbehaviour=MISBEHAVIOUR,
        manner=Manner(speedup=1e6, connections=CONNECTIONS),
    )
    endpoints = {each.source: Endpoint.of(f"http://127.0.0.1:{port}/callbacks/x") for each in SENDERS}
    tally = Tally()
    before = time.process_time()
    with Ledger(folder) as ledger:
        asyncio.run(run(wishes, SENDERS, endpoints, ledger, tally, now=time.time_ns() // 1000))
    return tally, time.process_time() - before


def bench(folder: Path, *, quick: bool, rounds: int = 5, calls: int = 5000) -> Section:
    """Both by turns."""
    if quick:
        rounds, calls = 2, 2000
    rows: list[tuple[str, ...]] = []
    ratios, rates = [], []
    with noop() as port:
        for each in range(rounds):
            tally, cost = simulated(port, calls, folder / str(each))
            bare = closed_loop("127.0.0.1", port, [request("x")], CONNECTIONS, tally.seconds)
            rate = tally.through / tally.seconds
            rates.append(rate)
            ratios.append(rate / bare.rate)
            found = quantiles(tally)
            rows.append(
                (
                    f"{rate:.0f}",
                    f"{cost / tally.through * 1e6:.0f}",
                    f"{found['p50'] * 1e3:.1f}, {found['p99'] * 1e3:.1f}",
                    f"{bare.rate:.0f}",
                    f"{ratios[-1]:.2f}",
                )
            )
    return Section(
        title="Simulated provider",
        meaning=(
            "Callbacks per second that `callweave simulate` makes up, sends and enters in its ledger, from "
            "one process, to a server that does nothing; by turns with prepared bytes sent to it over as "
            f"many connections. Wanted: {WANTED} on one core."
        ),
        columns=("callbacks/s", "processor µs each", "latency p50, p99 ms", "prepared bytes/s", "ratio"),
        rows=rows,
        notes=[f"median {statistics.median(rates):.0f} callbacks/s, ratio {statistics.median(ratios):.2f}"],
    )


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        section = bench(Path(folder), quick=False, rounds=arguments.rounds, calls=arguments.calls)
    sys.stdout.write(section.markdown())


if __name__ == "__main__":
    main()
