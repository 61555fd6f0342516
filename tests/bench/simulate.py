"""How many callbacks a second the simulated provider sends, against a server that does nothing.

The simulator makes the calls up, renders, sends,
reads the answers and keeps its ledger; beside it, by turns, a generator of load that sends prepared bytes
(tests/bench/load.py) to the same server. The server runs on the other core. The ratio says what the
simulator's own work costs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
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
    from pathlib import Path

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


def bench(folder: Path, *, quick: bool) -> Section:
    """Both by turns."""
    rounds, calls = (2, 2000) if quick else (5, 5000)
    port = free_port()
    rows: list[tuple[str, ...]] = []
    ratios, rates = [], []
    with process(port, "tests.bench.simulate_noop", str(port)):
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
